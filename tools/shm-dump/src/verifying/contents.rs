//! The rows of frames, column by column.

use super::{Findings, Severity, is_gone};
use crate::frames;
use crate::session::{Look, Session};
use crate::view::View;
use anyhow::Result;
use indicatif::ProgressBar;
use shmframe_cli::{Exit, Target};
use shmframe_reader::{Error, ErrorKind, Frame};
use std::collections::HashSet;

/// What was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    pub frames: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// Rows of a frame: its name, its generation, the numbers of its first row and of the one behind its last.
type Rows = (String, u64, u64, u64);

/// Checks every row of the frames that the target means, in each of these versions, or in the newest. A frame that a version shares
/// with another one is checked once.
///
/// # Errors
/// [`Exit::NotFound`] if the target's version is gone, or its frame stands in none of the versions.
pub fn check(
    session: &Session,
    target: &Target,
    versions: &[u64],
    findings: &mut Findings,
) -> Result<Checked> {
    let look = session.open_validating(&target.place)?;
    let mut rows = RowCheck { session, target, known: HashSet::new(), checked: Checked::default() };
    let (mut is_found, mut missing) = (false, None);
    let newest = if versions.is_empty() { Some(None) } else { None };
    for version in newest.into_iter().chain(versions.iter().copied().map(Some)) {
        match rows.check_version(&look, version, findings) {
            Ok(()) => is_found = true,
            Err(error) if target.version.is_none() && is_gone(&error) => {
                let place =
                    version.map_or("newest version".to_owned(), |version| format!("version {version}"));
                findings.add(
                    Severity::Warning,
                    place,
                    "its rows were not checked: it went before they were read",
                );
                is_found = true;
            }
            // Found already, record by record.
            Err(error) if Exit::of(&error) == Exit::Damaged => is_found = true,
            // A frame need not stand in all versions.
            Err(error) if Exit::of(&error) == Exit::NotFound && !is_gone(&error) => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if !is_found => Err(error),
        _ => Ok(rows.checked),
    }
}

/// Rows on their way through the check.
struct RowCheck<'a> {
    session: &'a Session,
    target: &'a Target,
    known: HashSet<Rows>,
    checked: Checked,
}

/// A frame that was looked at.
struct Looked {
    rows: Rows,
    bytes: u64,
    count: u64,
    damaged: Vec<(String, Error)>,
}

impl RowCheck<'_> {
    /// Checks the frames of a version, all under one hold.
    fn check_version(&mut self, look: &Look, version: Option<u64>, findings: &mut Findings) -> Result<()> {
        let (number, looked) = look.view(version, |view| Ok((view.version(), self.look_at(view)?)))?;
        for (name, looked) in looked {
            let place = format!("version {number}, frame {name:?}");
            match looked {
                Ok(Looked { rows, bytes, count, damaged }) => {
                    self.checked.frames += 1;
                    self.checked.rows = self.checked.rows.saturating_add(count);
                    self.checked.bytes = self.checked.bytes.saturating_add(bytes);
                    self.known.insert(rows);
                    for (column, error) in damaged {
                        findings.add_error(format!("{place}, column {column:?}"), &error);
                    }
                }
                Err(error) => findings.add_error(place, &error),
            }
        }
        Ok(())
    }

    /// Looks at the frames of a version that are meant and not known yet.
    fn look_at(&self, view: &View<'_>) -> Result<Vec<(String, Result<Looked, Error>)>> {
        let mut looked = Vec::new();
        for name in frames::named(self.target, view.frames()?)? {
            let frame = match view.frame(&name) {
                Ok(frame) => frame,
                Err(error) if matches!(error.kind(), ErrorKind::VersionGone | ErrorKind::FrameMissing) => {
                    return Err(error.into());
                }
                Err(error) => {
                    looked.push((name, Err(error)));
                    continue;
                }
            };
            let (first, end) = (frame.first_position(), frame.position());
            let rows = (name.clone(), end.generation(), first.row(), end.row());
            if !self.known.contains(&rows) {
                let damaged = damaged_columns(&frame, &self.bar(&frame))?;
                let found = Looked { rows, bytes: frame.num_bytes(), count: frame.num_rows(), damaged };
                looked.push((name, Ok(found)));
            }
        }
        Ok(looked)
    }

    /// A bar over the columns of a frame.
    fn bar(&self, frame: &Frame) -> ProgressBar {
        let columns = frame.schema().fields().len() as u64;
        let bar = self.session.progress(frame.num_rows().saturating_mul(columns));
        bar.set_message(frame.name().to_owned());
        bar.set_length(columns);
        bar
    }
}

/// The columns whose rows are not valid; one at a time, so that a copy of one is all that is held.
fn damaged_columns(frame: &Frame, bar: &ProgressBar) -> Result<Vec<(String, Error)>> {
    let mut damaged = Vec::new();
    for field in frame.schema().fields() {
        let selected = match frame.select(&[field.name()]) {
            Ok(selected) => selected.batches(),
            Err(error) => Err(error),
        };
        match selected {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::VersionGone => return Err(error.into()),
            Err(error) => damaged.push((field.name().clone(), error)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(damaged)
}
