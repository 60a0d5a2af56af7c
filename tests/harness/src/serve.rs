//! The role's side: begins with the parent's death as its own, then answers commands, a line at a time.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Uid};
use shmframe::{Error, Trust};
use std::fmt::Display;
use std::io::{BufRead, Write};

/// The environment variable that tells a role who started it.
pub const PARENT_VARIABLE: &str = "SHMFRAME_HARNESS_PARENT";

/// What a command comes to: the reply, or an error's kind and text.
pub type Reply = Result<String, String>;

/// Lets this process die when the one that started it does.
pub fn die_with_parent() {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).unwrap();
    // The parent may have died before.
    let parent = std::env::var(PARENT_VARIABLE).unwrap();
    assert_eq!(nix::unistd::getppid().to_string(), parent, "the parent is gone");
}

/// Answers commands until there are no more.
pub fn serve(mut carry_out: impl FnMut(&[&str]) -> Reply) {
    die_with_parent();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        match carry_out(&words) {
            Ok(value) => say(format_args!("ok {value}")),
            Err(error) => say(format_args!("error {}", error.replace('\n', " "))),
        }
    }
}

fn say(reply: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{reply}").unwrap();
    out.flush().unwrap();
}

/// Goes on as another user, in one group and no other. There is no way back.
///
/// # Panics
/// If this process is not root.
pub fn become_user(user: u32, group: u32) -> Reply {
    nix::unistd::setgroups(&[]).unwrap();
    nix::unistd::setgid(Gid::from_raw(group)).unwrap();
    nix::unistd::setuid(Uid::from_raw(user)).unwrap();
    // The kernel forgets it with the old user.
    die_with_parent();
    Ok(user.to_string())
}

/// Turns an error of shmframe into a reply: its kind, then its text.
pub fn told(error: &Error) -> String {
    format!("{:?} {error}", error.kind())
}

/// A reply of one value.
///
/// # Errors
/// The error, as text.
pub fn reply<T: Display>(result: Result<T, Error>) -> Reply {
    result.map(|value| value.to_string()).map_err(|error| told(&error))
}

/// The owners that the words trust: `trust=UID`, or nobody but the usual ones.
///
/// # Panics
/// If that is no number.
#[must_use]
pub fn trust(words: &[&str]) -> Trust {
    let owners = option(words, "trust").map(|owner| owner.parse().unwrap());
    Trust { owners: owners.into_iter().collect(), ..Trust::default() }
}

/// The value of `key=value` among the words, if there is one.
#[must_use]
pub fn option<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Lowers a limit of this process: `as`, `nofile` or `fsize`.
///
/// # Panics
/// If it cannot be set.
pub fn limit(what: &str, to: u64) -> Reply {
    let resource = match what {
        "as" => Resource::RLIMIT_AS,
        "nofile" => Resource::RLIMIT_NOFILE,
        "fsize" => Resource::RLIMIT_FSIZE,
        _ => panic!("no limit {what:?}"),
    };
    let (_, hard) = getrlimit(resource).unwrap();
    setrlimit(resource, to, hard).unwrap();
    Ok(to.to_string())
}
