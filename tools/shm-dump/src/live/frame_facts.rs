//! The frames of a version, and what came to them since another one.

use shmframe_reader::Result;
use shmframe_segment::CopiedVersion;

/// A frame of a version.
#[derive(Clone, Debug)]
pub struct FrameFacts {
    pub name: String,
    pub rows: u64,
    /// Rows that it ever had: those dropped from its front included.
    pub rows_ever: u64,
    /// Which frame it is: a frame that is put anew has another one.
    pub generation: u64,
    /// Bytes of its buffers that rows of this version need.
    pub bytes: u64,
}

impl FrameFacts {
    /// All frames of a version, by name.
    pub fn all(version: &CopiedVersion) -> Result<Vec<Self>> {
        let mut frames = Vec::new();
        for entry in version.frames()? {
            let Some(frame) = version.frame(&entry.name)? else { continue };
            let checked = frame.checked();
            let state = checked.state();
            frames.push(Self {
                name: entry.name.to_string(),
                rows: state.rows,
                rows_ever: state.first_row.saturating_add(state.rows),
                generation: state.generation,
                bytes: checked.buffer_bytes(),
            });
        }
        Ok(frames)
    }

    /// Rows that it got since a version with these frames, by name: all of them if it is another frame.
    pub fn new_rows(&self, before: &[Self]) -> u64 {
        let found = before.binary_search_by(|other| other.name.cmp(&self.name));
        match found.ok().and_then(|at| before.get(at)) {
            Some(other) if other.generation == self.generation => {
                self.rows_ever.saturating_sub(other.rows_ever)
            }
            _ => self.rows,
        }
    }
}
