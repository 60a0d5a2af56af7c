//! Records: self-describing runs of bytes in the heap, checked before use.
//!
//! A record is copied out of the segment first; then its kind, place, length, version, epoch and checksum are
//! compared with the reference that led to it; only then is its body read, with every bound checked (I7).

use crate::error::{Describe, ErrorKind, Report, Result};
use crate::table::{Entry, RecordHeader, RecordReference};
use bytemuck::{AnyBitPattern, NoUninit};
use xxhash_rust::xxh3::xxh3_64;

/// The longest record, bytes: no reference makes anybody copy more.
pub const RECORD_LIMIT: u64 = 1 << 28;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RecordKind {
    /// Leads to the frames of one version.
    Root = 1,
    /// A node of the directory of frames.
    Directory = 2,
    /// Where a frame's extents and buffers stand.
    Layout = 3,
    /// What a version sees of a frame.
    State = 4,
    /// An Arrow schema.
    Schema = 5,
}

/// Gives the bytes of records to the walk.
pub trait RecordSource {
    /// A private copy of the bytes at `[offset, offset + length)`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if they do not lie in the heap.
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>>;

    /// A private copy of the head of the record at `offset`.
    ///
    /// # Errors
    /// Those of [`RecordSource::copy_out`].
    fn head(&self, offset: u64) -> Result<RecordHeader> {
        let bytes = self.copy_out(offset, size_of::<RecordHeader>() as u64)?;
        Ok(bytemuck::pod_read_unaligned(&bytes[..size_of::<RecordHeader>()]))
    }
}

/// XXH3, 64 bits: the checksum of the format.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

#[derive(Debug)]
enum RecordErrorKind {
    Reference { reference: RecordReference },
    Header { what: &'static str, expected: u64, found: u64 },
    Body { kind: RecordKind, what: &'static str },
    Entry { version: u64 },
}

impl Describe for RecordErrorKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Corrupt
    }

    fn report(&self) -> Report {
        let remedy = "the segment is damaged: remove it and create it again";
        match self {
            Self::Reference { reference } => Report::new(
                "damaged reference to a record",
                format!("an aligned record of 64 to {RECORD_LIMIT} bytes"),
                format!("{} bytes at offset {}", reference.length, reference.offset),
                remedy,
            ),
            Self::Header { what, expected, found } => Report::new(
                format!("damaged record: {what}"),
                format!("{expected:#x}"),
                format!("{found:#x}"),
                remedy,
            ),
            Self::Body { kind, what } => {
                Report::new(format!("damaged {kind:?} record"), "a body that adds up", *what, remedy)
            }
            Self::Entry { version } => Report::new(
                "damaged commit entry",
                format!("a whole entry of version {version}"),
                "one that does not add up",
                remedy,
            ),
        }
    }
}

/// The error of a body whose parts do not fit together.
#[cold]
pub(crate) fn damaged(kind: RecordKind, what: &'static str) -> crate::Error {
    RecordErrorKind::Body { kind, what }.into()
}

/// Completes a record that begins with room for its head: writes the head, the checksum last.
///
/// `bytes` is the whole record; it will stand at `offset` of `data`.
#[must_use]
pub fn seal(kind: RecordKind, version: u64, epoch: u64, offset: u64, bytes: &mut [u8]) -> RecordReference {
    let length = bytes.len() as u64;
    let mut head = RecordHeader {
        kind: kind as u32,
        reserved: 0,
        length,
        version,
        epoch,
        offset,
        unused: [0; 2],
        checksum: 0,
    };
    write_head(bytes, &head);
    head.checksum = hash(bytes);
    write_head(bytes, &head);
    // No record is longer than `RECORD_LIMIT`; a longer one would be refused for its length.
    let (length, epoch) = (u32::try_from(length).unwrap_or(u32::MAX), epoch as u32);
    RecordReference { offset, version, checksum: head.checksum, length, epoch }
}

fn write_head(bytes: &mut [u8], head: &RecordHeader) {
    bytes[..size_of::<RecordHeader>()].copy_from_slice(bytemuck::bytes_of(head));
}

