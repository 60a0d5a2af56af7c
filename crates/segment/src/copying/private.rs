//! Private memory for a copied buffer: aligned as in the segment, with room behind it.

use super::error::CopyKind;
use bytemuck::{Pod, Zeroable};
use shmframe_format::Result;
use shmframe_format::geometry::PADDING;

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A private copy of a buffer.
#[derive(Debug, Default)]
pub(crate) struct PrivateBytes {
    lines: Vec<Line>,
    length: usize,
}

impl PrivateBytes {
    /// `length` zeros.
    pub(super) fn zeros(length: u64) -> Result<Self> {
        let memory = || CopyKind::Memory { wanted: length };
        let wanted = length.checked_add(PADDING).ok_or_else(memory)?;
        let count = usize::try_from(wanted.div_ceil(size_of::<Line>() as u64)).map_err(|_| memory())?;
        let mut lines = Vec::new();
        lines
            .try_reserve_exact(count)
            .map_err(|cause| shmframe_format::Error::from(memory()).because(cause))?;
        lines.resize(count, Line::zeroed());
        Ok(Self { lines, length: length as usize })
    }

    /// A copy of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Result<Self> {
        let mut copy = Self::zeros(bytes.len() as u64)?;
        copy.as_mut().copy_from_slice(bytes);
        Ok(copy)
    }

    pub(super) fn as_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }
}

impl AsRef<[u8]> for PrivateBytes {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}
