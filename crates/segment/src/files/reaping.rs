//! Slots of dead readers, cleared by somebody who is no writer.

use crate::files::location::{ATTEMPTS, Location, READERS, SegmentDirectory, refused};
use crate::fork::{ForkLock, check_handlers};
use crate::protocol;
use crate::reading::attachment::{registry_words, removed};
use crate::reading::slots::DescriptorLocks;
use crate::sync::ReadWrite;
use crate::sys::map::Region;
use shmframe_format::Result;
use std::os::fd::AsFd;

/// Clears the slots whose claimers are dead by the kernel's word, as a writer's reclaim does when their pins stand in its way;
/// returns them. What they pinned comes free with the writer's next reclaim.
///
/// Anybody may who may write `readers`, whether there is a writer or not: `data` is not opened. The registry is mapped, so
/// its owner has to be trusted.
///
/// # Errors
/// [`shmframe_format::ErrorKind::RegistryPermissionDenied`], [`shmframe_format::ErrorKind::ForeignOwner`], or what is wrong with
/// the registry.
pub fn reap(location: &Location) -> Result<Vec<u32>> {
    for _ in 0..ATTEMPTS {
        let directory = location.open_directory()?;
        if let Some((region, slots)) = directory.or_again(map_registry(&directory))? {
            let reaped = reap_mapped(&directory, &region, slots);
            return reaped.map_err(|error| error.at(location.path().join(READERS).display()));
        }
    }
    Err(removed().at(location.path().display()))
}

/// Maps the registry by what it says of itself: nothing of `data` is needed, or trusted.
fn map_registry(directory: &SegmentDirectory) -> Result<(Region<ReadWrite>, u32)> {
    let (registry, length) = directory.open_file(READERS, true)?;
    let claims = directory.look_at_registry(registry.as_fd(), length)?;
    claims
        .check_length(length)
        .map_err(|error| error.at(directory.location.path().join(READERS).display()))?;
    Ok((Region::read_write(registry.as_fd(), claims.size())?, claims.slots))
}

fn reap_mapped(directory: &SegmentDirectory, region: &Region<ReadWrite>, slots: u32) -> Result<Vec<u32>> {
    let opening = |errno| refused("open the reader registry", errno);
    check_handlers().map_err(opening)?;
    // Nothing is allocated under the fork lock.
    let mut reaped = Vec::with_capacity(slots as usize);
    // A child of another thread would have a copy of the descriptor that carries the locks.
    let lock = ForkLock::take();
    let opened = directory.open_unchecked_file(READERS, true).map(|descriptor| {
        let locks = DescriptorLocks(descriptor.as_fd());
        protocol::reap_all(registry_words(region, slots), &locks, |slot| reaped.push(slot));
    });
    drop(lock);
    opened.map(|()| reaped).map_err(opening)
}
