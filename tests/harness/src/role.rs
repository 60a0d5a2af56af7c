//! A process that plays a part in a test: started, asked over pipes, stopped, killed.

use crate::control::{CONTROL_VARIABLE, Control};
use crate::place::Place;
use crate::serve::PARENT_VARIABLE;
use crate::watchdog::Watched;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use shmframe_segment::DIRECTORY_VARIABLE;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;

/// A role's process. It is killed, and reaped, when this value is dropped.
///
/// It is also killed by the kernel when the thread that started it ends: start roles on the test's own thread.
#[derive(Debug)]
pub struct Role {
    child: Child,
    commands: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    watched: Arc<Watched>,
    reaped: bool,
}

impl Role {
    /// Starts `executable` for segments at `place`, with a control block if the test has one.
    #[must_use]
    pub fn start(executable: &str, place: &Place, control: Option<&Control>, arguments: &[&str]) -> Self {
        let mut command = Command::new(executable);
        command.args(arguments).env(PARENT_VARIABLE, std::process::id().to_string());
        Self::launch(command, place, control)
    }

    /// Runs a role's `command`, which says who its parent is.
    pub(crate) fn launch(mut command: Command, place: &Place, control: Option<&Control>) -> Self {
        command.env(DIRECTORY_VARIABLE, place.path());
        if let Some(control) = control {
            command.env(CONTROL_VARIABLE, control.id());
        }
        let watched = Watched::current();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        watched.add(pid_of(&child));
        let (commands, replies) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, commands, replies, watched, reaped: false }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives a command without waiting for the reply.
    pub fn send(&mut self, command: &str) {
        let pipe = self.commands.as_mut().unwrap();
        writeln!(pipe, "{command}").unwrap();
    }

    /// The next reply: what was asked for, or the error's kind and text.
    ///
    /// # Errors
    /// What the role's command failed with.
    ///
    /// # Panics
    /// If the role ended without a reply.
    pub fn reply(&mut self) -> Result<String, String> {
        let mut line = String::new();
        self.replies.read_line(&mut line).unwrap();
        match line.trim_end_matches('\n').split_once(' ') {
            Some(("ok", value)) => Ok(value.to_owned()),
            Some(("error", value)) => Err(value.to_owned()),
            _ => panic!("role {} replied {line:?}", self.pid()),
        }
    }

    /// Gives a command and waits for the reply.
    ///
    /// # Errors
    /// What the role's command failed with.
    pub fn try_ask(&mut self, command: &str) -> Result<String, String> {
        self.send(command);
        self.reply()
    }

    /// Gives a command that must succeed.
    ///
    /// # Panics
    /// If it fails.
    pub fn ask(&mut self, command: &str) -> String {
        self.try_ask(command).unwrap_or_else(|error| panic!("{command:?} failed: {error}"))
    }

    /// As [`Role::ask`], for a number.
    pub fn number(&mut self, command: &str) -> u64 {
        self.ask(command).parse().unwrap()
    }

    /// Kills it, and waits until it is dead.
    pub fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        assert_eq!(self.reap().signal(), Some(libc::SIGKILL));
    }

    /// Stops it, and waits until it stands still.
    pub fn stop(&self) {
        self.signal(Signal::SIGSTOP);
        let stopped = waitid(Id::Pid(pid_of(&self.child)), WaitPidFlag::WSTOPPED).unwrap();
        assert!(matches!(stopped, WaitStatus::Stopped(_, Signal::SIGSTOP)), "{stopped:?}");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        assert!(!self.reaped);
        kill(pid_of(&self.child), signal).unwrap();
    }

    /// Waits until it ends by itself.
    pub fn end(mut self) -> ExitStatus {
        self.commands.take();
        self.reap()
    }

    /// Waits until it ends, and expects that nothing went wrong.
    ///
    /// # Panics
    /// If it failed or was killed.
    pub fn quit(self) {
        let status = self.end();
        assert!(status.success(), "a role ended with {status}");
    }

    /// Waits until it kills itself at the step for which it was armed.
    ///
    /// # Panics
    /// If it ends otherwise.
    pub fn end_killed(self) {
        let status = self.end();
        assert_eq!(status.signal(), Some(libc::SIGKILL), "a role that should be killed ended with {status}");
    }

    fn reap(&mut self) -> ExitStatus {
        let pid = pid_of(&self.child);
        // Dead, but not reaped: nobody else can get its number, and the watchdog can be told.
        waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
        self.watched.forget(pid);
        self.reaped = true;
        self.child.wait().unwrap()
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = kill(pid_of(&self.child), Signal::SIGKILL);
            self.reap();
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
