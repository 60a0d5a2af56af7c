//! The facade's watch over published bytes: a store to one of them, or a writable slice of one, is a panic (I1).
//!
//! A build configuration of tests, the feature `watch`; without it nothing of this is compiled in. A store that is watched
//! walks all live versions after each commit and each reclaim.

#[cfg(feature = "watch")]
use std::sync::{Mutex, PoisonError};

/// The bytes of a mapping that live versions cover.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    #[cfg(feature = "watch")]
    frozen: Mutex<Option<rangemap::RangeSet<u64>>>,
}

impl Watch {
    /// Panics if a live version is known to cover one of these bytes.
    #[inline(always)]
    #[cfg_attr(feature = "watch", allow(clippy::panic, reason = "what a test watches for"))]
    pub(crate) fn check(&self, offset: u64, length: u64) {
        #[cfg(feature = "watch")]
        if let Some(frozen) = &*self.frozen.lock().unwrap_or_else(PoisonError::into_inner)
            && let Some(covered) =
                (length > 0).then(|| frozen.overlapping(&(offset..offset + length)).next()).flatten()
        {
            panic!(
                "bytes {covered:?} are published, and {length} bytes at {offset} were about to be written"
            );
        }
        #[cfg(not(feature = "watch"))]
        let _ = (offset, length);
    }
}

#[cfg(feature = "watch")]
mod watching {
    use super::Watch;
    use crate::Store;
    use shmframe_format::record::check_entry;
    use shmframe_format::{Result, walk_bytes};
    use std::sync::PoisonError;

    impl Watch {
        fn is_on(&self) -> bool {
            self.frozen.lock().unwrap_or_else(PoisonError::into_inner).is_some()
        }

        fn set(&self, frozen: rangemap::RangeSet<u64>) {
            *self.frozen.lock().unwrap_or_else(PoisonError::into_inner) = Some(frozen);
        }
    }

    impl Store {
        /// Watches over published bytes from now on.
        ///
        /// # Errors
        /// [`shmframe_format::ErrorKind::Corrupt`].
        pub fn watch(&mut self) -> Result<()> {
            self.mapped.map.watch().set(rangemap::RangeSet::new());
            self.watch_again()
        }

        /// Watches over what is live by now, if it watches at all.
        pub(crate) fn watch_again(&mut self) -> Result<()> {
            if !self.mapped.map.watch().is_on() {
                return Ok(());
            }
            let mut frozen = rangemap::RangeSet::new();
            for entry in self.entries.live() {
                let reference = check_entry(entry, entry.version)?;
                walk_bytes(&*self.mapped, self.mapped.geometry(), &reference, |bytes| {
                    if !bytes.is_empty() {
                        frozen.insert(bytes);
                    }
                })?;
            }
            self.mapped.map.watch().set(frozen);
            Ok(())
        }
    }
}

#[cfg(all(test, feature = "watch"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use crate::writing::planted_leaks::Segment;

    #[test]
    #[should_panic(expected = "are published")]
    fn store_to_a_published_byte_is_seen() {
        let mut segment = Segment::new("watch");
        let store = segment.store();
        store.watch().unwrap();
        let root = store.root_reference.unwrap();
        store.mapped.map.watch().check(root.offset + u64::from(root.length) - 1, 1);
    }

    #[test]
    fn bytes_that_no_version_covers_any_more_may_be_written() {
        let mut segment = Segment::new("unwatch");
        segment.store().watch().unwrap();
        let before = segment.store().root_reference.unwrap();
        for number in 0..200 {
            segment.put(&format!("frame-{}", number % 3));
        }
        segment.store().mapped.map.watch().check(before.offset, u64::from(before.length));
    }
}
