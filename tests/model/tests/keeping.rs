//! What is kept of growing frames: the last rows, and one run for each column.

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use shmframe::{ErrorKind, Frame, Reader, Since, Writer, arrow};
use shmframe_model::Scratch;
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
    _scratch: Scratch,
    writer: Writer,
    reader: Reader,
}

fn feed() -> Feed {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().create("feed").unwrap();
    writer.watch().unwrap();
    let reader = scratch.reader().open("feed").unwrap();
    Feed { _scratch: scratch, writer, reader }
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
    assert_eq!(frame.batches().unwrap(), [all.clone()]);
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
