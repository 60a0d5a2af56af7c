//! What goes on in a segment at one moment, looked at by copying: no slot is taken, nothing is pinned.

mod rates;

pub use rates::Rates;

use crate::session::Session;
use anyhow::Result;
use shmframe_cli::{Exit, Failure, Place};
use shmframe_format::header::Id;
use shmframe_reader::{Error, ErrorKind, SlotPins};
use shmframe_segment::SegmentState;

/// A frame of the newest version.
#[derive(Clone, Debug)]
pub struct FrameFacts {
    pub name: String,
    pub rows: u64,
    /// Rows that it ever had: those dropped from its front included.
    pub rows_ever: u64,
    /// Which frame it is: a frame that is put anew has another one.
    pub generation: u64,
    /// Bytes of its buffers that rows of this version need.
    pub bytes: u64,
}

/// A reader slot.
#[derive(Clone, Debug)]
pub struct ReaderFacts {
    /// Whether it lives, by the kernel's word.
    pub alive: bool,
    /// Versions that the oldest one that it pins is behind the newest; none if it pins nothing.
    pub lag: Option<u64>,
}

/// The last holder of the writer lease.
#[derive(Clone, Debug)]
pub struct WriterFacts {
    /// Whether a process holds the lease now; nobody can say if the registry cannot be read.
    pub alive: Option<bool>,
    pub pid: u64,
    pub label: String,
}

/// A segment at one moment.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which segment of this name it is.
    pub instance: Id,
    pub version: u64,
    /// By name.
    pub frames: Vec<FrameFacts>,
    /// None: the registry cannot be read.
    pub readers: Option<Vec<ReaderFacts>>,
    pub writer: WriterFacts,
    /// Bytes of `data` with pages.
    pub allocated: u64,
    pub quota: Option<u64>,
    /// How often a writer gained the lease.
    pub epoch: u64,
}

impl Facts {
    /// Looks at a segment.
    ///
    /// # Errors
    /// [`Exit::NotFound`] if it is in state *removed*; what opening and reading give.
    pub fn gather(session: &Session, place: &Place) -> Result<Self> {
        let inspector = session.inspect(place)?;
        let inspection = inspector.inspection();
        let publication = inspection.publication()?;
        if publication.state == SegmentState::Removed {
            return Err(gone(place).into());
        }
        let (version, frames) = inspection.newest(|version| {
            let mut frames = Vec::new();
            for entry in version.frames()? {
                let Some(frame) = version.frame(&entry.name)? else { continue };
                let checked = frame.checked();
                let state = checked.state();
                frames.push(FrameFacts {
                    name: entry.name.to_string(),
                    rows: state.rows,
                    rows_ever: state.first_row.saturating_add(state.rows),
                    generation: state.generation,
                    bytes: checked.buffer_bytes(),
                });
            }
            Ok((version.entry().version, frames))
        })?;
        let registry = session.registry(place).ok();
        let pins = registry.as_ref().and_then(|segment| segment.pins().ok());
        let reader = |slot: SlotPins| ReaderFacts {
            alive: slot.alive,
            lag: slot.versions.first().map(|oldest| version.saturating_sub(*oldest)),
        };
        let readers = pins.map(|pins| pins.into_iter().map(reader).collect());
        Ok(Self {
            instance: inspection.header().instance(),
            version,
            frames,
            readers,
            writer: WriterFacts {
                alive: registry.and_then(|registry| registry.has_writer().ok()),
                pid: publication.writer_pid,
                label: publication.writer_label,
            },
            allocated: inspection.allocated()?.bytes,
            quota: publication.quota,
            epoch: publication.epoch,
        })
    }

    /// Rows of all frames.
    pub fn rows(&self) -> u64 {
        self.frames.iter().map(|frame| frame.rows).sum()
    }

    /// The reader slots that are known.
    pub fn slots(&self) -> &[ReaderFacts] {
        self.readers.as_deref().unwrap_or_default()
    }

    /// Readers that live.
    pub fn living(&self) -> u64 {
        self.slots().iter().filter(|reader| reader.alive).count() as u64
    }

    /// The largest lag of a reader, in versions.
    pub fn largest_lag(&self) -> Option<u64> {
        self.slots().iter().filter_map(|reader| reader.lag).max()
    }
}

/// Whether an error says that there is no such segment (any more).
pub fn is_gone(error: &anyhow::Error) -> bool {
    let kind = error.downcast_ref::<Error>().map(Error::kind);
    error.is::<Failure>() || matches!(kind, Some(ErrorKind::Missing | ErrorKind::Removed))
}

fn gone(place: &Place) -> Failure {
    Failure::new(Exit::NotFound, format!("segment {:?} was removed", place.name()))
}
