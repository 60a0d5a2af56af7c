//! The memory behind the directory: what the machine and its control group have, and how it is handed out.

use super::Check;
use procfs::process::Process;
use procfs::{Current, Meminfo, ProcResult};
use shmframe_cli::words;
use shmframe_segment::Listing;
use std::fs;
use std::path::Path;

/// Where control groups are mounted: those of version 2, and the memory of version 1.
const GROUPS: [(&str, &str); 2] =
    [("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")];
const SHMEM_HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
const OVERCOMMIT: &str = "/proc/sys/vm/overcommit_memory";

pub(super) fn checks(listing: &Listing) -> Vec<Check> {
    let memory = Meminfo::current();
    let mut checks = vec![
        match &memory {
            Ok(memory) => judged_memory(&Memory::of(memory, listing)),
            Err(error) => Check::unknown("memory", error),
        },
        match &memory {
            Ok(memory) => judged_overcommit(
                fs::read_to_string(OVERCOMMIT).unwrap_or_default().trim(),
                memory.commit_limit.map(|limit| limit.saturating_sub(memory.committed_as)),
            ),
            Err(error) => Check::unknown("overcommit", error),
        },
    ];
    if listing.file_system == "tmpfs" {
        let mounted = mounted_huge(&listing.directory);
        checks.push(match fs::read_to_string(SHMEM_HUGE_PAGES) {
            Ok(setting) => judged_huge_pages(mounted.as_deref().unwrap_or("never"), chosen(&setting)),
            Err(_) => Check::good("huge pages", "this kernel has none for tmpfs"),
        });
    }
    checks
}

/// What there is of memory, bytes.
struct Memory {
    /// Of the machine.
    total: u64,
    /// Free, or made free without swapping.
    available: u64,
    swap: u64,
    /// That this process and those of its control group may take; none: all.
    group: Option<u64>,
    /// What the directory's file system may take, if it takes memory.
    file_system: Option<u64>,
}

impl Memory {
    fn of(memory: &Meminfo, listing: &Listing) -> Self {
        Self {
            total: memory.mem_total,
            available: memory.mem_available.unwrap_or(memory.mem_free),
            swap: memory.swap_total,
            group: group_limit().filter(|limit| *limit < memory.mem_total),
            file_system: (listing.file_system == "tmpfs").then_some(listing.space.0),
        }
    }
}

fn judged_memory(memory: &Memory) -> Check {
    let name = "memory";
    let shown = |bytes| words::bytes(bytes, false);
    let found = format!("{} available of {}", shown(memory.available), shown(memory.total));
    let most = memory.group.unwrap_or(memory.total);
    let check = match (memory.file_system, memory.group) {
        (Some(size), Some(group)) if size > group => Check::warning(
            name,
            format!("{found}; this control group may take {}, the directory {}", shown(group), shown(size)),
            "pages of segments count for the group: its processes are killed before the directory is full; \
             raise its memory limit, or give quotas",
        ),
        (Some(size), _) if size > most => Check::warning(
            name,
            format!("{found}; the directory may take {}", shown(size)),
            "a full directory leaves no memory: remount it smaller, or give quotas",
        ),
        _ if memory.available < memory.total / 20 => {
            Check::warning(name, found, "segments take memory: end what takes it, or shm-dump gc")
        }
        _ if memory.swap > 0 => Check::good(
            name,
            format!("{found}; {} of swap, which idle segments may go to", shown(memory.swap)),
        ),
        _ => Check::good(name, found),
    };
    check.numbered(memory.available)
}

/// The least limit of the control groups that this process is in.
fn group_limit() -> Option<u64> {
    let groups = Process::myself().and_then(|process| process.cgroups()).ok()?;
    let mut limits = Vec::new();
    for group in groups {
        let path = group.pathname.trim_start_matches('/');
        for (mount, file) in GROUPS {
            // Where the group is not seen under its name, as in a container, its files are those of the mount.
            let mut at = Some(Path::new(path));
            while let Some(folder) = at {
                let text = fs::read_to_string(Path::new(mount).join(folder).join(file));
                limits.extend(text.ok().and_then(|text| text.trim().parse::<u64>().ok()));
                at = folder.parent();
            }
        }
    }
    limits.into_iter().min()
}

