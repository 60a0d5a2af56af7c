//! What hands out the buffers of a frame that is being built, and what appends to one ([`super::building`]).

use crate::steps::{Step, copied, step};
use crate::writing::building::{BuildingKind, BuiltBuffer, Ground};
use crate::writing::columns::FrameRecords;
use crate::writing::mapped::Mapped;
use crate::writing::put::BufferDraft;
use bytemuck::Zeroable;
use shmframe_format::Result;
use shmframe_format::columns::Span;
use shmframe_format::geometry::PADDING;
use shmframe_format::table::NodeItem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hands out buffers of a frame that is being built, for as long as its transaction is borrowed.
#[derive(Clone, Debug)]
pub struct Lender<'b> {
    pub(super) ground: Arc<Mutex<&'b mut (dyn Ground + 'b)>>,
    pub(super) mapped: Arc<Mapped>,
}

impl<'b> Lender<'b> {
    fn ground(&self) -> MutexGuard<'_, &'b mut (dyn Ground + 'b)> {
        self.ground.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes room for the buffers of one column, depth-first; `nodes` are its nodes.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::QuotaExceeded`], [`shmframe_format::ErrorKind::CapacityExceeded`].
    pub fn place(&self, nodes: &[NodeItem], buffers: &[BufferDraft]) -> Result<Vec<BuiltBuffer>> {
        debug_assert!(Span::trees(nodes).count() == 1, "one column");
        self.ground().place(nodes, buffers)
    }

    /// Takes room for one buffer by itself.
    ///
    /// # Errors
    /// Those of [`Lender::place`].
    pub fn place_one(&self, buffer: BufferDraft) -> Result<BuiltBuffer> {
        let node = NodeItem { buffers: 1, ..NodeItem::zeroed() };
        let placed = self.ground().place(&[node], &[buffer])?;
        placed.first().copied().ok_or(BuildingKind::HandedOut { index: 0 }.into())
    }

    /// Takes so many bytes behind those of a buffer of a frame's last chunk, counted from 0, which is to have them when the
    /// frame grows ([`crate::Staging::grow_frame`], where nothing is then left to write of them).
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::CapacityExceeded`] if it has no room; [`shmframe_format::ErrorKind::InvalidArgument`] if there is no such buffer, or it was
    /// taken before; [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::QuotaExceeded`].
    pub fn go_on(&self, frame: &FrameRecords, index: usize, added: u64) -> Result<BuiltBuffer> {
        self.ground().go_on(frame, index, added)
    }

    /// The bytes of a buffer, zeroed.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::InvalidArgument`] if they were handed out before.
    pub fn bytes(&self, buffer: BuiltBuffer) -> Result<&'b mut [u8]> {
        let bytes = self.unspecified(buffer)?;
        bytes.fill(0);
        Ok(bytes)
    }

    /// The bytes of a buffer. What they hold is unspecified: they are for whoever writes each of them.
    ///
    /// # Errors
    /// Those of [`Lender::bytes`].
    pub fn unspecified(&self, buffer: BuiltBuffer) -> Result<&'b mut [u8]> {
        let (place, length) = self.ground().hand_out_one(buffer)?;
        step(Step::Copy);
        copied(length as usize);
        // SAFETY: (I1, I9, I11) the transaction took these bytes with their pages, and no live version covers them; they
        // are handed out once. The store, and its mapping with it, is borrowed exclusively under the lease for `'b`.
        Ok(unsafe { self.slice_mut(place.offset, length) })
    }

    /// The values of a buffer, zeroed.
    ///
    /// # Errors
    /// Those of [`Lender::bytes`].
    ///
    /// # Panics
    /// If the buffer is not as long as some of them: it is placed for others.
    #[cfg(feature = "arrow")]
    pub fn values<T: arrow::datatypes::ArrowNativeType>(&self, buffer: BuiltBuffer) -> Result<&'b mut [T]> {
        let bytes = self.bytes(buffer)?;
        // SAFETY: (I6) Arrow's native types, a sealed trait, are numbers: any bytes are a value, and any value is bytes.
        let (before, values, behind) = unsafe { bytes.align_to_mut::<T>() };
        assert!(before.is_empty() && behind.is_empty(), "a buffer of other values");
        Ok(values)
    }

    /// A buffer without bytes so far, to which some are appended.
    ///
    /// # Errors
    /// Those of [`Lender::bytes`].
    pub fn growing(&self, buffer: BuiltBuffer) -> Result<Growing<'b>> {
        let (place, moves) = {
            let mut ground = self.ground();
            (ground.hand_out_one(buffer)?.0, ground.moves(buffer))
        };
        let limit = if moves { u64::MAX } else { place.capacity.saturating_sub(PADDING) };
        Ok(Growing { lender: self.clone(), buffer, offset: place.offset, filled: 0, reached: 0, limit })
    }

    /// Bytes of the mapping.
    ///
    /// # Safety
    /// 1. The transaction took these bytes, with pages, and no live version covers them.
    /// 2. Nobody else has, or gets, a slice of them while this one lives.
    unsafe fn slice_mut(&self, offset: u64, length: u64) -> &'b mut [u8] {
        // SAFETY: (I1, I9, I11) the caller's 1 and 2.
        let slice: *mut [u8] = unsafe { self.mapped.map.slice_mut(offset, length as usize) };
        // SAFETY: (I11) the mapping lives as long as the store, which is borrowed for `'b`.
        unsafe { &mut *slice }
    }
}

/// A buffer to which bytes are appended, as many as there is room for.
#[derive(Debug)]
pub struct Growing<'b> {
    lender: Lender<'b>,
    buffer: BuiltBuffer,
    /// Where it stands.
    offset: u64,
    /// Bytes that were appended.
    filled: u64,
    /// Bytes that there are pages for.
    reached: u64,
    /// Bytes that it can have.
    limit: u64,
}

impl<'b> Growing<'b> {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`shmframe_format::ErrorKind::DirectoryFull`], [`shmframe_format::ErrorKind::QuotaExceeded`], [`shmframe_format::ErrorKind::CapacityExceeded`]; nothing is then appended,
    /// and what was stays.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let more = bytes.len() as u64;
        if self.filled.saturating_add(more) > self.reached {
            let reached = self.lender.ground().reach_further(self.buffer, self.filled, more);
            (self.offset, self.reached) = reached?;
        }
        // SAFETY: (I1, I9, I11) the transaction took these bytes, they have pages, and no live version covers them; this
        // is the only one that writes the buffer, which is handed out once, and nobody has a slice of it.
        unsafe { self.lender.mapped.map.write(self.offset + self.filled, bytes) };
        self.filled += more;
        Ok(())
    }

    /// Whether so many bytes more find room, as far as the heap has pages.
    #[must_use]
    pub fn has_room(&self, more: u64) -> bool {
        self.filled.saturating_add(more) <= self.limit
    }

    /// Bytes that were appended.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.filled
    }

    /// The buffer.
    #[must_use]
    pub fn buffer(&self) -> BuiltBuffer {
        self.buffer
    }

    /// What hands out buffers of the same frame.
    #[must_use]
    pub fn lender(&self) -> &Lender<'b> {
        &self.lender
    }
}
