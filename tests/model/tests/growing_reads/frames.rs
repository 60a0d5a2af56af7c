//! A whole frame that grows.

use super::feed::{Feed, assert_rows, batch};
use arrow::array::RecordBatch;
use arrow::datatypes::{Float64Type, Int64Type};
use shmframe::{Appended, ErrorKind, Frame, Position, Since, Validation};
use shmframe_format::addressing::Addressing;
use shmframe_format::table::NodeItem;
use shmframe_segment::{BufferDraft, FrameDraft, Identity, Schema, Start};

fn lengths(batches: &[RecordBatch]) -> Vec<usize> {
    batches.iter().map(RecordBatch::num_rows).collect()
}

#[test]
fn frame_that_grows_is_a_body_in_place_and_a_tail_and_held_versions_stay() {
    let mut feed = Feed::new();
    feed.append(3);
    let start = feed.frame().column::<Float64Type>("y").unwrap().as_ptr();
    let mut held = Vec::new();
    for _ in 0..70 {
        feed.append(3);
        held.push((feed.rows, feed.frame()));
        for (rows, frame) in &held {
            let batches = frame.batches().unwrap();
            assert_rows(frame, &batches, 0..*rows);
            let expected: Vec<usize> = match (rows / 64 * 64, rows % 64) {
                (body, 0) => vec![body as usize],
                (0, tail) => vec![tail as usize],
                (body, tail) => vec![body as usize, tail as usize],
            };
            assert_eq!(lengths(&batches), expected);
        }
        let frame = feed.frame();
        let y = frame.column::<Float64Type>("y").unwrap();
        assert_eq!((y.len() as u64, y.as_ptr()), (feed.rows, start));
        assert_eq!(frame.column::<Int64Type>("x").unwrap_err().kind(), ErrorKind::ColumnNulls);
        held.drain(..held.len().saturating_sub(5));
    }
}

#[test]
fn run_that_goes_on_over_chunks_is_one_slice() {
    let mut feed = Feed::new();
    feed.append(100);
    feed.append_chunk(70, None);
    feed.append_chunk(1, None);
    feed.append(4);
    let frame = feed.frame();
    let batches = frame.batches().unwrap();
    assert_rows(&frame, &batches, 0..175);
    assert_eq!(lengths(&batches), [64, 36, 64, 6, 5]);
    let y = frame.column::<Float64Type>("y").unwrap();
    assert_eq!(y.to_vec(), (0..175).map(f64::from).collect::<Vec<_>>());
    assert!(frame.contains_address(y.as_ptr().cast()));
    let [chunk] = frame.column_chunks::<Float64Type>("y").unwrap().try_into().unwrap();
    assert_eq!((chunk.values.as_ptr(), chunk.values.len(), chunk.nulls), (y.as_ptr(), 175, None));
    let chunks = frame.column_chunks::<Int64Type>("x").unwrap();
    let nulls: usize = chunks.iter().map(|chunk| chunk.nulls.as_ref().unwrap().null_count()).sum();
    let found: Vec<usize> = chunks.iter().map(|chunk| chunk.values.len()).collect();
    assert_eq!((found, nulls), (vec![64, 36, 64, 6, 5], 35));
}

#[test]
fn column_in_two_runs_is_two_slices() {
    let mut feed = Feed::new();
    feed.append(70);
    feed.append_chunk(10, Some(Start::New { room: 1 << 12 }));
    feed.append_chunk(10, None);
    let frame = feed.frame();
    assert_rows(&frame, &frame.batches().unwrap(), 0..90);
    let refused = frame.column::<Float64Type>("y").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ColumnRuns);
    assert!(refused.to_string().contains("found 2"), "{refused}");
    let chunks = frame.column_chunks::<Float64Type>("y").unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.values.len()).collect::<Vec<_>>(), [70, 20]);
    assert_eq!((chunks[0].values[69], chunks[1].values[0], chunks[1].values[19]), (69.0, 70.0, 89.0));
    let wrong = frame.column_chunks::<Int64Type>("y").unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::ColumnType);
}