fn judged_overcommit(mode: &str, left: Option<u64>) -> Check {
    let name = "overcommit";
    match (mode, left) {
        ("2", Some(left)) => {
            let found = format!("strict: {} may still be committed", words::bytes(left, false));
            let advice = "pages of tmpfs count against the limit: vm.overcommit_ratio raises it";
            Check::warning(name, found, advice).numbered(left)
        }
        ("0" | "1" | "2", _) => Check::good(name, "address space without memory costs nothing"),
        _ => Check::unknown(name, format!("{OVERCOMMIT} holds {mode:?}")),
    }
}

/// The value of `huge=` of the mount that a directory is on.
fn mounted_huge(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mounts: ProcResult<_> = Process::myself().and_then(|process| process.mountinfo());
    let over = mounts.ok()?.0.into_iter().filter(|mount| directory.starts_with(&mount.mount_point));
    // Of several at one place the last one is seen.
    let mount = over.max_by_key(|mount| mount.mount_point.components().count())?;
    mount.super_options.get("huge").cloned().flatten()
}

/// The word between brackets of a setting of which one of several is chosen.
fn chosen(setting: &str) -> &str {
    setting.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(word, _)| word)
}

fn judged_huge_pages(mounted: &str, setting: &str) -> Check {
    let name = "huge pages";
    let used = match setting {
        "force" => true,
        "deny" => false,
        _ => matches!(mounted, "always" | "within_size"),
    };
    if used {
        return Check::good(name, format!("on (mounted with huge={mounted}, shmem_enabled {setting})"));
    }
    let found = format!("off (mounted with huge={mounted}, shmem_enabled {setting}): small pages work, too");
    let advice = if setting == "deny" {
        format!("for scans of much memory: echo never > {SHMEM_HUGE_PAGES}, then mount with huge=within_size")
    } else {
        "for scans of much memory: mount -o remount,huge=within_size, and WriterOptions::huge_pages"
            .to_owned()
    };
    Check::good(name, found).advised(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    fn memory() -> Memory {
        Memory { total: 100, available: 60, swap: 0, group: None, file_system: Some(50) }
    }

    #[test]
    fn directory_that_may_take_more_than_there_is_is_a_warning() {
        let judged = |memory: Memory| judged_memory(&memory).status;
        assert_eq!(judged(memory()), Status::Good);
        assert_eq!(judged(Memory { file_system: Some(101), ..memory() }), Status::Warning);
        assert_eq!(judged(Memory { group: Some(40), ..memory() }), Status::Warning);
        assert_eq!(judged(Memory { group: Some(40), file_system: None, ..memory() }), Status::Good);
        assert_eq!(judged(Memory { available: 4, ..memory() }), Status::Warning);
    }

    #[test]
    fn strict_overcommit_says_what_is_left() {
        assert_eq!(judged_overcommit("0", Some(1)).status, Status::Good);
        let strict = judged_overcommit("2", Some(1));
        assert_eq!((strict.status, strict.number), (Status::Warning, Some(1)));
        assert_eq!(judged_overcommit("", None).status, Status::Warning);
    }

    #[test]
    fn setting_of_the_kernel_overrules_the_mount() {
        assert_eq!(chosen("always within_size advise [never] deny force\n"), "never");
        assert_eq!(chosen("nothing"), "");
        for (mounted, setting, on) in [
            ("never", "never", false),
            ("always", "never", true),
            ("always", "deny", false),
            ("never", "force", true),
        ] {
            assert_eq!(
                judged_huge_pages(mounted, setting).found.starts_with("on"),
                on,
                "{mounted} {setting}"
            );
        }
    }
}
