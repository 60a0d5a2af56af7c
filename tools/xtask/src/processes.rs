//! The processes that a step started, and what those started in turn: known by a variable that each of them inherits, so
//! that groups and sessions of their own do not hide them, nor the death of a parent.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The variable that marks them.
const VARIABLE: &str = "XTASK_STARTED_BY";
/// How long the kernel is given to bury who was killed, and how often, before the rest is left alone: a process of
/// another user, or one that waits for a device, cannot be ended.
const BURIAL: Duration = Duration::from_millis(20);
const BURIALS: usize = 100;

/// A mark, by which the processes of one run are told from all others.
#[derive(Clone, Debug)]
pub struct Mark(String);

impl Mark {
    /// The mark of this process; `part` tells one user of it from another.
    pub fn new(part: &str) -> Self {
        Self(format!("{}-{part}", std::process::id()))
    }

    /// Marks a command, and thereby all that it will start.
    pub fn put_on(&self, command: &mut Command) {
        let (name, value) = self.variable();
        command.env(name, value);
    }

    /// The mark as a variable and its value, for what is no command.
    pub fn variable(&self) -> (&str, &str) {
        (VARIABLE, &self.0)
    }

    /// Whether a variable of a command is the mark, which means nothing to the command.
    pub fn is_variable(name: &str) -> bool {
        name == VARIABLE
    }

    /// Kills every marked process, and those below it whatever their variables are, until two looks find none that can be
    /// killed: one alone may meet a process that is just turning into another program, and shows no variables.
    pub fn end_all(&self) {
        let mut found_none = false;
        for _ in 0..BURIALS {
            let running = self.running();
            if running.is_empty() && found_none {
                return;
            }
            found_none = running.is_empty();
            for pid in running {
                // It may be gone already.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            thread::sleep(BURIAL);
        }
    }

    /// The marked processes and those below them.
    fn running(&self) -> BTreeSet<i32> {
        let processes = processes();
        let wanted = format!("{VARIABLE}={}", self.0);
        let mut found: BTreeSet<i32> =
            processes.iter().map(|process| process.pid).filter(|pid| has_variable(*pid, &wanted)).collect();
        loop {
            let known = found.len();
            let below = processes.iter().filter(|process| found.contains(&process.parent));
            found.extend(below.map(|process| process.pid).collect::<Vec<_>>());
            if found.len() == known {
                return found;
            }
        }
    }
}

struct Process {
    pid: i32,
    parent: i32,
}

/// All processes that have not ended.
fn processes() -> Vec<Process> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).collect()
}

/// Reads `7 (name) S 1 ...`; the name may hold spaces and brackets. Nothing if the process has ended.
fn parse(line: &str) -> Option<Process> {
    let (before, after) = line.rsplit_once(')')?;
    let (pid, _name) = before.split_once(' ')?;
    let mut fields = after.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(Process { pid: pid.parse().ok()?, parent })
}

fn has_variable(pid: i32, wanted: &str) -> bool {
    let variables = fs::read(Path::new("/proc").join(pid.to_string()).join("environ")).unwrap_or_default();
    variables.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use super::*;

    /// Starts a shell under a mark and waits until it has said that all is under way.
    fn start(mark: &Mark, script: &str) -> std::process::Child {
        let mut shell = Command::new("sh");
        mark.put_on(shell.args(["-c", script]).stdout(Stdio::piped()));
        let mut child = shell.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        child
    }

    #[test]
    fn children_in_sessions_of_their_own_and_without_variables_are_ended() {
        let mark = Mark::new("sessions");
        let script = "setsid sleep 999 & env -i sleep 999 & echo ready; wait";
        let mut shell = start(&mark, script);
        while mark.running().len() < 3 {
            thread::sleep(BURIAL);
        }
        mark.end_all();
        assert!(!shell.wait().unwrap().success());
        assert_eq!(mark.running(), BTreeSet::new());
    }

    #[test]
    fn orphan_is_ended() {
        let mark = Mark::new("orphan");
        start(&mark, "setsid sleep 999 > /dev/null & echo ready").wait().unwrap();
        // While it turns from the shell into the sleeper it shows no variables.
        while mark.running().is_empty() {
            thread::sleep(BURIAL);
        }
        mark.end_all();
        assert_eq!(mark.running(), BTreeSet::new());
    }

    #[test]
    fn processes_under_another_mark_stay() {
        let (mark, other) = (Mark::new("one"), Mark::new("other"));
        let mut shell = start(&other, "echo ready; exec sleep 999");
        mark.end_all();
        assert_eq!(other.running().len(), 1);
        other.end_all();
        shell.wait().unwrap();
    }

    #[test]
    fn name_of_a_process_may_look_like_fields() {
        let process = parse("7 (a) Z 9) S 3 7 7 0").unwrap();
        assert_eq!((process.pid, process.parent), (7, 3));
        assert!(parse("8 (sh) Z 3 7 7 0").is_none());
        assert!(parse("").is_none());
    }
}
