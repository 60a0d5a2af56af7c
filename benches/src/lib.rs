//! Measurements: ours and a peer in turn in one run, because absolute figures drift and ratios hold.

mod in_turn;
mod peers;
mod place;
mod table;

pub use in_turn::{Contestant, InTurn, each, timed};
pub use peers::{Lmdb, Locked, MmapSync, SharedPages};
pub use place::{Place, available_bytes};
pub use table::{Line, Table};
