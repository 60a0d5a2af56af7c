//! Columns that do not grow in place: the rows that are added are another piece, merged with the last ones while the one
//! before is at most twice as long. So there are O(log rows) of them, and each row is copied O(log rows) times.

use super::chunk::Whose;
use super::grower::{Attempt, Grower, Stop, Way};
use super::last::Last;
use crate::layout::plan::Plan;
use arrow::datatypes::Field;
use shmframe_format::columns::Span;
use shmframe_format::table::NodeItem;
use shmframe_format::{ErrorKind, Result};

impl Grower<'_, '_> {
    /// A column in pieces; `planned` are its nodes and buffers in the plan, `standing` what stands there.
    pub(super) fn pieces(&mut self, field: &Field, planned: &Span, standing: Option<&Span>) -> Attempt<()> {
        let (Way::Extends, Some(last)) = (self.way, self.last) else {
            self.draft.push_nodes(self.plan, Whose::Rows, planned);
            return Ok(());
        };
        // Rows of its buffers can be told apart: they are no pieces.
        let column = standing.filter(|column| last.has_only_bytes(column)).ok_or(Stop::NewChunk)?;
        let mut pieces = last.pieces(column);
        let rows = self.plan.nodes[planned.nodes.start].length;
        let merged = self.merge(field, last, &mut pieces, planned)?;
        let root = last.nodes(column.nodes.clone())[0];
        let children = pieces.len() as u32 + 1;
        let length = root.length + rows;
        let item = NodeItem { length, nulls: 0, buffers: 0, children, validity: 0, pieces: 1 };
        let node = self.draft.begin_node(item);
        self.draft.end_node(node);
        pieces.iter().for_each(|piece| self.draft.push_standing(last, piece));
        match merged {
            None => self.draft.push_nodes(self.plan, Whose::Rows, planned),
            Some(plan) => {
                let whole = Span { nodes: 0..plan.nodes.len(), buffers: 0..plan.lengths.len() };
                self.draft.push_own_nodes(plan, &whole);
            }
        }
        Ok(())
    }

    /// Takes the last pieces out that are to be merged with the rows, and plans them together; none if none are.
    fn merge(
        &self,
        field: &Field,
        last: &Last<'_>,
        pieces: &mut Vec<Span>,
        planned: &Span,
    ) -> Result<Option<Plan>> {
        let mut rows = self.plan.nodes[planned.nodes.start].length;
        let mut kept = pieces.len();
        while let Some(piece) = kept.checked_sub(1).map(|at| &pieces[at]) {
            let length = last.nodes(piece.nodes.clone())[0].length;
            if length > rows.saturating_mul(2) {
                break;
            }
            rows += length;
            kept -= 1;
        }
        if kept == pieces.len() {
            return Ok(None);
        }
        let mut arrays = Vec::with_capacity(pieces.len() - kept + 1);
        for piece in &pieces[kept..] {
            arrays.push(self.back.tree(piece, field.data_type())?);
        }
        arrays.extend_from_slice(self.plan.pieces_of(planned.nodes.start));
        match Plan::of_column(field, arrays, self.limits) {
            Ok(plan) => {
                pieces.truncate(kept);
                Ok(Some(plan))
            }
            // Together they are too long for offsets, run ends or keys, or their ordered dictionaries differ.
            Err(error) if matches!(error.kind(), ErrorKind::CapacityExceeded | ErrorKind::SchemaMismatch) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
