//! Our own costs, for criterion: to compare one state of the project with another (`--save-baseline`, `--baseline`).

use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use criterion::{Criterion, criterion_group, criterion_main};
use shmframe::arrow;
use shmframe_benches::Place;

fn frame_of(rows: usize) -> RecordBatch {
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)));
    RecordBatch::try_from_iter([("price", values)]).expect("a batch")
}

fn own(criterion: &mut Criterion) {
    let place = Place::create().expect("shared memory");
    let mut writer = place.writer("own").expect("a segment");
    writer.put("frame", &frame_of(16)).expect("a version");
    let reader = place.reader("own").expect("a reader");
    criterion.bench_function("own: snapshot", |bencher| {
        bencher.iter(|| reader.snapshot().expect("a version"));
    });
    let snapshot = reader.snapshot().expect("a version");
    criterion.bench_function("own: frame", |bencher| {
        bencher.iter(|| snapshot.frame("frame").expect("a frame"));
    });
    let frame = snapshot.frame("frame").expect("a frame");
    criterion.bench_function("own: column", |bencher| {
        bencher.iter(|| frame.column::<Float64Type>("price").expect("a column"));
    });
    drop((frame, snapshot));
    for rows in [13, 1280] {
        let batch = frame_of(rows);
        criterion.bench_function(&format!("own: put of {} B", rows * 8), |bencher| {
            bencher.iter(|| black_box(writer.put("frame", &batch).expect("a version")));
        });
    }
    writer.remove_segment().expect("a removal");
}

criterion_group!(benches, own);
criterion_main!(benches);
