//! Limits of processes, as this one has them, and the kernel. What is needed stands in `docs/platforms.md`.

use super::Check;
use procfs::process::{LimitValue, Limits, Process};
use procfs::sys::kernel::Version;
use shmframe_cli::words;
use shmframe_format::geometry::DEFAULT_CAPACITY;

/// The oldest kernel that is supported.
const KERNEL: (u8, u8) = (5, 14);
/// What a reader maps at first where it may, bytes.
const READER_SPACE: u64 = 1 << 30;
/// Open files below which a process with a few segments comes to an end.
const FEW_FILES: u64 = 256;
/// What Linux gives a process unless told otherwise.
const MAPPINGS: u64 = 65_530;

/// The kernel's version.
pub(super) fn kernel() -> Check {
    let name = "kernel";
    match Version::current() {
        Ok(version) => judged_kernel(&version),
        Err(error) => Check::unknown(name, error),
    }
}

fn judged_kernel(version: &Version) -> Check {
    let name = "kernel";
    let found = format!("Linux {}.{}.{}", version.major, version.minor, version.patch);
    if (version.major, version.minor) >= KERNEL {
        return Check::good(name, found);
    }
    let advice = format!("{}.{} or newer is needed; older ones are not tested", KERNEL.0, KERNEL.1);
    Check::warning(name, found, advice)
}

pub(super) fn checks() -> Vec<Check> {
    let mut checks = match Process::myself().and_then(|process| process.limits()) {
        Ok(limits) => of_process(&limits),
        Err(error) => vec![Check::unknown("limits", error)],
    };
    checks.push(match procfs::sys::vm::max_map_count() {
        Ok(count) => judged_mappings(count),
        Err(error) => Check::unknown("mappings", error),
    });
    checks
}

fn of_process(limits: &Limits) -> Vec<Check> {
    let soft = |value| match value {
        LimitValue::Unlimited => None,
        LimitValue::Value(value) => Some(value),
    };
    vec![
        judged_address_space(soft(limits.max_address_space.soft_limit)),
        judged_file_size(soft(limits.max_file_size.soft_limit)),
        judged_open_files(soft(limits.max_open_files.soft_limit)),
    ]
}

fn judged_address_space(limit: Option<u64>) -> Check {
    let name = "address space";
    let Some(limit) = limit else { return Check::good(name, "no limit") };
    let shown = words::bytes(limit, false);
    let check = if limit < READER_SPACE {
        let advice = "ulimit -v unlimited: segments are mapped, and map address space ahead of their memory";
        Check::bad(name, shown, advice)
    } else if limit < DEFAULT_CAPACITY + READER_SPACE {
        let advice = "a writer maps the capacity of its segment, 1 TiB unless given: ulimit -v unlimited, or \
                      WriterOptions::capacity";
        Check::warning(name, shown, advice)
    } else {
        Check::good(name, shown)
    };
    check.numbered(limit)
}

fn judged_file_size(limit: Option<u64>) -> Check {
    let name = "file size";
    let Some(limit) = limit else { return Check::good(name, "no limit") };
    let shown = words::bytes(limit, false);
    let check = if limit < DEFAULT_CAPACITY {
        let advice = "a segment is as long as its capacity, 1 TiB unless given (without memory behind it): \
                      ulimit -f unlimited, or WriterOptions::capacity";
        Check::warning(name, shown, advice)
    } else {
        Check::good(name, shown)
    };
    check.numbered(limit)
}

fn judged_open_files(limit: Option<u64>) -> Check {
    let name = "open files";
    let Some(limit) = limit else { return Check::good(name, "no limit") };
    let shown = words::count(limit, false);
    let check = if limit < FEW_FILES {
        let advice = "a segment takes up to six, and one for every 48 versions held at once: ulimit -n 4096";
        Check::warning(name, shown, advice)
    } else {
        Check::good(name, shown)
    };
    check.numbered(limit)
}

fn judged_mappings(limit: u64) -> Check {
    let name = "mappings";
    let shown = words::count(limit, false);
    let check = if limit < MAPPINGS {
        let advice = format!("a segment takes three or more: sysctl vm.max_map_count={MAPPINGS}");
        Check::warning(name, shown, advice)
    } else {
        Check::good(name, shown)
    };
    check.numbered(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn limits_that_bite_are_told_with_their_remedy() {
        assert_eq!(judged_address_space(None).status, Status::Good);
        assert_eq!(judged_address_space(Some(1 << 20)).status, Status::Bad);
        assert_eq!(judged_address_space(Some(1 << 40)).status, Status::Warning);
        assert_eq!(judged_address_space(Some(1 << 41)).status, Status::Good);
        assert_eq!(judged_file_size(Some(1 << 30)).status, Status::Warning);
        assert_eq!(judged_open_files(Some(64)).status, Status::Warning);
        assert_eq!(judged_mappings(1000).status, Status::Warning);
        let check = judged_file_size(Some(1 << 30));
        assert!(check.advice.unwrap().contains("ulimit -f"));
    }

    #[test]
    fn kernel_before_the_oldest_that_is_supported_is_a_warning() {
        assert_eq!(judged_kernel(&Version::new(5, 14, 0)).status, Status::Good);
        assert_eq!(judged_kernel(&Version::new(6, 1, 0)).status, Status::Good);
        assert_eq!(judged_kernel(&Version::new(5, 10, 200)).status, Status::Warning);
    }
}
