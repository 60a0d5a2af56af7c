//! What is known of a pinned version, kept beside the word that pins it: it needs no lock, and no count of its own.
//!
//! A word's view stays while the word is held, and longer: until the word pins another version. So whoever pins a
//! version in a word that pinned it last knows it already.

use crate::reading::attachment::Attachment;
use crate::reading::set_once::SetOnce;
use crate::reading::version::{CheckedFrame, Source, check_heap, out_of_heap};
use crate::sync::ReadOnly;
use crate::sys::map::Region;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};
use shmframe_format::Result;
use shmframe_format::directory::Root;
use shmframe_format::record::check_entry;
use shmframe_format::table::Entry;
use std::sync::Arc;

/// Frames of a version that are found without a look into its directory: those that were asked for first.
const FRAMES: usize = 4;

/// What is known of a version: its entry, its checked root, a mapping that reaches all that it covers, and frames.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) entry: Entry,
    pub(super) root: Root,
    pub(super) heap: Arc<Region<ReadOnly>>,
    pub(super) frames: [SetOnce<Arc<CheckedFrame>>; FRAMES],
}

// Views are shared by the threads that hold a word; an `AtomicPtr` would not ask.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<View>();
};

impl View {
    /// Reads the root that `entry` names; `entry` was checked. The caller holds a pin on the version.
    pub(super) fn read(attachment: &Attachment, entry: Entry) -> Result<Self> {
        let geometry = attachment.header().geometry();
        let reference = check_entry(&entry, entry.version)?;
        let end = check_heap(geometry, reference.offset, u64::from(reference.length))?;
        let mut heap = attachment.heap(end)?;
        let source = Source { heap: &heap, geometry, end, data: attachment.data() };
        let root = Root::read(&source, &reference)?;
        if root.heap_end > geometry.capacity() {
            return Err(out_of_heap(0, root.heap_end));
        }
        if root.heap_end > heap.length() {
            heap = attachment.heap(root.heap_end)?;
        }
        Ok(Self { entry, root, heap, frames: Default::default() })
    }
}

/// Where a word's view stands: null, or from `Box::into_raw`.
#[derive(Debug)]
pub(crate) struct ViewPlace(AtomicPtr<View>);

// What makes `take` come after the last use: holders count down with release (joins are exchanges and keep its order), and
// who makes the word BUSY again acquires.
impl ViewPlace {
    pub(crate) const fn empty() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// The view, if there is one.
    ///
    /// # Safety
    /// 1. For as long as the reference lives, the caller holds the word, or is at work on it (BUSY).
    pub(super) unsafe fn get<'a>(&self) -> Option<&'a View> {
        // SAFETY: (I3) null, or a view that is taken away only by who has the word BUSY: by 1 that is nobody else.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// The view, which is this one if there is none yet.
    ///
    /// # Safety
    /// 1. For as long as the reference lives, the caller holds the word.
    pub(super) unsafe fn get_or_set<'a>(&self, view: View) -> &'a View {
        let new = Box::into_raw(Box::new(view));
        if let Err(first) = self.0.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: (outside the invariants) from `Box::into_raw` right above, and seen by nobody else.
            drop(unsafe { Box::from_raw(new) });
            // SAFETY: (I3) as in `get`, by 1.
            return unsafe { &*first };
        }
        // SAFETY: (I3) as in `get`, by 1.
        unsafe { &*new }
    }

    /// Takes the view away.
    ///
    /// # Safety
    /// 1. The caller is at work on the word (BUSY): nobody holds it, and nobody else looks here.
    pub(super) unsafe fn take(&self) -> Option<Box<View>> {
        let view = self.0.swap(null_mut(), Ordering::AcqRel);
        // SAFETY: (outside the invariants) from `Box::into_raw`; nobody borrows it (1).
        (!view.is_null()).then(|| unsafe { Box::from_raw(view) })
    }
}

impl Drop for ViewPlace {
    fn drop(&mut self) {
        // SAFETY: (outside the invariants) borrowed exclusively: nobody else looks here.
        drop(unsafe { self.take() });
    }
}
