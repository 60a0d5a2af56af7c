//! All files, one behind the other, as pieces of one frame.

use crate::input::Origin;
use crate::interrupt;
use crate::source::{self, Piece, Reading, Source};
use anyhow::Result;
use arrow::datatypes::SchemaRef;
use shmframe_cli::Failure;

/// The files that are read.
pub struct Pieces<'a> {
    origins: core::slice::Iter<'a, Origin>,
    reading: Reading<'a>,
    /// The file that is read now.
    current: Option<(String, Box<dyn Source>)>,
    /// The first file, whose columns all of them have.
    first: Option<(String, SchemaRef)>,
    /// Bytes of the files before.
    before: u64,
}

impl<'a> Pieces<'a> {
    pub fn new(origins: &'a [Origin], reading: Reading<'a>) -> Self {
        Self { origins: origins.iter(), reading, current: None, first: None, before: 0 }
    }

    /// The columns.
    pub fn schema(&mut self) -> Result<SchemaRef> {
        if self.first.is_none() {
            self.open_next().map_err(unless_interrupted)?;
        }
        let first = self.first.as_ref().map(|(_, schema)| SchemaRef::clone(schema));
        first.ok_or_else(|| Failure::usage("there is no file to read").into())
    }

    /// The next rows, and the name of their file.
    pub fn next(&mut self) -> Result<Option<(&str, Piece)>> {
        let piece = self.next_piece().map_err(unless_interrupted)?;
        if interrupt::is_asked_for() {
            return Err(interrupt::interrupted().into());
        }
        let name = self.current.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default();
        Ok(piece.map(|piece| (name, piece)))
    }

    fn next_piece(&mut self) -> Result<Option<Piece>> {
        loop {
            if let Some((_, source)) = &mut self.current {
                if let Some(piece) = source.next()? {
                    return Ok(Some(piece));
                }
                self.before += source.position();
                self.current = None;
            }
            if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    /// Opens the next file, if there is one.
    fn open_next(&mut self) -> Result<bool> {
        let Some(origin) = self.origins.next() else { return Ok(false) };
        let first = self.first.as_ref().map(|(name, schema)| (name.as_str(), schema));
        let source = source::open(origin, &self.reading, first)?;
        if self.first.is_none() {
            self.first = Some((origin.name(), SchemaRef::clone(source.schema())));
        }
        self.current = Some((origin.name(), source));
        Ok(true)
    }

    /// Bytes of all files that were read so far.
    pub fn position(&self) -> u64 {
        self.before + self.current.as_ref().map_or(0, |(_, source)| source.position())
    }
}

/// Whoever waited for input is woken with an error of its own when the tool is to end.
fn unless_interrupted(error: anyhow::Error) -> anyhow::Error {
    if interrupt::is_asked_for() { interrupt::interrupted().into() } else { error }
}
