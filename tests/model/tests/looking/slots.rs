//! Reader slots that a test fills by hand: of the living, with the slot's lock, and of the dead, without.

use core::mem::offset_of;
use nix::fcntl::{FcntlArg, fcntl};
use shmframe_format::geometry::Geometry;
use shmframe_format::table::{RegistryHeader, Slot as Words};
use shmframe_model::Files;
use std::fs::File;

/// A slot that is claimed for a reader that is none.
pub struct Slot {
    files: Files,
    index: u32,
    /// Carries the lock.
    locked: Option<File>,
}

impl Slot {
    /// Claims the slot with this number, as a reader would; its holder lives until it is told to die.
    pub fn claim(files: &Files, index: u32) -> Self {
        let lock = files.open("readers");
        let range = nix::libc::flock {
            l_type: nix::libc::F_WRLCK as i16,
            l_whence: nix::libc::SEEK_SET as i16,
            l_start: i64::from(index),
            l_len: 1,
            l_pid: 0,
        };
        fcntl(&lock, FcntlArg::F_OFD_SETLK(&range)).unwrap();
        let used = offset_of!(RegistryHeader, used) as u64;
        let raised = files.structure::<u64>("readers", used).max(u64::from(index) + 1);
        files.write("readers", used, &raised.to_le_bytes());
        let slot = Self { files: files.clone(), index, locked: Some(lock) };
        let mark: u64 = files.structure("readers", slot.offset());
        assert_eq!(mark % 2, 0, "the slot is claimed");
        files.write("readers", slot.offset(), &(mark + 1).to_le_bytes());
        slot
    }

    fn offset(&self) -> u64 {
        Geometry::start_of_slot(self.index)
    }

    /// Pins a version that may be pinned now; 0: none.
    pub fn pin(&self, word: u64, version: u64) {
        self.files.write(
            "readers",
            self.offset() + size_of::<Words>() as u64 + 8 * word,
            &version.to_le_bytes(),
        );
    }

    /// The holder dies: the kernel lets its lock go, and nothing else changes.
    pub fn die(&mut self) {
        self.locked = None;
    }
}
