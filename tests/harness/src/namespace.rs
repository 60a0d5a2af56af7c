//! Roles in namespaces of their own: other process ids, other users, other mounts.

use crate::place::Place;
use crate::role::Role;
use crate::serve::PARENT_VARIABLE;
use std::process::Command;

/// A kind of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Processes are counted anew: the role is number 1.
    Processes,
    /// Users are others: root is the one who runs the test, and nobody else has a name.
    Users,
    /// Mounts are its own: at the place of the test there is an empty file system.
    EmptyPlace,
}

impl Role {
    /// Starts `executable` in a namespace of its own (by `unshare` of util-linux).
    ///
    /// For [`Namespace::Processes`] the role is a child of the process whose id this value knows: it dies soon after
    /// that one.
    ///
    /// # Panics
    /// Where namespaces cannot be had.
    #[must_use]
    pub fn start_in(namespace: Namespace, executable: &str, place: &Place) -> Self {
        need(namespace);
        let mut command = Command::new("unshare");
        command.args(flags(namespace));
        // Somebody outside of the namespace is process 0 in it.
        let parent = if namespace == Namespace::Processes { 0 } else { std::process::id() };
        command.env(PARENT_VARIABLE, parent.to_string());
        match namespace {
            Namespace::Processes | Namespace::Users => command.arg(executable),
            Namespace::EmptyPlace => {
                let path = place.path().to_str().unwrap();
                let script = "mount -t tmpfs -o size=16m shmframe-test \"$1\" && exec \"$2\"";
                command.args(["sh", "-c", script, "sh", path, executable])
            }
        };
        Self::launch(command, place, None)
    }
}

/// The options of `unshare`; whoever is not root needs a user namespace to make others.
fn flags(namespace: Namespace) -> Vec<&'static str> {
    let mut flags = match namespace {
        Namespace::Processes => vec!["--pid", "--fork", "--kill-child=SIGKILL"],
        Namespace::Users => vec![],
        Namespace::EmptyPlace => vec!["--mount"],
    };
    if namespace == Namespace::Users || !nix::unistd::geteuid().is_root() {
        flags.extend(["--user", "--map-root-user"]);
    }
    flags
}

/// Fails, with the remedy, where there are no such namespaces.
fn need(namespace: Namespace) {
    let tried = Command::new("unshare").args(flags(namespace)).arg("true").output();
    let found = match tried {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "no {namespace:?} namespace to be had: {found}; install util-linux, and run as root, in a container with \
         `--cap-add SYS_ADMIN`, or where user namespaces are allowed (sysctl user.max_user_namespaces)"
    );
}
