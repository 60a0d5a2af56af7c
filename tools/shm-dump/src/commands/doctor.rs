//! `shm-dump doctor`: whether this machine is fit for segments.

use crate::doctor::{Check, Status, checks};
use crate::session::Session;
use anyhow::Result;
use clap::Args;
use shmframe_cli::Exit;

/// Check whether this machine is fit for segments, and say what to do where it is not
///
/// The directory, its file system, size and fill; memory and control groups; limits of processes, as they are for this one;
/// huge pages; what the dead left. Ends with status 5 if something is bad: warnings are none.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shm-dump doctor
  shm-dump doctor --dir /mnt/segments
  shm-dump doctor --json | jq 'select(.status != \"good\")'")]
pub struct DoctorOptions {}

pub fn run(session: &mut Session, _options: &DoctorOptions) -> Result<Exit> {
    let checks: Vec<Check> = checks(session);
    session.output.records(&checks, "")?;
    let is_bad = checks.iter().any(|check| check.status == Status::Bad);
    Ok(if is_bad { Exit::NotMet } else { Exit::Success })
}
