//! The directory of frames: a tree over the hash of the name, so that a commit to one of many frames rewrites a
//! path and shares everything else with the version before.
//!
//! A leaf lists up to [`LEAF_LIMIT`] frames; a fuller one becomes a branch of eight children, told apart by the
//! next three bits of the hash. The top node stands inside the root record. (A hash array mapped trie: P. Bagwell,
//! "Ideal Hash Trees", 2001; here with lists of items instead of bitmaps.)

use crate::error::Result;
use crate::name::check_frame_name;
use crate::record::{self, Body, Draft, RecordKind, RecordSource, damaged, hash};
use crate::table::{BranchItem, LeafItem, NodeBody, RecordHeader, RecordReference, RootBody};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Frames of a leaf, unless all bits of their hashes are used up.
pub const LEAF_LIMIT: usize = 8;
const BITS: u32 = 3;
const CHILDREN: usize = 1 << BITS;
/// Branches below each other at most: a 64-bit hash has 21 digits of three bits and one bit left over.
const DEPTH_LIMIT: u32 = u64::BITS / BITS;

const LEAF: u32 = 1;
const BRANCH: u32 = 2;

/// One frame, as a leaf names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameEntry {
    /// The frame's name: one for all versions of a directory that this process makes.
    pub name: Arc<str>,
    /// Its layout record.
    pub layout: RecordReference,
    /// Its state record.
    pub state: RecordReference,
}

/// A node of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Frames.
    Leaf(Vec<FrameEntry>),
    /// Children, by the next digit of the hash.
    Branch(Box<[Option<RecordReference>; CHILDREN]>),
}

/// A checked root record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Frames of the version.
    pub frames: u64,
    /// No byte at or above this offset is covered by the version. Never falls.
    pub heap_end: u64,
    /// The generation that the next replaced or created frame gets.
    pub next_generation: u64,
    /// The caller's token that was committed last, if there was one.
    pub token: Option<Token>,
    /// The top node of the directory.
    pub node: Node,
}

/// A caller's token, and the version that carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the caller gave to a commit.
    pub value: u128,
    /// The version that the commit made.
    pub version: u64,
}

/// Where new directory records go, and which ones no longer belong to the new version.
pub trait NodeSink {
    /// Seals and writes a record of `kind`, made by this crate.
    ///
    /// # Errors
    /// Whatever keeps the record from being written.
    fn write(&mut self, kind: RecordKind, draft: Vec<u8>) -> Result<RecordReference>;
    /// The new version does not cover this record any more.
    fn discard(&mut self, reference: &RecordReference);
}

/// What a transaction does to one frame: its new records, or none where it is removed.
#[derive(Clone, Debug)]
pub struct Change<'n> {
    /// The frame's name.
    pub name: &'n Arc<str>,
    /// Its layout and state records.
    pub records: Option<(RecordReference, RecordReference)>,
}

impl Root {
    /// The root of a segment without frames.
    #[must_use]
    pub fn empty() -> Self {
        Self { frames: 0, heap_end: 0, next_generation: 1, token: None, node: Node::Leaf(Vec::new()) }
    }

    /// Bytes of the record.
    #[must_use]
    pub fn record_length(&self) -> u64 {
        let fixed = size_of::<RecordHeader>() + size_of::<RootBody>() + size_of::<NodeBody>();
        let items: usize = match &self.node {
            Node::Leaf(frames) => frames.iter().map(|frame| size_of::<LeafItem>() + frame.name.len()).sum(),
            Node::Branch(children) => children.iter().flatten().count() * size_of::<BranchItem>(),
        };
        (fixed + items) as u64
    }

    /// The record, not yet sealed, in place of bytes that nobody needs any more: they save an allocation.
    #[must_use]
    pub fn to_draft(&self, bytes: Vec<u8>) -> Vec<u8> {
        let mut draft = Draft::in_place_of(bytes);
        draft.push(&RootBody {
            frames: self.frames,
            heap_end: self.heap_end,
            next_generation: self.next_generation,
            token: self.token.map_or(0, |token| token.value).to_le_bytes(),
            token_version: self.token.map_or(0, |token| token.version),
        });
        self.node.push_to(&mut draft);
        draft.finish()
    }

