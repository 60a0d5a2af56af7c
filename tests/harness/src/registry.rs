//! A look at the reader registry from outside: the pin words as they stand in the file.

use crate::place::Place;
use shmframe_format::geometry::PAGE_SIZE;
use shmframe_format::header::{Header, Role};
use shmframe_format::table::Slot;

/// The pin words of all slots that are not zero.
#[must_use]
pub fn pin_words(place: &Place, segment: &str) -> Vec<u64> {
    let directory = place.path().join(format!("{segment}.shmf"));
    let length = std::fs::metadata(directory.join("data")).unwrap().len();
    let data = std::fs::File::open(directory.join("data")).unwrap();
    let mut page = vec![0; PAGE_SIZE as usize];
    std::os::unix::fs::FileExt::read_exact_at(&data, &mut page, 0).unwrap();
    let header = Header::parse(&page, length, Role::Reader).unwrap();
    let registry = std::fs::read(directory.join("readers")).unwrap();
    let geometry = header.geometry();
    let slot_size = (geometry.slot_offset(1) - geometry.slot_offset(0)) as usize;
    let slots = (0..geometry.slots()).map(|slot| geometry.slot_offset(slot) as usize);
    let pins = slots.flat_map(|start| registry[start + size_of::<Slot>()..start + slot_size].chunks_exact(8));
    let pins = pins.map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
    pins.filter(|pin| *pin != 0).collect()
}
