//! Nobody listens: the same functions as in `told`, which do nothing.

use super::{Location, Recovery};

pub(crate) fn created(_: &Location) {}

pub(crate) fn removed(_: &Location) {}

pub(crate) fn taken_over(_: &Location, _: u64) {}

pub(crate) fn recovered(_: Recovery<'_>) {}

pub(crate) fn reaped(_: &Location, _: usize) {}

pub(crate) fn trimmed(_: &Location, _: u64) {}

pub(crate) fn refused(_: &Location, _: u64, _: &shmframe_format::Error) {}

pub(crate) fn forked(_: &Location, _: bool) {}
