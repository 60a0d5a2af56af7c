//! Records and contents that are damaged.

use super::parts::{Put, drawn, numbers, runner};
use super::seen::{Cut, Seen, columns, grows};
use arrow::array::{Array, ArrayRef, RecordBatch};
use proptest::prelude::*;
use proptest::sample::Index;
use shmframe::{ErrorKind, Validation};
use shmframe_arbitrary::{Kind, Limits};
use shmframe_model::{all_types, cases};
use shmframe_segment::FrameBytes;
use std::cell::RefCell;

#[test]
fn records_that_do_not_fit_the_rows_are_refused() {
    let put = Put::new();
    let (frame, whole) = put.put("frame", &[numbers()]);
    let data_type = whole.column(0).data_type().clone();
    let cut = Cut { rows: 200, skipped: 64, open: true };
    type Breakage = fn(&mut Seen);
    let breakages: [(&str, Breakage); 5] = [
        ("more nulls than rows", |seen| seen.nodes()[0].nulls = 137),
        ("fewer nulls than in the tail", |seen| seen.nodes()[0].nulls = 1),
        ("a bitmap that is too short", |seen| seen.buffers()[0].length = 16),
        ("values that are too short", |seen| seen.buffers()[1].length = 199 * 8),
        ("a child", |seen| seen.nodes()[0].children = 1),
    ];
    for (what, breakage) in breakages {
        let mut seen = Seen::cut(&frame, &columns(&frame)[0], &data_type, cut);
        assert_eq!(seen.build(&data_type, Validation::Layout).unwrap().len(), 2);
        breakage(&mut seen);
        let error = seen.build(&data_type, Validation::Layout).expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}");
    }
}

#[test]
fn values_that_are_not_aligned_are_refused() {
    let put = Put::new();
    let batch = drawn(&Limits::default());
    let refused = RefCell::new(std::collections::BTreeSet::new());
    let check = |sent: &[RecordBatch], shift: u64| {
        let (frame, whole) = put.put("frame", sent);
        for (index, column) in columns(&frame).into_iter().enumerate() {
            let field = whole.schema_ref().field(index).clone();
            let all = whole.num_rows() as u64;
            let rows = if grows(field.data_type()) { all / 2 } else { all };
            let cut = Cut { rows, skipped: 0, open: false };
            let mut seen = Seen::cut(&frame, &column, field.data_type(), cut);
            seen.shift = shift;
            match seen.build(field.data_type(), Validation::Layout) {
                Ok(arrays) => assert_eq!(arrays.iter().map(|array| array.len() as u64).sum::<u64>(), rows),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt);
                    refused.borrow_mut().insert(field.name().clone());
                }
            }
        }
    };
    runner(cases(32, 500))
        .run(&(batch, 1..8_u64), |(sent, shift)| {
            check(&sent, shift);
            Ok(())
        })
        .unwrap();
    for name in ["Int16", "Int64", "TimestampNanosecond", "Utf8", "LargeBinary", "BinaryView"] {
        assert!(refused.borrow().contains(name), "{name} not in {:?}", refused.borrow());
    }
}

/// Arrow's own checks panic over a part of a number behind the last whole one.
#[test]
fn buffers_that_end_within_a_number_are_refused_or_read_up_to_it() {
    let put = Put::new();
    let types = Kind::ALL.iter().map(|kind| (format!("{kind:?}"), kind.example()));
    let (frame, whole) = put.put("frame", &[all_types(types)]);
    let mut refused = std::collections::BTreeSet::new();
    for (index, column) in columns(&frame).into_iter().enumerate() {
        let field = whole.schema_ref().field(index).clone();
        // One value less than there are bytes for, but for a byte.
        let cut = Cut { rows: whole.num_rows() as u64 - 1, skipped: 0, open: false };
        for buffer in 0..column.buffers.len() {
            let mut seen = Seen::cut(&frame, &column, field.data_type(), cut);
            let whole = usize::from(grows(field.data_type()));
            seen.nodes()[whole..].iter_mut().for_each(|node| node.length = node.length.saturating_sub(1));
            let length = &mut seen.buffers()[buffer].length;
            *length = length.saturating_sub(1);
            for validation in [Validation::Layout, Validation::Full] {
                if let Err(error) = seen.build(field.data_type(), validation) {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{field}, buffer {buffer}");
                    refused.insert(field.name().clone());
                }
            }
        }
    }
    for name in ["DictionaryInt8", "List", "LargeListView", "Map", "DenseUnion", "RunEndEncodedInt32"] {
        assert!(refused.contains(name), "{name} not in {refused:?}");
    }
}

