//! The frames of a transaction: as it leaves them so far, and what it no longer covers of the version before.

use crate::writing::staging::Staging;
use shmframe_format::frame::{Layout, State};
use shmframe_format::table::{ExtentItem, RecordReference};
use shmframe_format::{Covered, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The records of a frame as this transaction leaves it.
#[derive(Debug)]
pub(crate) struct StagedFrame {
    pub(super) name: Arc<str>,
    pub(super) layout: RecordReference,
    pub(super) state: RecordReference,
    pub(super) schema: RecordReference,
    pub(super) contents: Contents,
}

/// What is known of a frame without reading its records again.
#[derive(Debug)]
pub(crate) enum Contents {
    /// The extents that it covers.
    Extents(Vec<ExtentItem>),
    /// All that its layout and its state record say.
    Records(Arc<Layout>, Arc<State>),
}

/// What becomes of the frames that a transaction changes, by name: they stay, or go.
pub(crate) type Changes = BTreeMap<Arc<str>, Option<Arc<StagedFrame>>>;

impl Contents {
    /// The extents that the frame covers, by offset.
    pub(super) fn extents(&self) -> &[ExtentItem] {
        match self {
            Self::Extents(extents) => extents,
            Self::Records(layout, _) => &layout.extents,
        }
    }
}

impl Staging<'_> {
    /// Removes a frame; false if there is none of this name.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`]; [`shmframe_format::ErrorKind::WriterInChild`].
    pub fn remove_frame(&mut self, name: &str) -> Result<bool> {
        self.store.check_process()?;
        let Some(before) = self.frame(name)? else { return Ok(false) };
        self.replace(Arc::clone(&before.name), Some(&before), None);
        Ok(true)
    }

    /// The names of the frames that the version before has.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`].
    pub fn frame_names(&self) -> Result<Vec<String>> {
        let frames = self.store.root.list(&*self.store.mapped, |_| {})?;
        let mut names: Vec<String> = frames.iter().map(|frame| frame.name.to_string()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Puts `after` in the place of `before`, which has this name now; discards what only `before` covers.
    pub(super) fn replace(
        &mut self,
        name: Arc<str>,
        before: Option<&StagedFrame>,
        after: Option<Arc<StagedFrame>>,
    ) {
        if let Some(before) = before {
            before.discard(after.as_deref(), &mut self.discarded);
        }
        self.changes.insert(name, after);
    }

    /// The frame of this name, as this transaction leaves it so far.
    pub(super) fn frame(&self, name: &str) -> Result<Option<Arc<StagedFrame>>> {
        match self.changes.get(name) {
            Some(staged) => Ok(staged.clone()),
            None => match self.store.frames.get(name) {
                Some(published) => Ok(Some(Arc::clone(published))),
                None => self.read_frame(name),
            },
        }
    }

    /// The frame of this name that the version before has, from its records.
    pub(super) fn read_frame(&self, name: &str) -> Result<Option<Arc<StagedFrame>>> {
        let mapped = &*self.store.mapped;
        let Some(entry) = self.store.root.find(mapped, name)? else { return Ok(None) };
        let layout = Layout::read(mapped, mapped.geometry(), &entry.layout)?;
        let (schema, contents) = (layout.schema, Contents::Extents(layout.extents));
        let (name, layout, state) = (entry.name, entry.layout, entry.state);
        Ok(Some(Arc::new(StagedFrame { name, layout, state, schema, contents })))
    }
}

impl StagedFrame {
    /// The name of a frame that takes the place of `before`, or is new.
    pub(super) fn name_after(before: Option<&Self>, name: &str) -> Arc<str> {
        before.map_or_else(|| Arc::from(name), |before| Arc::clone(&before.name))
    }

    /// Adds what it covers and `after` does not to `discarded`.
    fn discard(&self, after: Option<&Self>, discarded: &mut Vec<Covered>) {
        let kept = after.map_or(&[][..], |after| after.contents.extents());
        let goes =
            |extent: &&ExtentItem| kept.binary_search_by_key(&extent.offset, |kept| kept.offset).is_err();
        let extents = self.contents.extents().iter().filter(goes).map(|extent| Covered {
            offset: extent.offset,
            length: extent.length,
            version: extent.version,
            used: extent.offset..extent.offset + extent.length,
        });
        discarded.extend(extents);
        if after.is_none_or(|after| after.layout != self.layout) {
            discarded.push(Covered::record(&self.layout));
        }
        discarded.push(Covered::record(&self.state));
        if after.is_none_or(|after| after.schema != self.schema) {
            discarded.push(Covered::record(&self.schema));
        }
    }
}
