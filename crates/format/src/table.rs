//! The one offset table: every structure that stands in a segment, field by field.
//!
//! The structures here are plain private copies (`bytemuck`); the words that several processes use at once have
//! twins made of atomics in `crates/segment`, whose offsets are asserted against these. `docs/format.md` states
//! the same table in prose, and a test compares the two (I6).

/// One field of a shared structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// Bytes from the start of the structure.
    pub offset: usize,
    /// The field's size in bytes.
    pub size: usize,
}

/// One shared structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// The structure's name.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: usize,
    /// Its fields, in order.
    pub fields: &'static [Field],
}

macro_rules! shared_structures {
    ($( $(#[$meta:meta])* pub struct $name:ident ($size:literal) {
        $( $(#[$field_meta:meta])* pub $field:ident: $type:ty, )*
    } )*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
            #[repr(C)]
            pub struct $name { $( $(#[$field_meta])* pub $field: $type, )* }

            const _: () = assert!(size_of::<$name>() == $size);
        )*

        /// Every structure of the format.
        pub const STRUCTURES: &[Structure] = &[$(
            Structure {
                name: stringify!($name),
                size: $size,
                fields: &[$( Field {
                    name: stringify!($field),
                    offset: core::mem::offset_of!($name, $field),
                    size: size_of::<$type>(),
                }, )*],
            },
        )*];
    };
}

shared_structures! {
    /// The first page of `data`. Immutable after creation.
    pub struct Header (256) {
        /// `SHMFRAME`.
        pub magic: [u8; 8],
        /// [`crate::header::BYTE_ORDER`], as a little-endian machine stores it.
        pub byte_order: u32,
        /// Format version, major.
        pub major: u32,
        /// Format version, minor.
        pub minor: u32,
        /// Bytes of a page: 4096.
        pub page_size: u32,
        /// Features without which nobody may open the segment.
        pub incompatible_features: u64,
        /// Features without which readers may open the segment, writers not.
        pub read_compatible_features: u64,
        /// [`FINGERPRINT`] of the program that created the segment.
        pub fingerprint: u64,
        /// Bytes of `data`, virtual.
        pub capacity: u64,
        /// Random; also in `readers`, and the same for as long as the segment lives.
        pub instance: [u8; 16],
        /// The kernel's boot id at creation.
        pub boot: [u8; 16],
        /// When it was created, ns since 1970.
        pub created: u64,
        /// Entries of the commit ring.
        pub ring_length: u32,
        /// Slots of the reader registry.
        pub slots: u32,
        /// Pin words of a slot.
        pub pins_per_slot: u32,
        /// Zero.
        pub reserved: u32,
        /// Region table: start of the publication block, bytes.
        pub publication_offset: u64,
        /// Region table: start of the commit ring.
        pub ring_offset: u64,
        /// Region table: start of the retained table.
        pub retained_offset: u64,
        /// Region table: entries of the retained table.
        pub retained_length: u64,
        /// Region table: start of the heap; it ends at `capacity`.
        pub heap_offset: u64,
        /// Zero.
        pub unused: [u64; 12],
        /// XXH3 of all bytes of this structure before this field.
        pub checksum: u64,
    }

    /// The publication block: written by the holder of the lease only.
    pub struct Publication (512) {
        /// The newest version. One store to this word is the commit.
        pub latest: u64,
        /// No version below this one may be pinned any more. Never falls.
        pub floor: u64,
        /// Zero.
        pub unused_1: [u64; 14],
        /// The futex word of all waiters.
        pub wake: u32,
        /// 1 open, 2 removed.
        pub state: u32,
        /// Zero.
        pub unused_2: [u64; 15],
        /// Grows with each new holder of the lease.
        pub epoch: u64,
        /// Versions that the floor leaves alone, the newest included.
        pub history: u64,
        /// Grows before pages are given back.
        pub trims: u64,
        /// Process id of the holder of the lease (to show, never to decide).
        pub writer_pid: u64,
        /// When the lease was taken, ns since 1970 (to show).
        pub writer_since: u64,
        /// The writer's label, UTF-8, padded with zeros (to show).
        pub writer_label: [u64; 8],
        /// Bytes of `data` that may have pages; all ones: no quota.
        pub quota: u64,
        /// Where a writer keeps free pages in reserve: bytes from the start of `data`, plus how many pages.
        pub reserve: u64,
        /// Zero.
        pub unused_3: [u64; 17],
    }

    /// One entry of the commit ring or of the retained table.
    pub struct Entry (64) {
        /// Seqlock: odd while the entry is being written.
        pub sequence: u64,
        /// The version; 0 in an erased entry.
        pub version: u64,
        /// Where the root record stands, bytes from the start of `data`.
        pub root_offset: u64,
        /// Length of the root record, bytes.
        pub root_length: u64,
        /// Checksum of the root record.
        pub root_checksum: u64,
        /// Epoch of the writer that committed it.
        pub epoch: u64,
        /// When it was committed, ns since 1970.
        pub committed: u64,
        /// XXH3 of the words `version` to `committed`.
        pub checksum: u64,
    }

    /// The first page of `readers`.
    pub struct RegistryHeader (256) {
        /// `SHMFREAD`.
        pub magic: [u8; 8],
        /// The same as in the header of `data`.
        pub fingerprint: u64,
        /// The same as in the header of `data`.
        pub instance: [u8; 16],
        /// Slots of the registry.
        pub slots: u32,
        /// Pin words of a slot.
        pub pins_per_slot: u32,
        /// Slots at and above this one were never claimed.
        pub used: u64,
        /// Zero.
        pub unused_1: [u64; 10],
        /// Not zero: somebody waits for the next version.
        pub waiting: u64,
        /// Zero.
        pub unused_2: [u64; 15],
    }

    /// The head of a reader slot; its pin words follow.
    pub struct Slot (128) {
        /// Odd: claimed. Grows with each claim and each release.
        pub mark: u64,
        /// Process id (to show, never to decide).
        pub pid: u64,
        /// When the slot was claimed, ns since 1970 (to show).
        pub since: u64,
        /// Zero.
        pub unused_1: [u64; 5],
        /// The reader's label, UTF-8, padded with zeros (to show).
        pub label: [u64; 8],
    }

    /// The head of every record.
    pub struct RecordHeader (64) {
        /// [`crate::record::RecordKind`].
        pub kind: u32,
        /// Zero.
        pub reserved: u32,
        /// Bytes of the record, this head included.
        pub length: u64,
        /// The version that wrote it.
        pub version: u64,
        /// The epoch of the writer that wrote it.
        pub epoch: u64,
        /// Where it stands, bytes from the start of `data`.
        pub offset: u64,
        /// Zero.
        pub unused: [u64; 2],
        /// XXH3 of the record, with this field as zero.
        pub checksum: u64,
    }

    /// How one record names another: all that must be found there.
    pub struct RecordReference (32) {
        /// Where it stands, bytes from the start of `data`.
        pub offset: u64,
        /// The version that wrote it.
        pub version: u64,
        /// Its checksum.
        pub checksum: u64,
        /// Its length, bytes.
        pub length: u32,
        /// The epoch of the writer that wrote it, its low 32 bits.
        pub epoch: u32,
    }

    /// What follows the head of a root record; its directory node follows this.
    pub struct RootBody (48) {
        /// Frames of the version.
        pub frames: u64,
        /// No byte at or above this offset is covered by the version. Never falls.
        pub heap_end: u64,
        /// The generation that the next replaced or created frame gets.
        pub next_generation: u64,
        /// The caller's token that was committed last; zero if there was none.
        pub token: [u8; 16],
        /// The version that carried the token; 0 if there was none.
        pub token_version: u64,
    }

    /// What begins a directory node; its items follow.
    pub struct NodeBody (8) {
        /// 1 leaf, 2 branch.
        pub kind: u32,
        /// In a leaf, the items that follow; in a branch, which children do: bit d for the digit d of the name's hash.
        pub items: u32,
    }

    /// One child of a branch.
    pub struct BranchItem (32) {
        /// The child.
        pub node: RecordReference,
    }

    /// One frame in a leaf; the names follow the items, in order, without separators.
    pub struct LeafItem (72) {
        /// The layout record.
        pub layout: RecordReference,
        /// The state record.
        pub state: RecordReference,
        /// Bytes of the name.
        pub name_length: u64,
    }

    /// What follows the head of a layout record; extents, then buffers follow this.
    pub struct LayoutBody (56) {
        /// The schema record.
        pub schema: RecordReference,
        /// The frame's generation: another one after the frame was replaced.
        pub generation: u64,
        /// Extents that follow.
        pub extents: u32,
        /// Buffers that follow, of all chunks.
        pub buffers: u32,
        /// Chunks.
        pub chunks: u32,
        /// Zero.
        pub reserved: u32,
    }

    /// One extent of a frame.
    pub struct ExtentItem (24) {
        /// Where it stands, bytes from the start of `data`.
        pub offset: u64,
        /// Its length, bytes.
        pub length: u64,
        /// The version that wrote it first.
        pub version: u64,
    }

    /// One buffer's place.
    pub struct BufferItem (24) {
        /// Where it stands, bytes from the start of `data`; in one extent of the frame.
        pub offset: u64,
        /// Bytes from there to the end of what is reserved for it.
        pub capacity: u64,
        /// How its bytes follow from rows: [`crate::addressing::Addressing`].
        pub role: u32,
        /// Bits of each row of its column; 0 where rows cannot be told apart.
        pub bits: u32,
    }

    /// What follows the head of a state record; chunks, nodes, then buffers follow this.
    pub struct StateBody (40) {
        /// The frame's generation, the same as in its layout.
        pub generation: u64,
        /// Rows of the frame.
        pub rows: u64,
        /// The number of its first row.
        pub first_row: u64,
        /// Chunks that follow.
        pub chunks: u32,
        /// Nodes that follow, of all chunks.
        pub nodes: u32,
        /// Buffers that follow, of all chunks.
        pub buffers: u32,
        /// Zero.
        pub reserved: u32,
    }

    /// One chunk: a range of rows.
    pub struct ChunkItem (16) {
        /// Its rows.
        pub rows: u64,
        /// Its nodes.
        pub nodes: u32,
        /// Its buffers.
        pub buffers: u32,
    }

    /// One node of a chunk's columns, depth-first.
    pub struct NodeItem (32) {
        /// Its length, rows.
        pub length: u64,
        /// Its null slots.
        pub nulls: u64,
        /// Its buffers, the validity bitmap included.
        pub buffers: u32,
        /// Its child nodes.
        pub children: u32,
        /// 1 if its first buffer is a validity bitmap.
        pub validity: u32,
        /// 1 if its children are the pieces of its column, one behind the other.
        pub pieces: u32,
    }

    /// What a version sees of one buffer.
    pub struct BufferStateItem (16) {
        /// Bytes.
        pub length: u64,
        /// The rows of a bitmap behind its last whole word; zero elsewhere.
        pub open_word: u64,
    }

    /// What follows the head of a schema record; the Arrow IPC schema message follows this.
    pub struct SchemaBody (8) {
        /// Bytes of the message.
        pub length: u64,
    }
}

/// A hash (FNV-1a) of the names, sizes and offsets above: programs whose tables differ refuse each other.
pub const FINGERPRINT: u64 = fingerprint();

const fn fingerprint() -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < STRUCTURES.len() {
        let structure = &STRUCTURES[at];
        hash = hash_name(hash, structure.name);
        hash = hash_number(hash, structure.size);
        let mut field = 0;
        while field < structure.fields.len() {
            hash = hash_name(hash, structure.fields[field].name);
            hash = hash_number(hash, structure.fields[field].offset);
            hash = hash_number(hash, structure.fields[field].size);
            field += 1;
        }
        at += 1;
    }
    hash
}

const fn hash_name(mut hash: u64, name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

const fn hash_number(hash: u64, number: usize) -> u64 {
    (hash ^ number as u64).wrapping_mul(0x0000_0100_0000_01b3)
}
