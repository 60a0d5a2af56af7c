//! The programs as child processes: started, listened to, and ended, whatever happens.

use crate::programs::Programs;
use crate::report::Report;
use crate::role::Role;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the loader may take to remove its segment before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// What the launcher hears.
#[derive(Debug)]
pub enum Event {
    /// A program said something.
    Said(Role, Report),
    /// A program said something that nobody understands.
    Garbled(Role, String),
    /// A program ended, or closed its output.
    Closed(Role),
    /// Somebody asks the demo to end.
    Interrupted,
}

/// The three programs while they run. Dropped, it ends those that still do, and removes their segment.
#[derive(Debug)]
pub struct Children {
    segment: String,
    programs: Programs,
    running: Vec<Running>,
    /// The loader's input: it goes on until that ends.
    leash: Option<ChildStdin>,
}

#[derive(Debug)]
struct Running {
    role: Role,
    process: Child,
    complaints: JoinHandle<String>,
}

impl Children {
    /// No program yet; all that will be started work on this segment.
    #[must_use]
    pub fn new(segment: &str, programs: Programs) -> Self {
        Self { segment: segment.to_owned(), programs, running: Vec::new(), leash: None }
    }

    /// Starts a program, and hands what it says to `events`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&mut self, role: Role, arguments: Vec<OsString>, events: Sender<Event>) -> Result<()> {
        let mut command = Command::new(self.programs.of(role));
        command.arg("--segment").arg(&self.segment).args(arguments);
        // A group of its own: Ctrl-C is for the launcher, which then ends the others in order.
        command.process_group(0);
        // Each ends when its input does, so also when the launcher is killed.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("cannot start the {role} program"))?;
        if role == Role::Loader {
            self.leash = process.stdin.take();
        }
        let (output, errors) = (process.stdout.take(), process.stderr.take());
        let complaints = thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before an error is worth showing, too.
            let _ = errors.map(|mut errors| errors.read_to_end(&mut text));
            String::from_utf8_lossy(&text).trim().to_owned()
        });
        self.running.push(Running { role, process, complaints });
        thread::spawn(move || {
            for line in output.into_iter().flat_map(|output| BufReader::new(output).lines()) {
                let Ok(line) = line else { break };
                let event = line
                    .parse()
                    .map_or_else(|_| Event::Garbled(role, line), |report| Event::Said(role, report));
                if events.send(event).is_err() {
                    return;
                }
            }
            let _ = events.send(Event::Closed(role));
        });
        Ok(())
    }

    /// Tells the loader to remove its segment and to end; the readers notice.
    pub fn release_loader(&mut self) {
        self.leash = None;
    }

    /// Waits for a program that has closed its output.
    ///
    /// # Errors
    /// If it did not end well: how, and what it said about it.
    pub fn wait_for(&mut self, role: Role) -> Result<()> {
        let Some(at) = self.running.iter().position(|running| running.role == role) else { return Ok(()) };
        let mut running = self.running.remove(at);
        let status = running.process.wait().with_context(|| format!("cannot wait for {role}"))?;
        if role == Role::Loader && !status.success() {
            self.remove_segment();
        }
        let complaint = running.complaints.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        bail!("{role} failed ({status}){}{complaint}", if complaint.is_empty() { "" } else { ": " })
    }

    /// Has a fresh loader remove what a killed one left.
    fn remove_segment(&self) {
        let mut command = Command::new(self.programs.of(Role::Loader));
        command.arg("--segment").arg(&self.segment).arg("--remove").process_group(0);
        match command.stdin(Stdio::null()).stdout(Stdio::null()).status() {
            Ok(status) if status.success() => {}
            trouble => eprintln!("the segment {:?} could not be removed: {trouble:?}", self.segment),
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        self.leash = None;
        for running in self.running.iter_mut().filter(|running| running.role != Role::Loader) {
            // Its own child that may have ended already: either way it is gone afterwards.
            let _ = running.process.kill();
            let _ = running.process.wait();
        }
        let mut loader = self.running.iter_mut().find(|running| running.role == Role::Loader);
        let ended = loader.as_mut().map(|loader| end_within(&mut loader.process, GRACE));
        if ended.is_some_and(|status| status.is_none_or(|status| !status.success())) {
            self.remove_segment();
        }
    }
}

/// Waits for a process to end by itself, and kills it if it does not; its status if it did.
fn end_within(process: &mut Child, grace: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = process.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = process.kill();
    let _ = process.wait();
    None
}
