//! The header page of `data` and of `readers`: written once, checked field by field before anything else is read.
//!
//! Trust grows by type: bytes become a [`Header`] only through [`Header::parse`], and only a [`Header`] gives a
//! [`Geometry`]. Nothing of an unchecked header is used, except to say what is wrong with it (I7).

use crate::error::{Describe, Error, ErrorKind, Report, Result};
use crate::geometry::{Geometry, PAGE_SIZE, PINS_PER_SLOT, RING_LENGTH, SLOTS_LIMIT};
use crate::record::hash;
use crate::table::{self, FINGERPRINT};

/// The magic of `data`.
pub const MAGIC: [u8; 8] = *b"SHMFRAME";
/// The magic of `readers`.
pub const REGISTRY_MAGIC: [u8; 8] = *b"SHMFREAD";
/// What [`table::Header::byte_order`] holds, as a little-endian machine reads it.
pub const BYTE_ORDER: u32 = 0x0A0B_0C0D;
/// Format version, major: programs open only their own.
pub const MAJOR: u32 = 0;
/// Format version, minor: while major is 0, programs open only their own.
pub const MINOR: u32 = 3;
/// Incompatible features that this program knows.
pub const KNOWN_INCOMPATIBLE: u64 = 0;
/// Read-compatible features that this program knows.
pub const KNOWN_READ_COMPATIBLE: u64 = 0;

/// 128 random or kernel-given bits.
pub type Id = [u8; 16];

/// Who opens a segment: writers must know the read-compatible features too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Will only read.
    Reader,
    /// Will write.
    Writer,
}

/// A checked header of `data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    geometry: Geometry,
    instance: Id,
    boot: Id,
    created: u64,
}

#[derive(Debug)]
enum HeaderKind {
    NotASegment { found: [u8; 8] },
    ByteOrder { found: u32 },
    Version { major: u32, minor: u32 },
    Feature { bits: u64, role: Role },
    Layout { found: u64 },
    Truncated { expected: u64, found: u64 },
    Checksum { expected: u64, found: u64 },
    Regions { what: &'static str, expected: u64, found: u64 },
    Instance,
}

impl Describe for HeaderKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotASegment { .. } => ErrorKind::NotASegment,
            Self::ByteOrder { .. } => ErrorKind::OtherByteOrder,
            Self::Version { .. } => ErrorKind::OtherFormatVersion,
            Self::Feature { .. } => ErrorKind::OtherFeature,
            Self::Layout { .. } => ErrorKind::OtherLayout,
            Self::Truncated { .. } => ErrorKind::Truncated,
            Self::Checksum { .. } | Self::Regions { .. } | Self::Instance => ErrorKind::Corrupt,
        }
    }

    fn report(&self) -> Report {
        let remove = "remove the segment and create it again";
        match self {
            Self::NotASegment { found } => Report::new(
                "not a shmframe segment",
                format!("a file that begins with \"{}\"", MAGIC.escape_ascii()),
                format!("\"{}\"", found.escape_ascii()),
                "check the name and the directory",
            ),
            Self::ByteOrder { found } => Report::new(
                "segment of another byte order",
                format!("{BYTE_ORDER:#010x}"),
                format!("{found:#010x}"),
                "open it on a machine of the byte order that wrote it",
            ),
            Self::Version { major, minor } => Report::new(
                "segment of another format version",
                format!("format {MAJOR}.{MINOR}"),
                format!("format {major}.{minor}"),
                "use the release of shmframe that wrote it, or remove it and create it again",
            ),
            Self::Feature { bits, role } => Report::new(
                "segment with unknown features",
                match role {
                    Role::Reader => format!("incompatible features within {KNOWN_INCOMPATIBLE:#x}"),
                    Role::Writer => format!(
                        "features within {KNOWN_INCOMPATIBLE:#x} (incompatible) and {KNOWN_READ_COMPATIBLE:#x} \
                         (read-compatible)"
                    ),
                },
                format!("unknown bits {bits:#x}"),
                "use a newer release of shmframe",
            ),
            Self::Layout { found } => Report::new(
                "segment laid out by a differing build",
                format!("layout fingerprint {FINGERPRINT:#018x}"),
                format!("{found:#018x}"),
                "build all programs that share a segment from the same release of shmframe",
            ),
            Self::Truncated { expected, found } => Report::new(
                "truncated segment",
                format!("at least {expected} bytes"),
                format!("{found} bytes"),
                remove,
            ),
            Self::Checksum { expected, found } => Report::new(
                "damaged header",
                format!("checksum {expected:#018x}"),
                format!("{found:#018x}"),
                remove,
            ),
            Self::Regions { what, expected, found } => Report::new(
                format!("damaged header: {what}"),
                format!("{expected}"),
                format!("{found}"),
                remove,
            ),
            Self::Instance => Report::new(
                "damaged registry header",
                "the instance id and sizes of `data`",
                "others",
                remove,
            ),
        }
    }
}