#[test]
fn rows_that_were_dropped_from_the_front_are_not_seen() {
    let mut feed = Feed::new();
    feed.append(150);
    let before = feed.frame();
    let start = before.column::<Float64Type>("y").unwrap().as_ptr();
    feed.drop_front(64);
    let frame = feed.frame();
    assert_eq!(frame.num_rows(), 86);
    let batches = frame.batches().unwrap();
    assert_rows(&frame, &batches, 64..150);
    assert_eq!(lengths(&batches), [64, 22]);
    let y = frame.column::<Float64Type>("y").unwrap();
    assert_eq!((y.len(), y[0], y.as_ptr()), (86, 64.0, start.wrapping_add(64)));
    feed.drop_front(64);
    feed.append(1);
    let frame = feed.frame();
    assert_rows(&frame, &frame.batches().unwrap(), 128..151);
    assert_eq!(frame.column_chunks::<Int64Type>("x").unwrap()[0].nulls.as_ref().unwrap().null_count(), 4);
    assert_rows(&before, &before.batches().unwrap(), 0..150);
}

#[test]
fn inspector_and_full_validation_see_the_same() {
    let mut feed = Feed::new();
    feed.append(150);
    feed.drop_front(64);
    feed.append_chunk(3, None);
    let expected = feed.frame().batches().unwrap();
    let reader = feed.scratch.reader().validation(Validation::Full).open("s").unwrap();
    assert_eq!(reader.snapshot().unwrap().frame("frame").unwrap().batches().unwrap(), expected);
    let inspector = feed.scratch.reader().inspect("s").unwrap();
    inspector
        .newest(|version| {
            let frame = version.frame("frame")?;
            assert_eq!(frame.batches()?, expected);
            let y = frame.column::<Float64Type>("y")?;
            assert_eq!(y.to_vec(), (64..153).map(f64::from).collect::<Vec<_>>());
            assert!(!feed.frame().contains_address(y.as_ptr().cast()));
            assert_eq!(frame.column_chunks::<Int64Type>("x")?.len(), 3);
            let new = frame.appended_since(frame.first_position())?;
            assert_eq!(new.batches, expected);
            Ok(())
        })
        .unwrap();
}

fn assert_appended(frame: &Frame, position: Position, since: Since, rows: std::ops::Range<u64>) -> Appended {
    let appended = frame.appended_since(position).unwrap();
    assert_eq!(appended.since, since);
    assert_rows(frame, &appended.batches, rows);
    assert!(appended.batches.iter().all(|batch| batch.num_rows() > 0));
    appended
}

#[test]
fn each_row_is_read_once_whatever_versions_are_skipped() {
    let mut feed = Feed::new();
    let mut versions = vec![(0, feed.frame())];
    for round in 0..30 {
        if round % 7 == 6 {
            feed.append_chunk(11, None);
        } else {
            feed.append(11);
        }
        versions.push((feed.rows, feed.frame()));
    }
    for (read, before) in &versions {
        let position = before.position();
        assert_eq!(position.row(), *read);
        for (rows, frame) in versions.iter().filter(|(rows, _)| rows >= read) {
            let appended = assert_appended(frame, position, Since::Continued, *read..*rows);
            assert_eq!(appended.position, frame.position());
        }
    }
    let (rows, newest) = versions.last().unwrap();
    let selected = newest.select(&["y"]).unwrap().appended_since(versions[4].1.position()).unwrap();
    let mut at = 44;
    for found in &selected.batches {
        let end = at + found.num_rows() as u64;
        assert_eq!(found, &batch(at..end).project(&[1]).unwrap());
        at = end;
    }
    assert_eq!(at, *rows);
    assert_appended(newest, newest.first_position(), Since::Continued, 0..*rows);
}

#[test]
fn position_that_is_ahead_of_a_version_gives_nothing_and_stays() {
    let mut feed = Feed::new();
    feed.append(5);
    let old = feed.frame();
    feed.append(7);
    let position = feed.frame().position();
    let appended = assert_appended(&old, position, Since::Ahead { rows: 7 }, 0..0);
    assert_eq!(appended.position, position);
    let far = Position::from_bytes({
        let mut bytes = position.to_bytes();
        bytes[8..].fill(0xFF);
        bytes
    });
    assert_appended(&feed.frame(), far, Since::Ahead { rows: u64::MAX - 12 }, 0..0);
}

