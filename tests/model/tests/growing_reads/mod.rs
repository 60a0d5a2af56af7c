//! What readers make of frames that grow: whole columns, bodies and tails, rows in front that are not seen, pieces,
//! and what was added since a position. Records are made by hand, or by the segment's own means.

mod damaged;
mod feed;
mod frames;
mod parts;
mod seen;
