//! What became of a segment between two looks, in words.

use super::Facts;

/// What is another than before, if that is worth telling; `before` is nothing if the segment was gone.
pub fn change(name: &str, before: Option<&Facts>, now: &Facts) -> Option<String> {
    match before {
        None => Some(format!("segment {name:?} was created again")),
        Some(before) if before.instance != now.instance => {
            Some(format!("segment {name:?} was removed and created again"))
        }
        Some(before) if before.epoch != now.epoch => {
            Some(format!("another writer: process {} {:?}", now.writer.pid, now.writer.label))
        }
        Some(before) if before.writer.alive == Some(true) && now.writer.alive == Some(false) => {
            Some("the writer is gone".to_owned())
        }
        Some(_) => None,
    }
}

/// That a segment is gone.
pub fn disappearance(name: &str) -> String {
    format!("segment {name:?} is gone")
}
