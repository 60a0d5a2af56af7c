//! From a commit to the reader that waits for it, there and back, beside a pipe.

use anyhow::Result;
use shmframe::{Reader, Transaction, Wait, Writer};
use shmframe_benches::{Contestant, InTurn, timed};
use std::io::{Read, Write, pipe};
use std::thread;
use std::time::Duration;

use crate::Run;

const SLEEPING: InTurn = InTurn {
    case: "commit to a sleeping reader, and back",
    aim: None,
    rounds: 101,
    sample: Duration::from_millis(2),
};
const SPINNING: InTurn = InTurn { case: "commit to a spinning reader, and back", ..SLEEPING };
const LONG: Duration = Duration::from_secs(60);

pub fn run(run: &mut Run) -> Result<()> {
    for (case, wait) in [(SLEEPING, sleep as fn(&Reader, u64)), (SPINNING, spin)] {
        if run.wants(case.case) {
            there_and_back(run, case, wait)?;
        }
    }
    Ok(())
}

/// Waits for a version by the futex.
fn sleep(reader: &Reader, version: u64) {
    let newer = reader.wait_newer(version - 1, LONG);
    assert!(matches!(newer, Ok(Wait::Newer(_))), "no version {version}");
}

/// Waits for a version by looking again and again.
fn spin(reader: &Reader, version: u64) {
    while reader.latest() < version {
        std::hint::spin_loop();
    }
}

/// One side: commits, and waits for the other's commit.
struct Side {
    writer: Writer,
    reader: Reader,
    /// The version that the other side commits next.
    next: u64,
}

impl Side {
    fn send(&mut self) {
        self.writer.begin().and_then(Transaction::commit).expect("a version");
    }

    fn receive(&mut self, wait: fn(&Reader, u64)) {
        wait(&self.reader, self.next);
        self.next += 1;
    }
}

fn there_and_back(run: &mut Run, case: InTurn, wait: fn(&Reader, u64)) -> Result<()> {
    let (first, second) = (run.place.writer("there")?, run.place.writer("back")?);
    let mut near = Side { writer: first, reader: run.place.reader("back")?, next: 2 };
    let mut far = Side { writer: second, reader: run.place.reader("there")?, next: 2 };
    let (mut echo_in, mut there) = pipe()?;
    let (mut back, mut echo_out) = pipe()?;
    let echo = thread::spawn(move || -> std::io::Result<()> {
        let mut byte = [0];
        while echo_in.read(&mut byte)? == 1 {
            echo_out.write_all(&byte)?;
        }
        Ok(())
    });
    let mut byte = [0];
    // The far side serves so many turns, then waits to be asked again.
    let (ask, asked) = std::sync::mpsc::channel::<u64>();
    let mirror = thread::spawn(move || {
        for turns in asked {
            for _ in 0..turns {
                far.receive(wait);
                far.send();
            }
        }
        far.writer
    });
    let lines = case.run(vec![
        Contestant::new("ours", |n| {
            ask.send(n).expect("the far side");
            timed(n, || {
                near.send();
                near.receive(wait);
            })
        }),
        Contestant::new("a byte through pipes", |n| {
            timed(n, || {
                there.write_all(&byte).expect("a byte");
                back.read_exact(&mut byte).expect("a byte");
            })
        }),
    ]);
    run.table.add(&lines);
    drop((ask, there));
    mirror.join().expect("the far side").remove_segment()?;
    echo.join().expect("the echo")?;
    Ok(near.writer.remove_segment()?)
}
