//! Contestants that run in turn, sample after sample, so that whatever disturbs one disturbs all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::table::Line;

/// Somebody who does the same work as the others.
pub struct Contestant<'a> {
    name: &'a str,
    aimed_at: bool,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Contestant<'a> {
    /// `run` does the work so many times and says how long that took, without what is only preparation.
    pub fn new(name: &'a str, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { name, aimed_at: true, run: Box::new(run) }
    }

    /// As [`Contestant::new`], for somebody to whom the aim does not refer: shown to give an idea.
    pub fn beside(name: &'a str, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self { aimed_at: false, ..Self::new(name, run) }
    }
}

/// How one case is measured.
#[derive(Clone, Copy, Debug)]
pub struct InTurn {
    /// What is measured.
    pub case: &'static str,
    /// Ours by the peer's time: not above this.
    pub aim: Option<f64>,
    /// Samples of each contestant.
    pub rounds: usize,
    /// How long one sample takes, about.
    pub sample: Duration,
}

impl InTurn {
    /// A case of work that takes less than a millisecond.
    #[must_use]
    pub const fn short(case: &'static str, aim: f64) -> Self {
        Self { case, aim: Some(aim), rounds: 1001, sample: Duration::from_micros(300) }
    }

    /// A case of work that is done once for each sample.
    #[must_use]
    pub const fn long(case: &'static str, aim: f64, rounds: usize) -> Self {
        Self { case, aim: Some(aim), rounds, sample: Duration::ZERO }
    }

    /// The same without an aim.
    #[must_use]
    pub const fn without_aim(self) -> Self {
        Self { aim: None, ..self }
    }

    /// Runs the contestants in turn; the first is compared with each of the others, or stands alone.
    ///
    /// # Panics
    /// Without a contestant.
    #[must_use]
    pub fn run(&self, mut contestants: Vec<Contestant<'_>>) -> Vec<Line> {
        let iterations: Vec<u64> = contestants.iter_mut().map(|one| self.iterations(one)).collect();
        let mut samples = vec![Vec::with_capacity(self.rounds); contestants.len()];
        for round in 0..self.rounds {
            for turn in 0..contestants.len() {
                let at = (turn + round) % contestants.len();
                let taken = (contestants[at].run)(iterations[at]);
                samples[at].push(taken.as_nanos() as f64 / iterations[at] as f64);
            }
        }
        let names: Vec<_> = contestants.iter().map(|one| (one.name, one.aimed_at)).collect();
        Line::compare(self, &names, &samples)
    }

    /// How often the work fits into a sample; the attempts to find out warm it up.
    fn iterations(&self, contestant: &mut Contestant<'_>) -> u64 {
        let mut iterations = 1;
        loop {
            let taken = (contestant.run)(iterations);
            if taken >= self.sample || iterations > 1 << 30 {
                return iterations;
            }
            let share = self.sample.as_secs_f64() / taken.as_secs_f64().max(1e-9);
            iterations = (iterations as f64 * share.clamp(1.1, 10.0)).ceil() as u64;
        }
    }
}

/// The time of doing `work` so many times.
pub fn timed<R>(iterations: u64, mut work: impl FnMut() -> R) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        black_box(work());
    }
    start.elapsed()
}

/// The time of doing `work` so many times, each after `prepare`, which is not counted; nor is asking for the time.
pub fn each<P, R>(iterations: u64, mut prepare: impl FnMut() -> P, mut work: impl FnMut(P) -> R) -> Duration {
    let mut taken = Duration::ZERO;
    for _ in 0..iterations {
        let prepared = prepare();
        let start = Instant::now();
        black_box(work(prepared));
        taken += start.elapsed();
    }
    taken.saturating_sub(asking() * u32::try_from(iterations).unwrap_or(u32::MAX))
}

/// What `Instant::now` twice in a row takes for nothing.
fn asking() -> Duration {
    const TIMES: u32 = 256;
    let mut taken = Duration::ZERO;
    for _ in 0..TIMES {
        let start = Instant::now();
        taken += start.elapsed();
    }
    taken / TIMES
}
