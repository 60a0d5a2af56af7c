//! A good segment in memory: its bytes, where its structures stand, and checksums that are mended upwards.

use shmframe_arbitrary::Kind;
use shmframe_format::directory::{Node, Root};
use shmframe_format::frame::Layout;
use shmframe_format::geometry::{Geometry, RING_LENGTH};
use shmframe_format::record::{RecordSource, check_entry, hash, seal_entry};
use shmframe_format::table::{self, Entry, RecordHeader, RecordReference};
use shmframe_format::{Error, walk};
use shmframe_model::{Files, Scratch, all_types, numbers};
use std::collections::BTreeMap;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;

const CAPACITY: u64 = 64 << 20;
const PAGE: usize = 4096;

/// The bytes of a segment up to the end of what is in use, and where its structures stand.
#[derive(Clone)]
pub struct Image {
    pub data: Vec<u8>,
    pub readers: Vec<u8>,
    /// Bytes of the file `data`.
    pub length: u64,
    pub geometry: Geometry,
    /// Places of the entries of live versions.
    pub entries: Vec<usize>,
    /// Records by their place: the places of the references that lead to each.
    pub records: BTreeMap<u64, Vec<Parent>>,
}

/// What leads to a record.
#[derive(Clone, Copy, Debug)]
pub enum Parent {
    /// The entry at this place.
    Entry(usize),
    /// The reference at `place`, in the record at `record`.
    Reference { record: u64, place: usize },
}

struct Bytes<'a>(&'a [u8]);

impl RecordSource for Bytes<'_> {
    fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        Ok(self.0[offset as usize..(offset + length) as usize].to_vec())
    }
}

