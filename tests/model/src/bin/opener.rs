//! Opens a segment as another user or within a limit, and says what came of it: kind, then message, a line each.
//!
//! `opener (read|write|create|hold) DIRECTORY NAME [uid=N] [address-space=BYTES] [file-size=BYTES] [descriptors=N]`
#![forbid(unsafe_code)]

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setgid, setuid};
use shmframe::{Error, ReaderOptions, Writer, WriterOptions};
use std::error::Error as StdError;

fn main() -> Result<(), Box<dyn StdError>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, directory, name, settings @ ..] = arguments.as_slice() else {
        return Err("expected ROLE DIRECTORY NAME".into());
    };
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or("expected KEY=VALUE")?;
        set(key, value.parse()?)?;
    }
    let outcome: Result<(), Error> = match role.as_str() {
        "read" => ReaderOptions::new()
            .directory(directory)
            .open(name)
            .and_then(|reader| reader.snapshot())
            .map(drop),
        "write" => WriterOptions::new().directory(directory).open(name).map(drop),
        "create" => WriterOptions::new().directory(directory).create(name).map(drop),
        "hold" => return hold(&WriterOptions::new().directory(directory).label("another").create(name)?),
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

fn set(key: &str, value: u64) -> Result<(), Box<dyn StdError>> {
    let limit = |resource| setrlimit(resource, value, getrlimit(resource)?.1);
    match key {
        "uid" => {
            let id = u32::try_from(value)?;
            setgid(Gid::from_raw(id))?;
            setuid(Uid::from_raw(id))?;
        }
        "address-space" => limit(Resource::RLIMIT_AS)?,
        "file-size" => limit(Resource::RLIMIT_FSIZE)?,
        "descriptors" => limit(Resource::RLIMIT_NOFILE)?,
        other => return Err(format!("no setting {other:?}").into()),
    }
    Ok(())
}
