//! Records of all versions, and the memory that they need.

use super::{Findings, Severity};
use anyhow::Result;
use shmframe_cli::words;
use shmframe_reader::Inspector;
use shmframe_segment::{Coverage, CoveredRange, Finding as Found};

/// Reads every record of all versions, and compares its checksum; ranges that overlap are found, too.
pub fn records(inspector: &Inspector, findings: &mut Findings) -> Result<Coverage> {
    let coverage = inspector.inspection().coverage()?;
    for problem in &coverage.problems {
        match problem {
            Found::NoEntry { version } => {
                findings.add(
                    Severity::Error,
                    format!("version {version}"),
                    "the newest version has no whole entry",
                );
            }
            Found::Version { version, error } => findings.add_error(format!("version {version}"), error),
            Found::Overlap { first, second } => {
                let what = format!("{} overlaps with {}", described(first), described(second));
                findings.add(Severity::Error, format!("offset {}", second.offset), what);
            }
            Found::Twice { version, offset } => {
                let what = "two buffers or records stand at the same place".to_owned();
                findings.add(Severity::Error, format!("version {version}, offset {offset}"), what);
            }
        }
    }
    Ok(coverage)
}

fn described(range: &CoveredRange) -> String {
    let (oldest, newest) = range.live();
    let frame = range.frame.as_ref().map_or("directory".to_owned(), |frame| format!("frame {frame:?}"));
    format!("{frame} of versions {oldest} to {newest} at {} to {}", range.offset, range.end())
}

/// What the writer may have kept of pages that no version needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It has trimmed: what is there besides has leaked.
    Nothing,
    /// Those of earlier versions, for its next frames.
    ForNextFrames,
}

/// Compares the memory that is allocated with what live versions need and a trimmed segment may have besides.
pub fn memory(inspector: &Inspector, coverage: &Coverage, kept: Kept, findings: &mut Findings) -> Result<()> {
    if !coverage.problems.is_empty() {
        let what = "not compared: what all versions need is not known";
        findings.add(Severity::Warning, "memory", what);
        return Ok(());
    }
    let inspection = inspector.inspection();
    let allocated = inspection.allocated_bytes()?;
    if inspection.latest()? != coverage.latest {
        findings.add(
            Severity::Warning,
            "memory",
            "not compared: a writer is at work; look again when it rests",
        );
        return Ok(());
    }
    let (live, allowance) = (coverage.bytes(..), coverage.allowance(inspection.header().geometry()).bytes());
    let excess = allocated.saturating_sub(live.saturating_add(allowance));
    if excess > 0 {
        let bytes = |count| words::bytes(count, false);
        let (severity, why) = match kept {
            Kept::Nothing => (Severity::Error, "no version needs them: they leaked"),
            Kept::ForNextFrames => (
                Severity::Warning,
                "the writer keeps them for the next frames: Writer::trim gives them back; if they stay after it, look \
                 again with --trimmed",
            ),
        };
        let what = format!(
            "{} ({excess} bytes) more than the {} that live versions need and {} besides: {why}",
            bytes(excess),
            bytes(live),
            bytes(allowance)
        );
        findings.add(severity, "memory", what);
    }
    Ok(())
}
