//! A look at a segment from outside.

use crate::options::ReaderOptions;
use shmframe_format::Result;
use shmframe_segment::{RegistryView, SlotPins};

/// A look at a segment from outside, for tools: who reads it. It takes no slot and pins nothing.
#[derive(Debug)]
pub struct Segment(RegistryView);

impl Segment {
    /// One over a look at the registry that is open.
    #[must_use]
    pub fn new(view: RegistryView) -> Self {
        Self(view)
    }

    /// Opens the segment `name` of the default directory.
    ///
    /// # Errors
    /// Those of [`ReaderOptions::look_at`].
    pub fn open(name: &str) -> Result<Self> {
        ReaderOptions::new().look_at(name)
    }

    /// The look at the registry.
    #[must_use]
    pub fn registry(&self) -> &RegistryView {
        &self.0
    }

    /// The reader slots that are claimed now: by whom, since when, whether the kernel says that they live, and which
    /// versions they pin.
    ///
    /// # Errors
    /// What reading the registry gives.
    pub fn pins(&self) -> Result<Vec<SlotPins>> {
        self.0.pins()
    }
}