impl Header {
    /// The header of a new segment.
    #[must_use]
    pub fn new(geometry: Geometry, instance: Id, boot: Id, created: u64) -> Self {
        Self { geometry, instance, boot, created }
    }

    /// The page as it stands at the start of `data`.
    #[must_use]
    pub fn to_page(&self) -> Vec<u8> {
        let geometry = &self.geometry;
        let mut header = table::Header {
            magic: MAGIC,
            byte_order: BYTE_ORDER,
            major: MAJOR,
            minor: MINOR,
            page_size: PAGE_SIZE as u32,
            incompatible_features: 0,
            read_compatible_features: 0,
            fingerprint: FINGERPRINT,
            capacity: geometry.capacity(),
            instance: self.instance,
            boot: self.boot,
            created: self.created,
            ring_length: RING_LENGTH,
            slots: geometry.slots(),
            pins_per_slot: PINS_PER_SLOT,
            reserved: 0,
            publication_offset: geometry.publication_offset(),
            ring_offset: geometry.ring_offset(),
            retained_offset: geometry.retained_offset(),
            retained_length: geometry.retained_length(),
            heap_offset: geometry.heap_offset(),
            unused: [0; 12],
            checksum: 0,
        };
        header.checksum = checksum(&header);
        let mut page = bytemuck::bytes_of(&header).to_vec();
        page.resize(PAGE_SIZE as usize, 0);
        page
    }

    /// Checks the first bytes of a `data` file of `file_length` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::NotASegment`], [`ErrorKind::OtherByteOrder`], [`ErrorKind::OtherFormatVersion`],
    /// [`ErrorKind::OtherFeature`], [`ErrorKind::OtherLayout`], [`ErrorKind::Truncated`] or
    /// [`ErrorKind::Corrupt`], in this order.
    pub fn parse(bytes: &[u8], file_length: u64, role: Role) -> Result<Self> {
        let header: table::Header = first(bytes, file_length, MAGIC)?;
        let opening = Opening { header, file_length, role };
        for check in KIND_CHECKS.iter().chain(&CHECKS) {
            check(&opening)?;
        }
        let geometry = opening.geometry()?;
        Ok(Self { geometry, instance: header.instance, boot: header.boot, created: header.created })
    }

    /// The fields that stand at the start of a `data` file of `file_length` bytes, where there are enough, and all that keeps a
    /// reader from opening it: nothing of a segment, or of another byte order or format version; or else everything that is
    /// wrong. For tools that show what they can; nothing here may be trusted.
    #[must_use]
    pub fn look(bytes: &[u8], file_length: u64) -> (Option<table::Header>, Vec<Error>) {
        let raw = bytes.get(..size_of::<table::Header>()).map(bytemuck::pod_read_unaligned);
        let header = match first(bytes, file_length, MAGIC) {
            Ok(header) => header,
            Err(error) => return (raw, vec![error]),
        };
        let opening = Opening { header, file_length, role: Role::Reader };
        let faults = |checks: &[Check]| checks.iter().filter_map(|check| check(&opening).err()).collect();
        let kind: Vec<Error> = faults(&KIND_CHECKS);
        // What the fields of another format mean nobody here knows.
        (raw, if kind.is_empty() { faults(&CHECKS) } else { kind })
    }

    /// The page as it stands at the start of `readers`.
    #[must_use]
    pub fn to_registry_page(&self) -> Vec<u8> {
        let header = table::RegistryHeader {
            magic: REGISTRY_MAGIC,
            fingerprint: FINGERPRINT,
            instance: self.instance,
            slots: self.geometry.slots(),
            pins_per_slot: PINS_PER_SLOT,
            used: 0,
            unused_1: [0; 10],
            waiting: 0,
            unused_2: [0; 15],
        };
        let mut page = bytemuck::bytes_of(&header).to_vec();
        page.resize(PAGE_SIZE as usize, 0);
        page
    }

