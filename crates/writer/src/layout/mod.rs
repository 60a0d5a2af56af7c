//! Turns record batches into a plan for one contiguous chunk, and copies every byte once.
//!
//! A [`Plan`] is made from batches of one schema. It says how long every buffer of the chunk will be, so that the
//! caller can find room for them; [`Plan::fill`] then writes them. Nodes and buffers stand in Arrow's own order:
//! depth-first, columns in schema order, and per node the validity bitmap (only where there are nulls) followed by
//! the type's buffers.
//!
//! The inputs may be sliced anywhere. The output is normal: offset 0, bits past the end zero, string offsets that
//! start at 0 with one entry more than there are rows, nulls that are zero in keys and views.
//!
//! | file | what it knows |
//! |---|---|
//! | `kind` | which rule lays a type out, and which types have none yet |
//! | `agreement` | whether a batch has the schema |
//! | `plan`, `planner` | the result, and how it is computed |
//! | `strings`, `views`, `dictionary`, `merge` | the rules that need more than a width |
//! | `fill`, `task`, `bits`, `source` | the copying |

mod agreement;
mod bits;
mod dictionary;
mod error;
mod fill;
mod kind;
mod merge;
mod path;
mod plan;
mod planner;
mod source;
mod strings;
mod task;
mod views;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use error::every_kind;
pub(crate) use plan::{NodePlan, Plan};
