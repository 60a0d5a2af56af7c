//! Opens a segment as another user or within a limit, and says what came of it: kind, then message, a line each.
//!
//! `opener (read|pin|write|create|hold) DIRECTORY NAME [gid=N] [uid=N] [group=N] [address-space=BYTES] [file-size=BYTES] [descriptors=N]`
#![forbid(unsafe_code)]

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
use shmframe::{Access, Error, ReaderOptions, Snapshot, Writer, WriterOptions};
use std::error::Error as StdError;

fn main() -> Result<(), Box<dyn StdError>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, directory, name, settings @ ..] = arguments.as_slice() else {
        return Err("expected ROLE DIRECTORY NAME".into());
    };
    let mut options = WriterOptions::new().directory(directory);
    let mut gid = None;
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or("expected KEY=VALUE")?;
        match key {
            "gid" => gid = Some(value.parse()?),
            "group" => options = options.access(Access::group_of_readers(value.parse()?)),
            "uid" => become_user(value.parse()?, gid)?,
            _ => set(key, value.parse()?)?,
        }
    }
    let outcome: Result<(), Error> = match role.as_str() {
        "read" => ReaderOptions::new()
            .directory(directory)
            .open(name)
            .and_then(|reader| reader.snapshot())
            .map(drop),
        "pin" => return pin(&ReaderOptions::new().directory(directory).open(name)?.snapshot()?),
        "write" => options.open(name).map(drop),
        "create" => options.create(name).map(drop),
        "hold" => return hold(&options.label("another").create(name)?),
        other => return Err(format!("no role {other:?}").into()),
    };
    match outcome {
        Ok(()) => println!("done\n"),
        Err(error) => println!("{:?}\n{error}", error.kind()),
    }
    Ok(())
}

/// Holds the lease until standard input ends.
fn hold(writer: &Writer) -> Result<(), Box<dyn StdError>> {
    println!("held");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    println!("version {}", writer.version());
    Ok(())
}

/// Holds a snapshot until standard input ends.
fn pin(_: &Snapshot) -> Result<(), Box<dyn StdError>> {
    println!("pinned");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// Goes on as another user, in one group alone: that of the same number unless told otherwise.
fn become_user(user: u32, group: Option<u32>) -> Result<(), Box<dyn StdError>> {
    let group = Gid::from_raw(group.unwrap_or(user));
    setgroups(&[group])?;
    setgid(group)?;
    setuid(Uid::from_raw(user))?;
    Ok(())
}

fn set(key: &str, value: u64) -> Result<(), Box<dyn StdError>> {
    let limit = |resource| setrlimit(resource, value, getrlimit(resource)?.1);
    match key {
        "address-space" => limit(Resource::RLIMIT_AS)?,
        "file-size" => limit(Resource::RLIMIT_FSIZE)?,
        "descriptors" => limit(Resource::RLIMIT_NOFILE)?,
        other => return Err(format!("no setting {other:?}").into()),
    }
    Ok(())
}
