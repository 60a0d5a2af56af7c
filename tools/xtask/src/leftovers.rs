//! What a run or a commit must not leave behind: segments in shared memory, paths of a machine, stray `unsafe`.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

use anyhow::{Context as _, Result};

use crate::context::Context;
use crate::step::Outcome;
use crate::{machine_paths, source_rules};

/// Where segments stand by default.
const SHARED_MEMORY: &str = "/dev/shm";

/// Runs all the checks of this step.
pub fn check(context: &Context) -> Result<Outcome> {
    let after = shared_memory()?;
    let left = new_names(&context.shared_memory_before, &after);
    let problems = left.map(|name| format!("this run left {SHARED_MEMORY}/{name}")).collect();
    Ok(Outcome::checked("", problems)
        .and(machine_paths::in_tracked_files(context)?)
        .and(machine_paths::in_lock(context)?)
        .and(source_rules::check(context)?))
}

/// The names in the shared-memory directory; none where there is no such directory.
pub fn shared_memory() -> Result<BTreeSet<String>> {
    let entries = match fs::read_dir(SHARED_MEMORY) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.with_context(|| format!("cannot list {SHARED_MEMORY}"))?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn new_names<'a>(
    before: &'a BTreeSet<String>,
    after: &'a BTreeSet<String>,
) -> impl Iterator<Item = &'a str> + 'a {
    after.difference(before).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_counts_as_left() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
        let (before, after) = (names(&["theirs", "gone"]), names(&["theirs", "flights.shmf"]));
        assert_eq!(new_names(&before, &after).collect::<Vec<_>>(), ["flights.shmf"]);
    }
}
