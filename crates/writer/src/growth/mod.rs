//! Rows are added to a frame: what its last chunk is from now on, and the bytes that are written for it.
//!
//! The new rows are planned as for a `put` ([`crate::layout`]). Then the chunk is put together from that plan and what stands
//! there, column by column. It is tried twice: first the last chunk is to have more rows; where it cannot, another one
//! begins behind it (decision 0028), in which all buffers go on in their runs as far as they can.
//!
//! | file | what it knows |
//! |---|---|
//! | `append` | the way of an append: a new frame, a small one that is written anew, one that grows |
//! | `differences` | in what two schemas differ |
//! | `last` | the last chunk as it stands |
//! | `chunk` | the chunk as it will be, and how its bytes are written |
//! | `in_place` | rows that a builder writes straight behind those that stand there |
//! | `grower` | columns that grow in place, node by node |
//! | `strings`, `views`, `dictionary` | their buffers that are not addressed by rows |
//! | `known_values` | which values a growing dictionary has |
//! | `pieces` | columns that do not grow in place |
//! | `compact` | all chunks as one again |
//! | `reserve` | room that was asked for
//! | `room` | how much room a buffer gets for what may come |

mod append;
mod chunk;
mod compact;
mod dictionary;
pub(crate) mod differences;
mod grower;
pub(crate) mod in_place;
mod known_values;
mod last;
mod pieces;
pub(crate) mod reserve;
mod room;
mod strings;
mod views;

#[cfg(test)]
mod tests;

pub(crate) use append::append;
pub(crate) use chunk::ChunkDraft;
pub(crate) use compact::compact;
pub(crate) use known_values::{Dictionaries, KnownDictionaries};
pub(crate) use reserve::reserve;
pub(crate) use room::{SMALL_FRAME, column_with_room, put_with_room, share, with_room};