    /// Checks that the first bytes of a `readers` file of `file_length` bytes belong to this segment.
    ///
    /// # Errors
    /// [`ErrorKind::NotASegment`], [`ErrorKind::Truncated`], or [`ErrorKind::Corrupt`] for another segment's.
    pub fn check_registry(&self, bytes: &[u8], file_length: u64) -> Result<()> {
        let registry: table::RegistryHeader = first(bytes, file_length, REGISTRY_MAGIC)?;
        let same = registry.fingerprint == FINGERPRINT
            && registry.instance == self.instance
            && registry.slots == self.geometry.slots()
            && registry.pins_per_slot == PINS_PER_SLOT;
        if !same {
            return Err(HeaderKind::Instance.into());
        }
        let expected = self.geometry.registry_size();
        if file_length < expected {
            return Err(HeaderKind::Truncated { expected, found: file_length }.into());
        }
        Ok(())
    }

    /// Where the regions stand.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The segment's random id.
    #[must_use]
    pub fn instance(&self) -> Id {
        self.instance
    }

    /// The boot id of the kernel under which it was created.
    #[must_use]
    pub fn boot(&self) -> Id {
        self.boot
    }

    /// When it was created, ns since 1970.
    #[must_use]
    pub fn created(&self) -> u64 {
        self.created
    }
}

/// The first structure of a file, if the file is long enough and begins with `magic`.
fn first<T: bytemuck::AnyBitPattern>(bytes: &[u8], file_length: u64, magic: [u8; 8]) -> Result<T> {
    let mut found = [0; 8];
    let known = bytes.len().min(8);
    found[..known].copy_from_slice(&bytes[..known]);
    if found != magic {
        return Err(HeaderKind::NotASegment { found }.into());
    }
    match bytes.get(..size_of::<T>()) {
        Some(head) => Ok(bytemuck::pod_read_unaligned(head)),
        None => Err(HeaderKind::Truncated { expected: PAGE_SIZE, found: file_length }.into()),
    }
}

fn checksum(header: &table::Header) -> u64 {
    let bytes = bytemuck::bytes_of(header);
    hash(&bytes[..bytes.len() - size_of::<u64>()])
}

/// A header that is about to be checked, and for whom.
struct Opening {
    header: table::Header,
    file_length: u64,
    role: Role,
}

type Check = fn(&Opening) -> Result<()>;

/// What must be right before any other field means anything.
const KIND_CHECKS: [Check; 2] = [Opening::check_byte_order, Opening::check_version];

const CHECKS: [Check; 6] = [
    Opening::check_features,
    Opening::check_layout,
    Opening::check_checksum,
    Opening::check_capacity,
    Opening::check_regions,
    Opening::check_length,
];

impl Opening {
    fn check_byte_order(&self) -> Result<()> {
        match self.header.byte_order {
            BYTE_ORDER => Ok(()),
            found => Err(HeaderKind::ByteOrder { found }.into()),
        }
    }

    fn check_version(&self) -> Result<()> {
        let table::Header { major, minor, .. } = self.header;
        if (major, minor) == (MAJOR, MINOR) {
            Ok(())
        } else {
            Err(HeaderKind::Version { major, minor }.into())
        }
    }

    fn check_features(&self) -> Result<()> {
        let mut unknown = self.header.incompatible_features & !KNOWN_INCOMPATIBLE;
        if self.role == Role::Writer {
            unknown |= self.header.read_compatible_features & !KNOWN_READ_COMPATIBLE;
        }
        match unknown {
            0 => Ok(()),
            bits => Err(HeaderKind::Feature { bits, role: self.role }.into()),
        }
    }

    fn check_layout(&self) -> Result<()> {
        match self.header.fingerprint {
            FINGERPRINT => Ok(()),
            found => Err(HeaderKind::Layout { found }.into()),
        }
    }

    fn check_checksum(&self) -> Result<()> {
        let (expected, found) = (checksum(&self.header), self.header.checksum);
        if found == expected { Ok(()) } else { Err(HeaderKind::Checksum { expected, found }.into()) }
    }

    fn geometry(&self) -> Result<Geometry> {
        Geometry::new(self.header.capacity, self.header.slots).map_err(|cause| {
            let kind = HeaderKind::Regions { what: "capacity", expected: 0, found: self.header.capacity };
            Error::from(kind).because(cause)
        })
    }

    fn check_capacity(&self) -> Result<()> {
        self.geometry().map(drop)
    }

