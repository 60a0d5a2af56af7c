//! One way to damage a segment, drawn by a number.

use super::image::Image;
use shmframe_format::geometry::Geometry;
use shmframe_format::record::seal_entry;
use shmframe_format::table::{self, Entry, RecordReference};
use std::mem::offset_of;

/// A sequence of numbers (splitmix64), the same for the same seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// Damages the image; says how.
pub fn mutate(image: &mut Image, random: &mut Random) -> String {
    match random.below(16) {
        0 => header(image, random),
        1 => publication(image, random),
        2 => registry(image, random),
        3 => cut(image, random),
        4 | 5 => entry(image, random),
        6 => contents(image, random),
        7 => reference(image, random),
        8 => huge_record(image, random),
        9 => used_up(image, random),
        _ => record(image, random),
    }
}

/// A number that somebody may have forgotten.
fn number(image: &Image, random: &mut Random) -> u64 {
    let record = *image.records.keys().nth(random.below(image.records.len())).unwrap();
    let heap = image.geometry.heap_offset();
    match random.below(14) {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => u64::MAX - 63,
        4 => i64::MAX as u64,
        5 => u64::from(u32::MAX),
        6 => i32::MAX as u64,
        7 => 1 << 28,
        8 => image.geometry.capacity(),
        9 => image.geometry.capacity() - 64,
        10 => heap,
        11 => record,
        12 => 1 << random.below(64),
        _ => random.next(),
    }
}

/// Changes a word or a bit in `[start, start + length)`.
fn damage(image: &Image, random: &mut Random, bytes: &mut [u8]) -> String {
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => {
            let bit = 1 << random.below(8);
            bytes[at] ^= bit;
            format!("bit {bit:#x} of byte {at} flipped")
        }
        1 => {
            let at = at / 8 * 8;
            let word = &mut bytes[at..];
            let width = word.len().min(8);
            let before = word[..width].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
            let change = random.one(&[1_u64, u64::MAX, 64, 8, 1 << 32]);
            let after = before.wrapping_add(change);
            word[..width].copy_from_slice(&after.to_le_bytes()[..width]);
            format!("word {at} from {before:#x} to {after:#x}")
        }
        _ => {
            let size = random.one(&[8, 8, 4, 2, 1]);
            let at = at / size * size;
            let value = number(image, random);
            let width = size.min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
            format!("{width} bytes at {at} set to {value:#x}")
        }
    }
}

fn damage_data(image: &mut Image, random: &mut Random, start: usize, length: usize) -> String {
    let mut bytes = image.data[start..start + length].to_vec();
    let mut what = damage(image, random, &mut bytes);
    if random.below(4) == 0 {
        what += &format!(", {}", damage(image, random, &mut bytes));
    }
    image.data[start..start + length].copy_from_slice(&bytes);
    what
}

fn header(image: &mut Image, random: &mut Random) -> String {
    let what = damage_data(image, random, 8, size_of::<table::Header>() - 16);
    let mended = random.below(4) > 0;
    if mended {
        image.mend_header();
    }
    format!("header: {what}, mended {mended}")
}

fn publication(image: &mut Image, random: &mut Random) -> String {
    let start = image.geometry.publication_offset() as usize;
    let field = random.one(&[
        offset_of!(table::Publication, latest),
        offset_of!(table::Publication, floor),
        offset_of!(table::Publication, state),
        offset_of!(table::Publication, epoch),
        offset_of!(table::Publication, history),
        offset_of!(table::Publication, trims),
        offset_of!(table::Publication, writer_label),
    ]);
    format!("publication block, field at {field}: {}", damage_data(image, random, start + field, 8))
}

fn registry(image: &mut Image, random: &mut Random) -> String {
    let mut bytes = std::mem::take(&mut image.readers);
    let slots = Geometry::slot_size() as usize * image.geometry.slots() as usize;
    let (start, length) = random.one(&[(0, 256), (4096, slots), (4096, slots)]);
    let mut what = String::new();
    for _ in 0..1 + random.below(20) {
        what += &format!("{}, ", damage(image, random, &mut bytes[start..start + length]));
    }
    if random.below(10) == 0 {
        let length = random.one(&[0, 100, 4096, 5000]);
        bytes.truncate(length);
        what += &format!("cut to {length}");
    }
    image.readers = bytes;
    format!("registry: {what}")
}

