//! The header of a segment, field by field.

use crate::session::Session;
use anyhow::Result;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::Exit;
use shmframe_cli::record::{Cell, Record, cell};
use shmframe_format::table;
use shmframe_segment::HeaderLook;

/// A field of the header, as it stands in the file.
#[derive(Debug, JsonSchema, Serialize)]
pub struct HeaderField {
    /// Its name, as in `docs/format.md`.
    name: &'static str,
    /// Bytes from the start of `data`.
    offset: usize,
    /// Its bytes.
    size: usize,
    /// Its value as text: decimal digits of a number, hexadecimal digits of other bytes.
    value: String,
    /// Its value, if it is a number.
    number: Option<u64>,
}

impl Record for HeaderField {
    const KIND: &'static str = "header_field";
    const HEADS: &'static [&'static str] = &["FIELD", "#OFFSET", "#SIZE", "VALUE"];

    fn cells(&self, _exact: bool) -> Vec<Cell> {
        vec![cell(self.name), cell(self.offset), cell(self.size), cell(&self.value)]
    }
}

/// What can be shown of a header, whatever is wrong with the segment; the first fault gives the status.
pub(super) fn show(session: &mut Session, header: &HeaderLook) -> Result<Exit> {
    if let Some(fields) = &header.fields {
        session.output.records(&header_fields(fields), "")?;
    }
    let mut exit = Exit::Success;
    for fault in &header.faults {
        session.complain(fault);
        exit = exit.or(Exit::of_kind(fault.kind()));
    }
    Ok(exit)
}

fn header_fields(header: &table::Header) -> Vec<HeaderField> {
    let bytes = bytemuck::bytes_of(header);
    let structure = table::STRUCTURES.iter().find(|structure| structure.name == "Header");
    let fields = structure.map(|structure| structure.fields).unwrap_or_default();
    fields
        .iter()
        .map(|field| {
            let raw = &bytes[field.offset..field.offset + field.size];
            let (value, number) = value(field.name, raw);
            HeaderField { name: field.name, offset: field.offset, size: field.size, value, number }
        })
        .collect()
}

/// A field's value: text of the magic, numbers as numbers, too, the rest as hexadecimal digits.
fn value(name: &str, raw: &[u8]) -> (String, Option<u64>) {
    match (name, raw.len()) {
        ("magic", _) => (raw.escape_ascii().to_string(), None),
        ("checksum" | "fingerprint" | "byte_order", _) | (_, 9..) => {
            (raw.iter().map(|byte| format!("{byte:02x}")).collect(), None)
        }
        _ => {
            let mut word = [0; 8];
            word[..raw.len()].copy_from_slice(raw);
            let number = u64::from_le_bytes(word);
            (number.to_string(), Some(number))
        }
    }
}
