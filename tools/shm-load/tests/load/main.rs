//! The tool as a process, and what readers see of it.

mod ending;
mod errors;
mod following;
mod formats;
mod place;
mod publishing;
mod tables;
