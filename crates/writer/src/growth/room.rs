//! How much room buffers get for what may come, in virtual bytes.
//!
//! A frame has its share of the free ones, which falls with the number of frames. Its buffers share that out by their bytes
//! for each row, so that all of them are used up at about the same row.

use crate::layout::plan::{Plan, Rule};
use shmframe_format::geometry::{PADDING, PAGE_SIZE};
use shmframe_segment::{BufferDraft, FrameRecords, Staging};

/// Buffers of a frame that has more bytes than this get room to grow.
pub(crate) const SMALL_FRAME: u64 = 64 << 10;

/// Bytes for each row that strings and long views are given room for, at the least.
const LEAST_DATA: u64 = 8;

/// Rows for each byte that values of a dictionary are given room for, at the least.
const ROWS_PER_VALUE_BYTE: u64 = 16;

/// A further run has so many times the room of the one before.
const GROWTH: u64 = 4;

/// What a buffer may come to need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Claim {
    /// Bytes for as many rows as all other claims of the frame count; none if it does not grow.
    pub(super) bytes: u64,
    /// More than so many bytes are never written.
    pub(super) limit: u64,
}

/// What is in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// What each row has as much of as any other.
    Rows,
    /// Bytes of strings or of long views.
    Data,
    /// Values of a dictionary.
    Values,
}

impl Claim {
    /// That of a buffer which has so many bytes for so many rows.
    pub(super) fn of(content: Content, bytes: u64, rows: u64) -> Self {
        let least = match content {
            Content::Rows => 0,
            Content::Data => rows.saturating_mul(LEAST_DATA),
            Content::Values => rows / ROWS_PER_VALUE_BYTE,
        };
        Self { bytes: bytes.max(least).max(1), limit: u64::MAX }
    }

    /// Bytes for `all` rows, of a buffer that claims these for so many of them.
    pub(super) fn scaled(self, rows: u64, all: u64) -> u64 {
        let bytes = match rows {
            0 => u128::from(all) * u128::from(LEAST_DATA),
            _ => u128::from(self.bytes) * u128::from(all) / u128::from(rows),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX).min(self.limit)
    }

    pub(super) fn at_most(self, limit: u64) -> Self {
        Self { limit, ..self }
    }
}

/// The virtual bytes that one frame may have for itself.
pub(crate) fn share(staging: &Staging<'_>) -> u64 {
    let (free, frames) = staging.free_room();
    free / (16 + 2 * frames)
}

/// What of a frame's share each claim gets.
pub(super) fn share_out(share: u64, claims: &[Claim]) -> impl Iterator<Item = u64> {
    let total: u128 = claims.iter().map(|claim| u128::from(claim.bytes)).sum();
    claims.iter().map(move |claim| {
        let part = u128::from(share) * u128::from(claim.bytes) / total.max(1);
        u64::try_from(part).unwrap_or(u64::MAX).min(claim.limit)
    })
}

/// The room of a further run, for a buffer that now needs `needed` bytes and whose run had room for `before`.
pub(super) fn of_further_run(share: u64, part: u64, before: Option<u64>, (needed, limit): (u64, u64)) -> u64 {
    let room = before.map_or(part, |before| before.saturating_mul(GROWTH).min(share));
    // Where virtual bytes are few, a little: else each append would begin another run.
    room.max(needed.saturating_mul(2)).max(PAGE_SIZE - PADDING).min(limit.max(needed))
}

/// The buffers of a frame that is put: with room, unless it is small.
pub(crate) fn put_with_room(staging: &Staging<'_>, plan: &Plan) -> Vec<BufferDraft> {
    if plan.buffer_lengths().sum::<u64>() > SMALL_FRAME {
        with_room(share(staging), plan)
    } else {
        plan.buffers()
    }
}

/// The buffers of a new column, one of so many of a frame: with room, unless the frame is small.
pub(crate) fn column_with_room(
    staging: &Staging<'_>,
    frame: &FrameRecords,
    plan: &Plan,
    columns: usize,
) -> Vec<BufferDraft> {
    let bytes: u64 = frame.state().buffers.iter().map(|buffer| buffer.length).sum();
    if bytes > SMALL_FRAME { with_room(share(staging) / columns.max(1) as u64, plan) } else { plan.buffers() }
}

/// The buffers of a plan, with so much room together.
pub(crate) fn with_room(share: u64, plan: &Plan) -> Vec<BufferDraft> {
    let mut buffers = plan.buffers();
    let claims = claims(plan);
    for (buffer, room) in buffers.iter_mut().zip(share_out(share, &claims)) {
        buffer.room = room;
    }
    buffers
}

/// What the buffers of a plan may come to need; rows that were planned count.
pub(super) fn claims(plan: &Plan) -> Vec<Claim> {
    let mut claims = Vec::with_capacity(plan.lengths.len());
    let mut lengths = plan.buffer_lengths();
    let mut values = 0;
    for (node, source) in plan.nodes.iter().zip(&plan.sources) {
        let is_value =
            core::mem::replace(&mut values, usize::from(matches!(source.rule, Rule::Keys(..)))) > 0;
        let (rows, content, data) = match is_value {
            true => (plan.rows, Content::Values, Content::Values),
            false => (node.length, Content::Rows, Content::Data),
        };
        let own = node.buffer_count as usize;
        let addressed = usize::from(node.has_validity) + 1;
        for (index, bytes) in lengths.by_ref().take(own).enumerate() {
            claims.push(match &source.rule {
                _ if !source.grows => Claim::default(),
                Rule::Views(_) if index >= addressed && index + 1 < own => Claim::default(),
                Rule::Views(_) if index >= addressed => Claim::of(data, bytes, rows).at_most(DATA_LIMIT),
                _ if index >= addressed => Claim::of(data, bytes, rows),
                _ => Claim::of(content, bytes, rows),
            });
        }
    }
    claims
}

/// The most bytes that a data buffer of views comes to have.
pub(super) const DATA_LIMIT: u64 = i32::MAX as u64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_share_by_their_bytes_and_never_more_than_there_is() {
        let claims =
            [Claim::of(Content::Rows, 800, 100), Claim::of(Content::Rows, 200, 100), Claim::default()];
        assert_eq!(share_out(1000, &claims).collect::<Vec<_>>(), [800, 200, 0]);
        let limited = claims.map(|claim| claim.at_most(300));
        assert_eq!(share_out(1000, &limited).collect::<Vec<_>>(), [300, 200, 0]);
        assert!(share_out(u64::MAX, &claims).map(u128::from).sum::<u128>() <= u128::from(u64::MAX));
        assert_eq!(share_out(1000, &[]).count(), 0);
    }

    #[test]
    fn further_run_is_four_times_as_long_up_to_the_share() {
        assert_eq!(of_further_run(1 << 30, 7, Some(1 << 20), (10, u64::MAX)), 4 << 20);
        assert_eq!(of_further_run(1 << 21, 7, Some(1 << 20), (10, u64::MAX)), 2 << 20);
        assert_eq!(of_further_run(1 << 30, 1 << 16, None, (10, u64::MAX)), 1 << 16);
        assert_eq!(of_further_run(0, 0, None, (1 << 20, u64::MAX)), 2 << 20);
        assert_eq!(of_further_run(1 << 40, 1 << 40, None, (10, 1 << 31)), 1 << 31);
    }
}
