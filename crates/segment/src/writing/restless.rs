//! Reader slots that never hold still: they keep every version (I8), until there is no place for the next one.

use crate::sync::Ordering;
use crate::words::label_text;
use crate::writing::store::Store;
use shmframe_format::{Describe, Error, ErrorKind, Report};

#[derive(Debug)]
enum PlaceKind {
    Restless { slots: String },
    Taken { version: u64 },
}

impl Describe for PlaceKind {
    fn kind(&self) -> ErrorKind {
        // Who uses the registry by the protocol does not claim and release a slot in the time of each of 16 looks.
        ErrorKind::Corrupt
    }

    fn report(&self) -> Report {
        match self {
            Self::Restless { slots } => Report::new(
                "no place for another version: every one before it may be in use; the last version stays",
                "reader slots that hold still while the writer looks which versions they pin",
                format!("slots that changed hands during every look: {slots}"),
                "stop the processes that claim and release these slots all the time, then commit again",
            ),
            Self::Taken { version } => Report::new(
                "damaged commit ring",
                format!("a free place for version {version}"),
                "an entry that no reclaim erases",
                "remove the segment and create it again",
            ),
        }
    }
}

impl Store {
    /// The error of a commit whose place in the ring is taken after a reclaim.
    pub(crate) fn no_place(&self, version: u64) -> Error {
        if self.restless.is_empty() {
            return PlaceKind::Taken { version }.into();
        }
        let registry = self.mapped.registry();
        let slots = self.restless.iter().map(|index| {
            let slot = &registry.slots[*index as usize];
            let (pid, label) = (slot.pid.load(Ordering::Relaxed), label_text(&slot.label));
            format!("{index} (process {pid} {label:?})")
        });
        PlaceKind::Restless { slots: slots.collect::<Vec<_>>().join(", ") }.into()
    }
}

shmframe_format::every_kind!(PlaceKind {
    Restless: PlaceKind::Restless { slots: "3 (process 7 \"label\")".into() };
    Taken: PlaceKind::Taken { version: 2 };
});

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use crate::protocol::write_entry;
    use crate::sync::Ordering;
    use crate::writing::planted_leaks::Segment;
    use shmframe_format::ErrorKind;

    // That a scan says which slots do not hold still is shown by a loom model: it takes a race in each of its looks.
    #[test]
    fn slots_that_never_hold_still_are_named_with_their_processes() {
        let mut segment = Segment::new("restless");
        let store = segment.store();
        store.mapped.registry().slots[5].pid.store(77, Ordering::Relaxed);
        store.restless = vec![3, 5];
        let error = store.no_place(9);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("3 (process 0 \"\"), 5 (process 77 \"\")"), "{error}");
    }

    #[test]
    fn commit_whose_place_is_taken_for_no_reason_fails_and_the_last_version_stays() {
        let mut segment = Segment::new("taken");
        let store = segment.store();
        let latest = store.latest;
        let strange = shmframe_format::table::Entry { version: 7, ..bytemuck::Zeroable::zeroed() };
        write_entry(store.mapped.control().ring_slot(latest + 1), &strange);
        let mut transaction = store.begin().unwrap();
        transaction.remove_frame("frame").unwrap();
        let error = transaction.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(store.mapped.publication().latest.own(), latest);
        store.recover().unwrap();
        let mut transaction = store.begin().unwrap();
        transaction.remove_frame("frame").unwrap();
        assert_eq!(transaction.commit().unwrap(), latest + 1, "the next writer erases what is strange");
    }
}
