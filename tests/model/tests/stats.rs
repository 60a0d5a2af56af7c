//! What a writer tells in numbers adds up, and says who holds what; so does a look from outside.

use shmframe::{SlotPins, Stats, Writer};
use shmframe_model::{Scratch, numbers};
use std::time::Duration;

/// Checks what holds of all numbers.
fn add_up(writer: &mut Writer) -> Stats {
    let audit = writer.audit().unwrap();
    let stats = writer.stats().unwrap();
    let free: u64 = audit.recovered.iter().map(|range| range.end - range.start).sum();
    assert_eq!(stats.allocated, writer.allocated_bytes());
    assert_eq!(stats.version, writer.version());
    assert_eq!(stats.quota, writer.quota());
    // Bytes in use, and free ones with pages, have pages; free ones without have none.
    assert!(stats.live + stats.pinned + stats.free <= stats.allocated, "{stats:?}");
    assert!(stats.free <= free, "{stats:?}");
    for slot in &stats.slots {
        assert!(slot.alone <= slot.bytes && slot.bytes <= stats.pinned, "{stats:?}");
    }
    stats
}

#[test]
fn bytes_move_from_live_to_pinned_to_free() {
    const FRAME: u64 = 1 << 20;
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    let empty = add_up(&mut writer);
    assert_eq!((empty.version, empty.commits, empty.pinned), (1, 1, 0));
    assert_eq!(empty.slots, []);
    let batch = numbers(0, FRAME as usize / 8);
    writer.put("t", &batch).unwrap();
    let first = add_up(&mut writer);
    assert!((FRAME..FRAME + 8192).contains(&(first.live - empty.live)), "{first:?}");
    let reader = scratch.reader().label("holder").open("s").unwrap();
    let held = reader.snapshot().unwrap();
    writer.put("t", &batch).unwrap();
    writer.trim(u64::MAX).unwrap();
    let second = add_up(&mut writer);
    assert_eq!((second.version, second.commits), (3, 3));
    assert!(second.live.abs_diff(first.live) < 1024, "{second:?}");
    assert!((FRAME..FRAME + 8192).contains(&second.pinned), "{second:?}");
    let [slot] = second.slots.as_slice() else { panic!("{second:?}") };
    assert_eq!((slot.label.as_str(), slot.pid), ("holder", u64::from(std::process::id())));
    assert_eq!((slot.versions.as_slice(), slot.bytes, slot.alone), (&[2][..], second.pinned, second.pinned));
    drop(held);
    writer.trim(u64::MAX).unwrap();
    let third = add_up(&mut writer);
    assert_eq!(third.pinned, 0, "{third:?}");
    assert_eq!(third.free, second.free + second.pinned, "{third:?}");
    // The slot is there as long as its reader, and holds nothing.
    assert_eq!(third.slots.iter().map(|slot| slot.bytes).sum::<u64>(), 0);
    assert!(third.slots.iter().all(|slot| slot.versions.is_empty()));
    assert_eq!(third.slots_reaped, 0);
}

#[test]
fn recovery_and_wakes_are_counted() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    for frame in 0..200 {
        writer.put(&format!("frame-{frame}"), &numbers(0, 100)).unwrap();
    }
    drop(writer);
    let mut writer = scratch.writer().open("s").unwrap();
    let opened = add_up(&mut writer);
    assert!(opened.recovery > Duration::ZERO, "{opened:?}");
    assert_eq!((opened.version, opened.commits), (201, 0), "the commits of this writer");
    let reader = scratch.reader().open("s").unwrap();
    let waiting = std::thread::spawn(move || reader.wait_newer(201, Duration::from_secs(60)).unwrap());
    // Until it waits no commit wakes anybody.
    let mut commits = 0;
    while writer.stats().unwrap().wakes == opened.wakes && !waiting.is_finished() {
        writer.put("t", &numbers(0, 1)).unwrap();
        commits += 1;
    }
    waiting.join().unwrap();
    assert_eq!(writer.stats().unwrap().commits, commits);
}

#[test]
fn look_from_outside_sees_pins_and_changes_nothing() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    let segment = scratch.reader().look_at("s").unwrap();
    assert_eq!(segment.pins().unwrap(), []);
    let reader = scratch.reader().label("holder").open("s").unwrap();
    writer.put("t", &numbers(0, 10)).unwrap();
    let first = reader.snapshot().unwrap();
    writer.put("t", &numbers(0, 10)).unwrap();
    let second = reader.snapshot().unwrap();
    let pins = segment.pins().unwrap();
    let [SlotPins { slot, pid, label, since, alive, versions }] = pins.as_slice() else { panic!("{pins:?}") };
    assert_eq!((*slot, *pid, label.as_str()), (0, u64::from(std::process::id()), "holder"));
    assert_eq!(versions, &[2, 3]);
    assert!(*alive && *since > 0);
    // It took no slot, and keeps nothing.
    drop((first, second));
    let left = segment.pins().unwrap();
    assert!(left.iter().all(|slot| slot.versions.is_empty()), "{left:?}");
    drop(reader);
    assert_eq!(segment.pins().unwrap(), []);
    writer.remove_segment().unwrap();
    assert_eq!(scratch.reader().look_at("s").unwrap_err().kind(), shmframe::ErrorKind::Missing);
    assert_eq!(segment.pins().unwrap(), [], "a segment that was removed meanwhile");
}
