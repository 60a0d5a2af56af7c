//! A reader that the kernel watches: once it has warmed up it may read, write and end, and nothing else. Any other
//! system call kills it (SIGSYS).
//!
//! `cost_reader SEGMENT FRAME COLUMN ROUNDS SNAPSHOTS [call]`: for each of ROUNDS it waits for a byte, which says that a new
//! version stands there, takes SNAPSHOTS snapshots, the first of which must be of that version, sums the column of
//! each, and writes a byte. Half of the rounds warm it up; then the filter comes. With `call` it makes one other system
//! call in the end, to show that the filter holds.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{Read, Write, stdin, stdout};

use anyhow::{Context as _, Result, ensure};
use arrow::datatypes::Float64Type;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use shmframe::{Reader, arrow};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [segment, frame, column, rounds, snapshots, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: cost_reader SEGMENT FRAME COLUMN ROUNDS SNAPSHOTS [call]");
    };
    let (rounds, snapshots): (usize, usize) = (rounds.parse()?, snapshots.parse()?);
    let filter = read_write_exit()?;
    let reader = Reader::open(segment)?;
    let mut version = 0;
    for round in 0..rounds {
        if round == rounds / 2 {
            seccompiler::apply_filter(&filter)?;
        }
        let mut byte = [0];
        stdin().read_exact(&mut byte)?;
        for number in 0..snapshots {
            let snapshot = reader.snapshot()?;
            let newer = snapshot.version() > version;
            ensure!(newer == (number == 0), "version {} after {version}", snapshot.version());
            version = snapshot.version();
            let values = snapshot.frame(frame)?.column::<Float64Type>(column)?;
            let sum: f64 = values.iter().sum();
            ensure!(sum > 0.0, "an empty column");
        }
        stdout().write_all(&byte)?;
        stdout().flush()?;
    }
    if rest.first().is_some_and(|word| word == "call") {
        let _ = std::fs::metadata("/");
    }
    stdout().write_all(b"ok")?;
    stdout().flush()?;
    // The end of a process is full of system calls: whoever started this one kills it.
    stdin().read_exact(&mut [0]).context("nobody killed this process")
}

fn read_write_exit() -> Result<BpfProgram> {
    let allowed =
        [libc::SYS_read, libc::SYS_write, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_rt_sigreturn];
    let rules: BTreeMap<i64, Vec<_>> = allowed.into_iter().map(|call| (call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into()?;
    let (otherwise, listed) = (SeccompAction::KillProcess, SeccompAction::Allow);
    Ok(SeccompFilter::new(rules, otherwise, listed, architecture)?.try_into()?)
}
