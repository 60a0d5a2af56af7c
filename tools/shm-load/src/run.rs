//! What the tool does with its command line.

use crate::follow::Follow;
use crate::format::Format;
use crate::input::Origin;
use crate::interrupt;
use crate::load::{Before, Goal, in_one_version, in_versions};
use crate::options::{Options, ReadingOptions};
use crate::pieces::Pieces;
use crate::progress::Progress;
use crate::published::{Closing, Published};
use crate::report::{self, Loaded};
use crate::segment::Segment;
use crate::source::Reading;
use anyhow::Result;
use clap::CommandFactory;
use clap_mangen::Man;
use shmframe_cli::{Exit, Failure, Output, Target, told};
use shmframe_writer::Writer;
use std::time::Instant;

/// Prints what is asked for, or loads files.
pub fn run(options: &Options) -> Result<Exit> {
    let mut output = Output::new(&options.output);
    match &options.target {
        Some(target) => load(options, target, &mut output),
        None => {
            output.raw().write_all(&printed(options)?)?;
            output.raw().flush()?;
            Ok(Exit::Success)
        }
    }
}

/// Completions, the manual page, or the JSON schema.
fn printed(options: &Options) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    if let Some(shell) = options.completions {
        clap_complete::generate(shell, &mut Options::command(), "shm-load", &mut text);
    } else if options.man {
        Man::new(Options::command()).render(&mut text)?;
    } else {
        serde_json::to_writer_pretty(&mut text, &report::schema())?;
        text.push(b'\n');
    }
    Ok(text)
}

fn load(options: &Options, target: &Target, output: &mut Output) -> Result<Exit> {
    let frame = frame(target)?;
    let origins = origins(options)?;
    let lengths = origins.iter().map(Origin::check).collect::<Result<Vec<_>>>();
    let bytes: Option<u64> = lengths.map_err(Closing::with_nothing_published)?.into_iter().sum();
    let begin = Instant::now();
    // First, so that no signal leaves a segment that is half made.
    interrupt::listen()?;
    let mut segment =
        Segment::open(&options.segment, &target.place).map_err(Closing::with_nothing_published)?;
    let progress = Progress::new(bytes.filter(|_| !options.publishing.follow), options.quiet);
    for option in segment.idle_options(&options.segment) {
        progress.note(&format!("{option} is for new segments: {} was there", target.place.name()));
    }
    let goal = Goal { frame, retain: options.publishing.retain };
    let result = publish(options, &origins, &mut segment.writer, goal, &progress);
    progress.finish();
    let allocated = segment.writer.allocated_bytes();
    let given_up = segment.give_up();
    let published = match (result, given_up) {
        (Ok(published), given_up) => given_up.map(|()| published)?,
        (Err(error), given_up) => {
            if let Err(left) = given_up {
                progress.note(&format!("the new segment stays: {}", told(&left)));
            }
            return Err(error);
        }
    };
    let names = (target.place.name(), frame);
    let mut loaded = Loaded::new(names, origins.len(), &published, begin.elapsed());
    loaded.segment_bytes = allocated;
    loaded.print(output)?;
    Ok(Exit::Success)
}

/// Publishes the files as the options say.
fn publish(
    options: &Options,
    origins: &[Origin],
    writer: &mut Writer,
    goal: Goal<'_>,
    progress: &Progress,
) -> Result<Published> {
    let publishing = &options.publishing;
    let is_added_to = publishing.append || publishing.follow;
    let frame = is_added_to.then(|| goal.schema(writer)).transpose();
    let frame = frame.map_err(Closing::with_nothing_published)?.flatten();
    let reading = Reading { options: &options.reading, frame };
    if publishing.follow {
        let follow = Follow::open(origins, reading).map_err(Closing::with_nothing_published)?;
        return match follow {
            Some(follow) => follow.run(writer, goal, publishing.every, progress),
            None => Ok(Published::default()),
        };
    }
    let mut pieces = Pieces::new(origins, reading);
    match (publishing.append, publishing.one_version) {
        (false, _) => in_one_version(writer, goal, Before::IsReplaced, &mut pieces, progress),
        (true, true) => in_one_version(writer, goal, Before::Stays, &mut pieces, progress),
        (true, false) => in_versions(writer, goal, &mut pieces, progress),
    }
}

/// The one frame that the target names.
fn frame(target: &Target) -> Result<&str, Failure> {
    let wrong = |reason: &str| Failure::usage(format!("{target}: {reason}: say SEGMENT/FRAME"));
    let frame = target.frame.as_deref().ok_or_else(|| wrong("names no frame"))?;
    if target.version.is_some() {
        return Err(wrong("names a version, and only a new one can be filled"));
    }
    if target.is_pattern() {
        return Err(wrong("is a pattern, and one frame is filled"));
    }
    Ok(frame)
}

/// The files, none of which needs an option that goes with other formats only.
fn origins(options: &Options) -> Result<Vec<Origin>, Failure> {
    let origins: Vec<_> = options.files.iter().map(|path| Origin::new(path)).collect();
    if origins.iter().filter(|origin| **origin == Origin::Standard).count() > 1 {
        return Err(Failure::usage("standard input (-) is named twice: it can be read once"));
    }
    let known = |origin: &Origin| match origin {
        Origin::File(path) => options.reading.input_format.or_else(|| Format::of_name(path)),
        Origin::Standard => options.reading.input_format,
    };
    let is_delimited = |origin: &Origin| known(origin).is_none_or(Format::is_delimited);
    match idle(&options.reading) {
        Some(option) if !origins.iter().any(is_delimited) => {
            Err(Failure::usage(format!("{option} goes with csv and tsv, and no file is one (see --as)")))
        }
        _ => Ok(origins),
    }
}

/// An option that is given, and goes with CSV and TSV only.
fn idle(reading: &ReadingOptions) -> Option<&'static str> {
    let given = [
        ("--delimiter", reading.delimiter.is_some()),
        ("--no-header", reading.no_header),
        ("--null-values", !reading.null_values.is_empty()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
}
