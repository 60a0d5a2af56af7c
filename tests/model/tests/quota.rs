//! What a quota allows, what it says when it is used up, and how a writer waits until there is space again.

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use shmframe::{Error, ErrorKind, Writer};
use shmframe_model::{Scratch, numbers};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the frame that the tests replace, and its rows.
const FRAME: u64 = 1 << 20;

fn put(writer: &mut Writer) -> Result<u64, Error> {
    writer.put("t", &numbers(0, FRAME as usize / 8))
}

/// A writer whose quota leaves room for `frames` frames, and some 100 KiB for records.
fn with_room_for(scratch: &Scratch, frames: u64) -> Writer {
    let base = scratch.writer().create("base").unwrap();
    let quota = base.allocated_bytes() + frames * FRAME + (100 << 10);
    base.remove_segment().unwrap();
    let writer = scratch.writer().quota(quota).create("s").unwrap();
    assert_eq!(writer.quota(), Some(quota));
    writer
}

#[test]
fn used_up_quota_names_each_slot_and_what_it_alone_holds() {
    let scratch = Scratch::new();
    let mut writer = with_room_for(&scratch, 3);
    let quota = writer.quota().unwrap();
    let reader = scratch.reader().label("hoarder").open("s").unwrap();
    let mut held = Vec::new();
    let error = loop {
        match put(&mut writer) {
            Ok(_) => held.push(reader.snapshot().unwrap()),
            Err(error) => break error,
        }
        assert!(writer.allocated_bytes() <= quota);
    };
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
    assert_eq!(held.len(), 3);
    let holders = writer.holders();
    let [holder] = holders.as_slice() else { panic!("{holders:?}") };
    assert_eq!(holder.versions, [2, 3, 4]);
    assert!((2 * FRAME..2 * FRAME + (16 << 10)).contains(&holder.bytes), "all but the newest: {holder:?}");
    assert_eq!(holder.alone, holder.bytes, "nobody else holds any of it");
    let told = format!("\"hoarder\") holds {0} bytes by versions [2, 3, 4], {0} of them alone", holder.bytes);
    assert!(error.to_string().contains(&told), "{error} does not say {told}");
    assert!(error.to_string().contains(&format!("bytes in a row within a quota of {quota}")), "{error}");
    assert!(error.place().ends_with("s.shmf"), "{error}");
    // The last version stays, and what is let go of is room.
    assert_eq!(reader.snapshot().unwrap().version(), 4);
    assert_eq!(put(&mut writer).unwrap_err().kind(), ErrorKind::QuotaExceeded);
    held.remove(0);
    assert_eq!(put(&mut writer).unwrap(), 5);
    assert!(writer.allocated_bytes() <= quota);
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn quota_that_another_writer_raised_stays_at_the_next_turn() {
    let scratch = Scratch::new();
    let mut first = scratch.writer().several_writers().quota(8 << 20).history(2).create("s").unwrap();
    put(&mut first).unwrap();
    let mut second = scratch.writer().several_writers().quota(64 << 20).history(5).open("s").unwrap();
    put(&mut second).unwrap();
    put(&mut first).unwrap();
    assert_eq!(first.quota(), Some(64 << 20));
    put(&mut second).unwrap();
    assert_eq!(second.quota(), Some(64 << 20));
    assert_eq!(scratch.files("s").publication().history, 5);
}

#[test]
fn wait_for_space_waits_for_its_turn_no_longer_than_asked() {
    let scratch = Scratch::new();
    let mut first = scratch.writer().several_writers().create("s").unwrap();
    let mut second = scratch.writer().several_writers().open("s").unwrap();
    let mut turn = first.begin().unwrap();
    turn.base_version().unwrap();
    assert_eq!(second.wait_for_space(1, Duration::ZERO).unwrap_err().kind(), ErrorKind::LeaseTaken);
    drop(turn);
    second.wait_for_space(1, Duration::ZERO).unwrap();
}

#[test]
fn what_two_slots_or_history_keep_nobody_holds_alone() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().history(2).create("s").unwrap();
    let reader = scratch.reader().open("s").unwrap();
    let mut held = Vec::new();
    // More versions than one slot has words, the first of them kept by a slot that holds nothing else.
    for _ in 0..50 {
        writer.put("t", &numbers(0, 1000)).unwrap();
        held.push(reader.snapshot().unwrap());
    }
    writer.put("t", &numbers(0, 1000)).unwrap();
    writer.trim(u64::MAX).unwrap();
    let holders = writer.holders();
    assert_eq!(holders.len(), 2, "{holders:?}");
    for holder in &holders {
        assert!(holder.alone <= holder.bytes, "{holder:?}");
    }
    // History keeps the version before the newest: its slot holds it, but not alone.
    let newest = holders.iter().find(|holder| holder.versions.contains(&51)).unwrap();
    assert!(newest.alone + 8000 <= newest.bytes, "{newest:?}");
    let others = holders.iter().find(|holder| !holder.versions.contains(&51)).unwrap();
    assert_eq!(others.alone, others.bytes, "{others:?}");
}

