//! Fork and exec: a program that is started has no descriptor of a segment, and keeps no lock of its parent's alive.

use crate::process;
use crate::segment::{NAME, check_snapshot, locked_slots, open};
use crate::writing::{commit, create};
use anyhow::{Context, Result, ensure};
use nix::unistd::Pid;
use shmframe::Writer;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The program that is started: says what it has open and mapped of a segment, then sleeps until its input ends.
pub fn program() -> Result<()> {
    process::watch();
    let mut found = Vec::new();
    for descriptor in std::fs::read_dir("/proc/self/fd")? {
        let target = std::fs::read_link(descriptor?.path()).unwrap_or_default();
        found.push(target.display().to_string());
    }
    found.extend(std::fs::read_to_string("/proc/self/maps")?.lines().map(str::to_owned));
    found.retain(|name| name.contains(".shmf"));
    println!("{}", found.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A process that writes, reads and holds a snapshot starts a program and is killed: the program lives on, with nothing.
pub fn started(directory: &Path) -> Result<()> {
    process::watch();
    process::adopt_orphans()?;
    // The standard library starts programs in one of two ways: by posix_spawn, or by fork and exec, handlers included.
    for forked in [false, true] {
        let place = directory.join(if forked { "forked" } else { "spawned" });
        std::fs::create_dir(&place)?;
        let (mut told, tell) = std::io::pipe()?;
        let (wait, stay) = std::io::pipe()?;
        let parent = process::fork(|| {
            process::die_with_parent()?;
            start(&place, forked, tell.try_clone()?, wait.try_clone()?)
        })?;
        drop((tell, wait));
        let mut program = [0; 4];
        told.read_exact(&mut program)?;
        let program = Pid::from_raw(i32::from_le_bytes(program));
        ensure!(locked_slots(&place)? == 1, "the parent holds a snapshot");
        process::end(parent)?;
        ensure!(locked_slots(&place)? == 0, "a program that was started keeps a slot alive");
        let mut writer = Writer::options().directory(&place).open(NAME).context("the lease is free")?;
        commit(&mut writer, 100)?;
        ensure!(writer.holders().is_empty(), "{:?}", writer.holders());
        // It lived until now, and ends well.
        drop(stay);
        process::wait(program)?;
    }
    Ok(())
}

fn start(directory: &Path, forked: bool, mut tell: PipeWriter, wait: PipeReader) -> Result<()> {
    let mut writer = create(directory, 512)?;
    let snapshot = open(directory)?.snapshot()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("program").stdin(wait).stdout(Stdio::piped());
    if forked {
        // A user id is one of the things that posix_spawn cannot set.
        command.uid(nix::unistd::getuid().as_raw());
    }
    let mut program = command.spawn()?;
    let mut answer = [0; 2];
    program.stdout.take().context("its output")?.read_exact(&mut answer)?;
    ensure!(&answer == b"0\n", "it has files of a segment: {}", String::from_utf8_lossy(&answer));
    tell.write_all(&program.id().to_le_bytes())?;
    loop {
        commit(&mut writer, 1)?;
        check_snapshot(&snapshot)?;
    }
}
