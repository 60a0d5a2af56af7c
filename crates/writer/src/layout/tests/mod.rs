//! Plans are filled in plain memory, rebuilt with Arrow's own checks, and compared with the batches.

mod arbitrary;
mod dictionaries;
mod errors;
mod nested;
mod rebuild;
mod threads;
mod types;
mod views;
