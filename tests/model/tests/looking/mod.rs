//! Looking at a segment without trust: what it holds, whose pins keep what, what is wrong with it, what stands in a
//! directory; and acting on what nobody uses.

mod acting;
mod coverage;
mod damaged;
mod directory;
mod held;
mod slots;

use shmframe_model::Scratch;
use shmframe_segment::{Inspection, Location, RegistryView, Trust};
use std::sync::Arc;

/// A user that needs no account.
const STRANGER: u32 = 61_005;

fn location(scratch: &Scratch, name: &str) -> Location {
    Location::new(Some(scratch.path()), name, Trust::default()).unwrap()
}

fn inspection(scratch: &Scratch) -> Arc<Inspection> {
    Inspection::open(&location(scratch, "s"), 1 << 30).unwrap()
}

fn registry(scratch: &Scratch) -> RegistryView {
    RegistryView::open(&location(scratch, "s")).unwrap()
}