/// Copies the record that `reference` names out of `source` and checks it.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if what stands there is not that record.
pub fn open(source: &impl RecordSource, kind: RecordKind, reference: &RecordReference) -> Result<Body> {
    let head_size = size_of::<RecordHeader>() as u64;
    let length = u64::from(reference.length);
    if !(head_size..=RECORD_LIMIT).contains(&length) || !reference.offset.is_multiple_of(64) {
        return Err(RecordErrorKind::Reference { reference: *reference }.into());
    }
    // A reference that leads astray costs a look at one head, not at all the bytes that it claims (I9).
    check_head(&source.head(reference.offset)?, kind, reference)?;
    let mut bytes = source.copy_out(reference.offset, length)?;
    let mut head: RecordHeader = bytemuck::pod_read_unaligned(&bytes[..size_of::<RecordHeader>()]);
    check_head(&head, kind, reference)?;
    head.checksum = 0;
    write_head(&mut bytes, &head);
    let found = hash(&bytes);
    if found != reference.checksum {
        let expected = reference.checksum;
        return Err(RecordErrorKind::Header { what: "checksum", expected, found }.into());
    }
    Ok(Body { kind, bytes, at: size_of::<RecordHeader>() })
}

fn check_head(head: &RecordHeader, kind: RecordKind, reference: &RecordReference) -> Result<()> {
    let fields = [
        ("kind", u64::from(kind as u32), u64::from(head.kind)),
        ("length", u64::from(reference.length), head.length),
        ("version", reference.version, head.version),
        ("epoch", u64::from(reference.epoch), u64::from(head.epoch as u32)),
        ("offset", reference.offset, head.offset),
        ("checksum of the reference", reference.checksum, head.checksum),
    ];
    for (what, expected, found) in fields {
        if expected != found {
            return Err(RecordErrorKind::Header { what, expected, found }.into());
        }
    }
    Ok(())
}

/// The body of a checked record, read from front to back.
#[derive(Debug)]
pub struct Body {
    kind: RecordKind,
    bytes: Vec<u8>,
    at: usize,
}

impl Body {
    /// The next structure.
    pub(crate) fn take<T: AnyBitPattern>(&mut self) -> Result<T> {
        Ok(bytemuck::pod_read_unaligned(self.take_bytes(size_of::<T>())?))
    }

    /// The next `count` structures.
    pub(crate) fn take_items<T: AnyBitPattern>(&mut self, count: u32) -> Result<Vec<T>> {
        let length = (count as usize).checked_mul(size_of::<T>());
        let bytes = self.take_bytes(length.unwrap_or(usize::MAX))?;
        Ok(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect())
    }

    /// The next `length` bytes.
    pub(crate) fn take_bytes(&mut self, length: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| damaged(self.kind, "one that ends early"))?;
        let start = std::mem::replace(&mut self.at, end);
        Ok(&self.bytes[start..end])
    }

    /// Fails unless everything was read.
    pub(crate) fn finish(self) -> Result<()> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(damaged(self.kind, "bytes left over")) }
    }
}

/// A record under construction: room for its head, then what is appended.
pub(crate) struct Draft(Vec<u8>);

impl Draft {
    pub(crate) fn with_capacity(body: usize) -> Self {
        Self::in_place_of(Vec::with_capacity(size_of::<RecordHeader>() + body))
    }

    /// One that takes the place of another record's bytes.
    pub(crate) fn in_place_of(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(size_of::<RecordHeader>(), 0);
        Self(bytes)
    }

    pub(crate) fn push<T: NoUninit>(&mut self, item: &T) {
        self.0.extend_from_slice(bytemuck::bytes_of(item));
    }

    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Fills in the checksum of an entry.
#[must_use]
pub fn seal_entry(mut entry: Entry) -> Entry {
    entry.checksum = entry_checksum(&entry);
    entry
}

/// Checks a private copy of an entry: whole, and of `version`.
///
/// # Errors
/// [`ErrorKind::Corrupt`].
pub fn check_entry(entry: &Entry, version: u64) -> Result<RecordReference> {
    if entry.version != version || version == 0 || entry.checksum != entry_checksum(entry) {
        return Err(RecordErrorKind::Entry { version }.into());
    }
    Ok(RecordReference {
        offset: entry.root_offset,
        length: u32::try_from(entry.root_length).unwrap_or(u32::MAX),
        version: entry.version,
        epoch: entry.epoch as u32,
        checksum: entry.root_checksum,
    })
}

fn entry_checksum(entry: &Entry) -> u64 {
    let bytes = bytemuck::bytes_of(entry);
    hash(&bytes[8..size_of::<Entry>() - 8])
}

crate::every_kind!(RecordErrorKind {
    Reference: RecordErrorKind::Reference { reference: bytemuck::Zeroable::zeroed() };
    Header: RecordErrorKind::Header { what: "length", expected: 1, found: 2 };
    Body: RecordErrorKind::Body { kind: RecordKind::Root, what: "bytes left over" };
    Entry: RecordErrorKind::Entry { version: 2 };
});

#[cfg(test)]
mod tests {
    use super::*;

