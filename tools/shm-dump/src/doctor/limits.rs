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

/// How much of something processes need.
struct Need {
    name: &'static str,
    /// Below this much nothing works.
    least: u64,
    /// Below this much it is a warning.
    enough: u64,
    shown: fn(u64, bool) -> String,
    advice: &'static str,
}

const ADDRESS_SPACE: Need = Need {
    name: "address space",
    least: READER_SPACE,
    enough: DEFAULT_CAPACITY + READER_SPACE,
    shown: words::bytes,
    advice: "a writer maps the capacity of its segment, 1 TiB unless given, a reader what it reads: \
             ulimit -v unlimited, or WriterOptions::capacity",
};

const FILE_SIZE: Need = Need {
    name: "file size",
    least: 0,
    enough: DEFAULT_CAPACITY,
    shown: words::bytes,
    advice: "a segment is as long as its capacity, 1 TiB unless given (without memory behind it): \
             ulimit -f unlimited, or WriterOptions::capacity",
};

const OPEN_FILES: Need = Need {
    name: "open files",
    least: 0,
    enough: 256,
    shown: words::count,
    advice: "a segment takes up to six, and one for every 48 versions held at once: ulimit -n 4096",
};

/// As many as Linux gives a process unless told otherwise.
const MAPPINGS: Need = Need {
    name: "mappings",
    least: 0,
    enough: 65_530,
    shown: words::count,
    advice: "a segment takes three or more: sysctl vm.max_map_count=65530",
};

impl Need {
    /// Judges a limit; none: there is no limit.
    fn judge(&self, limit: Option<u64>) -> Check {
        let Some(limit) = limit else { return Check::good(self.name, "no limit") };
        let shown = (self.shown)(limit, false);
        let check = if limit < self.least {
            Check::bad(self.name, shown, self.advice)
        } else if limit < self.enough {
            Check::warning(self.name, shown, self.advice)
        } else {
            Check::good(self.name, shown)
        };
        check.numbered(limit)
    }
}

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
        Ok(count) => MAPPINGS.judge(Some(count)),
        Err(error) => Check::unknown(MAPPINGS.name, error),
    });
    checks
}

fn of_process(limits: &Limits) -> Vec<Check> {
    let soft = |value| match value {
        LimitValue::Unlimited => None,
        LimitValue::Value(value) => Some(value),
    };
    vec![
        ADDRESS_SPACE.judge(soft(limits.max_address_space.soft_limit)),
        FILE_SIZE.judge(soft(limits.max_file_size.soft_limit)),
        OPEN_FILES.judge(soft(limits.max_open_files.soft_limit)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn limits_that_bite_are_told_with_their_remedy() {
        for (need, limit, status) in [
            (&ADDRESS_SPACE, None, Status::Good),
            (&ADDRESS_SPACE, Some(1 << 20), Status::Bad),
            (&ADDRESS_SPACE, Some(1 << 40), Status::Warning),
            (&ADDRESS_SPACE, Some(1 << 41), Status::Good),
            (&FILE_SIZE, Some(1 << 30), Status::Warning),
            (&OPEN_FILES, Some(64), Status::Warning),
            (&MAPPINGS, Some(1000), Status::Warning),
            (&MAPPINGS, Some(65_530), Status::Good),
        ] {
            assert_eq!(need.judge(limit).status, status, "{} {limit:?}", need.name);
        }
        let check = FILE_SIZE.judge(Some(1 << 30));
        assert!(check.advice.unwrap().contains("ulimit -f"));
    }

    #[test]
    fn kernel_before_the_oldest_that_is_supported_is_a_warning() {
        assert_eq!(judged_kernel(&Version::new(5, 14, 0)).status, Status::Good);
        assert_eq!(judged_kernel(&Version::new(6, 1, 0)).status, Status::Good);
        assert_eq!(judged_kernel(&Version::new(5, 10, 200)).status, Status::Warning);
    }
}
