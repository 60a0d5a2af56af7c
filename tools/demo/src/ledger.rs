//! What the programs said, and whether it adds up.

use crate::report::{Edition, Report};
use crate::role::Role;
use anyhow::{Context as _, Result, bail, ensure};
use std::collections::BTreeMap;

/// Everything that was said so far.
#[derive(Debug, Default)]
pub struct Ledger {
    days: Option<u64>,
    published: BTreeMap<u64, Edition>,
    /// How many days are complete.
    complete: u64,
    /// Bytes of all rows that were published.
    bytes: u64,
    readers: BTreeMap<Role, Reading>,
}

/// What a reader said.
#[derive(Debug, Default)]
struct Reading {
    taken: Vec<Edition>,
    finished: Option<Finished>,
}

/// How a reader ended.
#[derive(Clone, Debug)]
struct Finished {
    checks: u64,
    in_place: u64,
    copied: u64,
    text: String,
}

/// What went by in the demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Versions that were published.
    pub versions: u64,
    /// Rows that were appended.
    pub rows: u64,
    /// Bytes of the rows that were published.
    pub bytes: u64,
    /// How many versions each reader took, and what it checked, in words.
    pub readers: Vec<(Role, u64, String)>,
    /// Bytes of the readers' arrays that lay outside the mapping of the segment.
    pub copied: u64,
}

impl Ledger {
    /// Takes down what a program said.
    ///
    /// # Errors
    /// If it cannot be: a version that does not follow, a report that is not this program's to give.
    pub fn note(&mut self, role: Role, report: &Report) -> Result<()> {
        match (role, report) {
            (Role::Loader, Report::Ready { days }) => self.days = Some(*days),
            (Role::Loader, Report::Published { edition, bytes, days }) => {
                if let Some(before) = self.last_published() {
                    let follows = edition.version == before.version + 1
                        && edition.day >= before.day
                        && edition.rows >= before.rows;
                    ensure!(follows, "loader published {edition} next after {before}");
                }
                self.published.insert(edition.version, edition.clone());
                self.bytes += bytes;
                self.complete = *days;
            }
            (Role::Light | Role::Heavy, Report::Taken { edition, .. }) => {
                let taken = &mut self.readers.entry(role).or_default().taken;
                if let Some(before) = taken.last() {
                    ensure!(edition.version > before.version, "{role} took {edition} after {before}");
                }
                taken.push(edition.clone());
            }
            (Role::Light | Role::Heavy, Report::Finished { checks, in_place, copied, text }) => {
                let text = text.clone();
                let finished = Finished { checks: *checks, in_place: *in_place, copied: *copied, text };
                self.readers.entry(role).or_default().finished = Some(finished);
            }
            (_, report) => bail!("{role} said what is not its to say: {report:?}"),
        }
        Ok(())
    }

    /// How many days the loader will publish, once it has said so.
    #[must_use]
    pub fn days(&self) -> Option<u64> {
        self.days
    }

    /// How many days it has published.
    #[must_use]
    pub fn complete(&self) -> u64 {
        self.complete
    }

    /// How many versions a reader has taken.
    #[must_use]
    pub fn taken(&self, role: Role) -> u64 {
        self.readers.get(&role).map_or(0, |reading| reading.taken.len() as u64)
    }

    /// Who has yet to say something before the demo can close: the loader until it has published all days, a reader
    /// until it has taken the last of them.
    #[must_use]
    pub fn awaited(&self) -> Vec<Role> {
        let last = self.last_published().map(|edition| edition.version);
        let loaded = self.days == Some(self.complete);
        let has_taken = |role: &Role| {
            let reading = self.readers.get(role);
            loaded && reading.and_then(|reading| reading.taken.last()).map(|edition| edition.version) == last
        };
        let loader = (!loaded).then_some(Role::Loader);
        loader.into_iter().chain(Role::READERS.into_iter().filter(|role| !has_taken(role))).collect()
    }

    /// Whether a program has done all that it has to: a reader when it has said so, the loader when nobody waits.
    #[must_use]
    pub fn may_end(&self, role: Role) -> bool {
        match role {
            Role::Loader => self.awaited().is_empty(),
            Role::Light | Role::Heavy => {
                self.readers.get(&role).is_some_and(|reading| reading.finished.is_some())
            }
        }
    }

    fn last_published(&self) -> Option<&Edition> {
        self.published.last_key_value().map(|(_, edition)| edition)
    }

    /// Whether everything was said, and adds up.
    ///
    /// # Errors
    /// What is missing, or what two programs see differently. Copied bytes are no error here: the summary has them.
    pub fn close(&self) -> Result<Summary> {
        let versions = self.published.len() as u64;
        ensure!(versions > 0, "loader published nothing");
        let awaited = self.awaited();
        ensure!(awaited.is_empty(), "{} did not see the last day", names(&awaited));
        let mut summary = Summary {
            versions,
            rows: self.last_published().map_or(0, |edition| edition.rows),
            bytes: self.bytes,
            readers: Vec::new(),
            copied: 0,
        };
        for role in Role::READERS {
            let reading = self.readers.get(&role).with_context(|| format!("{role} said nothing"))?;
            for taken in &reading.taken {
                let published = self.published.get(&taken.version);
                let published = published
                    .with_context(|| format!("{role} took {taken}, which loader did not publish"))?;
                ensure!(published == taken, "{role} took {taken}, but loader published {published}");
            }
            let finished = reading.finished.as_ref().with_context(|| format!("{role} did not finish"))?;
            ensure!(finished.checks > 0, "{role} checked nothing");
            ensure!(finished.in_place + finished.copied > 0, "{role} used no array of the segment");
            summary.copied += finished.copied;
            summary.readers.push((role, self.taken(role), finished.text.clone()));
        }
        Ok(summary)
    }
}

/// Names in a sentence.
#[must_use]
pub fn names(roles: &[Role]) -> String {
    roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(" and ")
}
