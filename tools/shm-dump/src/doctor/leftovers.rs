//! What the dead left in the directory.

use super::Check;
use shmframe_cli::words;
use shmframe_segment::{Listed, ListedKind, Listing};

pub(super) fn checks(listing: &Listing) -> Vec<Check> {
    let entries = &listing.entries;
    let mut checks = vec![judged_garbage(entries), judged_readers(entries)];
    let unreadable: Vec<_> = entries.iter().filter(|listed| listed.kind == ListedKind::Unreadable).collect();
    if let [first, ..] = unreadable[..] {
        let found = format!("{} cannot be read, such as {}", unreadable.len(), first.segment);
        let advice = format!("shm-dump info {} says why", first.segment);
        checks.push(Check::warning("segments", found, advice));
    }
    checks
}

fn judged_garbage(entries: &[Listed]) -> Check {
    let name = "leftovers";
    let garbage: Vec<_> = entries.iter().filter(|listed| listed.is_garbage()).collect();
    match garbage[..] {
        [] => Check::good(name, "none"),
        [first, ..] => Check::warning(
            name,
            format!("{} that nobody can use, such as {}", garbage.len(), first.path.display()),
            "shm-dump gc shows them, shm-dump gc --yes deletes them",
        ),
    }
    .numbered(garbage.len() as u64)
}

fn judged_readers(entries: &[Listed]) -> Check {
    let name = "dead readers";
    let with: Vec<_> =
        entries.iter().filter(|listed| listed.readers.is_some_and(|(_, dead)| dead > 0)).collect();
    let slots: usize = with.iter().filter_map(|listed| listed.readers).map(|(_, dead)| dead).sum();
    match with[..] {
        [] => Check::good(name, "none"),
        [first, ..] => Check::warning(
            name,
            format!("{} of dead readers, in {}", words::counted(slots as u64, "slot"), first.segment),
            format!(
                "a writer clears them when they stand in its way; where there is none, shm-dump readers {} --reap",
                first.segment
            ),
        ),
    }
    .numbered(slots as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;
    use shmframe_segment::Presence;

    fn listed(kind: ListedKind, dead: usize) -> Listed {
        Listed {
            segment: "ticks".into(),
            path: "/dev/shm/ticks.shmf".into(),
            kind,
            owner: 0,
            writer: Presence::None,
            readers: Some((1, dead)),
        }
    }

    #[test]
    fn leftovers_are_counted_and_a_segment_without_a_writer_is_none() {
        assert_eq!(judged_garbage(&[listed(ListedKind::Segment, 0)]).status, Status::Good);
        let found = judged_garbage(&[listed(ListedKind::Leftover, 0), listed(ListedKind::OtherBoot, 0)]);
        assert_eq!((found.status, found.number), (Status::Warning, Some(2)));
    }

    #[test]
    fn segments_that_cannot_be_read_are_counted() {
        let entries = [listed(ListedKind::Unreadable, 0), listed(ListedKind::Unreadable, 0)];
        let listing = Listing {
            directory: "/dev/shm".into(),
            file_system: "tmpfs".to_owned(),
            is_checked: true,
            space: (0, 0),
            entries: entries.to_vec(),
        };
        let found = checks(&listing).pop().map(|check| check.found);
        assert_eq!(found.as_deref(), Some("2 cannot be read, such as ticks"));
    }

    #[test]
    fn slots_of_dead_readers_are_counted() {
        assert_eq!(judged_readers(&[listed(ListedKind::Segment, 0)]).status, Status::Good);
        let found = judged_readers(&[listed(ListedKind::Segment, 2), listed(ListedKind::Segment, 1)]);
        assert_eq!((found.status, found.number), (Status::Warning, Some(3)));
    }
}