/// Damaged contents of columns of which some rows are seen give errors or valid data.
#[test]
fn damaged_rows_are_refused_or_still_valid() {
    let put = Put::new();
    let files = put.scratch.files("s");
    let sent = drawn(&Limits { batches: 2, ..Limits::default() });
    let damage = proptest::collection::vec((any::<Index>(), any::<Index>(), any::<u8>()), 1..4);
    let (refused, valid) = (RefCell::new(0), RefCell::new(0));
    let check = |sent: &[RecordBatch], skipped: Index, damage: &[(Index, Index, u8)]| {
        let (frame, whole) = put.put("frame", sent);
        for (index, column) in columns(&frame).into_iter().enumerate() {
            let data_type = whole.column(index).data_type();
            let rows = whole.num_rows() as u64;
            let skipped = skipped.index(rows as usize / 64 + 1) as u64 * 64;
            let seen = Seen::cut(&frame, &column, data_type, Cut { rows, skipped, open: true });
            let piece = Seen::in_pieces(&[(frame.clone(), column.clone())], skipped);
            for (buffer, at, byte) in damage.iter().filter(|_| !column.buffers.is_empty()) {
                let buffer = column.buffers.start + buffer.index(column.buffers.len());
                let length = frame.state().buffers[buffer].length;
                if length > 0 {
                    let offset = frame.layout().buffers[buffer].offset + at.index(length as usize) as u64;
                    files.write("data", offset, &[*byte]);
                }
            }
            for seen in [seen, piece] {
                match seen.build(data_type, Validation::Full) {
                    Ok(arrays) => {
                        *valid.borrow_mut() += 1;
                        arrays.iter().for_each(|array| array.to_data().validate_full().unwrap());
                    }
                    Err(error) => {
                        *refused.borrow_mut() += 1;
                        assert_eq!(error.kind(), ErrorKind::Corrupt);
                    }
                }
            }
        }
    };
    runner(cases(64, 1000))
        .run(&(sent, any::<Index>(), damage), |(sent, skipped, damage)| {
            check(&sent, skipped, &damage);
            Ok(())
        })
        .unwrap();
    let counts = (*refused.borrow(), *valid.borrow());
    assert!(counts.0 > 100 && counts.1 > 100, "{counts:?} refused and valid");
}

#[test]
fn contents_are_looked_at_only_as_far_as_they_are_seen() {
    let put = Put::new();
    let texts: arrow::array::StringArray = (0..100).map(|row| Some(format!("row {row}"))).collect();
    let sent = RecordBatch::try_from_iter([("x", std::sync::Arc::new(texts) as ArrayRef)]).unwrap();
    let (frame, whole) = put.put("frame", &[sent]);
    let data_type = whole.column(0).data_type().clone();
    let start = whole.column(0).to_data().buffers()[1].clone();
    // The texts of row 3, which is not seen, and of row 150, which is not there yet.
    let files = put.scratch.files("s");
    let bytes = files.read("data", 0, files.geometry().capacity() as usize);
    let offset = bytes.windows(start.len()).position(|found| found == start.as_slice()).unwrap() as u64;
    let first_of = |row: usize| whole.column(0).to_data().buffers()[0].typed_data::<i32>()[row] as u64;
    for row in [3, 150] {
        files.write("data", offset + first_of(row), &[0xFF]);
    }
    let column = &columns(&frame)[0];
    let build = |rows, skipped| {
        let cut = Cut { rows, skipped, open: false };
        Seen::cut(&frame, column, &data_type, cut).build(&data_type, Validation::Full)
    };
    assert_eq!(build(150, 64).unwrap()[0].len(), 86);
    assert_eq!(build(151, 64).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(build(150, 0).unwrap_err().kind(), ErrorKind::Corrupt);
}
