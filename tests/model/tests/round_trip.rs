//! Whatever is sent arrives, in place.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use proptest::test_runner::{Config, TestRunner};
use shmframe_arbitrary::{Coverage, Limits, batches, every_kind, schema_and_batches};
use shmframe_model::{Scratch, assert_arrived, cases};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn whatever_is_sent_arrives_in_place() {
    let scratch = Scratch::new();
    let writer = std::cell::RefCell::new(scratch.writer().create("t").unwrap());
    let reader = scratch.reader().open("t").unwrap();
    let coverage = Coverage::new();
    let arrives = |schema: &SchemaRef, sent: Vec<RecordBatch>| {
        coverage.record(schema, &sent);
        let sent = if sent.is_empty() { vec![RecordBatch::new_empty(schema.clone())] } else { sent };
        let version = writer.borrow_mut().put("frame", &sent).unwrap();
        let snapshot = reader.snapshot().unwrap();
        assert_eq!(snapshot.version(), version);
        assert_arrived(&sent, &snapshot.frame("frame").unwrap());
    };
    let limits = Limits::default();
    runner(cases(256, 4096))
        .run(&schema_and_batches(&limits), |(schema, batches)| {
            arrives(&schema, batches);
            Ok(())
        })
        .unwrap();
    let schema = every_kind();
    runner(cases(16, 256))
        .run(&batches(&schema, &limits), |batches| {
            arrives(&schema, batches);
            Ok(())
        })
        .unwrap();
    coverage.assert_complete();
    let mut writer = writer.into_inner();
    let audit = writer.audit().unwrap();
    assert_eq!(audit.working, audit.recovered);
}
