//! `shm-dump watch`: a line for each tick.

#[cfg(feature = "tui")]
use crate::dashboard::{self, Task};
use crate::live::{Facts, Rates, change, disappearance, is_gone, is_overtaken, told};
use crate::session::Session;
use anyhow::Result;
use clap::{Args, value_parser};
use core::time::Duration;
use schemars::JsonSchema;
use serde::Serialize;
use shmframe_cli::record::{Cell, Record, Tone, cell, toned};
use shmframe_cli::{Exit, Failure, Target, columns_that_fit, words};
#[cfg(feature = "tui")]
use std::io::IsTerminal;
use std::thread;
use std::time::{Instant, SystemTime};

/// Lines between two lines of heads where the terminal does not say how high it is.
const SCREEN: u16 = 24;
/// Characters of a column at the least.
const COLUMN: usize = 10;

/// Show what goes on in a segment, a line for each tick
///
/// Versions, rows and bytes a second, readers and how far they are behind, memory. It goes on while the writer dies and
/// another one follows, and when the segment is removed and created again. It takes no reader slot.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump watch ticks
  shm-dump watch ticks/trades -i 0.2
  shm-dump watch ticks --count 60 --json > minute.jsonl
  shm-dump watch ticks --tui                      a dashboard; q ends it, ? tells its keys")]
pub struct WatchOptions {
    /// The segment, or frames of it
    target: Target,
    /// Seconds between two ticks
    #[arg(long, short, value_name = "SECONDS", default_value = "1", value_parser = super::wait::seconds)]
    interval: Duration,
    /// End after so many ticks
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Fill the terminal: frames, readers and memory, with how it was lately
    #[arg(long)]
    tui: bool,
}

/// A look at a segment.
#[derive(Debug, Default, JsonSchema, Serialize)]
pub struct Tick {
    /// When it was looked at, in UTC.
    time: String,
    #[serde(skip)]
    instant: Option<SystemTime>,
    /// `written`, `no_writer`, `unknown` (whether there is a writer cannot be asked), or `gone`: then the rest is null.
    state: &'static str,
    /// The newest version.
    version: Option<u64>,
    /// Versions a second since the last tick; null with the first one.
    versions_per_second: Option<f64>,
    /// How many frames are counted.
    frames: Option<u64>,
    /// Their rows.
    rows: Option<u64>,
    /// Rows a second that were appended or put.
    rows_per_second: Option<f64>,
    /// Bytes a second of these rows, reckoned from the average row of each frame.
    bytes_per_second: Option<f64>,
    /// Reader slots of the living; null if the registry cannot be read.
    readers: Option<u64>,
    /// Reader slots of the dead, not cleared yet.
    dead_readers: Option<u64>,
    /// How many versions the oldest pinned version is behind the newest; null if none is pinned.
    largest_lag: Option<u64>,
    /// Bytes of the segment that have pages.
    allocated_bytes: Option<u64>,
    /// Bytes that may have pages; null: no quota.
    quota_bytes: Option<u64>,
}

impl Record for Tick {
    const KIND: &'static str = "tick";
    const HEADS: &'static [&'static str] = &[
        "#TIME",
        "#VERSION",
        "#VERSIONS/S",
        "#ROWS",
        "#ROWS/S",
        "#BYTES/S",
        "#READERS",
        "#LAG",
        "#MEMORY",
        "#QUOTA",
        "WRITER",
    ];
    const SPARED: &'static [&'static str] =
        &["#QUOTA", "#BYTES/S", "#VERSIONS/S", "#LAG", "#MEMORY", "#READERS"];

    fn cells(&self, exact: bool) -> Vec<Cell> {
        let number = |number: Option<u64>| cell(number.map_or("-".to_owned(), |n| words::count(n, exact)));
        let bytes = |number: Option<u64>| cell(number.map_or("-".to_owned(), |n| words::bytes(n, exact)));
        let rate = |rate: Option<f64>| cell(rate.map_or("-".to_owned(), |rate| told(rate, exact)));
        let readers = match (self.readers, self.dead_readers) {
            (Some(living), Some(dead)) if dead > 0 => toned(format!("{living}+{dead} dead"), Tone::Warning),
            (readers, _) => number(readers),
        };
        let clock = self.instant.map(words::time_of_day).unwrap_or_default();
        vec![
            cell(clock),
            number(self.version),
            rate(self.versions_per_second),
            number(self.rows),
            rate(self.rows_per_second),
            bytes(self.bytes_per_second.map(|rate| rate.round() as u64)),
            readers,
            number(self.largest_lag),
            bytes(self.allocated_bytes),
            bytes(self.quota_bytes),
            match self.state {
                "written" => toned("alive", Tone::Good),
                "no_writer" => toned("none", Tone::Warning),
                "gone" => toned("segment gone", Tone::Bad),
                _ => toned("unknown", Tone::Faint),
            },
        ]
    }
}

impl Tick {
    fn gone() -> Self {
        let now = SystemTime::now();
        Self { time: words::instant(now), instant: Some(now), state: "gone", ..Self::default() }
    }