    /// Reads and checks the root record of a version.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn read(source: &impl RecordSource, reference: &RecordReference) -> Result<Self> {
        let mut body = record::open(source, RecordKind::Root, reference)?;
        let RootBody { frames, heap_end, next_generation, token, token_version: version } = body.take()?;
        if version > reference.version {
            return Err(damaged(RecordKind::Root, "a token of a later version"));
        }
        let token = (version > 0).then(|| Token { value: u128::from_le_bytes(token), version });
        let node = Node::parse(body, RecordKind::Root)?;
        node.check_versions(RecordKind::Root, reference.version)?;
        Ok(Self { frames, heap_end, next_generation, token, node })
    }

    /// The frame of this name.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn find(&self, source: &impl RecordSource, name: &str) -> Result<Option<FrameEntry>> {
        self.find_with(source, name, FrameEntry::clone)
    }

    /// What `look` makes of the frame of this name: saves a copy where the frame is known already.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn find_with<R>(
        &self,
        source: &impl RecordSource,
        name: &str,
        look: impl FnOnce(&FrameEntry) -> R,
    ) -> Result<Option<R>> {
        let mut key = None;
        let mut read;
        let mut node = &self.node;
        for depth in 0..=DEPTH_LIMIT {
            match node {
                Node::Leaf(frames) => return Ok(frames.iter().find(|frame| *frame.name == *name).map(look)),
                Node::Branch(children) => {
                    match &children[digit(*key.get_or_insert_with(|| hash(name.as_bytes())), depth)] {
                        Some(child) => {
                            read = Node::read(source, child)?;
                            node = &read;
                        }
                        None => return Ok(None),
                    }
                }
            }
        }
        Err(damaged(RecordKind::Directory, "branches below each other without end"))
    }

    /// All frames, in no particular order; `visit` sees each directory record on the way.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn list(
        &self,
        source: &impl RecordSource,
        mut visit: impl FnMut(&RecordReference),
    ) -> Result<Vec<FrameEntry>> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![self.node.clone()];
        while let Some(node) = open.pop() {
            match node {
                Node::Leaf(frames) => found.extend(frames),
                Node::Branch(children) => {
                    for child in children.iter().flatten() {
                        if !seen.insert(child.offset) {
                            return Err(damaged(RecordKind::Directory, "one node in two places"));
                        }
                        let node = Node::read(source, child)?;
                        // Only now: what was not read and checked may be of any length.
                        visit(child);
                        open.push(node);
                    }
                }
            }
        }
        if found.len() as u64 == self.frames {
            Ok(found)
        } else {
            Err(damaged(RecordKind::Root, "another number of frames than it has"))
        }
    }

    /// The root after `changes` (one per name), whose new nodes are written into `sink`; this one stays as it is.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`], or an error of the sink.
    pub fn changed<'n>(
        &self,
        source: &impl RecordSource,
        sink: &mut impl NodeSink,
        changes: impl IntoIterator<Item = Change<'n>>,
    ) -> Result<Self> {
        let mut difference = 0;
        let changes = changes.into_iter();
        let node = match &self.node {
            // Names need no hash there.
            Node::Leaf(frames) => change_leaf(frames, changes, sink, 0, &mut difference)?,
            branch => {
                let hashed = changes.map(|change| (hash(change.name.as_bytes()), change)).collect();
                branch.changed(source, sink, hashed, 0, &mut difference)?
            }
        };
        let frames = self.frames.saturating_add_signed(difference);
        let Self { heap_end, next_generation, token, .. } = *self;
        Ok(Self { frames, heap_end, next_generation, token, node })
    }
}

type HashedChange<'n> = (u64, Change<'n>);

impl Node {
    fn read(source: &impl RecordSource, reference: &RecordReference) -> Result<Self> {
        let node =
            Self::parse(record::open(source, RecordKind::Directory, reference)?, RecordKind::Directory)?;
        node.check_versions(RecordKind::Directory, reference.version)?;
        Ok(node)
    }

    /// Refuses references to what was written after the node itself.
    fn check_versions(&self, kind: RecordKind, version: u64) -> Result<()> {
        let later = match self {
            Self::Leaf(frames) => {
                frames.iter().any(|frame| frame.layout.version.max(frame.state.version) > version)
            }
            Self::Branch(children) => children.iter().flatten().any(|child| child.version > version),
        };
        if later { Err(damaged(kind, "parts of a later version")) } else { Ok(()) }
    }