#[test]
fn bytes_of_one_frame_that_versions_of_two_slots_share_are_held_by_none_alone() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    writer.put("shared", &numbers(0, 10_000)).unwrap();
    let reader = scratch.reader().open("s").unwrap();
    let mut held = Vec::new();
    for _ in 0..49 {
        writer.put("t", &numbers(0, 10)).unwrap();
        held.push(reader.snapshot().unwrap());
    }
    writer.remove("shared").unwrap();
    writer.trim(u64::MAX).unwrap();
    for holder in writer.holders() {
        assert!(holder.bytes > 80_000 && holder.alone < 80_000, "{holder:?}");
    }
    // With one of the two gone the other holds it alone.
    held.pop();
    writer.trim(u64::MAX).unwrap();
    let holders = writer.holders();
    assert_eq!(holders.len(), 1, "{holders:?}");
    assert!(holders[0].alone > 80_000, "{holders:?}");
}

#[test]
fn wait_for_space_ends_when_a_reader_lets_go() {
    let scratch = Scratch::new();
    let mut writer = with_room_for(&scratch, 2);
    put(&mut writer).unwrap();
    let held = scratch.reader().open("s").unwrap().snapshot().unwrap();
    put(&mut writer).unwrap();
    // Time alone changes nothing.
    let error = writer.wait_for_space(FRAME, Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert!(error.to_string().contains("by versions [2]"), "{error}");
    let releaser = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        drop(held);
    });
    writer.wait_for_space(FRAME, Duration::from_secs(60)).unwrap();
    releaser.join().unwrap();
    put(&mut writer).unwrap();
}

