//! What live versions say of the ranges that they cover, and whose pins keep a range in use: what recovery, the writer's
//! account of its readers, and a look from outside have in common.

use crate::writing::store::HISTORY_LIMIT;
use core::ops::Range;
use std::collections::BTreeMap;

/// The floor that a history of so many versions asks for, the newest included.
pub(crate) fn wanted_floor(latest: u64, history: u64) -> u64 {
    latest.saturating_add(1).saturating_sub(history.clamp(1, HISTORY_LIMIT))
}

/// What a stretch of live versions uses of a range: all of those from `first` to `last` that are live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The oldest of them.
    pub first: u64,
    /// The newest of them.
    pub last: u64,
    /// Bytes from the start of `data`.
    pub used: Range<u64>,
}

/// What the live versions that cover a range use of it, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Uses {
    newest: Use,
    /// Empty for all but runs that grew: then nothing is allocated for it.
    older: Vec<Use>,
}

impl Uses {
    pub(crate) fn new(version: u64, used: Range<u64>) -> Self {
        Self { newest: Use { first: version, last: version, used }, older: Vec::new() }
    }

    /// Notes what a version uses that is not older than those before.
    pub(crate) fn add(&mut self, version: u64, used: Range<u64>) {
        if self.newest.used == used {
            self.newest.last = version;
        } else {
            let newest = Use { first: version, last: version, used };
            self.older.push(core::mem::replace(&mut self.newest, newest));
        }
    }

    /// What the newest of the versions uses.
    pub(crate) fn newest(&self) -> &Use {
        &self.newest
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Use> {
        self.older.iter().chain([&self.newest])
    }

    /// What any of the versions uses.
    pub(crate) fn used(&self) -> Range<u64> {
        let unite = |all: Range<u64>, part: &Use| all.start.min(part.used.start)..all.end.max(part.used.end);
        self.all().fold(self.newest.used.clone(), unite)
    }

    /// The fronts that were given up by versions which still cover the range, and the first version that did without each.
    pub(crate) fn fronts(&self) -> impl Iterator<Item = (Range<u64>, u64)> {
        let mut start = self.all().next().map_or(0, |oldest| oldest.used.start);
        self.all().filter_map(move |part| {
            let front = start..part.used.start;
            start = start.max(front.end);
            (!front.is_empty()).then_some((front, part.first))
        })
    }
}

/// Who keeps a range in use that the newest version does not cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    Nobody,
    One(u32),
    /// More slots than one, or history.
    Others,
}

/// Which reader slots pin which versions.
#[derive(Debug, Default)]
pub(crate) struct Pinned(BTreeMap<u64, Vec<u32>>);

impl Pinned {
    pub(crate) fn add(&mut self, slot: u32, versions: &[u64]) {
        for version in versions {
            self.0.entry(*version).or_default().push(slot);
        }
    }

    /// Whose pins keep a range in use that versions of this life cover.
    pub(crate) fn keeper(&self, life: Range<u64>) -> Keeper {
        if life.is_empty() {
            return Keeper::Nobody;
        }
        let mut slots = self.0.range(life).flat_map(|(_, slots)| slots);
        match slots.next() {
            None => Keeper::Nobody,
            Some(first) if slots.all(|slot| slot == first) => Keeper::One(*first),
            Some(_) => Keeper::Others,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fronts_are_what_later_versions_do_without() {
        let mut uses = Uses::new(2, 0..100);
        for (version, used) in [(3, 0..100), (5, 0..200), (6, 50..200), (9, 50..200), (12, 90..300)] {
            uses.add(version, used);
        }
        assert_eq!(uses.fronts().collect::<Vec<_>>(), [(0..50, 6), (50..90, 12)]);
        assert_eq!((uses.used(), uses.newest().first), (0..300, 12));
        assert_eq!(uses.all().map(|part| (part.first, part.last)).collect::<Vec<_>>()[..2], [(2, 3), (5, 5)]);
    }

    #[test]
    fn range_is_one_slots_while_nobody_else_pins_a_version_of_its_life() {
        let mut pinned = Pinned::default();
        pinned.add(1, &[3, 4]);
        pinned.add(2, &[7]);
        let keepers = [3..7, 3..8, 5..7, 7..8, 4..4].map(|life| pinned.keeper(life));
        use Keeper::{Nobody, One, Others};
        assert_eq!(keepers, [One(1), Others, Nobody, One(2), Nobody]);
    }
}