    struct Memory(Vec<u8>);

    impl RecordSource for Memory {
        fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
            let range = offset as usize..(offset + length) as usize;
            self.0.get(range).map(<[u8]>::to_vec).ok_or_else(|| damaged(RecordKind::Root, "outside"))
        }
    }

    fn sealed() -> (Memory, RecordReference) {
        let mut draft = Draft::with_capacity(8);
        draft.push(&7_u64);
        let mut bytes = draft.finish();
        let reference = seal(RecordKind::State, 3, 2, 0, &mut bytes);
        (Memory(bytes), reference)
    }

    #[test]
    fn sealed_record_opens_and_gives_its_body() {
        let (memory, reference) = sealed();
        let mut body = open(&memory, RecordKind::State, &reference).unwrap();
        assert_eq!(body.take::<u64>().unwrap(), 7);
        body.finish().unwrap();
    }

    #[test]
    fn every_flipped_byte_of_a_record_is_seen() {
        let (memory, reference) = sealed();
        for at in 0..memory.0.len() {
            let mut bytes = memory.0.clone();
            bytes[at] ^= 1;
            let error = open(&Memory(bytes), RecordKind::State, &reference).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}");
        }
    }

    #[test]
    fn record_of_another_kind_version_epoch_or_place_is_refused() {
        let (memory, reference) = sealed();
        assert!(open(&memory, RecordKind::Layout, &reference).is_err());
        for wrong in [
            RecordReference { version: 4, ..reference },
            RecordReference { epoch: 1, ..reference },
            RecordReference { offset: 64, ..reference },
            RecordReference { offset: 1, ..reference },
            RecordReference { length: 64, ..reference },
            RecordReference { length: 8, ..reference },
            RecordReference { length: u32::MAX, ..reference },
            RecordReference { checksum: 0, ..reference },
        ] {
            assert_eq!(open(&memory, RecordKind::State, &wrong).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn reference_that_leads_astray_costs_a_look_at_the_head_alone() {
        struct Looks(Memory, core::cell::Cell<u64>);
        impl RecordSource for Looks {
            fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
                self.1.set(self.1.get() + length);
                self.0.copy_out(offset, length)
            }
        }
        let (mut memory, reference) = sealed();
        memory.0.resize(1 << 20, 0);
        let looks = Looks(memory, core::cell::Cell::new(0));
        assert!(open(&looks, RecordKind::State, &RecordReference { length: 1 << 20, ..reference }).is_err());
        assert_eq!(looks.1.get(), size_of::<RecordHeader>() as u64);
    }

    #[test]
    fn body_never_reads_past_its_end() {
        let (memory, reference) = sealed();
        let mut body = open(&memory, RecordKind::State, &reference).unwrap();
        assert!(body.take_items::<u64>(u32::MAX).is_err());
        assert!(body.take_items::<u64>(2).is_err());
        assert!(body.finish().is_err(), "bytes left over");
    }

    #[test]
    fn every_flipped_bit_of_an_entry_is_seen() {
        let entry = seal_entry(Entry {
            sequence: 2,
            version: 5,
            root_offset: 64,
            root_length: 128,
            root_checksum: 9,
            epoch: 1,
            committed: 77,
            checksum: 0,
        });
        assert_eq!(check_entry(&entry, 5).unwrap().offset, 64);
        assert!(check_entry(&entry, 6).is_err());
        for at in 8..64 {
            let mut bytes: [u8; 64] = bytemuck::cast(entry);
            bytes[at] ^= 0x10;
            assert!(check_entry(&bytemuck::cast(bytes), 5).is_err(), "byte {at}");
        }
    }
}
