//! Builds the three programs and learns where they are.

use crate::role::Role;
use anyhow::{Context as _, Result, ensure};
use cargo_metadata::Message;
use std::env;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the three programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The loader.
    pub loader: PathBuf,
    /// The light reader.
    pub light: PathBuf,
    /// The heavy reader.
    pub heavy: PathBuf,
}

impl Programs {
    /// Builds the programs with cargo, in the profile that this program was built in. What cargo has to say goes to
    /// standard error: how far it is, and what does not compile.
    ///
    /// # Errors
    /// If cargo cannot be started, or a program does not build.
    pub fn build() -> Result<Self> {
        // A program cannot depend on the binaries of other packages, so cargo is asked for them.
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(workspace()).args(["build", "--message-format=json-render-diagnostics"]);
        build.args(["--profile", &profile()?]);
        // Of the whole workspace, as the gate does: then what is compiled already is not compiled again with fewer
        // features. The harness would turn on the counting of steps.
        build.args(["--workspace", "--exclude", "shmframe-harness"]);
        build.args(Role::ALL.iter().flat_map(|role| ["--bin", role.package()]));
        let mut build = build.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
        let output = build.stdout.take().context("the output of cargo is missing")?;
        let mut executables = Vec::new();
        for message in Message::parse_stream(BufReader::new(output)) {
            if let Message::CompilerArtifact(artifact) = message? {
                executables.extend(artifact.executable.map(|path| (artifact.target.name, path)));
            }
        }
        ensure!(build.wait()?.success(), "cargo did not build the loader and the readers");
        let find = |role: Role| {
            let found = executables.iter().find(|(name, _)| name == role.package());
            let path = found.map(|(_, path)| path.clone().into_std_path_buf());
            path.with_context(|| format!("cargo built no program {}", role.package()))
        };
        Ok(Self { loader: find(Role::Loader)?, light: find(Role::Light)?, heavy: find(Role::Heavy)? })
    }

    /// The program that plays this role.
    #[must_use]
    pub fn of(&self, role: Role) -> &Path {
        match role {
            Role::Loader => &self.loader,
            Role::Light => &self.light,
            Role::Heavy => &self.heavy,
        }
    }
}

/// The root folder of the workspace: where it is now, or else where it was built.
#[must_use]
pub fn workspace() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.join("../..")
}

/// The profile that this program was built in, by the folder in which it stands.
fn profile() -> Result<String> {
    let program = env::current_exe().context("cannot tell which program this is")?;
    let folders = program.ancestors().skip(1).filter_map(Path::file_name).filter_map(|name| name.to_str());
    let folder =
        folders.into_iter().find(|&name| name != "deps").context("this program stands in no folder")?;
    Ok(if folder == "debug" { "dev" } else { folder }.to_owned())
}