#[test]
fn wait_for_space_fails_at_once_where_nobody_can_let_go() {
    let scratch = Scratch::new();
    let mut writer = with_room_for(&scratch, 1);
    put(&mut writer).unwrap();
    let error = writer.wait_for_space(2 * FRAME, Duration::from_secs(1000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    let error = writer.wait_for_space(1 << 40, Duration::from_secs(1000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

/// Readers could let go of what they hold, and nothing would be free.
#[test]
fn wait_for_space_fails_at_once_where_history_holds_what_is_missing() {
    let scratch = Scratch::new();
    drop(with_room_for(&scratch, 3));
    let mut writer = scratch.writer().history(2).open("s").unwrap();
    put(&mut writer).unwrap();
    let _held = scratch.reader().open("s").unwrap().snapshot().unwrap();
    put(&mut writer).unwrap();
    let error = writer.wait_for_space(2 * FRAME, Duration::from_secs(1000)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    let history = writer.stats().unwrap().pinned;
    assert!((FRAME..FRAME + (16 << 10)).contains(&history), "{history}");
    assert!(error.to_string().contains(&format!("history holds {history} bytes")), "{error}");
    // With the next commit it is the reader's alone: then time may help.
    put(&mut writer).unwrap();
    let error = writer.wait_for_space(2 * FRAME, Duration::from_millis(20)).unwrap_err();
    assert!(error.to_string().contains("by versions [2]"), "{error}");
}

/// Whether the quota is just enough, nearly so, or too small.
#[test]
fn what_was_waited_for_can_be_put_down_to_the_last_page_of_the_quota() {
    let scratch = Scratch::new();
    let frame = wide(50);
    for rows in [1, 4000] {
        let frame = frame.slice(0, rows);
        let mut base = scratch.writer().create("base").unwrap();
        crowd(&mut base);
        let before = base.allocated_bytes();
        base.put("wide", &frame).unwrap();
        let bytes =
            scratch.reader().open("base").unwrap().snapshot().unwrap().frame("wide").unwrap().num_bytes();
        base.remove_segment().unwrap();
        let (mut had, mut refused) = (0, 0);
        for pages in 0..40 {
            let mut writer = scratch.writer().quota(before + bytes + pages * 4096).create("s").unwrap();
            crowd(&mut writer);
            match writer.wait_for_space(bytes, Duration::ZERO) {
                Ok(()) => drop(writer.put("wide", &frame).unwrap_or_else(|error| panic!("{pages}: {error}"))),
                Err(_) => refused += 1,
            }
            had += u64::from(writer.version() == 3);
            writer.remove_segment().unwrap();
        }
        assert!(had > 0 && refused > 0, "{had} were put, {refused} refused");
    }
}

/// Many other frames, so that a way in the directory is long.
fn crowd(writer: &mut Writer) {
    let mut transaction = writer.begin().unwrap();
    for number in 0..500 {
        transaction.put(&format!("frame-{number}"), &numbers(0, 1)).unwrap();
    }
    assert_eq!(transaction.commit().unwrap(), 2);
}

/// 4000 rows of strings with nulls, three buffers each, under long names.
fn wide(columns: usize) -> RecordBatch {
    let column = |number: usize| {
        let value = |row: usize| (row % 7 != 3).then(|| format!("{}", row * number));
        let values: ArrayRef = Arc::new((0..4000).map(value).collect::<StringArray>());
        (format!("a column with a long name, number {number}"), values)
    };
    RecordBatch::try_from_iter((0..columns).map(column)).unwrap()
}

#[test]
fn quota_stays_with_the_segment_and_is_shown_in_it() {
    let scratch = Scratch::new();
    let size = nix::sys::statvfs::statvfs(scratch.path()).unwrap();
    let half = size.blocks() * size.fragment_size() / 2;
    drop(scratch.writer().create("s").unwrap());
    let files = scratch.files("s");
    assert_eq!(files.publication().quota, half, "unless asked otherwise");
    for (asked, expected) in [(Some(5 << 20), 5 << 20), (None, 5 << 20), (Some(u64::MAX), u64::MAX)] {
        let options = scratch.writer();
        let options = asked.map_or(options.clone(), |bytes| options.quota(bytes));
        let writer = options.open("s").unwrap();
        assert_eq!(writer.quota(), Some(expected).filter(|quota| *quota != u64::MAX));
        assert_eq!(files.publication().quota, expected);
    }
}

/// The least quota of a segment in `scratch`: its tables, 32 pages in reserve, and one for the root.
fn least(scratch: &Scratch) -> u64 {
    drop(scratch.writer().create("any").unwrap());
    let least = scratch.files("any").geometry().heap_offset() + 33 * 4096;
    scratch.writer().remove_segment("any").unwrap();
    least
}

#[test]
fn quota_below_what_an_empty_segment_takes_is_refused_and_the_least_is_named() {
    let scratch = Scratch::new();
    let least = least(&scratch);
    for quota in [0, 1 << 20, least - 1] {
        let error = scratch.writer().quota(quota).create("s").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(&format!("at least {least} bytes")), "{error}");
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    }
    drop(scratch.writer().quota(least).create("s").unwrap());
    for quota in [0, least - 1] {
        let error = scratch.writer().quota(quota).open("s").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().contains(&format!("at least {least} bytes")), "{error}");
        assert!(error.place().ends_with("s.shmf"), "{error}");
        assert_eq!(scratch.files("s").publication().quota, least, "it stays as it was");
    }
}

/// A quota that is raised helps at once, and one that is lowered takes nothing away: what is over it can be emptied.
#[test]
fn segment_that_is_over_its_quota_opens_and_can_be_emptied() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    for _ in 0..3 {
        put(&mut writer).unwrap();
    }
    drop(writer);
    let least = least(&scratch);
    let mut writer = scratch.writer().quota(least).open("s").unwrap();
    assert!(writer.allocated_bytes() > least);
    assert_eq!(put(&mut writer).unwrap_err().kind(), ErrorKind::QuotaExceeded, "its pages are unknown");
    let held = scratch.reader().open("s").unwrap().snapshot().unwrap();
    assert_eq!(held.version(), 4);
    drop(held);
    drop(writer);
    let mut writer = scratch.writer().quota(1 << 30).open("s").unwrap();
    assert_eq!(put(&mut writer).unwrap(), 5);
    drop(writer);
    let mut writer = scratch.writer().quota(least).open("s").unwrap();
    assert_eq!(writer.remove("t").unwrap(), 6);
    writer.trim(0).unwrap();
    assert!(writer.allocated_bytes() < least + (64 << 10), "{} of {least}", writer.allocated_bytes());
}

#[test]
fn space_beyond_all_numbers_is_refused() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("s").unwrap();
    for bytes in [u64::MAX, u64::MAX - 62, u64::MAX - 63] {
        let error = writer.wait_for_space(bytes, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
        let error = scratch.writer().prefault(bytes).create("other").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded);
    }
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}
