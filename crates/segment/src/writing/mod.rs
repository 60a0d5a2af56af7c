//! The writer's side: the lease, what is live and what is free, transactions on their way, and recovery.

pub(crate) mod building;
pub(crate) mod columns;
pub(crate) mod copied;
pub(crate) mod growth;
pub(crate) mod heap;
pub(crate) mod holders;
pub(crate) mod lease;
pub(crate) mod lender;
pub(crate) mod mapped;
#[cfg(test)]
pub(crate) mod planted_leaks;
pub(crate) mod put;
pub(crate) mod quota;
pub(crate) mod recovery;
pub(crate) mod reserve;
pub(crate) mod restless;
pub(crate) mod retention;
pub(crate) mod runs;
pub(crate) mod savepoint;
pub(crate) mod space;
pub(crate) mod spare;
pub(crate) mod staged_bytes;
pub(crate) mod staged_frame;
pub(crate) mod staging;
pub(crate) mod stats;
pub(crate) mod store;
