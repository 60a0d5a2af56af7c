//! Schemas and record batches for property tests, and a record of what was drawn.
//!
//! [`schema`] draws a schema, [`batches()`] several batches of one: sliced at odd offsets, with and without nulls, with
//! and without rows, with shared and with different dictionaries. Everything shrinks. [`every_kind`] is a schema with
//! a column of each [`Kind`], so that a short run covers them all, and [`Coverage`] fails the test that missed one.
//!
//! ```
//! use proptest::strategy::Strategy;
//! use proptest::test_runner::{Config, TestRunner};
//! use shmframe_arbitrary::{Coverage, Limits, schema_and_batches};
//!
//! let coverage = Coverage::new();
//! let strategy = schema_and_batches(&Limits::default());
//! TestRunner::new(Config::with_cases(20))
//!     .run(&strategy, |(schema, batches)| {
//!         coverage.record(&schema, &batches);
//!         assert!(batches.iter().all(|batch| batch.schema() == schema));
//!         Ok(())
//!     })
//!     .unwrap();
//! ```
#![forbid(unsafe_code)]

mod arrays;
mod batches;
mod children;
mod coverage;
mod kind;
mod lists;
mod runs;
mod schemas;
mod shape;
mod unions;
mod values;

pub use batches::{batches, schema_and_batches};
pub use coverage::Coverage;
pub use kind::Kind;
pub use schemas::{Limits, every_kind, schema};
pub use shape::Shape;