    fn parse(mut body: Body, kind: RecordKind) -> Result<Self> {
        let head: NodeBody = body.take()?;
        let node = match head.kind {
            LEAF => Self::Leaf(parse_leaf(&mut body, head.items, kind)?),
            BRANCH => {
                if head.items >> CHILDREN != 0 {
                    return Err(damaged(kind, "a digit that is out of range"));
                }
                let mut children = Box::new([None; CHILDREN]);
                let items = body.take_items::<BranchItem>(head.items.count_ones())?;
                let digits = (0..CHILDREN).filter(|digit| head.items >> digit & 1 == 1);
                for (digit, item) in digits.zip(items) {
                    children[digit] = Some(item.node);
                }
                Self::Branch(children)
            }
            _ => return Err(damaged(kind, "a node of an unknown kind")),
        };
        body.finish()?;
        Ok(node)
    }

    fn push_to(&self, draft: &mut Draft) {
        match self {
            Self::Leaf(frames) => {
                draft.push(&NodeBody { kind: LEAF, items: frames.len() as u32 });
                for FrameEntry { name, layout, state } in frames {
                    draft.push(&LeafItem { layout: *layout, state: *state, name_length: name.len() as u64 });
                }
                for frame in frames {
                    draft.push_bytes(frame.name.as_bytes());
                }
            }
            Self::Branch(children) => {
                let present = (0..CHILDREN).filter(|digit| children[*digit].is_some());
                draft.push(&NodeBody { kind: BRANCH, items: present.map(|digit| 1 << digit).sum() });
                for node in children.iter().flatten() {
                    draft.push(&BranchItem { node: *node });
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(frames) => frames.is_empty(),
            Self::Branch(children) => children.iter().all(Option::is_none),
        }
    }

    fn changed(
        &self,
        source: &impl RecordSource,
        sink: &mut impl NodeSink,
        changes: Vec<HashedChange<'_>>,
        depth: u32,
        difference: &mut i64,
    ) -> Result<Self> {
        match self {
            Self::Leaf(frames) => {
                let changes = changes.into_iter().map(|(_, change)| change);
                change_leaf(frames, changes, sink, depth, difference)
            }
            Self::Branch(children) => {
                let mut children = children.clone();
                let mut groups: [Vec<HashedChange<'_>>; CHILDREN] = Default::default();
                for change in changes {
                    groups[digit(change.0, depth)].push(change);
                }
                for (child, group) in children.iter_mut().zip(groups) {
                    if group.is_empty() {
                        continue;
                    }
                    let before = match child {
                        Some(reference) => {
                            let before = Self::read(source, reference)?;
                            sink.discard(reference);
                            before
                        }
                        None => Self::Leaf(Vec::new()),
                    };
                    let after = before.changed(source, sink, group, depth + 1, difference)?;
                    *child = after.write(sink)?;
                }
                let branch = Self::Branch(children);
                Ok(if branch.is_empty() { Self::Leaf(Vec::new()) } else { branch })
            }
        }
    }

    /// Writes the node; nothing for an empty one.
    fn write(&self, sink: &mut impl NodeSink) -> Result<Option<RecordReference>> {
        if self.is_empty() {
            return Ok(None);
        }
        let mut draft = Draft::with_capacity(CHILDREN * size_of::<LeafItem>());
        self.push_to(&mut draft);
        sink.write(RecordKind::Directory, draft.finish()).map(Some)
    }
}

/// The node after changes to a leaf.
fn change_leaf<'n>(
    frames: &[FrameEntry],
    changes: impl Iterator<Item = Change<'n>>,
    sink: &mut impl NodeSink,
    depth: u32,
    difference: &mut i64,
) -> Result<Node> {
    let mut frames = frames.to_vec();
    for change in changes {
        change_frame(&mut frames, change, difference);
    }
    split(frames, sink, depth)
}

fn change_frame(frames: &mut Vec<FrameEntry>, change: Change<'_>, difference: &mut i64) {
    let at = frames.iter().position(|frame| frame.name == *change.name);
    match (at, change.records) {
        (Some(at), Some((layout, state))) => (frames[at].layout, frames[at].state) = (layout, state),
        (None, Some((layout, state))) => {
            frames.push(FrameEntry { name: Arc::clone(change.name), layout, state });
            *difference += 1;
        }
        (Some(at), None) => {
            frames.swap_remove(at);
            *difference -= 1;
        }
        (None, None) => {}
    }
}

/// A leaf, or a branch over leaves where there are too many frames for one.
fn split(frames: Vec<FrameEntry>, sink: &mut impl NodeSink, depth: u32) -> Result<Node> {
    if frames.len() <= LEAF_LIMIT || depth >= DEPTH_LIMIT {
        return Ok(Node::Leaf(frames));
    }
    let mut groups: [Vec<FrameEntry>; CHILDREN] = Default::default();
    for frame in frames {
        groups[digit(hash(frame.name.as_bytes()), depth)].push(frame);
    }
    let mut children = Box::new([None; CHILDREN]);
    for (child, group) in children.iter_mut().zip(groups) {
        *child = split(group, sink, depth + 1)?.write(sink)?;
    }
    Ok(Node::Branch(children))
}

fn digit(key: u64, depth: u32) -> usize {
    ((key >> (depth * BITS)) & (CHILDREN as u64 - 1)) as usize
}

fn parse_leaf(body: &mut Body, items: u32, kind: RecordKind) -> Result<Vec<FrameEntry>> {
    let items: Vec<LeafItem> = body.take_items(items)?;
    let mut frames = Vec::with_capacity(items.len());
    for LeafItem { layout, state, name_length } in items {
        let length = usize::try_from(name_length).unwrap_or(usize::MAX);
        let name = std::str::from_utf8(body.take_bytes(length)?);
        let name = name.map_err(|cause| damaged(kind, "a frame name that is not UTF-8").because(cause))?;
        check_frame_name(name).map_err(|cause| damaged(kind, "an invalid frame name").because(cause))?;
        frames.push(FrameEntry { name: name.into(), layout, state });
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::seal;
    use std::collections::BTreeMap;

    /// A heap of records that remembers which ones the newest version covers.
    #[derive(Default)]
    struct Heap {
        bytes: Vec<u8>,
        covered: BTreeSet<u64>,
    }

    impl RecordSource for Heap {
        fn copy_out(&self, offset: u64, length: u64) -> Result<Vec<u8>> {
            let range = offset as usize..(offset.saturating_add(length)) as usize;
            self.bytes.get(range).map(<[u8]>::to_vec).ok_or_else(|| damaged(RecordKind::Root, "outside"))
        }
    }

    #[derive(Default)]
    struct Staged {
        start: u64,
        bytes: Vec<u8>,
        written: Vec<u64>,
        discarded: Vec<u64>,
    }

    impl NodeSink for Staged {
        fn write(&mut self, kind: RecordKind, mut draft: Vec<u8>) -> Result<RecordReference> {
            let offset = self.start + self.bytes.len() as u64;
            let reference = seal(kind, 1, 1, offset, &mut draft);
            draft.resize(draft.len().next_multiple_of(64), 0);
            self.bytes.extend_from_slice(&draft);
            self.written.push(offset);
            Ok(reference)
        }
        fn discard(&mut self, reference: &RecordReference) {
            self.discarded.push(reference.offset);
        }
    }

    impl Heap {
        fn commit(&mut self, root: &mut Root, changes: Vec<Change<'_>>) -> usize {
            let mut staged = Staged { start: self.bytes.len() as u64, ..Staged::default() };
            *root = root.changed(self, &mut staged, changes).unwrap();
            self.bytes.extend_from_slice(&staged.bytes);
            for offset in staged.discarded {
                assert!(self.covered.remove(&offset), "a record that was not covered is discarded");
            }
            self.covered.extend(&staged.written);
            let mut walked = BTreeSet::new();
            root.list(self, |node| {
                walked.insert(node.offset);
            })
            .unwrap();
            assert_eq!(walked, self.covered, "the walk sees exactly what was written and not discarded");
            staged.written.len()
        }
    }

    fn reference(seed: u64) -> RecordReference {
        RecordReference { offset: seed * 64, length: 64, version: 1, epoch: 1, checksum: seed }
    }

    fn put(name: &Arc<str>, seed: u64) -> Change<'_> {
        Change { name, records: Some((reference(seed), reference(seed + 1))) }
    }

    #[test]
    fn directory_equals_a_map_after_any_changes() {
        let mut heap = Heap::default();
        let mut root = Root::empty();
        let mut model = BTreeMap::new();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for step in 0..600_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let name: Arc<str> = format!("frame {}", (random >> 33) % 150).into();
            let change = if random >> 62 == 0 {
                model.remove(&name);
                Change { name: &name, records: None }
            } else {
                model.insert(Arc::clone(&name), step);
                put(&name, step)
            };
            heap.commit(&mut root, vec![change]);
            assert_eq!(root.frames as usize, model.len());
        }
        for (name, seed) in &model {
            assert_eq!(root.find(&heap, name).unwrap().unwrap().layout, reference(*seed));
        }
        assert_eq!(root.find(&heap, "no such frame").unwrap(), None);
        let removals = model.keys().map(|name| Change { name, records: None }).collect();
        heap.commit(&mut root, removals);
        assert_eq!(root.frames, 0);
        assert!(heap.covered.is_empty(), "an empty directory covers nothing");
    }

    #[test]
    fn commit_to_one_of_many_frames_rewrites_a_path() {
        let mut heap = Heap::default();
        let mut root = Root::empty();
        let names: Vec<Arc<str>> = (0..10_000).map(|n| format!("f{n}").into()).collect();
        heap.commit(&mut root, (0..).zip(&names).map(|(n, name)| put(name, n)).collect());
        let nodes = heap.covered.len();
        let written = heap.commit(&mut root, vec![put(&"f77".into(), 1)]);
        assert!(nodes > 1_000 && written <= 6, "{nodes} nodes, {written} rewritten");
    }

    #[test]
    fn root_record_survives_a_round_trip() {
        let token = Some(Token { value: u128::MAX - 7, version: 4 });
        let node = Node::Leaf(Vec::new());
        let mut root = Root { frames: 2, heap_end: 640, next_generation: 5, token, node };
        for name in ["a", "ä b"] {
            change_frame(leaf_of(&mut root), put(&name.into(), 3), &mut 0);
        }
        let mut bytes = root.to_draft(Vec::new());
        assert_eq!(bytes.len() as u64, root.record_length());
        let reference = seal(RecordKind::Root, 4, 1, 0, &mut bytes);
        let heap = Heap { bytes, covered: BTreeSet::new() };
        assert_eq!(Root::read(&heap, &reference).unwrap(), root);
        root.token = Some(Token { value: 0, version: 5 });
        let mut bytes = root.to_draft(Vec::new());
        let reference = seal(RecordKind::Root, 4, 1, 0, &mut bytes);
        let heap = Heap { bytes, covered: BTreeSet::new() };
        assert_eq!(Root::read(&heap, &reference).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }

    fn leaf_of(root: &mut Root) -> &mut Vec<FrameEntry> {
        match &mut root.node {
            Node::Leaf(frames) => frames,
            Node::Branch(_) => panic!("a leaf"),
        }
    }

    #[test]
    fn node_that_stands_in_two_places_is_an_error_not_a_hang() {
        let mut heap = Heap::default();
        let mut draft = Draft::with_capacity(0);
        Node::Leaf(Vec::new()).push_to(&mut draft);
        let mut bytes = draft.finish();
        let mut child = seal(RecordKind::Directory, 1, 1, 0, &mut bytes);
        for _ in 0..DEPTH_LIMIT {
            bytes.resize(bytes.len().next_multiple_of(64), 0);
            heap.bytes.extend_from_slice(&bytes);
            let mut draft = Draft::with_capacity(0);
            Node::Branch(Box::new([Some(child); CHILDREN])).push_to(&mut draft);
            bytes = draft.finish();
            child = seal(RecordKind::Directory, 1, 1, heap.bytes.len() as u64, &mut bytes);
        }
        heap.bytes.extend_from_slice(&bytes);
        let root = Root { node: Node::Branch(Box::new([Some(child); CHILDREN])), ..Root::empty() };
        assert_eq!(root.list(&heap, |_| {}).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }
}
