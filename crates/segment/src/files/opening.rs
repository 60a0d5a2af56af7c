//! How a writer comes to a segment: creates it, or opens it.

use crate::events;
use crate::files::creation::{self, Temporary};
use crate::files::location::{ATTEMPTS, Location, SegmentDirectory};
use crate::sync::{Ordering, ReadOnly, ReadWord};
use crate::sys::clock::deadline;
use crate::sys::limits;
use crate::sys::map::Region;
use crate::words::{Publication, STATE_REMOVED, label_text};
use crate::writing::lease::{self, Lease};
use crate::writing::mapped::Mapped;
use crate::writing::quota::check_quota_option;
use crate::writing::store::{HISTORY_LIMIT, Store, StoreOptions};
use core::time::Duration;
use shmframe_format::geometry::Geometry;
use shmframe_format::header::{Header, Id, Role};
use shmframe_format::{Describe, ErrorKind, Report, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// How long creation rests while somebody else takes the old segment away.
const REST: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) enum OpeningKind {
    History { found: u64 },
    Busy,
}

impl Describe for OpeningKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::History { .. } => ErrorKind::InvalidArgument,
            Self::Busy => ErrorKind::TimedOut,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::History { found } => Report::new(
                "invalid history",
                format!("1 to {HISTORY_LIMIT} versions"),
                format!("{found}"),
                "choose a number within these bounds; pins keep versions for longer",
            ),
            Self::Busy => Report::new(
                "the segment is created and removed by others all the time",
                "a moment of rest",
                format!("none in {ATTEMPTS} attempts"),
                "let one process create and remove it",
            ),
        }
    }
}

/// The generation of the first frame: another one in each segment, so that a position in a frame of a removed segment is not
/// taken for one in the next segment of its name.
fn first_generation(instance: Id) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&instance[..8]);
    u64::from_le_bytes(bytes)
}

shmframe_format::every_kind!(OpeningKind {
    History: OpeningKind::History { found: 0 };
    Busy: OpeningKind::Busy;
});

impl Store {
    /// Creates a segment.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`], [`ErrorKind::InvalidArgument`], [`ErrorKind::ProcessLimit`], or what the directory
    /// refuses.
    pub fn create(location: &Location, options: StoreOptions) -> Result<Self> {
        check_history(&options)?;
        let geometry = Geometry::new(options.capacity, options.slots)?;
        check_quota_option(options.quota, &geometry)?;
        limits::check_file_size(geometry.capacity())?;
        options.access.check()?;
        creation::clean_leftovers(location)?;
        for _ in 0..ATTEMPTS {
            match clear_name(location)? {
                Name::Taken => return Err(location.exists()),
                Name::BeingRemoved => {
                    std::thread::sleep(REST);
                    continue;
                }
                Name::Free => {}
            }
            let temporary = Temporary::make(location)?;
            let Some((directory, lease)) = temporary.build(geometry, &options.access)? else { continue };
            // The lease is held until the segment has its name, also where writers take turns from then on.
            let first = StoreOptions { several_writers: false, ..options.clone() };
            let mut store = Self::assemble(Mapped::open(directory, lease)?, first);
            store.gain()?;
            let first = first_generation(store.mapped.header.instance());
            Arc::make_mut(&mut store.root).next_generation = first;
            store.begin()?.commit()?;
            store.prefault()?;
            match temporary.finish(&options.access) {
                Err(error) if error.kind() == ErrorKind::Exists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    events::created(location);
                    // What was asked for stands in the segment now.
                    store.options = StoreOptions { quota: None, history: None, ..options };
                    store.end_first_turn()?;
                    return Ok(store);
                }
            }
        }
        Err(OpeningKind::Busy.into())
    }

    /// Opens a segment for writing: takes the lease, and recovers what a killed writer left.
    ///
    /// # Errors
    /// [`ErrorKind::LeaseTaken`], naming the holder; [`ErrorKind::Missing`]; [`ErrorKind::InvalidArgument`];
    /// [`ErrorKind::Corrupt`]; or what the directory refuses.
    pub fn open(location: &Location, options: StoreOptions) -> Result<Self> {
        check_history(&options)?;
        for _ in 0..ATTEMPTS {
            let directory = location.open_directory()?;
            let Some(lease) = directory.or_again(Lease::open(&directory))? else { continue };
            if !lease.take(options.patience().map(deadline))? {
                return Err(lease::taken(&directory, options.wanted()));
            }
            // The lease may be that of a segment that was removed meanwhile.
            if !directory.is_current()? {
                continue;
            }
            let mut store = Self::assemble(Mapped::open(directory, lease)?, options.clone());
            if store.mapped.publication().state.load(Ordering::Relaxed) == STATE_REMOVED {
                creation::take_away(&store.mapped.directory, || {})?;
                continue;
            }
            check_quota_option(options.quota, store.mapped.geometry())
                .and_then(|()| store.gain())
                .map_err(|error| error.at(location.path().display()))?;
            events::taken_over(location, store.epoch);
            store.prefault()?;
            store.end_first_turn()?;
            return Ok(store);
        }
        Err(OpeningKind::Busy.into())
    }

    /// Opens a segment, or creates it where there is none.
    ///
    /// # Errors
    /// Those of [`Store::open`] and [`Store::create`].
    pub fn open_or_create(location: &Location, options: &StoreOptions) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            match Self::open(location, options.clone()) {
                Err(error) if error.kind() == ErrorKind::Missing => {}
                result => return result,
            }
            match Self::create(location, options.clone()) {
                Err(error) if error.kind() == ErrorKind::Exists => {}
                result => return result,
            }
        }
        Err(OpeningKind::Busy.into())
    }
}

