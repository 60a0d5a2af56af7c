//! What arrays are built from: a frame's records, and the bytes that they name.

use crate::reading::frame::Frozen;
use crate::reading::version::out_of_heap;
use core::ops::Range;
use shmframe_format::Result;
use shmframe_format::frame::{Layout, State};

/// A frame's records, and its bytes: in place ([`crate::PinnedFrame`]), or private copies of them.
pub trait FrameBytes {
    /// Where its buffers stand.
    fn layout(&self) -> &Layout;

    /// What is seen of it.
    fn state(&self) -> &State;

    /// These bytes of buffer `buffer`, counted from its start.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::Corrupt`] if what is seen of the frame has no such bytes, and those of the place that
    /// they are copied from.
    fn bytes(&self, buffer: usize, range: Range<u64>) -> Result<Frozen>;
}

/// Where bytes of a buffer stand: an offset and a length.
pub(crate) fn place(
    (layout, state): (&Layout, &State),
    buffer: usize,
    range: &Range<u64>,
) -> Result<(u64, u64)> {
    let parts = layout.buffers.get(buffer).zip(state.buffers.get(buffer));
    let (place, seen) = parts.ok_or_else(|| out_of_heap(buffer as u64, 0))?;
    let length = range.end.checked_sub(range.start).filter(|_| range.end <= seen.length);
    let found = place.offset.checked_add(range.start).zip(length);
    found.ok_or_else(|| out_of_heap(place.offset, range.end))
}