    fn check_regions(&self) -> Result<()> {
        let header = &self.header;
        // Else the capacity was refused already.
        let Ok(geometry) = self.geometry() else { return Ok(()) };
        let table = [
            ("page size", PAGE_SIZE, u64::from(header.page_size)),
            ("ring length", u64::from(RING_LENGTH), u64::from(header.ring_length)),
            ("pin words of a slot", u64::from(PINS_PER_SLOT), u64::from(header.pins_per_slot)),
            ("publication block", geometry.publication_offset(), header.publication_offset),
            ("commit ring", geometry.ring_offset(), header.ring_offset),
            ("retained table", geometry.retained_offset(), header.retained_offset),
            ("length of the retained table", geometry.retained_length(), header.retained_length),
            ("heap", geometry.heap_offset(), header.heap_offset),
            ("capacity", geometry.capacity(), header.capacity),
        ];
        match table.into_iter().find(|(_, expected, found)| expected != found) {
            None => Ok(()),
            Some((what, expected, found)) => Err(HeaderKind::Regions { what, expected, found }.into()),
        }
    }

    fn check_length(&self) -> Result<()> {
        let (expected, found) = (self.header.capacity, self.file_length);
        if found >= expected { Ok(()) } else { Err(HeaderKind::Truncated { expected, found }.into()) }
    }
}

/// What the header of a `readers` file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryClaims {
    /// The segment's random id.
    pub instance: Id,
    /// Slots of the registry, within bounds; the file may be shorter.
    pub slots: u32,
}

impl RegistryClaims {
    /// Bytes of a whole registry of so many slots.
    #[must_use]
    pub fn size(&self) -> u64 {
        Geometry::start_of_slot(self.slots).next_multiple_of(PAGE_SIZE)
    }

    /// Checks that a file of `file_length` bytes holds all slots.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`].
    pub fn check_length(&self, file_length: u64) -> Result<()> {
        let (expected, found) = (self.size(), file_length);
        if found >= expected { Ok(()) } else { Err(HeaderKind::Truncated { expected, found }.into()) }
    }
}

/// Checks that the first bytes of a file of `file_length` bytes are those of a registry that this program can read, whichever
/// segment it belongs to.
///
/// # Errors
/// [`ErrorKind::NotASegment`], [`ErrorKind::Truncated`], [`ErrorKind::OtherLayout`], [`ErrorKind::Corrupt`].
pub fn look_at_registry(bytes: &[u8], file_length: u64) -> Result<RegistryClaims> {
    let registry: table::RegistryHeader = first(bytes, file_length, REGISTRY_MAGIC)?;
    if registry.fingerprint != FINGERPRINT {
        return Err(HeaderKind::Layout { found: registry.fingerprint }.into());
    }
    let (expected, found) = (u64::from(PINS_PER_SLOT), u64::from(registry.pins_per_slot));
    if expected != found {
        return Err(HeaderKind::Regions { what: "pin words of a slot", expected, found }.into());
    }
    if !Geometry::are_slots(registry.slots) {
        let found = u64::from(registry.slots);
        return Err(
            HeaderKind::Regions { what: "slots, at most", expected: SLOTS_LIMIT.into(), found }.into()
        );
    }
    Ok(RegistryClaims { instance: registry.instance, slots: registry.slots })
}