fn check_history(options: &StoreOptions) -> Result<()> {
    match options.history {
        Some(found) if !(1..=HISTORY_LIMIT).contains(&found) => Err(OpeningKind::History { found }.into()),
        _ => Ok(()),
    }
}

/// What stands where a segment is to be created.
enum Name {
    Free,
    Taken,
    /// A segment in state *removed*, whose remover is at work.
    BeingRemoved,
}

/// Looks what stands at the name; finishes the removal of a segment in state *removed* whose remover is gone.
fn clear_name(location: &Location) -> Result<Name> {
    let directory = match location.open_directory() {
        Err(error) if error.kind() == ErrorKind::Missing => return Ok(Name::Free),
        directory => directory?,
    };
    let (data, header) = match directory.or_again(directory.open_data(Role::Reader)) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Name::BeingRemoved),
        Err(_) => return Ok(Name::Taken),
    };
    if !is_removed(&data, &header)? {
        return Ok(Name::Taken);
    }
    let Ok(lease) = Lease::open_alone(&directory) else { return Ok(Name::BeingRemoved) };
    if !lease.take(None)? || !directory.is_current()? {
        return Ok(Name::BeingRemoved);
    }
    creation::take_away(&directory, || {})?;
    Ok(Name::Free)
}

fn is_removed(data: &OwnedFd, header: &Header) -> Result<bool> {
    let geometry = header.geometry();
    let map = Region::<ReadOnly>::read_only(data.as_fd(), geometry.ring_offset())?;
    let publication: &Publication<ReadOnly> = map.shared(geometry.publication_offset());
    Ok(publication.state.read() == STATE_REMOVED)
}

/// Who holds the lease, in words.
pub(crate) fn holder(directory: &SegmentDirectory) -> String {
    let unknown = || "another process".to_owned();
    let Ok((data, header)) = directory.open_data(Role::Reader) else { return unknown() };
    let geometry = header.geometry();
    let Ok(map) = Region::<ReadOnly>::read_only(data.as_fd(), geometry.ring_offset()) else {
        return unknown();
    };
    let publication: &Publication<ReadOnly> = map.shared(geometry.publication_offset());
    let (pid, label) = (publication.writer_pid.read(), label_text(&publication.writer_label));
    match label.as_str() {
        "" => format!("process {pid}"),
        label => format!("process {pid} ({label:?})"),
    }
}
