//! The rows of frames, column by column.

use super::{Findings, is_gone};
use crate::frames;
use crate::session::{Look, Session};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use shmframe_cli::{Exit, Target};
use shmframe_reader::{Error, Frame};
use std::collections::HashSet;
use std::io::IsTerminal;

/// What was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    pub frames: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// Checks every row of the frames that the target means, in these versions (none: the newest). A frame that a version shares with
/// the one before is not checked again.
pub fn check(
    session: &Session,
    target: &Target,
    versions: &[Option<u64>],
    findings: &mut Findings,
) -> Result<Checked> {
    let look = session.open_validating(&target.place)?;
    let mut checked = Checked::default();
    let mut known = HashSet::new();
    for version in versions {
        match version_names(&look, target, *version) {
            Ok((number, names)) => {
                for name in names {
                    check_frame(&look, (number, &name), &mut known, &mut checked, findings)?;
                }
            }
            // Found already, record by record, or gone.
            Err(error) if is_gone(&error) || Exit::of(&error) == Exit::Damaged => {}
            Err(error) => return Err(error),
        }
    }
    Ok(checked)
}

fn version_names(look: &Look, target: &Target, version: Option<u64>) -> Result<(u64, Vec<String>)> {
    look.view(version, |view| Ok((view.version(), frames::named(target, view.frames()?)?)))
}

/// Checks a frame of a version, unless its rows are those of one that was checked.
fn check_frame(
    look: &Look,
    (version, name): (u64, &str),
    known: &mut HashSet<(String, u64, u64, u64)>,
    checked: &mut Checked,
    findings: &mut Findings,
) -> Result<()> {
    let place = format!("version {version}, frame {name:?}");
    let outcome = look.view(Some(version), |view| {
        let frame = view.frame(name)?;
        let (first, end) = (frame.first_position(), frame.position());
        let same = (name.to_owned(), end.generation(), first.row(), end.row());
        if known.contains(&same) {
            return Ok(None);
        }
        Ok(Some((same, frame.num_rows(), frame.num_bytes(), damaged_columns(&frame)?)))
    });
    match outcome {
        Ok(None) => {}
        Ok(Some((same, rows, bytes, damaged))) => {
            checked.frames += 1;
            checked.rows += rows;
            checked.bytes += bytes;
            known.insert(same);
            for (column, error) in damaged {
                findings.add_error(format!("{place}, column {column:?}"), &error);
            }
        }
        Err(error) if is_gone(&error) => {}
        Err(error) => match error.downcast::<Error>() {
            Ok(error) => findings.add_error(place, &error),
            Err(error) => return Err(error),
        },
    }
    Ok(())
}

/// The columns whose rows are not valid; one at a time, so that a copy of one is all that is held.
fn damaged_columns(frame: &Frame) -> Result<Vec<(String, Error)>> {
    let schema = frame.schema();
    let bar = bar(frame.name(), schema.fields().len() as u64);
    let mut damaged = Vec::new();
    for field in schema.fields() {
        let selected = match frame.select(&[field.name()]) {
            Ok(selected) => selected.batches(),
            Err(error) => Err(error),
        };
        match selected {
            Ok(_) => {}
            Err(error) if error.kind() == shmframe_reader::ErrorKind::VersionGone => return Err(error.into()),
            Err(error) => damaged.push((field.name().clone(), error)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(damaged)
}

/// A bar over the columns of a frame, for a person at a terminal.
fn bar(frame: &str, columns: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} columns, {elapsed}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(columns).with_style(style).with_prefix(frame.to_owned())
}
