//! Real tables arrive: the flights that left New York City in 2013 (`tests/data/README.md`).

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shmframe_model::{Scratch, assert_arrived};
use std::fs::File;
use std::path::PathBuf;

const TABLES: [(&str, usize); 5] =
    [("airlines", 16), ("airports", 1458), ("flights", 336_776), ("planes", 3322), ("weather", 26_115)];

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data")
}

fn read(table: &str, batch_size: usize) -> Vec<RecordBatch> {
    let file = File::open(data().join(format!("{table}.parquet"))).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(batch_size).build();
    reader.unwrap().map(Result::unwrap).collect()
}

#[test]
fn every_file_of_real_data_is_tested() {
    let files = std::fs::read_dir(data()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    let mut names: Vec<String> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.iter().eq(TABLES.map(|(name, _)| name).iter()), "{names:?}");
}

#[test]
fn real_tables_arrive_in_place() {
    let scratch = Scratch::new();
    let mut writer = scratch.writer().copy_threads(2).create("nycflights13").unwrap();
    let reader = scratch.reader().open("nycflights13").unwrap();
    let mut transaction = writer.begin().unwrap();
    let tables = TABLES.map(|(name, rows)| {
        let batches = read(name, 1000);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), rows, "{name}");
        transaction.put(name, &batches).unwrap();
        (name, batches)
    });
    transaction.commit().unwrap();
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.frames().unwrap(), TABLES.map(|(name, _)| name));
    for (name, batches) in &tables {
        assert_arrived(batches, &snapshot.frame(name).unwrap());
    }
    // Each again, in one batch, while the first version is held.
    for (name, batches) in &tables {
        writer.put(name, &read(name, usize::MAX >> 1)).unwrap();
        assert_arrived(batches, &reader.snapshot().unwrap().frame(name).unwrap());
        assert_arrived(batches, &snapshot.frame(name).unwrap());
    }
}
