//! Every type grows, those in place without a byte of theirs being written again.

use super::*;
use crate::layout::kind::Kind as LayoutKind;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use shmframe_arbitrary::{Kind, Limits as Drawn, batches};

/// Batches of one column of this kind beside numbers, drawn anew until one has rows.
fn drawn(kind: Kind, runner: &mut TestRunner) -> Vec<RecordBatch> {
    let field = Field::new(format!("{kind:?}"), kind.example(), true);
    let schema = Arc::new(Schema::new(vec![field]));
    let limits = Drawn { batches: 6, ..Drawn::default() };
    loop {
        let mut batches = batches(&schema, &limits).new_tree(runner).unwrap().current();
        batches.retain(|batch| batch.num_rows() > 0);
        if batches.len() > 2 {
            return batches;
        }
    }
}

fn beside_numbers(batch: &RecordBatch) -> RecordBatch {
    let fields = vec![Field::new("n", DataType::Int64, true), batch.schema().field(0).clone()];
    batch_of(&Arc::new(Schema::new(fields)), vec![numbers(batch.num_rows()), Arc::clone(batch.column(0))])
}

/// Whole words of rows, more than a small frame has.
fn first(batch: &RecordBatch) -> RecordBatch {
    let times = ROWS.div_ceil(batch.num_rows());
    let repeated: Vec<_> = (0..times).map(|_| batch.column(0).as_ref()).collect();
    let column = arrow::compute::concat(&repeated).unwrap().slice(0, ROWS);
    beside_numbers(&batch_of(&batch.schema(), vec![column]))
}

#[test]
fn each_type_grows_in_place_or_in_pieces() {
    let mut runner = TestRunner::deterministic();
    let (mut in_place, mut in_pieces) = (Vec::new(), Vec::new());
    for &kind in Kind::ALL {
        let batches = drawn(kind, &mut runner);
        let mut frame = Frame::of(&first(&batches[0]));
        for batch in batches.iter().cycle().take(12) {
            frame.append(&beside_numbers(batch));
        }
        let grows = LayoutKind::grows(batches[0].schema().field(0), 1);
        let root = frame.last(1).nodes[0];
        let run = |column: &Column| column.places.last().map(|place| place.offset + place.capacity);
        let (before, after) = (frame.column(0, 0), frame.last(0));
        assert_eq!(run(&before), run(&after), "{kind:?}: numbers stay in one run");
        match root.pieces {
            1 => in_pieces.push(kind),
            _ => in_place.push(kind),
        }
        assert!(grows || root.pieces == 1, "{kind:?}");
    }
    for kind in [
        Kind::Null,
        Kind::Boolean,
        Kind::Int8,
        Kind::Float64,
        Kind::Decimal256,
        Kind::Utf8,
        Kind::LargeUtf8,
        Kind::Utf8View,
        Kind::BinaryView,
        Kind::Struct,
    ] {
        assert!(in_place.contains(&kind), "{kind:?} grows in place");
    }
    for kind in [Kind::List, Kind::Map] {
        assert!(in_pieces.contains(&kind), "{kind:?} is in pieces");
    }
}
