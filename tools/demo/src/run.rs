//! The demo from start to end: starts the programs, listens to them, and judges.

use crate::children::{Children, Event};
use crate::ledger::{Ledger, Summary, names};
use crate::options::Options;
use crate::programs::{Programs, workspace};
use crate::role::Role;
use crate::show::Show;
use anyhow::{Result, bail, ensure};
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// How long all programs may be silent, besides the pace.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody asked the demo to end.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl Error for Interrupted {}

/// Runs the demo with these programs, on a segment of this name.
///
/// When it returns, whether well or not, no program runs any more and the segment is gone.
///
/// # Errors
/// [`Interrupted`]; or which program failed, how, and what it said; or what does not add up.
pub fn run(
    segment: &str,
    options: &Options,
    programs: Programs,
    (sender, events): (Sender<Event>, Receiver<Event>),
    show: &mut Show,
) -> Result<Summary> {
    let mut children = Children::new(segment, programs);
    for role in Role::ALL {
        children.start(role, arguments(role, options), sender.clone())?;
    }
    let patience = PATIENCE + Duration::from_millis(options.pace);
    let mut ledger = Ledger::default();
    let mut open = Role::ALL.to_vec();
    while !open.is_empty() {
        match events.recv_timeout(patience) {
            Ok(Event::Said(role, report)) => {
                ledger.note(role, &report)?;
                show.heard(&ledger, role, &report)?;
                if ledger.awaited().is_empty() {
                    children.release_loader();
                }
            }
            Ok(Event::Garbled(role, line)) => bail!("{role} said what is no report: {line}"),
            Ok(Event::Closed(role)) => {
                children.wait_for(role)?;
                open.retain(|&other| other != role);
                ensure!(ledger.may_end(role), "{role} ended too early");
            }
            Ok(Event::Interrupted) => return Err(Interrupted.into()),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let silent = if ledger.awaited().is_empty() { open } else { ledger.awaited() };
                bail!("{} said nothing for {} s", names(&silent), patience.as_secs());
            }
        }
    }
    ledger.close()
}

fn arguments(role: Role, options: &Options) -> Vec<OsString> {
    let data = || options.data.clone().unwrap_or_else(|| workspace().join("tests/data")).into_os_string();
    match role {
        Role::Loader => vec![
            "--data".into(),
            data(),
            "--days".into(),
            options.days.to_string().into(),
            "--window".into(),
            options.window.to_string().into(),
            "--pace".into(),
            options.pace.to_string().into(),
        ],
        Role::Light => Vec::new(),
        Role::Heavy => vec!["--data".into(), data()],
    }
}