impl Image {
    /// Frames of many types, a directory of two levels, history, and versions in the retained table.
    pub fn build() -> Self {
        let scratch = Scratch::new();
        let mut writer = scratch.writer().capacity(CAPACITY).history(4).create("s").expect("a segment");
        writer
            .put("types", &all_types(Kind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.example()))))
            .unwrap();
        let reader = scratch.reader().open("s").unwrap();
        let mut held = vec![reader.snapshot().unwrap()];
        for round in 0..80 {
            writer.put(&format!("small {}", round % 12), &numbers(round, 20)).unwrap();
            if round % 30 == 0 {
                held.push(reader.snapshot().unwrap());
            }
        }
        writer.put("numbers", &numbers(0, 500)).unwrap();
        let files = scratch.files("s");
        let read = |file: &str, length: u64| files.read(file, 0, length as usize);
        let geometry = files.geometry();
        let root = files.newest_entry();
        let end = files.structure::<table::RootBody>("data", root.root_offset + 64).heap_end;
        let mut image = Self {
            data: read("data", end.next_multiple_of(PAGE as u64) + (1 << 16)),
            readers: read("readers", geometry.registry_size()),
            length: CAPACITY,
            geometry,
            entries: Vec::new(),
            records: BTreeMap::new(),
        };
        image.index();
        assert!(image.entries.len() >= 6, "history, and retained versions: {:?}", image.entries.len());
        image
    }

    pub fn get<T: bytemuck::AnyBitPattern>(&self, place: usize) -> T {
        bytemuck::pod_read_unaligned(&self.data[place..place + size_of::<T>()])
    }

    pub fn set<T: bytemuck::NoUninit>(&mut self, place: usize, value: &T) {
        self.data[place..place + size_of::<T>()].copy_from_slice(bytemuck::bytes_of(value));
    }

    fn index(&mut self) {
        let count = u64::from(RING_LENGTH) + self.geometry.retained_length();
        let start = self.geometry.ring_offset() as usize;
        for place in (0..count as usize).map(|index| start + index * size_of::<Entry>()) {
            let entry: Entry = self.get(place);
            let Ok(reference) = check_entry(&entry, entry.version) else { continue };
            self.entries.push(place);
            walk(&Bytes(&self.data), &self.geometry, &reference, |_| {}).unwrap();
            self.note(reference.offset, Parent::Entry(place));
            let root = Root::read(&Bytes(&self.data), &reference).unwrap();
            self.note_node(reference.offset, &root.node, 64 + size_of::<table::RootBody>());
        }
    }

    fn note(&mut self, record: u64, parent: Parent) -> bool {
        let parents = self.records.entry(record).or_default();
        parents.push(parent);
        parents.len() == 1
    }

    /// Notes what a node at `start` of a record leads to.
    fn note_node(&mut self, record: u64, node: &Node, start: usize) {
        let items = record as usize + start + size_of::<table::NodeBody>();
        match node {
            Node::Branch(children) => {
                for (index, child) in children.iter().flatten().enumerate() {
                    let place = items + index * size_of::<table::BranchItem>();
                    if self.note(child.offset, Parent::Reference { record, place }) {
                        // A node reads as a root does, behind another head.
                        let found = self.node(child);
                        self.note_node(child.offset, &found, 64);
                    }
                }
            }
            Node::Leaf(frames) => {
                for (index, frame) in frames.iter().enumerate() {
                    let item = items + index * size_of::<table::LeafItem>();
                    let state = item + size_of::<RecordReference>();
                    self.note(frame.state.offset, Parent::Reference { record, place: state });
                    if self.note(frame.layout.offset, Parent::Reference { record, place: item }) {
                        let layout = Layout::read(&Bytes(&self.data), &self.geometry, &frame.layout).unwrap();
                        let parent = Parent::Reference {
                            record: frame.layout.offset,
                            place: frame.layout.offset as usize + 64,
                        };
                        self.note(layout.schema.offset, parent);
                    }
                }
            }
        }
    }

    fn node(&self, reference: &RecordReference) -> Node {
        let at = reference.offset as usize + 64;
        let head: table::NodeBody = self.get(at);
        let items = at + size_of::<table::NodeBody>();
        if head.kind == 2 {
            let mut children = Box::new([None; 8]);
            let digits = (0..8).filter(|digit| head.items >> digit & 1 == 1);
            for (index, digit) in digits.enumerate() {
                let item: table::BranchItem = self.get(items + index * size_of::<table::BranchItem>());
                children[digit] = Some(item.node);
            }
            return Node::Branch(children);
        }
        let frame = |index: usize| {
            let item: table::LeafItem = self.get(items + index * size_of::<table::LeafItem>());
            let name = "".into();
            shmframe_format::directory::FrameEntry { name, layout: item.layout, state: item.state }
        };
        Node::Leaf((0..head.items as usize).map(frame).collect())
    }

    /// Makes the checksums of a record, and of all that leads to it, fit again.
    pub fn mend(&mut self, record: u64) {
        let at = record as usize;
        let mut head: RecordHeader = self.get(at);
        let length = (head.length as usize).clamp(64, 16 << 20);
        head.checksum = 0;
        self.set(at, &head);
        let mut bytes = self.data[at..self.data.len().min(at + length)].to_vec();
        bytes.resize(length, 0);
        head.checksum = hash(&bytes);
        self.set(at, &head);
        for parent in self.records[&record].clone() {
            match parent {
                Parent::Entry(place) => {
                    let mut entry: Entry = self.get(place);
                    (entry.root_length, entry.root_checksum) = (head.length, head.checksum);
                    self.set(place, &seal_entry(entry));
                }
                Parent::Reference { record, place } => {
                    let offset = self.get::<RecordReference>(place).offset;
                    let RecordHeader { version, checksum, .. } = head;
                    let (length, epoch) = (u32::try_from(head.length).unwrap_or(u32::MAX), head.epoch as u32);
                    self.set(place, &RecordReference { offset, version, checksum, length, epoch });
                    self.mend(record);
                }
            }
        }
    }

    /// Puts the entry that leads to `record` to another place.
    pub fn move_entry(&mut self, record: u64, place: usize, entry: Entry) {
        self.set(place, &entry);
        self.records.insert(record, vec![Parent::Entry(place)]);
        self.mend(record);
    }

    /// Makes the checksum of the header fit again.
    pub fn mend_header(&mut self) {
        let sum = hash(&self.data[..offset_of!(table::Header, checksum)]);
        self.set(offset_of!(table::Header, checksum), &sum);
    }

    /// Writes the segment `s`; pages of the heap without contents become holes.
    pub fn write(&self, scratch: &Scratch) -> Files {
        let files = scratch.files("s");
        std::fs::create_dir(files.directory()).unwrap();
        for (name, bytes, length) in
            [("data", &self.data, self.length), ("readers", &self.readers, self.readers.len() as u64)]
        {
            let file = std::fs::File::create(files.path(name)).unwrap();
            for (index, page) in bytes.chunks(PAGE).enumerate() {
                let at = (index * PAGE) as u64;
                // All before the heap has pages from the creation on.
                if at < self.geometry.heap_offset() || page.iter().any(|byte| *byte != 0) {
                    file.write_all_at(page, at).unwrap();
                }
            }
            file.set_len(length).unwrap();
        }
        std::fs::File::create(files.path("lease")).unwrap();
        files
    }
}
