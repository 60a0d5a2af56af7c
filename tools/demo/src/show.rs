//! What the person at the terminal sees while the demo runs: bars, or lines where there is no terminal.

use crate::ledger::{Ledger, Summary};
use crate::report::{Edition, Report};
use crate::role::Role;
use indicatif::{DecimalBytes, HumanCount, MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

/// How far apart two lines of one program are.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Shows how far the programs are.
pub enum Show {
    /// A bar for each, on a terminal.
    Bars(MultiProgress, BTreeMap<Role, ProgressBar>),
    /// A line for each now and then: where it goes, and when each had its last.
    Lines(Box<dyn io::Write>, BTreeMap<Role, Instant>),
}

impl Show {
    /// Bars if a person is there to see them, unless `plain`.
    #[must_use]
    pub fn new(plain: bool) -> Self {
        if !plain && io::stdout().is_terminal() && io::stderr().is_terminal() {
            Self::Bars(MultiProgress::new(), BTreeMap::new())
        } else {
            Self::Lines(Box::new(io::stdout()), BTreeMap::new())
        }
    }

    /// Shows what a program said.
    ///
    /// # Errors
    /// If a line cannot be written.
    pub fn heard(&mut self, ledger: &Ledger, role: Role, report: &Report) -> io::Result<()> {
        let (edition, text) = match report {
            Report::Published { edition, .. } => (edition, published(edition)),
            Report::Taken { edition, text } => (edition, taken(edition, text)),
            Report::Ready { .. } | Report::Finished { .. } => return Ok(()),
        };
        let count = if role == Role::Loader { ledger.complete() } else { ledger.taken(role) };
        match self {
            Self::Bars(all, bars) => {
                let days = ledger.days().unwrap_or_default();
                let bar = bars.entry(role).or_insert_with(|| bar(all, role, days));
                bar.set_position(count);
                bar.set_message(text);
            }
            Self::Lines(output, last) => {
                let due = last.get(&role).is_none_or(|last| last.elapsed() >= LINE_EVERY);
                if due {
                    last.insert(role, Instant::now());
                    let at = match role {
                        Role::Loader => format!("{count:>3} of {} days", ledger.days().unwrap_or_default()),
                        Role::Light | Role::Heavy => format!("version {}", HumanCount(edition.version)),
                    };
                    writeln!(output, "{role:<6}  {at:<15}  {text}")?;
                }
            }
        }
        Ok(())
    }

    /// Lets the bars stand as they are.
    pub fn close(&mut self) {
        if let Self::Bars(_, bars) = self {
            bars.values().for_each(ProgressBar::abandon);
        }
    }
}

fn published(edition: &Edition) -> String {
    format!("{}  {} rows, version {}", edition.day, HumanCount(edition.rows), HumanCount(edition.version))
}

fn taken(edition: &Edition, text: &str) -> String {
    format!("{}  {} rows, {text}", edition.day, HumanCount(edition.rows))
}

fn bar(all: &MultiProgress, role: Role, days: u64) -> ProgressBar {
    let template = match role {
        Role::Loader => "{prefix:<6}  {pos:>3} of {len} days  {bar:14.green}  {wide_msg}",
        Role::Light | Role::Heavy => "{prefix:<6}  {pos:>3} versions  {wide_msg}",
    };
    let bar = ProgressBar::new(days).with_style(style(template)).with_prefix(role.name());
    let at = Role::ALL.iter().position(|&other| other == role).unwrap_or_default();
    all.insert(at, bar)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The lines with which the demo closes; the last says all.
#[must_use]
pub fn closing(summary: &Summary, time: Duration) -> String {
    let Summary { versions, rows, bytes, readers, copied } = summary;
    let mut lines = String::new();
    for (role, taken, text) in readers {
        lines += &format!("{role:<6}  {}: {text}\n", counted(*taken, "version"));
    }
    let (versions, rows, bytes) =
        (counted(*versions, "version"), counted(*rows, "row"), DecimalBytes(*bytes));
    let copied = counted(*copied, "byte");
    let verdict = if summary.copied == 0 { "ok" } else { "FAILED" };
    let time = time.as_secs_f64();
    lines + &format!("{versions}, {rows}, {bytes} in {time:.1} s; {copied} copied by readers: {verdict}")
}

fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}
