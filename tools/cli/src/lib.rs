//! What the command-line tools have in common: how a segment or frame is named, what a tool prints, and how it ends.
//!
//! - [`Target`]: `NAME`, `NAME@VERSION`, `NAME/FRAME`, `NAME/FRAME@VERSION`, with a path instead of a name;
//! - [`Output`]: tables for people, JSON lines for programs, from one [`Record`];
//! - [`Exit`]: the documented exit statuses, and [`finish`], which turns what a tool came to into one;
//! - [`say`]: what is said beside the answer, on standard error;
//! - [`words`]: sizes, counts, times and ages for people.
#![forbid(unsafe_code)]

mod exit;
mod narrow;
mod output;
pub mod record;
mod standard;
mod target;
pub mod words;

pub use exit::{Exit, Failure, finish, told};
pub use narrow::columns_that_fit;
pub use output::{Colour, Format, Output, OutputOptions};
pub use record::{Line, Record, SCHEMA_VERSION};
pub use standard::say;
pub use target::{Place, Target};