    fn of(facts: &Facts, rates: Option<Rates>) -> Self {
        let state = match facts.writer.alive {
            Some(true) => "written",
            Some(false) => "no_writer",
            None => "unknown",
        };
        let slots = facts.readers.as_ref().map(|slots| slots.len() as u64);
        Self {
            state,
            version: Some(facts.version),
            versions_per_second: rates.map(|rates| rates.versions),
            frames: Some(facts.frames.len() as u64),
            rows: Some(facts.rows()),
            rows_per_second: rates.map(|rates| rates.rows),
            bytes_per_second: rates.map(|rates| rates.bytes),
            readers: slots.map(|_| facts.living()),
            dead_readers: slots.map(|slots| slots - facts.living()),
            largest_lag: facts.largest_lag(),
            allocated_bytes: Some(facts.allocated),
            quota_bytes: facts.quota,
            ..Self::gone()
        }
    }
}

pub fn run(session: &mut Session, options: &WatchOptions) -> Result<Exit> {
    if options.tui {
        return fill_terminal(session, options);
    }
    session.end_on_signals()?;
    // A segment that is not there to begin with is most likely a wrong name.
    let mut before = Some((Instant::now(), Facts::first_of_target(session, &options.target)?));
    let mut next = Instant::now();
    let (mut tick, mut lines) =
        (before.as_ref().map_or_else(Tick::gone, |(_, facts)| Tick::of(facts, None)), 0);
    loop {
        show(session, &tick, lines)?;
        lines += 1;
        if options.count.is_some_and(|count| lines >= count) {
            return Ok(Exit::Success);
        }
        tick = loop {
            next = (next + options.interval).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
            match look(session, options, &mut before) {
                Err(error) if is_overtaken(&error) => session.note("a look was overtaken by the writer"),
                tick => break tick?,
            }
        };
    }
}

#[cfg(feature = "tui")]
fn fill_terminal(session: &Session, options: &WatchOptions) -> Result<Exit> {
    if session.output.is_json() || !std::io::stdout().is_terminal() {
        let text = "--tui fills a terminal, and standard output is none or JSON is wanted: leave out --tui, the plain \
                    `shm-dump watch` is for pipes, files and programs";
        return Err(Failure::usage(text).into());
    }
    let task = Task { target: &options.target, interval: options.interval, count: options.count };
    dashboard::run(session, &task)
}

#[cfg(not(feature = "tui"))]
fn fill_terminal(_session: &Session, _options: &WatchOptions) -> Result<Exit> {
    let text = "this shm-dump was built without its dashboard; `cargo install --path tools/shm-dump --locked` builds one \
                with it (feature `tui`: --features tui)";
    Err(Failure::usage(text).into())
}

/// Looks again, says what is another than before, and keeps what it saw: nothing if the segment is gone.
fn look(session: &Session, options: &WatchOptions, before: &mut Option<(Instant, Facts)>) -> Result<Tick> {
    let (now, name) = (Instant::now(), options.target.place.name());
    match Facts::of_target(session, &options.target) {
        Ok(facts) => {
            if let Some(change) = change(name, before.as_ref().map(|(_, facts)| facts), &facts) {
                session.note(change);
            }
            let rates = before.as_ref().and_then(|(time, before)| {
                Rates::between(before, &facts, now.saturating_duration_since(*time))
            });
            let tick = Tick::of(&facts, rates);
            *before = Some((now, facts));
            Ok(tick)
        }
        Err(error) if is_gone(&error) => {
            if before.take().is_some() {
                session.note(disappearance(name));
            }
            Ok(Tick::gone())
        }
        Err(error) => Err(error),
    }
}

fn width(head: &str) -> usize {
    head.len().max(COLUMN)
}

/// Prints a tick: heads stand before the first one of each screen.
fn show(session: &mut Session, tick: &Tick, lines: u64) -> Result<()> {
    let output = &mut session.output;
    if output.is_json() {
        return Ok(output.line(tick)?);
    }
    let widths: Vec<usize> = Tick::HEADS.iter().map(|head| width(head)).collect();
    let room = output.width().map_or(usize::MAX - 1, usize::from);
    let columns = columns_that_fit(Tick::HEADS, Tick::SPARED, &widths, 1, room);
    let line = |cells: Vec<String>| {
        let cell = |column: &usize| {
            let (text, width) = (cells.get(*column).map_or("", String::as_str), widths[*column]);
            format!("{text:>width$}")
        };
        columns.iter().map(cell).collect::<Vec<_>>()
    };
    let screen = u64::from(output.height().unwrap_or(SCREEN).saturating_sub(1).max(2)) - 1;
    if output.has_heads() && lines.is_multiple_of(screen) {
        let heads = Tick::HEADS.iter().map(|head| head.trim_start_matches('#').to_owned()).collect();
        output.text(&line(heads).join(" "))?;
    }
    let cells = tick.cells(output.is_exact());
    let texts = line(cells.iter().map(|(text, _)| text.clone()).collect());
    let tones = columns.iter().map(|column| cells[*column].1);
    let painted = texts.iter().zip(tones).map(|(text, tone)| output.painted(text, tone));
    let painted = painted.collect::<Vec<_>>().join(" ");
    Ok(output.text(&painted)?)
}
