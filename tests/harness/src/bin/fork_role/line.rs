//! A line between the conductor of a test and its actors: orders go out, replies come back.

use anyhow::{Context, Result, bail};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

const SOCKET: &str = "line";

/// An actor's end.
#[derive(Debug)]
pub struct Line(BufReader<UnixStream>);

impl Line {
    /// Calls the conductor.
    pub fn call(directory: &Path) -> Result<Self> {
        let mut stream = UnixStream::connect(directory.join(SOCKET)).context("call the conductor")?;
        writeln!(stream, "{}", std::process::id())?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The next order; nothing if the conductor is gone.
    pub fn order(&mut self) -> Result<Option<String>> {
        let mut order = String::new();
        let count = self.0.read_line(&mut order)?;
        Ok((count > 0).then(|| order.trim_end().to_owned()))
    }

    /// Whether an order, or the end of the line, is there to be read.
    pub fn is_called(&mut self) -> Result<bool> {
        self.0.get_ref().set_nonblocking(true)?;
        let called = match self.0.fill_buf() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            filled => filled.map(|_| true)?,
        };
        self.0.get_ref().set_nonblocking(false)?;
        Ok(called)
    }

    /// Says what came of an order.
    pub fn reply(&mut self, outcome: &Result<String>) -> Result<()> {
        let reply = match outcome {
            Ok(text) => format!("ok {text}\n"),
            Err(error) => format!("failed {}\n", format!("{error:?}").replace('\n', " | ")),
        };
        Ok(self.0.get_mut().write_all(reply.as_bytes())?)
    }
}

/// Where the conductor waits for calls.
#[derive(Debug)]
pub struct Desk(UnixListener);

impl Desk {
    /// Opens it in the test's directory.
    pub fn open(directory: &Path) -> Result<Self> {
        Ok(Self(UnixListener::bind(directory.join(SOCKET)).context("open the desk")?))
    }

    /// Waits for the next actor that calls.
    pub fn answer(&self) -> Result<Actor> {
        let (stream, _) = self.0.accept()?;
        let mut line = BufReader::new(stream);
        let mut pid = String::new();
        line.read_line(&mut pid)?;
        Ok(Actor { pid: Pid::from_raw(pid.trim().parse()?), line })
    }
}

/// The conductor's end of a line.
#[derive(Debug)]
pub struct Actor {
    pub pid: Pid,
    line: BufReader<UnixStream>,
}

impl Actor {
    /// Gives an order and waits for the reply.
    pub fn ask(&mut self, order: &str) -> Result<String> {
        let place = || format!("process {}, order {order:?}", self.pid);
        writeln!(self.line.get_mut(), "{order}").with_context(place)?;
        let mut reply = String::new();
        self.line.read_line(&mut reply).with_context(place)?;
        match reply.trim_end_matches('\n').split_once(' ') {
            Some(("ok", text)) => Ok(text.to_owned()),
            _ => bail!("process {}, order {order:?}: {reply:?}", self.pid),
        }
    }
}
