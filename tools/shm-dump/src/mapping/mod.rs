//! What a segment's memory holds, in the order of offsets.

mod picture;
mod pieces;

pub use picture::Picture;
pub use pieces::{Owner, Piece, pieces};
