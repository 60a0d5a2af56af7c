//! What the demo's launcher consists of; the program itself is in `main.rs`.
#![forbid(unsafe_code)]

pub mod children;
pub mod ledger;
pub mod options;
pub mod programs;
#[path = "../shared/report.rs"]
pub mod report;
pub mod role;
pub mod run;
pub mod show;
