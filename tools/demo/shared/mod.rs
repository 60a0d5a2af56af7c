//! What all three programs have in common.

pub mod dates;
pub mod program;
pub mod report;
