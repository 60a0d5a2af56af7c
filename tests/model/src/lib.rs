//! What the tests of the whole share: directories that clean up after themselves, the files of a segment as bytes,
//! and comparisons of what was sent with what arrived.
//!
//! | test | claim |
//! |---|---|
//! | `round_trip` | whatever is sent arrives, in place |
//! | `builder` | what is built in place arrives, and nothing of what came to nothing |
//! | `integration` | the Arrow project's published cases arrive |
//! | `validation` | contents are looked at when asked, and then never handed out damaged |
//! | `operations` | whatever is done in whatever order, held versions stay, and no byte leaks |
//! | `columns` | columns change while the others stay where they stand |
//! | `growing` | faults of growing frames that random operations found, each by itself |
//! | `growing_reads` | what readers make of frames that grow: bodies and tails, rows in front, pieces, positions |
//! | `read_modify_write` | a transaction reads what it builds on; tokens; versions by number |
//! | `real_data` | real tables arrive |
//! | `c_data` | an exported array keeps its version until it is released |
//! | `memory` | replacing frames does not take more and more memory |
//! | `errors` | each kind of error, made to happen |
//! | `stats` | numbers add up, and say who holds what |
//! | `takeover` | a writer that comes after another forgets what it knew |
//! | `options` | what the options of a writer do |
//! | `quota` | what a quota allows, says and waits for |
//! | `hostile` | damaged segments give errors or valid data |
//! | `inspector` | what is looked at by copying equals what is mapped, whoever owns it, and no trace is left |
//! | `looking` | what a segment holds, who keeps what, and what is wrong is told without trust; what somebody uses is left alone |
//! | `golden` | segments of earlier builds of a format version open |
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "all of it is for tests, which fail by panicking")]

mod arrays;
mod files;
mod grown;
mod runs;
mod scratch;
mod table;

pub use arrays::{Copied, assert_arrived, assert_in_place, assert_rows, for_each_buffer};
pub use files::{Files, Slot};
pub use grown::{assert_batches_in_place, assert_grown, assert_same_rows};
pub use runs::{to_runs, write_runs};
pub use scratch::{Scratch, cases};
pub use table::{all_types, nested, numbers};
