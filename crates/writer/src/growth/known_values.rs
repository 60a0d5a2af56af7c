//! Which values a growing dictionary has: kept by the writer for each frame and column, since new rows name values, and the
//! segment keeps keys.
//!
//! What is known of a dictionary is used only while it stands at the same place with as many values; else it is read again.

use super::last::{Last, StandingNode};
use crate::layout::source::{self, Offsets};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use shmframe_segment::FrameRecords;
use std::collections::{BTreeMap, HashMap};

/// The values of a dictionary as it stands.
#[derive(Debug, Default)]
pub(crate) struct KnownValues {
    /// The generation of the frame, and where the first buffer of the values stands.
    place: (u64, u64),
    /// How many values there are; some may be there twice.
    pub(super) count: u64,
    pub(super) key_of: HashMap<Box<[u8]>, u64>,
}

/// Those of one frame, by their node in a plan of its rows.
pub(crate) type FrameValues = BTreeMap<usize, KnownValues>;

/// The values of the newest version's dictionaries, as far as this writer knows them, for one epoch.
#[derive(Debug, Default)]
pub(crate) struct Dictionaries {
    epoch: u64,
    frames: BTreeMap<String, FrameValues>,
}

impl Dictionaries {
    /// What is known under `epoch`: nothing, if it was learned under another one.
    pub(crate) fn under(&mut self, epoch: u64) -> &mut Self {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.frames.clear();
        }
        self
    }
}

/// The values that a transaction knows: what it changes, others know once it is committed.
pub(crate) struct KnownDictionaries<'w> {
    pub(crate) published: &'w mut Dictionaries,
    changed: BTreeMap<String, FrameValues>,
}

impl<'w> KnownDictionaries<'w> {
    pub(crate) fn new(published: &'w mut Dictionaries) -> Self {
        Self { published, changed: BTreeMap::new() }
    }

    /// Takes what is known of a frame, to change it. If it is not brought back, it is known no more.
    pub(crate) fn take(&mut self, frame: &str) -> FrameValues {
        let changed = self.changed.remove(frame);
        changed.or_else(|| self.published.frames.remove(frame)).unwrap_or_default()
    }

    /// Forgets what is known of a frame that goes.
    pub(crate) fn forget(&mut self, frame: &str) {
        self.changed.remove(frame);
        self.published.frames.remove(frame);
    }

    pub(crate) fn bring_back(&mut self, frame: &str, values: FrameValues) {
        if !values.is_empty() {
            self.changed.insert(frame.to_owned(), values);
        }
    }

    /// Notes that what was changed is visible.
    pub(crate) fn publish(self) {
        if !self.changed.is_empty() {
            self.published.frames.extend(self.changed);
        }
    }
}

/// What is known of a frame's dictionaries, and what its rows add to them.
pub(super) struct Learned<'v> {
    pub(super) generation: u64,
    pub(super) known: &'v mut FrameValues,
    pub(super) added: Vec<AddedValues>,
}

/// What rows add to a dictionary.
pub(super) struct AddedValues {
    /// Its node in the plan of the rows.
    pub(super) node: usize,
    pub(super) base: Base,
    /// The first buffer of the values, in the chunk as it will be.
    pub(super) buffer: usize,
    pub(super) values: Vec<Box<[u8]>>,
}

/// What values are added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The dictionary that stands there.
    Standing,
    /// A new one.
    Nothing,
}

impl Learned<'_> {
    /// The values of a dictionary that stands there; `read` reads them if they are not known.
    pub(super) fn of(
        &mut self,
        node: usize,
        (last, standing): (&Last<'_>, &StandingNode),
        read: impl FnOnce() -> shmframe_format::Result<ArrayRef>,
    ) -> shmframe_format::Result<()> {
        let place = last.buffer(standing.buffers.start).map_or(0, |buffer| buffer.place.offset);
        let place = (self.generation, place);
        let is_same = |known: &KnownValues| known.place == place && known.count == standing.item.length;
        if !self.known.get(&node).is_some_and(is_same) {
            let values = read()?;
            let mut known = KnownValues { place, ..KnownValues::default() };
            let bytes = ValueBytes::of(&values);
            known.add((0..values.len()).map(|index| bytes.at(index).into()));
            self.known.insert(node, known);
        }
        Ok(())
    }

    /// Notes what was added, once it stands in the frame.
    pub(super) fn note(self, frame: &FrameRecords) {
        for AddedValues { node, base, buffer, values } in self.added {
            let known = self.known.entry(node).or_default();
            if base == Base::Nothing {
                *known = KnownValues::default();
            }
            let place = frame.last_buffer(buffer).map_or(0, |(place, _)| place.offset);
            known.place = (self.generation, place);
            known.add(values.into_iter());
        }
    }
}

impl KnownValues {
    fn add(&mut self, values: impl Iterator<Item = Box<[u8]>>) {
        for value in values {
            self.key_of.entry(value).or_insert(self.count);
            self.count += 1;
        }
    }
}

/// The bytes of the values of an array of a type that values of a growing dictionary may have.
pub(super) enum ValueBytes<'a> {
    Fixed(&'a [u8], usize),
    Strings(Offsets<'a>, &'a [u8]),
    Views(&'a ArrayRef),
}

impl<'a> ValueBytes<'a> {
    pub(super) fn of(values: &'a ArrayRef) -> Self {
        match values.data_type() {
            DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => {
                Self::Strings(source::offsets(values), source::bytes(values))
            }
            DataType::Utf8View | DataType::BinaryView => Self::Views(values),
            DataType::FixedSizeBinary(width) => {
                let width = *width as usize;
                Self::Fixed(source::fixed(values, width), width)
            }
            data_type => {
                let width = data_type.primitive_width().unwrap_or(0);
                Self::Fixed(source::fixed(values, width), width)
            }
        }
    }

    pub(super) fn at(&self, index: usize) -> &'a [u8] {
        match *self {
            Self::Fixed(bytes, width) => &bytes[index * width..][..width],
            Self::Strings(offsets, bytes) => {
                let first = offsets.at(0);
                &bytes[offsets.at(index) - first..offsets.at(index + 1) - first]
            }
            Self::Views(values) => match values.data_type() {
                DataType::Utf8View => values.as_string_view().value(index).as_bytes(),
                _ => values.as_binary_view().value(index),
            },
        }
    }
}
