//! The files of a segment as bytes: looked at and damaged from outside.

use shmframe_format::geometry::{Geometry, PAGE_SIZE, PINS_PER_SLOT};
use shmframe_format::header::{Header, Role};
use shmframe_format::record::hash;
use shmframe_format::table;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The directory of a segment.
#[derive(Clone, Debug)]
pub struct Files {
    directory: PathBuf,
}

/// A reader slot as it stands in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Whether somebody claimed it.
    pub claimed: bool,
    /// The pin words that are not 0.
    pub pins: Vec<u64>,
}

#[expect(clippy::missing_panics_doc, reason = "every one of them panics if a file cannot be read or written")]
impl Files {
    /// The segment at this path.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path of one of the files.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// One of the files, to read and write.
    #[must_use]
    pub fn open(&self, file: &str) -> File {
        OpenOptions::new().read(true).write(true).open(self.path(file)).expect("a file of the segment")
    }

    /// Bytes of the pages that `data` has.
    #[must_use]
    pub fn allocated(&self) -> u64 {
        std::os::unix::fs::MetadataExt::blocks(&self.open("data").metadata().expect("a size")) * 512
    }

    /// Bytes of one of the files.
    #[must_use]
    pub fn read(&self, file: &str, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.open(file).read_exact_at(&mut bytes, offset).expect("bytes of the file");
        bytes
    }

    /// Overwrites bytes of one of the files.
    pub fn write(&self, file: &str, offset: u64, bytes: &[u8]) {
        self.open(file).write_all_at(bytes, offset).expect("room in the file");
    }

    /// A structure of the offset table.
    #[must_use]
    pub fn structure<T: bytemuck::AnyBitPattern>(&self, file: &str, offset: u64) -> T {
        bytemuck::pod_read_unaligned(&self.read(file, offset, size_of::<T>()))
    }

    /// Changes the header of `data`, and mends its checksum.
    pub fn change_header(&self, change: impl FnOnce(&mut table::Header)) {
        let mut header: table::Header = self.structure("data", 0);
        change(&mut header);
        let bytes = bytemuck::bytes_of(&header);
        header.checksum = hash(&bytes[..bytes.len() - size_of::<u64>()]);
        self.write("data", 0, bytemuck::bytes_of(&header));
    }

    /// Where the regions stand.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        let length = self.open("data").metadata().expect("a length").len();
        let page = self.read("data", 0, PAGE_SIZE as usize);
        *Header::parse(&page, length, Role::Reader).expect("a whole header").geometry()
    }

    /// The publication block.
    #[must_use]
    pub fn publication(&self) -> table::Publication {
        self.structure("data", self.geometry().publication_offset())
    }

    /// The entry of the newest version, in the commit ring.
    #[must_use]
    pub fn newest_entry(&self) -> table::Entry {
        let (geometry, latest) = (self.geometry(), self.publication().latest);
        let index = latest % u64::from(shmframe_format::geometry::RING_LENGTH);
        self.structure("data", geometry.ring_offset() + index * size_of::<table::Entry>() as u64)
    }

    /// All reader slots.
    #[must_use]
    pub fn slots(&self) -> Vec<Slot> {
        let slots = self.geometry().slots();
        let size = Geometry::slot_size() as usize;
        let bytes = self.read("readers", self.geometry().slot_offset(0), slots as usize * size);
        let slot = |bytes: &[u8]| {
            let (head, pins) = bytes.split_at(size_of::<table::Slot>());
            let head: table::Slot = bytemuck::pod_read_unaligned(head);
            let pins = pins.chunks_exact(8).map(bytemuck::pod_read_unaligned::<u64>);
            assert_eq!(pins.len(), PINS_PER_SLOT as usize);
            Slot { claimed: head.mark % 2 == 1, pins: pins.filter(|pin| *pin != 0).collect() }
        };
        bytes.chunks_exact(size).map(slot).collect()
    }

    /// Every version that a pin word names, sorted; twice where two words do.
    #[must_use]
    pub fn pinned(&self) -> Vec<u64> {
        let mut pins: Vec<u64> = self.slots().into_iter().flat_map(|slot| slot.pins).collect();
        pins.sort_unstable();
        pins
    }
}
