//! What a step needs to know: where the workspace stands, what it holds, and how to call cargo in it.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::leftovers;
use crate::processes::Mark;

/// One run of the command.
pub struct Context {
    /// The members of the workspace; their dependencies are not resolved.
    pub workspace: Metadata,
    /// Whether the longer search was asked for.
    pub full: bool,
    /// What stood in the shared-memory directory when the run started.
    pub shared_memory_before: BTreeSet<String>,
    /// What marks the processes that are started.
    pub mark: Mark,
}

impl Context {
    /// Reads the workspace around the current directory.
    pub fn new(full: bool) -> Result<Self> {
        let workspace = MetadataCommand::new().no_deps().exec().context("cannot read the workspace")?;
        let shared_memory_before = leftovers::shared_memory()?;
        Ok(Self { workspace, full, shared_memory_before, mark: Mark::new("gate") })
    }

    /// The root folder of the workspace.
    pub fn root(&self) -> &Path {
        self.workspace.workspace_root.as_std_path()
    }

    /// A target folder of its own, for builds whose flags differ, below the main one.
    pub fn target_below(&self, name: &str) -> PathBuf {
        self.workspace.target_directory.as_std_path().join(name)
    }

    /// Whether the workspace has a member of this name.
    pub fn has(&self, package: &str) -> bool {
        self.workspace.workspace_packages().iter().any(|member| member.name == package)
    }

    /// Fails if the workspace has no member of this name: a step without its package is a failure, not a skip.
    pub fn require(&self, package: &str) -> Result<()> {
        ensure!(self.has(package), "the workspace has no package `{package}`, so there is nothing to run");
        Ok(())
    }

    /// The names of a member's test targets.
    pub fn tests_of(&self, package: &str) -> Vec<&str> {
        let members = self.workspace.packages.iter().filter(|member| member.name == package);
        let tests = members.flat_map(|member| &member.targets).filter(|target| target.is_test());
        tests.map(|target| target.name.as_str()).collect()
    }

    /// The cargo that runs this command, in the root of the workspace.
    pub fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        command
    }

    /// git, in the root of the workspace.
    pub fn git<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.command("git");
        command.args(arguments);
        command
    }

    /// A command in the root of the workspace, which the limit of its step ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.mark.put_on(command.current_dir(self.root()));
        command
    }

    /// Tells the longer tests, by `SHMFRAME_FULL=1`, that they have the time.
    pub fn tell_full(&self, command: &mut Command) {
        if self.full {
            command.env("SHMFRAME_FULL", "1");
        }
    }
}

/// The value of a variable that holds flags, with `flags` behind what the caller has set.
pub fn flags_with(variable: &str, flags: &str) -> String {
    match env::var(variable) {
        Ok(present) if !present.trim().is_empty() => format!("{present} {flags}"),
        _ => flags.to_owned(),
    }
}
