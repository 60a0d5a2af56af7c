//! A process that writes: does what it is told on its standard input, a command a line.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in here fails a test")]

use shmframe::{Error, ErrorKind, Writer, WriterOptions};
use shmframe_harness::control::{Control, Tally, Word};
use shmframe_harness::pattern;
use shmframe_harness::serve::{Reply, become_user, limit, option, reply, serve, told, trust};
use shmframe_segment::steps;
use std::time::Duration;

fn main() {
    let mut writer = None;
    serve(|words| carry_out(&mut writer, words));
}

fn carry_out(writer: &mut Option<Writer>, words: &[&str]) -> Reply {
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    match words[0] {
        "create" => gain(writer, options(words).create(words[1])),
        "open" => gain(writer, options(words).open(words[1])),
        "open-or-create" => gain(writer, options(words).open_or_create(words[1])),
        "limit" => limit(words[1], number(2)),
        "become" => become_user(number(1) as u32, number(2) as u32),
        "arm" => {
            steps::arm(number(1), steps::Action::Kill);
            Ok(String::new())
        }
        "gate" => {
            Control::from_environment().wait_at_gate(60);
            Ok(String::new())
        }
        "race" => race(writer, words[1], words[2]),
        "churn" => churn(words[1], words[2], number(3)),
        "drop" => {
            *writer = None;
            Ok(String::new())
        }
        "remove-segment" => reply(writer.take().unwrap().remove_segment().map(|()| "")),
        _ => with_writer(writer.as_mut().unwrap(), words),
    }
}

fn with_writer(writer: &mut Writer, words: &[&str]) -> Reply {
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    match words[0] {
        "version" => Ok(writer.version().to_string()),
        "put" => {
            let batch = pattern::batch(words[1], writer.version() + 1, number(2));
            reply(writer.put(words[1], &batch))
        }
        "pair" => reply(pair(writer, number(1))),
        "remove" => reply(writer.remove(words[1])),
        "trim" => reply(writer.trim(number(1))),
        "allocated" => Ok(writer.allocated_bytes().to_string()),
        "audit" => reply(writer.audit().map(|audit| audit.working == audit.recovered)),
        "holders" => {
            let holders = writer.holders();
            let told = holders.iter().map(|holder| {
                format!("{}:{}:{:?}:{}", holder.pid, holder.label, holder.versions, holder.bytes)
            });
            Ok(told.collect::<Vec<_>>().join(" "))
        }
        "stream" => stream(writer, number(1), false),
        "paced" => stream(writer, number(1), true),
        "own" => own(writer, words[1], number(2)),
        command => panic!("no command {command:?}"),
    }
}

fn options(words: &[&str]) -> WriterOptions {
    let mut options = WriterOptions::new().trust(trust(words));
    if let Some(label) = option(words, "label") {
        options = options.label(label);
    }
    if let Some(seconds) = option(words, "timeout") {
        options = options.lease_timeout(Duration::from_secs(seconds.parse().unwrap()));
    }
    if let Some(bytes) = option(words, "capacity") {
        options = options.capacity(bytes.parse().unwrap());
    }
    if let Some(bytes) = option(words, "quota") {
        options = options.quota(bytes.parse().unwrap());
    }
    if words.contains(&"several") {
        options = options.several_writers();
    }
    options
}

fn gain(writer: &mut Option<Writer>, result: Result<Writer, Error>) -> Reply {
    let gained = result.map_err(|error| told(&error))?;
    let version = gained.version();
    *writer = Some(gained);
    Ok(version.to_string())
}

/// One version in which two frames are replaced.
fn pair(writer: &mut Writer, rows: u64) -> Result<u64, Error> {
    let stamp = writer.version() + 1;
    let mut transaction = writer.begin()?;
    for frame in ["left", "right"] {
        transaction.put(frame, &pattern::batch(frame, stamp, rows))?;
    }
    transaction.commit()
}

/// Commits so many versions, each of which replaces all frames, or until told to stop; 0: until then. A paced stream
/// waits until a reader holds each of them.
fn stream(writer: &mut Writer, count: u64, paced: bool) -> Reply {
    let control = Control::from_environment();
    let mut commits = 0;
    while (count == 0 || commits < count) && control.get(Word::Stop) == 0 {
        let stamp = writer.version() + 1;
        control.set(Word::Announced, stamp);
        let version = pair(writer, if paced { 4 } else { pattern::rows_of(stamp) });
        let version = version.map_err(|error| told(&error))?;
        assert_eq!(version, stamp);
        control.set(Word::Committed, version);
        commits += 1;
        while paced && control.get(Word::Held) < commits && control.get(Word::Stop) == 0 {
            std::thread::sleep(Duration::from_micros(20));
        }
    }
    Ok(commits.to_string())
}

/// Puts a frame that no other process puts, so many times; the stamp counts them.
fn own(writer: &mut Writer, frame: &str, count: u64) -> Reply {
    let control = Control::from_environment();
    for stamp in 1..=count {
        let version = writer.put(frame, &pattern::batch(frame, stamp, pattern::rows_of(stamp)));
        control.set(Word::Committed, version.map_err(|error| told(&error))?);
    }
    control.count(Tally::Commits, count);
    Ok(count.to_string())
}

/// One of many processes that create, or open or create, a segment at the same moment.
fn race(writer: &mut Option<Writer>, how: &str, segment: &str) -> Reply {
    let control = Control::from_environment();
    control.wait_at_gate(60);
    if how == "create" {
        return match WriterOptions::new().create(segment) {
            Ok(created) => {
                control.count(Tally::Won, 1);
                *writer = Some(created);
                Ok("won".to_owned())
            }
            Err(error) if error.kind() == ErrorKind::Exists => {
                control.count(Tally::Exists, 1);
                Ok("exists".to_owned())
            }
            Err(error) => Err(told(&error)),
        };
    }
    let opened = WriterOptions::new().several_writers().open_or_create(segment);
    let writer = writer.insert(opened.map_err(|error| told(&error))?);
    let frame = format!("frame-{}", std::process::id());
    let version = writer.put(&frame, &pattern::batch(&frame, 1, 5)).map_err(|error| told(&error))?;
    control.count(Tally::Commits, 1);
    Ok(version.to_string())
}

/// Creates or removes a segment so many times, or until told to stop, while others do the same.
fn churn(how: &str, segment: &str, rounds: u64) -> Reply {
    let control = Control::from_environment();
    control.wait_at_gate(60);
    let mut done = 0;
    while (done < rounds || how == "remove") && control.get(Word::Stop) == 0 {
        let result = match how {
            "create" => WriterOptions::new().create(segment).and_then(|mut writer| pair(&mut writer, 3)),
            _ => WriterOptions::new().remove_segment(segment).map(|()| 0),
        };
        match result {
            Ok(_) => done += 1,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Exists | ErrorKind::Missing | ErrorKind::LeaseTaken | ErrorKind::TimedOut
                ) => {}
            Err(error) => return Err(told(&error)),
        }
    }
    Ok(done.to_string())
}
