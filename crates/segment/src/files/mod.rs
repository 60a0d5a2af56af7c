//! Names and files: where a segment stands, how it comes to be, how it is found, what there is, and how it goes.

pub(crate) mod access;
pub(crate) mod creation;
pub(crate) mod file_systems;
pub(crate) mod listing;
pub(crate) mod location;
pub(crate) mod opening;
pub(crate) mod reaping;
pub(crate) mod removal;
pub(crate) mod slot_pins;
pub(crate) mod status;
