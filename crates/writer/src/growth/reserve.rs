//! Room for rows that are to come, asked for beforehand.

use super::append::write_anew;
use super::compact::plan_all;
use super::room::{self, Claim};
use crate::layout::plan::Plan;
use arrow::datatypes::SchemaRef;
use shmframe_format::addressing::Addressing;
use shmframe_format::geometry::PADDING;
use shmframe_format::table::BufferItem;
use shmframe_format::{Describe, ErrorKind, Report, Result};
use shmframe_segment::{BufferDraft, FrameRecords, Staging};

#[derive(Debug)]
enum ReserveKind {
    NoRoom { rows: u64, wanted: u64, found: u64 },
}

impl Describe for ReserveKind {
    fn kind(&self) -> ErrorKind {
        ErrorKind::CapacityExceeded
    }

    fn report(&self) -> Report {
        let Self::NoRoom { rows, wanted, found } = self;
        Report::new(
            format!("there is no room for {rows} rows more in one run of each column"),
            format!("{wanted} virtual bytes in a row"),
            format!("{found}"),
            "ask for fewer rows, or create the segment with a larger capacity (it costs address space, not memory)",
        )
    }
}

shmframe_format::every_kind!(ReserveKind {
    NoRoom: ReserveKind::NoRoom { rows: 3, wanted: 2, found: 1 };
});

/// Sees to it that so many rows more fit into the runs of a frame's columns that grow in place: writes the frame anew, with that
/// room, unless they do already.
///
/// # Errors
/// [`ErrorKind::CapacityExceeded`] if there is not so much room; those of [`super::compact()`]. The transaction is then as it was
/// before.
pub(crate) fn reserve(
    staging: &mut Staging<'_>,
    frame: &FrameRecords,
    (schema, rows): (&SchemaRef, u64),
    threads: usize,
) -> Result<()> {
    if has_room(frame, rows) {
        return Ok(());
    }
    let plan = plan_all(staging, frame, schema)?;
    let Some(_) = put_with_room_for(staging, frame, (&plan, rows), threads)? else { return Ok(()) };
    // Runs prefer free bytes that have pages, and those may have less room.
    staging.give_pages_back();
    match put_with_room_for(staging, frame, (&plan, rows), threads)? {
        None => Ok(()),
        Some(short) => Err(short.into()),
    }
}

/// Writes a frame anew, with room for so many rows more; undoes that if a buffer got less, and says which.
fn put_with_room_for(
    staging: &mut Staging<'_>,
    frame: &FrameRecords,
    (plan, rows): (&Plan, u64),
    threads: usize,
) -> Result<Option<ReserveKind>> {
    let buffers = with_room_for(plan, rows);
    let wanted: Vec<u64> = buffers.iter().map(|buffer| buffer.room).collect();
    let savepoint = staging.savepoint(frame.name());
    write_anew(staging, frame, (plan, buffers), threads)?;
    let placed = staging.frame_records(frame.name())?;
    let places = placed.as_ref().map_or(&[][..], |placed| &placed.layout().buffers);
    let short = |(place, wanted): (&BufferItem, &u64)| {
        (place.capacity < wanted.saturating_add(PADDING) && *wanted > 0).then_some((*wanted, place.capacity))
    };
    let short = places.iter().zip(&wanted).find_map(short);
    if short.is_some() {
        staging.go_back(savepoint);
    }
    Ok(short.map(|(wanted, found)| ReserveKind::NoRoom { rows, wanted, found }))
}

/// Whether the runs of a frame's last chunk, all of which are addressed by rows, have room for so many rows more.
fn has_room(frame: &FrameRecords, rows: u64) -> bool {
    let Some(chunk) = frame.chunks().last() else { return false };
    let fits = |place: &BufferItem, length: u64| {
        let needed =
            Addressing::of(place).and_then(|addressing| addressing.length(length.checked_add(rows)?));
        needed.is_some_and(|needed| needed.saturating_add(PADDING) <= place.capacity)
    };
    let mut columns = shmframe_format::columns::Span::trees(chunk.nodes);
    columns.all(|column| {
        let length = chunk.nodes[column.nodes.start].length;
        chunk.places[column.buffers].iter().all(|place| fits(place, length))
    })
}

/// The buffers of a plan, with room for so many rows more: those that are addressed by rows exactly, others as many bytes for
/// each row as they have so far.
fn with_room_for(plan: &Plan, rows: u64) -> Vec<BufferDraft> {
    let mut buffers = plan.buffers();
    let all = plan.rows().saturating_add(rows);
    for (buffer, claim) in buffers.iter_mut().zip(room::claims(plan)) {
        let room = match (buffer.addressing, claim) {
            (_, Claim { bytes: 0, .. }) => 0,
            (Addressing::Bytes, claim) => claim.scaled(plan.rows(), all),
            (addressing, _) => addressing.length(all).unwrap_or(u64::MAX),
        };
        buffer.room = room;
    }
    buffers
}
