//! `--follow`: a growing file, or a stream without an end.

mod growing;

use crate::input::{Input, Origin, Pipe, Received};
use crate::interrupt;
use crate::load::Goal;
use crate::progress::Progress;
use crate::published::Published;
use crate::source::{self, More, Reading, Text};
use anyhow::{Context, Result};
use arrow::datatypes::SchemaRef;
use core::time::Duration;
use growing::{GrowingFile, Grown};
use shmframe_cli::Failure;
use shmframe_writer::Writer;
use std::time::Instant;

/// Where lines come from.
enum Feed {
    File(GrowingFile),
    Pipe(Pipe),
}

/// A text that is followed.
pub struct Follow<'a> {
    name: String,
    reading: Reading<'a>,
    feed: Feed,
    text: Text,
    format: crate::format::Format,
    published: Published,
    has_ended: bool,
}

impl<'a> Follow<'a> {
    /// Opens what is followed; nothing if the tool was asked to end before anything came.
    pub fn open(origins: &[Origin], reading: Reading<'a>) -> Result<Option<Self>> {
        let [origin] = origins else {
            return Err(Failure::usage("--follow goes with one file").into());
        };
        let name = origin.name();
        let mut input = origin.open()?;
        // A format that is known need not wait for the first bytes of a stream.
        let head = match (reading.options.input_format, &input) {
            (Some(_), Input::Pipe(_)) => Vec::new(),
            _ => match input.head() {
                Err(_) if interrupt::is_asked_for() => {
                    let shown = input.shown();
                    if shown.is_empty() {
                        return Ok(None);
                    }
                    shown
                }
                head => head.with_context(|| name.clone())?,
            },
        };
        let format = source::format(origin, &head, reading.options)?;
        if !format.is_text() {
            let text = format!("{name}: --follow reads csv, tsv and jsonl, and no {}", format.word());
            return Err(Failure::usage(text).into());
        }
        source::check_text(origin, &head)?;
        let text = Text::new(name.clone(), format, &reading, None)?;
        let feed = match (input, origin) {
            (Input::File(file), Origin::File(path)) => Feed::File(GrowingFile::new(file, path.clone())?),
            (Input::Pipe(pipe), _) => Feed::Pipe(pipe),
            (Input::File(_), Origin::Standard) => {
                return Err(Failure::usage("standard input is no file").into());
            }
        };
        let published = Published::default();
        Ok(Some(Self { name, reading, feed, text, format, published, has_ended: false }))
    }

    /// Publishes lines as they come, until the end of the stream, or Ctrl-C.
    pub fn run(
        mut self,
        writer: &mut Writer,
        goal: Goal<'_>,
        every: Duration,
        progress: &Progress,
    ) -> Result<Published> {
        match self.publish_all(writer, goal, every, progress) {
            Ok(()) => Ok(self.published),
            Err(error) => Err(self.published.after(error)),
        }
    }

    fn publish_all(
        &mut self,
        writer: &mut Writer,
        goal: Goal<'_>,
        every: Duration,
        progress: &Progress,
    ) -> Result<()> {
        let mut due = Instant::now() + every;
        loop {
            let is_asked_to_end = interrupt::is_asked_for();
            // What is there by then is read, too, without waiting.
            let end = if is_asked_to_end { Instant::now() } else { due };
            self.read(end.saturating_duration_since(Instant::now()), writer, goal, progress)?;
            let is_last = self.has_ended || is_asked_to_end;
            let is_due = Instant::now() >= due;
            if is_due || is_last || self.text.is_batch_complete() {
                self.publish(writer, goal, progress)?;
                due = Instant::now() + every;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Reads what is there, or waits for it, so long.
    fn read(
        &mut self,
        time: Duration,
        writer: &mut Writer,
        goal: Goal<'_>,
        progress: &Progress,
    ) -> Result<()> {
        let reason = match &mut self.feed {
            Feed::Pipe(pipe) => match pipe.within(time).with_context(|| self.name.clone())? {
                Received::Bytes(bytes) => return self.text.push(&bytes),
                Received::Nothing => return Ok(()),
                Received::End => {
                    self.has_ended = true;
                    return self.text.end();
                }
            },
            Feed::File(file) => match file.within(time).with_context(|| self.name.clone())? {
                Grown::Bytes(bytes) => return self.text.push(bytes),
                Grown::Nothing => return Ok(()),
                Grown::Again(reason) => reason,
            },
        };
        self.publish(writer, goal, progress)?;
        self.begin_again(reason, progress)
    }

    /// Goes on with the beginning of a file whose columns are known from before.
    fn begin_again(&mut self, reason: &str, progress: &Progress) -> Result<()> {
        let left = match self.text.unfinished().len() {
            0 => String::new(),
            bytes => format!("; {bytes} bytes of a line that had no end are left out"),
        };
        progress.note(&format!("{}: {reason}: read from its beginning again{left}", self.name));
        let schema = self.text.schema().map(SchemaRef::clone);
        let first = schema.as_ref().map(|schema| ("the rows before", schema));
        self.text = Text::new(self.name.clone(), self.format, &self.reading, first)?;
        self.published.begin_again();
        Ok(())
    }

    /// Publishes all whole records.
    fn publish(&mut self, writer: &mut Writer, goal: Goal<'_>, progress: &Progress) -> Result<()> {
        if !self.text.has_records() || self.text.settle(More::MayCome)?.is_none() {
            return Ok(());
        }
        while let Some(piece) = self.text.take()? {
            let version = goal.append(writer, &piece.batch)?;
            self.published.add(&self.name, &piece.batch, piece.line);
            self.published.commit(version);
            progress.show(self.text.position(), &self.published);
        }
        Ok(())
    }
}
