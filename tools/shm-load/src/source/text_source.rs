//! A file of text, read from its beginning to its end.

use super::{More, Text};
use super::{Piece, Source};
use crate::input::{Input, READ_SIZE};
use anyhow::{Context, Result, anyhow};
use arrow::datatypes::SchemaRef;
use std::io::Read;

pub struct TextSource {
    input: Input,
    text: Text,
    schema: SchemaRef,
    buffer: Vec<u8>,
    has_ended: bool,
}

impl TextSource {
    /// Reads as much as it takes to know the columns.
    pub fn new(mut input: Input, mut text: Text) -> Result<Self> {
        let mut buffer = vec![0; READ_SIZE];
        let mut has_ended = false;
        loop {
            let more = if has_ended { More::IsNot } else { More::Comes };
            if let Some(schema) = text.settle(more)?.cloned() {
                return Ok(Self { input, text, schema, buffer, has_ended });
            }
            if has_ended {
                return Err(anyhow!("no columns were found"));
            }
            has_ended = fill(&mut input, &mut text, &mut buffer)?;
        }
    }
}

/// Reads on; tells whether the end is reached.
fn fill(input: &mut Input, text: &mut Text, buffer: &mut [u8]) -> Result<bool> {
    let length = input.read(buffer).with_context(|| text.name().to_owned())?;
    text.push(&buffer[..length])?;
    if length == 0 {
        text.end()?;
    }
    Ok(length == 0)
}

impl Source for TextSource {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn next(&mut self) -> Result<Option<Piece>> {
        while !self.has_ended && !self.text.is_batch_complete() {
            self.has_ended = fill(&mut self.input, &mut self.text, &mut self.buffer)?;
        }
        self.text.take()
    }

    fn position(&self) -> u64 {
        self.text.position()
    }
}
