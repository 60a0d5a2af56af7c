//! Everybody who opens a segment: a reader, an inspector, a writer.

use shmframe::{Frame, Result};
use shmframe_model::{Scratch, numbers};

/// What somebody does with the segment.
pub type Visit = fn(&Scratch) -> Result<()>;

/// Whoever opens the segment, in this order: the last one writes.
pub const VISITS: [(&str, Visit); 4] =
    [("reader", read), ("inspector", inspect), ("writer", recover), ("writer that goes on", write)];

/// Versions that are asked for by number.
const VERSIONS: u64 = 90;

/// Shapes alone: contents are taken on trust where they are mapped.
fn read(scratch: &Scratch) -> Result<()> {
    let reader = scratch.reader().open("s")?;
    for version in (1..VERSIONS).step_by(11) {
        if let Ok(snapshot) = reader.snapshot_at(version) {
            let _ = snapshot.frames();
        }
    }
    let snapshot = reader.snapshot()?;
    let names = snapshot.frames()?;
    names.iter().try_for_each(|name| look(&snapshot.frame(name)?).map(drop))
}

fn look(frame: &Frame) -> Result<Vec<arrow::array::RecordBatch>> {
    for field in frame.schema().fields() {
        let _ = frame.column::<arrow::datatypes::Int64Type>(field.name());
        let _ = frame.column_chunks::<arrow::datatypes::Int64Type>(field.name());
    }
    let _ = frame.appended_since(frame.first_position());
    frame.batches()
}

/// Contents too: they were validated.
fn inspect(scratch: &Scratch) -> Result<()> {
    let inspector = scratch.reader().copy_limit(32 << 20).inspect("s")?;
    let _ = inspector.is_removed();
    for (version, _) in inspector.versions()? {
        let _ = inspector.at(version, |version| Ok(version.frames()?.len()));
    }
    inspector.newest(|version| {
        for name in version.frames()? {
            for batch in look(&version.frame(&name)?)? {
                for column in batch.columns() {
                    column.to_data().validate_full().expect("contents that were validated");
                }
                let _ = batch == batch.clone();
            }
        }
        Ok(())
    })
}

fn recover(scratch: &Scratch) -> Result<()> {
    scratch.writer().open("s").map(drop)
}

fn write(scratch: &Scratch) -> Result<()> {
    let mut writer = scratch.writer().open("s")?;
    for round in 0..3 {
        writer.put("numbers", &numbers(round, 40))?;
        let audit = writer.audit()?;
        assert_eq!(audit.working, audit.recovered);
    }
    let snapshot = scratch.reader().open("s")?.snapshot()?;
    assert_eq!(snapshot.frame("numbers")?.batches()?, [numbers(2, 40)]);
    Ok(())
}
