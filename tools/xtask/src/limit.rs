//! The time that a step may take. It bounds what hangs; how long the gate should take is the summary's to say.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How often what goes on after the end is ended again: a step may start its next command first.
const AGAIN: Duration = Duration::from_millis(100);

/// The limits of a step.
#[derive(Clone, Copy)]
pub struct Limit {
    usual: u64,
    full: u64,
}

impl Limit {
    /// Minutes, in a run of either kind.
    pub const fn minutes(minutes: u64) -> Self {
        Self { usual: minutes, full: minutes }
    }

    /// Minutes where the longer search was asked for.
    pub const fn or_full(self, minutes: u64) -> Self {
        Self { full: minutes, ..self }
    }

    /// The limit in a run of this kind.
    pub fn of(self, full: bool) -> Duration {
        Duration::from_secs(60 * if full { self.full } else { self.usual })
    }
}

/// Does `work`, whose processes `end` ends when the time is over; what `work` gave, and whether that happened.
pub fn within<T>(limit: Duration, end: impl Fn() + Send, work: impl FnOnce() -> T) -> (T, bool) {
    let (working, done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let goes_on = |time| done.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
            let over = goes_on(limit);
            if over {
                end();
                while goes_on(AGAIN) {
                    end();
                }
                end();
            }
            over
        });
        let result = work();
        drop(working);
        (result, watch.join().expect("the watch does not panic"))
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;
    use crate::processes::Mark;

    fn shell(mark: &Mark, script: &str) -> Command {
        let mut shell = Command::new("sh");
        mark.put_on(shell.args(["-c", script]));
        shell
    }

    #[test]
    fn work_over_its_limit_is_ended_though_a_grandchild_holds_its_output() {
        let mark = Mark::new("limit");
        let mut shell = shell(&mark, "setsid sleep 999 & sleep 999");
        let start = Instant::now();
        let (output, over) = within(
            Duration::from_millis(200),
            || mark.end_all(),
            || shell.stdout(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap(),
        );
        assert!(over && !output.status.success());
        assert!(start.elapsed() < Duration::from_secs(900));
    }

    #[test]
    fn next_command_of_a_step_that_is_over_is_ended_too() {
        let mark = Mark::new("next");
        let (ended, over) = within(
            Duration::from_millis(50),
            || mark.end_all(),
            || [(); 3].map(|()| !shell(&mark, "sleep 999").status().unwrap().success()),
        );
        assert_eq!((ended, over), ([true; 3], true));
    }

    #[test]
    fn work_within_its_limit_is_left_alone() {
        let mark = Mark::new("in-time");
        let work = || shell(&mark, "exit 0").status().unwrap().success();
        assert_eq!(within(Duration::from_secs(900), || panic!("nothing is over"), work), (true, false));
    }

    #[test]
    fn limits_of_the_longer_search_are_their_own() {
        let limit = Limit::minutes(2).or_full(3);
        assert_eq!([limit.of(false), limit.of(true)], [120, 180].map(Duration::from_secs));
        assert_eq!(Limit::minutes(2).of(true), Duration::from_secs(120));
    }
}
