//! What can be verified without reading a record: header, registry, entries.

use super::{Findings, Severity};
use crate::session::Session;
use anyhow::Result;
use shmframe_cli::Place;
use shmframe_format::{Error, ErrorKind};
use shmframe_segment::{EntryFault, EntryPlace, FoundEntry, RegistryView, SegmentState, look_at_header};

/// Checks what stands around the records. Whether the records can be read at all.
pub fn check(session: &Session, place: &Place, findings: &mut Findings) -> Result<bool> {
    let header = look_at_header(&session.location(place)?)?;
    for fault in &header.faults {
        findings.add_error("header of data", fault);
    }
    if header.is_of_this_boot == Some(false) {
        let what = "the segment was made before the machine was started: pages may be torn; remove it and create it again";
        findings.add(Severity::Warning, "header of data", what);
    }
    let registry = registry(session, place, findings);
    if !header.faults.is_empty() {
        return Ok(false);
    }
    let inspector = session.inspect(place)?;
    let inspection = inspector.inspection();
    let words = inspection.publication()?;
    // Asked afterwards: the floor goes up when a newer version has come.
    let latest = inspection.latest()?;
    if words.floor > latest {
        let what = format!("floor {} is above the newest version, {latest}", words.floor);
        findings.add(Severity::Error, "publication block", what);
    }
    match words.state {
        SegmentState::Open => {}
        SegmentState::Removed => {
            findings.add(
                Severity::Warning,
                "publication block",
                "the segment was removed; shm-dump gc clears it away",
            );
        }
        SegmentState::Unnamed => {
            findings.add(Severity::Warning, "publication block", "the segment has no name yet");
        }
        SegmentState::Unknown(found) => {
            let what = format!("the state is {found}, which no writer stores");
            findings.add(Severity::Error, "publication block", what);
        }
    }
    let has_writer = || registry.as_ref().and_then(|view| view.has_writer().ok());
    let before = has_writer();
    let entries = inspection.entries()?;
    // Nobody wrote meanwhile if no writer was there before and after, and none came and went in between.
    let rests = before == Some(false)
        && has_writer() == Some(false)
        && inspection.publication()?.epoch == words.epoch;
    for entry in entries {
        if let Some(fault) = entry.fault {
            report_entry(&entry, fault, rests, findings);
        }
    }
    Ok(true)
}

/// Checks the registry.
fn registry(session: &Session, place: &Place, findings: &mut Findings) -> Option<RegistryView> {
    let view = match session.registry(place) {
        Ok(view) => view,
        Err(error) => {
            let denied = |error: &Error| {
                matches!(error.kind(), ErrorKind::RegistryPermissionDenied | ErrorKind::PermissionDenied)
            };
            match error.downcast_ref::<Error>() {
                Some(error) if denied(error) => {
                    findings.add(Severity::Warning, "readers", format!("not checked: {error}"));
                }
                Some(error) => findings.add_error("readers", error),
                None => findings.add(Severity::Error, "readers", error.to_string()),
            }
            return None;
        }
    };
    match view.pins() {
        Ok(pins) => {
            for slot in pins.iter().filter(|slot| !slot.alive) {
                let what = format!(
                    "process {} died and left its slot; the writer clears it when it stands in its way, or shm-dump readers \
                     --reap does",
                    slot.pid
                );
                findings.add(Severity::Warning, format!("readers, slot {}", slot.slot), what);
            }
        }
        Err(error) => findings.add_error("readers", &error),
    }
    Some(view)
}

/// An entry that does not count. Unless nobody wrote meanwhile it may be one that was being written.
fn report_entry(entry: &FoundEntry, fault: EntryFault, rests: bool, findings: &mut Findings) {
    let place = match entry.place {
        EntryPlace::Ring(index) => format!("commit ring, entry {index}"),
        EntryPlace::Retained(index) => format!("retained table, entry {index}"),
    };
    let torn = matches!(fault, EntryFault::Odd | EntryFault::Unpublished);
    if torn && !rests {
        return;
    }
    let (severity, what) = match fault {
        EntryFault::Odd => (Severity::Warning, "a writer died while it wrote it; the next writer erases it"),
        EntryFault::Unpublished => {
            (Severity::Warning, "a writer died before it published it; the next writer erases it")
        }
        EntryFault::Checksum => (Severity::Error, "its checksum is not that of its words"),
        EntryFault::Misplaced => (Severity::Error, "another version has its place here"),
    };
    findings.add(severity, place, what);
}
