//! Turns record batches into a plan for one contiguous chunk, and copies every byte once.
//!
//! A [`Plan`] is made from batches of one schema. It says how long every buffer of the chunk will be, so that the
//! caller can find room for them; [`Plan::fill`] then writes them. Nodes and buffers stand in Arrow's own order:
//! depth-first, columns in schema order, and per node the validity bitmap (only where there are nulls) followed by
//! the type's buffers.
//!
//! The inputs may be sliced anywhere. The output is normal (the table "Normal forms" of `docs/format.md`): offset 0, bits
//! past the end zero, offsets that start at 0 with one entry more than there are rows, nulls that are zero in keys and
//! views, and children without what no row refers to.
//!
//! | file | what it knows |
//! |---|---|
//! | `kind` | which rule lays a type out |
//! | `agreement`, `nulls` | whether a batch has the schema, and nulls only where the schema has them |
//! | `plan`, `planner` | the result, and how it is computed |
//! | `strings`, `views` | the rules of values that are not all of one width |
//! | `dictionary`, `merge`, `lists`, `list_views`, `unions`, `runs`, `ranges` | the rules of types with children |
//! | `fill`, `task`, `bits`, `source` | the copying |

mod agreement;
pub(crate) mod bits;
pub(crate) mod dictionary;
pub(crate) mod error;
pub(crate) mod fill;
pub(crate) mod kind;
mod list_views;
mod lists;
mod merge;
mod nulls;
pub(crate) mod path;
pub(crate) mod plan;
pub(crate) mod planner;
mod ranges;
mod runs;
pub(crate) mod source;
mod strings;
pub(crate) mod task;
mod unions;
pub(crate) mod views;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use error::every_kind;
pub(crate) use plan::{NodePlan, Plan};
