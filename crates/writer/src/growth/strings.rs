//! Strings and binary: offsets go on behind the last one, which stands already, and bytes behind the last ones.

use super::chunk::{How, Lead};
use super::grower::{Attempt, Grower, Own, Stop, Way};
use super::last::Standing;
use super::room::Content;
use crate::layout::kind::Kind;
use shmframe_format::addressing::{Addressing, OffsetWidth};
use shmframe_segment::{BufferGrowth, Start};

impl Grower<'_, '_> {
    pub(super) fn strings(&mut self, own: Own<'_>, width: OffsetWidth) -> Attempt<()> {
        let plan = self.draft.plan_of(self.plan, own.whose);
        let bytes: u64 = plan.pieces_of(own.node).iter().map(byte_length).sum();
        let ends = plan.nodes[own.node].length * width.bytes() as u64;
        let data = own.buffer(self.last, 1);
        // The rows before end where the bytes do.
        let (data_start, base) =
            match data.filter(|data| !own.begins_anew() && !self.overflows(width, data.length, bytes)) {
                Some(data) if data.has_room(bytes) => (Start::Stays(data.index), data.length),
                _ if own.way == Way::Extends => return Err(Stop::NewChunk),
                _ => (self.start(own.way, data, Addressing::Bytes, bytes)?, 0),
            };
        let before = matches!(data_start, Start::Stays(_)).then_some(base);
        self.offsets(own, width, ends, before)?;
        let growth =
            BufferGrowth { start: data_start, addressing: Addressing::Bytes, added: bytes, open_word: 0 };
        let claim = self.claim(own, Content::Data, bytes);
        self.push(own, growth, claim, data, How::StringBytes);
        Ok(())
    }

    fn overflows(&self, width: OffsetWidth, before: u64, added: u64) -> bool {
        let limit = self.limits.offset as u64;
        width == OffsetWidth::Narrow && before.checked_add(added).is_none_or(|end| end > limit)
    }

    /// The offsets of rows whose bytes go on behind so many, and so do they; or, if the bytes begin anew, from 0.
    fn offsets(&mut self, own: Own<'_>, width: OffsetWidth, ends: u64, before: Option<u64>) -> Attempt<()> {
        let first = width.bytes() as u64;
        let addressing =
            own.rows.map_or(Addressing::Bytes, |(_, values)| Kind::Strings(width).addressing(values));
        let standing = own.buffer(self.last, 0);
        self.check_standing(own, standing, addressing)?;
        // Offsets of a dictionary's values are bytes, which begin at multiples of 64.
        let may_share = before.is_some() && own.rows.is_some();
        let shares = |standing: &Standing| may_share && standing.has_room_behind(first, ends, addressing);
        let (start, added, lead) = match (own.way, standing) {
            (Way::Extends, standing) => {
                (self.start(own.way, standing, addressing, ends)?, ends, Lead::Stands)
            }
            (Way::Begins(_, _), Some(standing)) if shares(&standing) => {
                (Start::Follows { buffer: standing.index, shared: first }, ends, Lead::Stands)
            }
            (Way::Begins(_, _), standing) => {
                let added = first + ends;
                (self.start(own.way, standing, addressing, added)?, added, Lead::Written)
            }
        };
        let growth = BufferGrowth { start, addressing, added, open_word: 0 };
        let claim = self.claim(own, Content::Rows, ends);
        self.push(own, growth, claim, standing, How::Offsets(width, before.unwrap_or(0) as usize, lead));
        Ok(())
    }
}

fn byte_length(piece: &arrow::array::ArrayRef) -> u64 {
    crate::layout::source::offsets(piece).span(piece.len()).len() as u64
}
