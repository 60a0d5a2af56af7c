//! The directory that holds segments, and its file system.

use super::Check;
use nix::unistd::{AccessFlags, access};
use shmframe_cli::words;
use shmframe_segment::Listing;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What Docker gives a container as `/dev/shm` unless it is told otherwise, bytes.
const DOCKER_SIZE: u64 = 64 << 20;
/// A file system below this size is filled by one frame of some size, bytes.
const SMALL: u64 = 256 << 20;

pub(super) fn checks(listing: &Listing) -> Vec<Check> {
    let (size, free) = listing.space;
    let mut checks = vec![permissions(&listing.directory), file_system(listing)];
    if size > 0 {
        checks.push(judged_size(&listing.directory, size));
        checks.push(judged_fill(size, free));
    }
    checks
}

fn permissions(directory: &Path) -> Check {
    let name = "permissions";
    let allowed = |flags| access(directory, flags).is_ok();
    let mode = std::fs::metadata(directory).map(|status| status.permissions().mode() & 0o7777);
    let mode = match mode {
        Ok(mode) => mode,
        Err(error) => return Check::unknown(name, error),
    };
    judged_permissions(directory, allowed(AccessFlags::W_OK | AccessFlags::X_OK), mode)
}

fn judged_permissions(directory: &Path, may_create: bool, mode: u32) -> Check {
    let name = "permissions";
    let shown = directory.display();
    if !may_create {
        let advice =
            format!("readers work; to create segments, let this user write to it: chmod 1777 {shown}");
        return Check::warning(name, format!("nothing can be created in {shown} (mode {mode:04o})"), advice);
    }
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let found =
            format!("everybody may rename and remove what others create in {shown} (mode {mode:04o})");
        return Check::warning(name, found, format!("set the sticky bit: chmod +t {shown}"));
    }
    Check::good(name, format!("segments can be created in {shown} (mode {mode:04o})"))
}

fn file_system(listing: &Listing) -> Check {
    let name = "file system";
    if listing.is_checked {
        return Check::good(name, listing.file_system.clone());
    }
    let advice = "use tmpfs (/dev/shm), ext4 or xfs; others are refused, those of a network in any case: \
                  the locks are one kernel's";
    Check::bad(name, format!("{}, where segments are not checked", listing.file_system), advice)
}

fn judged_size(directory: &Path, size: u64) -> Check {
    let name = "size";
    let shown = words::bytes(size, false);
    let check = if size == DOCKER_SIZE {
        Check::warning(
            name,
            format!("{shown}: what Docker gives a container unless told otherwise"),
            "docker run --shm-size=8g; shm_size in a compose file; in Kubernetes mount an emptyDir with \
             medium: Memory at /dev/shm",
        )
    } else if size < SMALL {
        let advice = format!("mount -o remount,size=8g {}, or name another directory", directory.display());
        Check::warning(name, format!("{shown} is little"), advice)
    } else {
        Check::good(name, format!("{shown}; the quota of a segment is half of it unless given"))
    };
    check.numbered(size)
}

fn judged_fill(size: u64, free: u64) -> Check {
    let name = "fill";
    let used = size.saturating_sub(free);
    // Of a size that is not 0.
    let percent = u128::from(used) * 100 / u128::from(size.max(1));
    let found = format!("{percent} % used, {} free", words::bytes(free, false));
    let advice = "shm-dump ls shows who takes it, shm-dump readers NAME who holds memory alone, shm-dump gc \
                  clears leftovers away";
    let check = match percent {
        95.. => Check::bad(name, found, advice),
        80.. => Check::warning(name, found, advice),
        _ => Check::good(name, found),
    };
    check.numbered(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn default_of_docker_is_named_with_its_remedy() {
        let check = judged_size(Path::new("/dev/shm"), 64 << 20);
        assert_eq!((check.status, check.number), (Status::Warning, Some(64 << 20)));
        assert!(check.found.contains("Docker") && check.advice.unwrap().contains("--shm-size"));
        assert_eq!(judged_size(Path::new("/dev/shm"), 8 << 30).status, Status::Good);
        assert_eq!(judged_size(Path::new("/dev/shm"), 128 << 20).status, Status::Warning);
    }

    #[test]
    fn full_directory_is_bad_and_a_fuller_one_a_warning() {
        assert_eq!(judged_fill(100, 50).status, Status::Good);
        assert_eq!(judged_fill(100, 15).status, Status::Warning);
        assert_eq!(judged_fill(100, 5).status, Status::Bad);
        assert_eq!(judged_fill(u64::MAX, 0).status, Status::Bad);
    }

    #[test]
    fn permissions_that_hinder_or_endanger_are_warnings() {
        let judged = |may, mode| judged_permissions(Path::new("/a"), may, mode).status;
        assert_eq!(judged(true, 0o1777), Status::Good);
        assert_eq!(judged(true, 0o700), Status::Good);
        assert_eq!(judged(true, 0o777), Status::Warning);
        assert_eq!(judged(false, 0o755), Status::Warning);
    }
}