fn cut(image: &mut Image, random: &mut Random) -> String {
    let heap = image.geometry.heap_offset();
    let used = image.data.len() as u64;
    let random_place = random.next() % used;
    image.length =
        random.one(&[0, 100, 4096, 5000, 8192, heap, heap + 64, used, used + 4096, 1 << 40, random_place]);
    format!("cut to {}", image.length)
}

fn entry(image: &mut Image, random: &mut Random) -> String {
    let place = random.one(&image.entries);
    let before: Entry = image.get(place);
    let what = damage_data(image, random, place, size_of::<Entry>());
    let mended = random.below(4) > 0;
    if mended {
        let entry = seal_entry(image.get(place));
        image.set(place, &entry);
    }
    format!("entry of version {}: {what}, mended {mended}", before.version)
}

/// Bytes of buffers: no checksum covers them.
fn contents(image: &mut Image, random: &mut Random) -> String {
    let start = image.geometry.heap_offset() as usize;
    let (count, mut last) = (50 + random.below(500), String::new());
    for _ in 0..count {
        let at = start + random.below(image.data.len() - start - 64);
        let in_record = image.records.range(..=at as u64).next_back().is_some_and(|(record, _)| {
            at as u64 - record < image.get::<table::RecordHeader>(*record as usize).length + 64
        });
        if !in_record {
            last = damage_data(image, random, at, 8);
        }
    }
    format!("contents of buffers, {count} times, at last {last}")
}

fn some_record(image: &Image, random: &mut Random) -> u64 {
    *image.records.keys().nth(random.below(image.records.len())).unwrap()
}

/// A record, with checksums that fit, more often than not.
fn record(image: &mut Image, random: &mut Random) -> String {
    let record = some_record(image, random);
    let head: table::RecordHeader = image.get(record as usize);
    let body = random.below(8) > 0;
    let (start, length) = if body { (64, head.length as usize - 64) } else { (0, 56) };
    let what = damage_data(image, random, record as usize + start, length.max(1));
    let mended = random.below(8) > 0;
    if mended {
        image.mend(record);
    }
    format!("record of kind {} at {record}, from byte {start}: {what}, mended {mended}", head.kind)
}

/// One reference in place of another: a record in two places, of another kind, or above itself.
fn reference(image: &mut Image, random: &mut Random) -> String {
    use super::image::Parent;
    let places: Vec<(u64, usize)> = image
        .records
        .values()
        .flatten()
        .filter_map(|parent| match parent {
            Parent::Reference { record, place } => Some((*record, *place)),
            Parent::Entry(_) => None,
        })
        .collect();
    let ((record, to), (_, from)) = (random.one(&places), random.one(&places));
    let stolen: RecordReference = image.get(from);
    image.set(to, &stolen);
    image.mend(record);
    format!("reference at {to} is the one at {from}")
}

/// A record that claims more than it has, with a checksum over the hole behind it.
fn huge_record(image: &mut Image, random: &mut Random) -> String {
    let record = some_record(image, random);
    let mut head: table::RecordHeader = image.get(record as usize);
    head.length = random.one(&[65 << 10, 1 << 20, 4 << 20, 16 << 20, 1 << 28, 1 << 29]);
    image.set(record as usize, &head);
    image.mend(record);
    format!("record of kind {} at {record} claims {} bytes", head.kind, head.length)
}

/// Numbers that only grow, at their end: the next one would be 0.
fn used_up(image: &mut Image, random: &mut Random) -> String {
    let place = *image.entries.iter().max_by_key(|place| image.get::<Entry>(**place).version).unwrap();
    let mut newest: Entry = image.get(place);
    let (root, publication) = (newest.root_offset, image.geometry.publication_offset() as usize);
    let body = root as usize + size_of::<table::RecordHeader>();
    let left = random.below(3) as u64;
    let last = u64::MAX - left;
    match random.below(3) {
        0 => image.set(publication + offset_of!(table::Publication, epoch), &last),
        1 => {
            image.set(body + offset_of!(table::RootBody, next_generation), &last);
            image.mend(root);
        }
        _ => {
            // The ring holds a version at its own place.
            let ring = image.geometry.ring_offset() as usize;
            image.set(place, &<Entry as bytemuck::Zeroable>::zeroed());
            newest.version = last;
            image.set(root as usize + offset_of!(table::RecordHeader, version), &last);
            image.move_entry(root, ring + (last % 64) as usize * size_of::<Entry>(), newest);
            image.set(publication + offset_of!(table::Publication, latest), &last);
        }
    }
    format!("a number that is used up, but for {left}")
}