crate::every_kind!(HeaderKind {
    NotASegment: HeaderKind::NotASegment { found: *b"\x7fELF\n\0\0\0" };
    ByteOrder: HeaderKind::ByteOrder { found: 0x0a0b_0c0d };
    Version: HeaderKind::Version { major: 9, minor: 9 };
    Feature:
        HeaderKind::Feature { bits: 1, role: Role::Reader },
        HeaderKind::Feature { bits: 1, role: Role::Writer };
    Layout: HeaderKind::Layout { found: 1 };
    Truncated: HeaderKind::Truncated { expected: 2, found: 1 };
    Checksum: HeaderKind::Checksum { expected: 1, found: 2 };
    Regions: HeaderKind::Regions { what: "heap", expected: 1, found: 2 };
    Instance: HeaderKind::Instance;
});

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    fn header() -> Header {
        Header::new(Geometry::new(1 << 30, 8).unwrap(), [1; 16], [2; 16], 3)
    }

    fn with<const N: usize>(offset: usize, bytes: [u8; N]) -> ErrorKind {
        let mut page = header().to_page();
        page[offset..offset + N].copy_from_slice(&bytes);
        Header::parse(&page, 1 << 30, Role::Writer).unwrap_err().kind()
    }

    #[test]
    fn header_survives_a_round_trip() {
        let header = header();
        assert_eq!(Header::parse(&header.to_page(), 1 << 30, Role::Writer).unwrap(), header);
        header.check_registry(&header.to_registry_page(), header.geometry().registry_size()).unwrap();
    }

    #[test]
    fn every_damaged_field_has_its_own_error() {
        assert_eq!(with(0, *b"NOTFRAME"), ErrorKind::NotASegment);
        assert_eq!(with(offset_of!(table::Header, byte_order), [10, 11, 12, 13]), ErrorKind::OtherByteOrder);
        assert_eq!(with(offset_of!(table::Header, minor), [9]), ErrorKind::OtherFormatVersion);
        assert_eq!(with(offset_of!(table::Header, incompatible_features), [1]), ErrorKind::OtherFeature);
        assert_eq!(with(offset_of!(table::Header, fingerprint), [1; 8]), ErrorKind::OtherLayout);
        assert_eq!(with(offset_of!(table::Header, capacity), [1]), ErrorKind::Corrupt);
    }

    #[test]
    fn look_says_all_that_is_wrong_and_shows_the_fields() {
        let kinds = |page: &[u8], length| {
            let (raw, faults) = Header::look(page, length);
            (raw.map(|raw| raw.created), faults.iter().map(Error::kind).collect::<Vec<_>>())
        };
        let good = header().to_page();
        assert_eq!(kinds(&good, 1 << 30), (Some(3), vec![]));
        assert_eq!(kinds(&good, 4096), (Some(3), vec![ErrorKind::Truncated]));
        assert_eq!(kinds(&good[..100], 100), (None, vec![ErrorKind::Truncated]));
        assert_eq!(kinds(b"", 0), (None, vec![ErrorKind::NotASegment]));
        let mut page = good.clone();
        page[offset_of!(table::Header, fingerprint)] ^= 1;
        assert_eq!(kinds(&page, 1 << 30), (Some(3), vec![ErrorKind::OtherLayout, ErrorKind::Corrupt]));
        page[offset_of!(table::Header, minor)] ^= 1;
        assert_eq!(kinds(&page, 0), (Some(3), vec![ErrorKind::OtherFormatVersion]));
        page[0] = 0;
        assert_eq!(kinds(&page, 1 << 30), (Some(3), vec![ErrorKind::NotASegment]));
    }

    #[test]
    fn registry_speaks_for_itself_within_bounds() {
        let good = header().to_registry_page();
        let claims = RegistryClaims { instance: [1; 16], slots: 8 };
        assert_eq!(look_at_registry(&good, 8192).unwrap(), claims);
        let with = |offset: usize, bytes: [u8; 4]| {
            let mut page = good.clone();
            page[offset..offset + 4].copy_from_slice(&bytes);
            look_at_registry(&page, 8192).unwrap_err().kind()
        };
        assert_eq!(with(0, *b"NOPE"), ErrorKind::NotASegment);
        assert_eq!(with(offset_of!(table::RegistryHeader, fingerprint), [1; 4]), ErrorKind::OtherLayout);
        assert_eq!(with(offset_of!(table::RegistryHeader, pins_per_slot), [1; 4]), ErrorKind::Corrupt);
        for slots in [[0; 4], [255; 4], [1, 0, 1, 0]] {
            assert_eq!(with(offset_of!(table::RegistryHeader, slots), slots), ErrorKind::Corrupt);
        }
        assert_eq!(look_at_registry(&good[..100], 100).unwrap_err().kind(), ErrorKind::Truncated);
    }

    #[test]
    fn every_flipped_byte_of_the_header_is_refused() {
        let good = header().to_page();
        for at in 0..size_of::<table::Header>() {
            let mut page = good.clone();
            page[at] ^= 0x40;
            assert!(Header::parse(&page, 1 << 30, Role::Writer).is_err(), "byte {at}");
        }
    }

    #[test]
    fn readers_open_what_only_writers_must_understand() {
        let mut page = header().to_page();
        let at = offset_of!(table::Header, read_compatible_features);
        page[at] = 1;
        let sum = hash(&page[..offset_of!(table::Header, checksum)]).to_le_bytes();
        let end = size_of::<table::Header>();
        page[end - 8..end].copy_from_slice(&sum);
        assert!(Header::parse(&page, 1 << 30, Role::Reader).is_ok());
        let error = Header::parse(&page, 1 << 30, Role::Writer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OtherFeature);
    }

    #[test]
    fn short_files_are_truncated_not_read() {
        let page = header().to_page();
        for length in [8, 100, 255] {
            let error = Header::parse(&page[..length], length as u64, Role::Reader).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Truncated);
        }
        let error = Header::parse(&page, (1 << 30) - 1, Role::Reader).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert_eq!(Header::parse(&[], 0, Role::Reader).unwrap_err().kind(), ErrorKind::NotASegment);
    }

    #[test]
    fn another_segments_registry_is_refused() {
        let mine = header();
        let other = Header::new(*mine.geometry(), [9; 16], [2; 16], 3);
        let error =
            mine.check_registry(&other.to_registry_page(), mine.geometry().registry_size()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
