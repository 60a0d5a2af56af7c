//! `shm-dump json-schema`: what the JSON lines hold.

use super::{
    diff, export, gc, info, ls, map, metrics, readers, rm, schema, stats, verify, versions, wait, watch,
};
use crate::rows::Row;
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use shmframe_cli::{Exit, Line, Record};

/// Print the JSON schema of all that --json prints
///
/// Each line is an object with `schema_version`, `kind`, and the fields of its kind.
#[derive(Args, Debug)]
pub struct JsonSchemaOptions {}

/// One schema for each kind of line.
pub fn all() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let kinds = [
        kind::<ls::Segment>(&mut generator),
        kind::<info::Info>(&mut generator),
        kind::<info::FrameInfo>(&mut generator),
        kind::<info::HeaderField>(&mut generator),
        kind::<readers::Slot>(&mut generator),
        kind::<readers::Reaped>(&mut generator),
        kind::<map::MapRange>(&mut generator),
        kind::<map::MapShare>(&mut generator),
        kind::<metrics::MetricLine>(&mut generator),
        kind::<verify::Verified>(&mut generator),
        kind::<crate::verifying::Finding>(&mut generator),
        kind::<crate::doctor::Check>(&mut generator),
        kind::<gc::Garbage>(&mut generator),
        kind::<rm::Removed>(&mut generator),
        kind::<schema::Column>(&mut generator),
        kind::<versions::Version>(&mut generator),
        kind::<Row<'_>>(&mut generator),
        kind::<stats::ColumnStats>(&mut generator),
        kind::<export::Exported>(&mut generator),
        kind::<diff::Difference>(&mut generator),
        kind::<diff::SchemaDifference>(&mut generator),
        kind::<diff::RowDifference>(&mut generator),
        kind::<watch::Tick>(&mut generator),
        kind::<wait::Waited>(&mut generator),
    ];
    let definitions = generator.take_definitions(true);
    schemars::json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line that shm-dump prints with --json",
        "oneOf": kinds,
        "$defs": definitions,
    })
}

/// The schema of a line about one kind.
fn kind<R: Record + JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Line::<R>::json_schema(generator);
    if let Some(kind) = schema.pointer_mut("/properties/kind") {
        *kind = serde_json::json!({ "const": R::KIND });
    }
    schema
}

pub fn run(session: &mut Session, _options: &JsonSchemaOptions) -> Result<Exit> {
    let text = serde_json::to_string_pretty(&all())?;
    writeln!(session.output.raw(), "{text}")?;
    session.output.raw().flush()?;
    Ok(Exit::Success)
}
