//! Views: their data buffers go on in the last one while it has room; then another one follows.

use super::chunk::{BufferPlan, How};
use super::grower::{Attempt, Grower, Own, Way};
use super::last::Standing;
use super::room::{Claim, Content, DATA_LIMIT};
use crate::layout::kind::Kind;
use crate::layout::plan::Rule;
use crate::layout::views::{DataPlace, VIEW_SIZE, ViewPlan};
use shmframe_format::addressing::Addressing;
use shmframe_segment::{BufferGrowth, Start};

/// What becomes of the data buffers.
struct DataDraft {
    /// Those that stand there and go on in the chunk, in their order.
    standing: Vec<Standing>,
    /// Bytes that are added to the last of them.
    behind: u64,
    /// The lengths of the ones that follow.
    new: Vec<u64>,
    /// Where each planned buffer goes.
    places: Vec<DataPlace>,
}

impl Grower<'_, '_> {
    pub(super) fn views(&mut self, own: Own<'_>) -> Attempt<()> {
        let added = self.planned(own).length * VIEW_SIZE as u64;
        let data = self.data(own);
        let (untouched, written) = match data.behind {
            0 => (data.standing.len(), data.new.len()),
            _ => (data.standing.len() - 1, data.new.len() + 1),
        };
        let how = How::Views { places: data.places, untouched, written };
        self.addressed(own, Kind::Views, added, how)?;
        let nothing = Claim::default();
        let last = data.standing.len().wrapping_sub(1);
        for (index, standing) in data.standing.iter().enumerate() {
            let added = if index == last { data.behind } else { 0 };
            self.push_data(Start::Stays(standing.index), added, nothing, None);
        }
        let last = data.new.len().wrapping_sub(1);
        let before = data.standing.last().map(|standing| standing.place.capacity);
        for (index, &added) in data.new.iter().enumerate() {
            let grows = self.claim(own, Content::Data, added).at_most(DATA_LIMIT);
            let (claim, before) = if index == last { (grows, before) } else { (nothing, None) };
            self.push_data(Start::New { room: 0 }, added, claim, before);
        }
        Ok(())
    }

    fn push_data(&mut self, start: Start, added: u64, claim: Claim, before: Option<u64>) {
        let growth = BufferGrowth { start, addressing: Addressing::Bytes, added, open_word: 0 };
        self.draft.push_buffer(BufferPlan { growth, claim, before });
    }

    fn data(&self, own: Own<'_>) -> DataDraft {
        let mut standing: Vec<_> = (1..).map_while(|index| own.buffer(self.last, index)).collect();
        if own.way != Way::Extends {
            // Only the last one is written on, if any.
            let kept = usize::from(!own.begins_anew());
            standing.drain(..standing.len().saturating_sub(kept));
        }
        let planned = self.planned_data(own);
        let total: u64 = planned.iter().sum();
        let limit = self.limits.view_data as u64;
        let room = standing.last().filter(|last| last.length + total <= limit && last.has_room(total));
        let (first, mut offset, new) = match room {
            Some(last) => (standing.len() - 1, last.length, Vec::new()),
            None if total == 0 => (0, 0, Vec::new()),
            None if total <= limit => (standing.len(), 0, vec![total]),
            None => {
                let places =
                    (0..planned.len()).map(|index| DataPlace { buffer: standing.len() + index, offset: 0 });
                return DataDraft { places: places.collect(), standing, behind: 0, new: planned };
            }
        };
        let place = |length: &u64| {
            let place = DataPlace { buffer: first, offset: offset as usize };
            offset += length;
            place
        };
        let places = planned.iter().map(place).collect();
        let behind = if room.is_some() { total } else { 0 };
        DataDraft { standing, behind, new, places }
    }

    /// The lengths of the data buffers that the plan has.
    fn planned_data(&self, own: Own<'_>) -> Vec<u64> {
        match &self.draft.plan_of(self.plan, own.whose).sources[own.node].rule {
            Rule::Views(ViewPlan::Compacted(blocks)) => {
                let mut lengths = Vec::new();
                for block in blocks.iter().filter(|block| block.length > 0) {
                    lengths.resize(block.buffer + 1, 0);
                    lengths[block.buffer] += block.length as u64;
                }
                lengths
            }
            Rule::Views(ViewPlan::Kept(kept)) => {
                kept.buffers.iter().map(|buffer| buffer.len() as u64).collect()
            }
            _ => Vec::new(),
        }
    }
}
