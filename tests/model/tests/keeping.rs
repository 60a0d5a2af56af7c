//! What is kept of growing frames: the last rows, and one run for each column.

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use shmframe::{ErrorKind, Frame, Reader, Since, Writer, arrow};
use shmframe_format::directory::Root;
use shmframe_format::frame::Layout;
use shmframe_format::record::{RecordSource, check_entry};
use shmframe_model::{Files, Scratch};
use std::sync::Arc;

fn schema() -> Arc<Schema> {
    let item = Arc::new(Field::new_list_field(DataType::Int64, true));
    Arc::new(Schema::new(vec![
        Field::new("row", DataType::Int64, false),
        Field::new("half", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("list", DataType::List(item), true),
    ]))
}

/// Rows with these numbers; every seventh number is missing if `nulls`.
fn rows(numbers: std::ops::Range<i64>, nulls: bool) -> RecordBatch {
    let valid = |row: i64| !(nulls && row % 7 == 0);
    let lists = numbers.clone().map(|row| valid(row).then(|| (0..row % 4).map(Some).collect::<Vec<_>>()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(numbers.clone())),
        Arc::new(numbers.clone().map(|row| valid(row).then_some(row as f64 / 2.0)).collect::<Float64Array>()),
        Arc::new(numbers.map(|row| valid(row).then(|| format!("row {row}"))).collect::<StringArray>()),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

struct Feed {
    scratch: Scratch,
    writer: Writer,
    reader: Reader,
}

fn feed() -> Feed {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().capacity(1 << 40).create("feed").unwrap();
    writer.watch().unwrap();
    let reader = scratch.reader().open("feed").unwrap();
    Feed { scratch, writer, reader }
}

impl Feed {
    fn frame(&self) -> Frame {
        self.reader.snapshot().unwrap().frame("frame").unwrap()
    }

    /// The frame has the rows from its first one up to `end`, and only those.
    fn check(&self, end: i64, nulls: bool) {
        let frame = self.frame();
        let first = frame.first_position().row() as i64;
        let found = concat_batches(&schema(), &frame.batches().unwrap()).unwrap();
        assert_eq!(found, rows(first..end, nulls));
        assert_eq!(frame.position().row() as i64, end);
    }
}

#[test]
fn last_rows_stay_and_up_to_63_more() {
    for (before, step, nulls) in [(0, 10, true), (500, 100, false), (20_001, 997, true), (20_032, 64, false)]
    {
        let mut feed = feed();
        feed.writer.put("frame", &rows(0..before, nulls)).unwrap();
        let mut end = before;
        for _ in 0..60 {
            let mut transaction = feed.writer.begin().unwrap();
            transaction.append("frame", &rows(end..end + step, nulls)).unwrap();
            transaction.keep_last("frame", 5000).unwrap();
            transaction.commit().unwrap();
            end += step;
            feed.check(end, nulls);
            let kept = feed.frame().num_rows();
            assert!(kept >= 5000.min(end as u64), "{kept} rows of {end}");
            let whole_chunks = feed.frame().first_position().row() == 0;
            assert!(kept < 5064 || whole_chunks, "{kept} rows of {end}");
        }
        let audit = feed.writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

/// Bytes of strings, which rows cannot be cut off, come free with their chunks.
#[test]
fn memory_of_a_frame_of_which_rows_are_dropped_does_not_grow() {
    let texts = |numbers: std::ops::Range<i64>| -> RecordBatch {
        let views =
            numbers.clone().map(|row| (row % 5 > 0).then(|| format!("a rather long text, number {row}")));
        let columns: [(&str, ArrayRef); 3] = [
            (
                "text",
                Arc::new(StringArray::from_iter_values(numbers.clone().map(|row| format!("row {row}")))),
            ),
            ("view", Arc::new(views.collect::<arrow::array::StringViewArray>())),
            ("row", Arc::new(Int64Array::from_iter_values(numbers))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    };
    let mut feed = feed();
    let (mut end, mut sizes) = (0, Vec::new());
    for _ in 0..400 {
        let mut transaction = feed.writer.begin().unwrap();
        transaction.append("frame", &texts(end..end + 1000)).unwrap();
        transaction.keep_last("frame", 40_000).unwrap();
        transaction.commit().unwrap();
        end += 1000;
        feed.writer.trim(0).unwrap();
        sizes.push(feed.writer.allocated_bytes());
    }
    let frame = feed.frame();
    let first = frame.first_position().row() as i64;
    let kept = concat_batches(&frame.schema(), &frame.batches().unwrap()).unwrap();
    assert_eq!(kept, texts(first..end));
    assert!(frame.batches().unwrap().len() <= 20, "{} batches", frame.batches().unwrap().len());
    let (early, late) = (sizes[100..200].iter().max().unwrap(), sizes[300..].iter().max().unwrap());
    let data: usize = kept.columns().iter().map(|column| column.get_buffer_memory_size()).sum();
    println!("{data} bytes of rows; {early}, then {late} bytes taken");
    assert!(late - (2 << 20) <= data as u64 * 13 / 10 + 4096 * 12, "{late} bytes for {data}");
    assert!(*late <= early + early / 8, "{early}, then {late}");
    let audit = feed.writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn rows_before_a_number_go_and_readers_of_older_versions_keep_them() {
    let mut feed = feed();
    feed.writer.put("frame", &rows(0..50_000, true)).unwrap();
    feed.writer.append("frame", &rows(50_000..60_000, true)).unwrap();
    let held = feed.frame();
    for row in [0, 63, 64, 49_999, 50_000, 50_063, 59_990] {
        feed.writer.drop_rows_before("frame", row).unwrap();
        feed.check(60_000, true);
        let first = feed.frame().first_position().row();
        assert!(first <= row && row - first < 64, "row {first}, {row} was asked for");
        assert_eq!(concat_batches(&schema(), &held.batches().unwrap()).unwrap(), rows(0..60_000, true));
    }
    drop(held);
    feed.writer.drop_rows_before("frame", u64::MAX).unwrap();
    feed.check(60_000, true);
    feed.writer.append("frame", &rows(60_000..60_003, true)).unwrap();
    feed.check(60_003, true);
    assert_eq!(feed.writer.keep_last("none", 1).unwrap_err().kind(), ErrorKind::FrameMissing);
}

/// Appends until the frame has several chunks: a partial word of bitmaps, then the first null.
fn several_chunks(feed: &mut Feed) -> i64 {
    feed.writer.put("frame", &rows(0..20_001, false)).unwrap();
    let mut end = 20_001;
    for nulls in [false, true, true] {
        let batch = rows(end..end + 1000, nulls);
        feed.writer.append("frame", &batch).unwrap();
        end += 1000;
    }
    end
}

#[test]
fn compact_frame_is_one_run_again_and_stays_the_same_frame() {
    let mut feed = feed();
    let end = several_chunks(&mut feed);
    let before = feed.frame();
    assert!(before.batches().unwrap().len() > 2);
    let position = before.position();
    let all = concat_batches(&schema(), &before.batches().unwrap()).unwrap();
    feed.writer.compact("frame").unwrap();
    let frame = feed.frame();
    assert_eq!(frame.batches().unwrap(), std::slice::from_ref(&all));
    assert_eq!(frame.column::<Int64Type>("row").unwrap().len() as i64, end);
    assert_eq!(frame.position(), position);
    feed.writer.append("frame", &rows(end..end + 5, true)).unwrap();
    let appended = feed.frame().appended_since(position).unwrap();
    assert_eq!(appended.since, Since::Continued);
    assert_eq!(concat_batches(&schema(), &appended.batches).unwrap(), rows(end..end + 5, true));
    assert_eq!(
        concat_batches(&schema(), &before.batches().unwrap()).unwrap(),
        all,
        "held rows are as they were"
    );
    drop(before);
    feed.writer.trim(0).unwrap();
    let audit = feed.writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
    assert_eq!(feed.writer.compact("none").unwrap_err().kind(), ErrorKind::FrameMissing);
}

/// The run that rows were dropped from is free at the commit, and the next frame may have it: what lay before the rows that were
/// kept is then that frame's.
#[test]
fn rows_dropped_from_a_run_that_goes_in_the_same_transaction_take_nobody_elses_pages() {
    let mut feed = feed();
    let frames: Vec<RecordBatch> = (0..4).map(|start| rows(start..60_000 + start, false)).collect();
    for (round, batch) in frames.iter().cycle().take(12).enumerate() {
        let mut transaction = feed.writer.begin().unwrap();
        transaction.put("passing", &frames[round % 3]).unwrap();
        transaction.keep_last("passing", 500).unwrap();
        match round % 3 {
            0 => transaction.remove("passing").unwrap(),
            1 => transaction.compact("passing").unwrap(),
            _ => transaction.put("passing", &frames[3]).unwrap(),
        }
        transaction.commit().unwrap();
        feed.writer.put("frame", batch).unwrap();
        feed.writer.trim(0).unwrap();
        let found = concat_batches(&schema(), &feed.frame().batches().unwrap()).unwrap();
        assert!(found == *batch, "round {round}");
        let audit = feed.writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

#[test]
fn compact_keeps_the_numbers_of_rows_after_some_were_dropped() {
    let mut feed = feed();
    let end = several_chunks(&mut feed);
    feed.writer.keep_last("frame", 10_000).unwrap();
    let first = feed.frame().first_position();
    feed.writer.compact("frame").unwrap();
    assert_eq!(feed.frame().first_position(), first);
    let found = concat_batches(&schema(), &feed.frame().batches().unwrap()).unwrap();
    assert_eq!(found.num_rows() as i64, end - first.row() as i64);
    // Few rows: the frame is small again, and is written anew by the next append.
    feed.writer.keep_last("frame", 100).unwrap();
    feed.writer.compact("frame").unwrap();
    feed.writer.append("frame", &rows(end..end + 1, true)).unwrap();
    assert_eq!(feed.frame().position().row() as i64, end + 1);
}

/// Twenty columns of numbers.
fn wide(numbers: std::ops::Range<i64>) -> RecordBatch {
    let column = |number: i64| -> (String, ArrayRef) {
        let values = numbers.clone().map(move |row| row * 20 + number);
        (format!("c{number}"), Arc::new(Int64Array::from_iter_values(values)))
    };
    RecordBatch::try_from_iter((0..20).map(column)).unwrap()
}

/// Bytes from where each column stands to where it may come to end.
fn rooms(feed: &Feed) -> Vec<u64> {
    let files = feed.scratch.files("feed");
    let geometry = files.geometry();
    let entry = files.newest_entry();
    let records = Records(files);
    let root = Root::read(&records, &check_entry(&entry, entry.version).unwrap()).unwrap();
    let frame = root.find(&records, "frame").unwrap().unwrap();
    let layout = Layout::read(&records, &geometry, &frame.layout).unwrap();
    let mut rooms: Vec<u64> = layout.extents.iter().map(|extent| extent.length).collect();
    rooms.sort_unstable();
    rooms
}

/// Reads records from the file.
struct Records(Files);

impl RecordSource for Records {
    fn copy_out(&self, offset: u64, length: u64) -> shmframe::Result<Vec<u8>> {
        Ok(self.0.read("data", offset, length as usize))
    }
}

#[test]
fn room_for_a_billion_rows_of_twenty_columns_is_kept_free() {
    for before in [0, 100, 100_000] {
        let mut feed = feed();
        feed.writer.put("frame", &wide(0..before)).unwrap();
        feed.writer.reserve("frame", 1_000_000_000).unwrap();
        let rooms = rooms(&feed);
        assert_eq!(rooms.len(), 20);
        assert!(rooms[0] >= 8_000_000_000, "{rooms:?}");
        let position = feed.frame().position();
        feed.writer.append("frame", &wide(before..before + 1000)).unwrap();
        // There is room already: nothing is written anew.
        feed.writer.reserve("frame", 900_000_000).unwrap();
        assert_eq!(self::rooms(&feed), rooms);
        let frame = feed.frame();
        assert_eq!(frame.appended_since(position).unwrap().since, Since::Continued);
        assert_eq!(frame.batches().unwrap(), [wide(0..before + 1000)]);
        assert_eq!(frame.column::<Int64Type>("c19").unwrap().len() as i64, before + 1000);
        let audit = feed.writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

#[test]
fn room_that_there_is_not_is_an_error_and_changes_nothing() {
    let mut feed = feed();
    feed.writer.put("frame", &wide(0..100_000)).unwrap();
    let rooms = rooms(&feed);
    let error = feed.writer.reserve("frame", 100_000_000_000).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CapacityExceeded, "{error}");
    assert_eq!(self::rooms(&feed), rooms);
    assert_eq!(feed.frame().batches().unwrap(), [wide(0..100_000)]);
    let audit = feed.writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
    assert_eq!(feed.writer.reserve("none", 1).unwrap_err().kind(), ErrorKind::FrameMissing);
}

#[test]
fn twenty_columns_stay_in_one_run_up_to_64_million_rows_and_ten_thousand_frames_fit() {
    let mut feed = feed();
    feed.writer.put("frame", &wide(0..1000)).unwrap();
    let rooms = rooms(&feed);
    assert!(rooms.len() == 20 && rooms[0] >= 64_000_000 * 8, "{rooms:?}");
    let batch = wide(0..500);
    let mut transaction = feed.writer.begin().unwrap();
    for frame in 0..10_000 {
        transaction.append(&format!("frame {frame}"), &batch).unwrap();
    }
    transaction.commit().unwrap();
    let mut transaction = feed.writer.begin().unwrap();
    for frame in (0..10_000).step_by(97) {
        transaction.append(&format!("frame {frame}"), &wide(500..1500)).unwrap();
    }
    transaction.commit().unwrap();
    let snapshot = feed.reader.snapshot().unwrap();
    let runs = |frame: u64| {
        let frame = snapshot.frame(&format!("frame {frame}")).unwrap();
        frame.column_chunks::<Int64Type>("c7").unwrap().len()
    };
    assert_eq!((runs(0), runs(97), runs(9991), runs(1)), (1, 1, 1, 1));
}

#[test]
fn room_beyond_all_numbers_is_refused() {
    let mut feed = feed();
    feed.writer.put("frame", &wide(0..1000)).unwrap();
    for rows in [u64::MAX, u64::MAX / 8, u64::MAX / 8 - 1064, u64::MAX - 1000] {
        let error = feed.writer.reserve("frame", rows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CapacityExceeded, "{error}");
    }
    assert_eq!(feed.frame().batches().unwrap(), [wide(0..1000)]);
    let audit = feed.writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}

#[test]
fn room_for_a_few_rows_is_had_within_a_page() {
    for (rows, more) in [(1, 1), (100, 100), (400, 100), (500, 12), (9000, 1000)] {
        let mut feed = feed();
        feed.writer.put("frame", &wide(0..rows)).unwrap();
        feed.writer.reserve("frame", more).unwrap();
        let end = rows + i64::try_from(more).unwrap();
        feed.writer.append("frame", &wide(rows..end)).unwrap();
        assert_eq!(feed.frame().batches().unwrap(), [wide(0..end)], "{rows} rows and {more}");
        let audit = feed.writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}

#[test]
fn room_is_had_where_free_pages_have_less_of_it() {
    let mut feed = feed();
    for bytes in [30_000, 60_000, 120_000] {
        feed.writer.put("other", &wide(0..bytes / 160)).unwrap();
        feed.writer.reserve("other", 300).unwrap();
        feed.writer.put("behind", &wide(0..10)).unwrap();
        feed.writer.remove("other").unwrap();
    }
    for more in [400, 900, 1500, 4000, 20_000] {
        feed.writer.put("frame", &wide(0..100)).unwrap();
        feed.writer.reserve("frame", more).unwrap();
        assert_eq!(feed.frame().batches().unwrap(), [wide(0..100)]);
        let audit = feed.writer.audit().unwrap();
        assert_eq!(audit.working, audit.recovered);
    }
}
