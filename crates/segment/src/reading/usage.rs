//! What a process's attachment uses, to show.

use crate::protocol::NO_HOME;
use crate::reading::attachment::Attachment;
use std::collections::BTreeMap;

/// What the readers of one process and segment use, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderStats {
    /// Reader slots that this process holds in the registry.
    pub slots: usize,
    /// Words of them that pin a version; each slot has 48.
    pub words: usize,
    /// The versions that this process holds, oldest first, and how many holds there are on each: a snapshot with its
    /// frames and arrays is one, and so is each snapshot that was taken while one like it was held.
    pub versions: BTreeMap<u64, u64>,
    /// Bytes of address space that mappings of the segment take; of memory they take only what is looked at.
    pub mapped_bytes: u64,
}

impl Attachment {
    /// What the process's readers of this segment use. No system call; other threads may change it meanwhile.
    #[must_use]
    pub fn usage(&self) -> ReaderStats {
        let mut usage = ReaderStats { mapped_bytes: self.mapped_bytes(), ..ReaderStats::default() };
        for slot in self.slots.iter() {
            usage.slots += usize::from(slot.local.home() != NO_HOME);
            for (version, holders) in slot.local.pinned() {
                usage.words += 1;
                *usage.versions.entry(version).or_default() += holders;
            }
        }
        usage
    }
}