#[test]
fn rows_that_were_dropped_unseen_are_counted() {
    let mut feed = Feed::new();
    feed.append(100);
    let position = feed.frame().position();
    let generation = position.generation();
    feed.put(Identity::Same { generation, first_row: 164 }, 164);
    feed.append(20);
    let frame = feed.frame();
    assert_eq!(frame.first_position().row(), 164);
    let appended = assert_appended(&frame, position, Since::Dropped { rows: 64 }, 164..184);
    assert_eq!((appended.position.row(), appended.position.generation()), (184, generation));
    feed.append(1);
    assert_appended(&feed.frame(), appended.position, Since::Continued, 184..185);
}

#[test]
fn frame_that_was_replaced_or_removed_is_told_from_one_that_grew() {
    let mut feed = Feed::new();
    feed.append(100);
    let position = feed.frame().position();
    feed.put(Identity::New, 0);
    feed.append(70);
    let appended = assert_appended(&feed.frame(), position, Since::Replaced, 0..70);
    assert_eq!(appended.position, feed.frame().position());
    let mut transaction = feed.store.begin().unwrap();
    transaction.remove_frame("frame").unwrap();
    transaction.commit().unwrap();
    let appended = feed.snapshot().appended_since("frame", appended.position).unwrap();
    assert_eq!((appended.since, appended.batches.len(), appended.position.row()), (Since::Missing, 0, 70));
}

/// A frame of `x`, 150 rows with an open word, and `p`, in pieces of 100 and 50; then without columns.
#[test]
fn batches_end_where_pieces_end_and_rows_without_columns_are_kept() {
    let mut feed = Feed::new();
    let node = |length, buffers| NodeItem { length, nulls: 0, buffers, children: 0, validity: 0, pieces: 0 };
    let pieces = NodeItem { children: 2, pieces: 1, ..node(150, 0) };
    let field = |name| arrow::datatypes::Field::new(name, arrow::datatypes::DataType::Int64, false);
    let schema = arrow::datatypes::Schema::new(vec![field("p"), field("x")]);
    let message = shmframe_segment::to_message(&schema).unwrap();
    let buffer = |length, addressing| BufferDraft { length, addressing, room: 0 };
    let draft = FrameDraft {
        name: "pieces",
        schema: Schema::Message(&message),
        rows: 150,
        identity: Identity::New,
        nodes: vec![pieces, node(100, 1), node(50, 1), node(150, 1)],
        buffers: vec![
            buffer(800, Addressing::Bytes),
            buffer(400, Addressing::Bytes),
            buffer(1200, Addressing::Values(64)),
        ],
    };
    let mut transaction = feed.store.begin().unwrap();
    let fill = |places: Vec<&mut [u8]>| {
        for (place, first) in places.into_iter().zip([0_i64, 100, 0]) {
            for (bytes, value) in place.chunks_exact_mut(8).zip(first..) {
                bytes.copy_from_slice(&value.to_le_bytes());
            }
        }
    };
    transaction.put_frame(draft, fill).unwrap();
    let message = shmframe_segment::to_message(&arrow::datatypes::Schema::empty()).unwrap();
    let (nodes, buffers) = (Vec::new(), Vec::new());
    let schema = Schema::Message(&message);
    let draft = FrameDraft { name: "none", schema, rows: 9, identity: Identity::New, nodes, buffers };
    transaction.put_frame(draft, |_| ()).unwrap();
    transaction.commit().unwrap();
    let frame = feed.snapshot().frame("pieces").unwrap();
    let batches = frame.batches().unwrap();
    assert_eq!(lengths(&batches), [100, 50]);
    assert!(batches.iter().all(|batch| batch.column(0) == batch.column(1)));
    let chunks = frame.column_chunks::<Int64Type>("p").unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.values[0]).collect::<Vec<_>>(), [0, 100]);
    assert_eq!(frame.column::<Int64Type>("x").unwrap().len(), 150);
    assert_eq!(frame.column::<Int64Type>("p").unwrap_err().kind(), ErrorKind::ColumnRuns);
    let none = feed.snapshot().frame("none").unwrap();
    assert_eq!(lengths(&none.batches().unwrap()), [9]);
    assert_eq!(lengths(&none.appended_since(none.first_position()).unwrap().batches), [9]);
}
