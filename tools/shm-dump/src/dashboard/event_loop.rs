//! The dashboard's loop: looks, keys, pictures.

use super::draw::{Paint, draw};
use super::keys::action;
use super::model::{Look, Model, Moment};
use super::screen::Screen;
use super::worker::Worker;
use crate::live::{Facts, held_alone, is_gone, is_overtaken};
use crate::session::Session;
use anyhow::{Context, Result};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::disable_raw_mode;
use shmframe_cli::{Exit, Target, words};
use shmframe_segment::SlotPins;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use std::{process, thread};

/// For how long a key is waited for before looks are asked after.
const BREATH: Duration = Duration::from_millis(25);
/// How long a signal waits for the loop to end.
const GRACE: Duration = Duration::from_secs(2);
/// What each slot holds alone is only asked for again when so many times as long has gone as it took: it walks all versions.
const REST: u32 = 10;

/// What is to be watched.
pub struct Task<'a> {
    pub target: &'a Target,
    pub interval: Duration,
    /// End after so many looks.
    pub count: Option<u64>,
}

/// What each of these slots keeps in use alone.
type Held = (Vec<SlotPins>, Result<BTreeMap<u32, u64>>);

struct Dashboard<'a> {
    task: &'a Task<'a>,
    paint: Paint,
    model: Model,
    /// Set by a signal that asks to end.
    interrupted: Arc<AtomicBool>,
    looks: Worker<(), (Moment, Result<Look>)>,
    holds: Worker<Vec<SlotPins>, Held>,
    next: Instant,
    looked: u64,
}

/// Shows the dashboard until a key, a signal or the count ends it.
///
/// # Errors
/// What looking gives; after the first look neither that the segment is gone nor that its writer is too fast. What the terminal
/// gives, which is given back before.
pub fn run(session: &Session, task: &Task<'_>) -> Result<Exit> {
    // A segment that is not there to begin with is most likely a wrong name.
    let facts = Facts::first_of_target(session, task.target)?;
    let model = Model::new(task.target.to_string(), task.target.place.name(), now(), facts);
    let mut dashboard = Dashboard {
        task,
        paint: Paint { has_colours: session.output.has_colours(), is_exact: session.output.is_exact() },
        model,
        interrupted: interruption()?,
        looks: Worker::start(looks(session.for_thread(), task.target.clone()))?,
        holds: Worker::start(holds(session.for_thread(), task.target.clone()))?,
        next: Instant::now() + task.interval,
        looked: 1,
    };
    dashboard.ask_who_holds()?;
    let mut screen = Screen::take(session.output.has_colours())?;
    dashboard.run(&mut screen)
}

impl Dashboard<'_> {
    fn run(&mut self, screen: &mut Screen) -> Result<Exit> {
        let mut is_news = true;
        loop {
            if is_news && screen.is_taken() {
                screen.terminal.draw(|frame| draw(&self.model, self.paint, frame))?;
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return Ok(Exit::Interrupted);
            }
            if self.model.has_ended || self.task.count.is_some_and(|count| self.looked >= count) {
                return Ok(Exit::Success);
            }
            is_news = self.press_keys()? | self.look()? | self.see_who_holds()?;
        }
    }

    /// Waits a little for keys, and does what they ask for. Returns whether there is a new picture.
    fn press_keys(&mut self) -> Result<bool> {
        let (mut is_news, mut patience) = (false, BREATH);
        while !self.model.has_ended && event::poll(patience)? {
            patience = Duration::ZERO;
            match event::read()? {
                Event::Key(key) => {
                    if let Some(action) = action(key) {
                        self.model.act(action);
                        is_news = true;
                    }
                }
                Event::Resize(..) => is_news = true,
                _ => {}
            }
        }
        Ok(is_news)
    }

    /// Asks for the next look when it is time, and takes the one that came.
    fn look(&mut self) -> Result<bool> {
        let now = Instant::now();
        if now >= self.next && !self.model.is_paused && self.looks.thinks().is_none() {
            self.looks.ask(())?;
            self.next += self.task.interval;
            if self.next <= now {
                // Late: a look right behind this one would give the rates of a moment.
                self.next = now + self.task.interval;
            }
        }
        let is_news = self.model.wait(self.looks.thinks());
        let Some((now, look)) = self.looks.answer()? else { return Ok(is_news) };
        self.model.look(now, look?);
        self.looked += 1;
        self.ask_who_holds()?;
        Ok(true)
    }

    fn ask_who_holds(&mut self) -> Result<()> {
        if self.holds.has_rested(REST) && !self.model.slots().is_empty() {
            self.holds.ask(self.model.slots().to_vec())?;
        }
        Ok(())
    }

    fn see_who_holds(&mut self) -> Result<bool> {
        match self.holds.answer()? {
            Some((slots, Ok(alone))) => {
                self.model.hold(&slots, &alone);
                Ok(true)
            }
            // The segment is gone, or changes too fast: the last answer stays.
            Some((_, Err(_))) | None => Ok(false),
        }
    }
}

/// Whether a signal asked to end.
fn interruption() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&interrupted);
    let end = move || {
        noted.store(true, Ordering::Relaxed);
        thread::sleep(GRACE);
        // Still here: crossterm reads on and on from a terminal that was closed, and a write to one that is held waits.
        let _ = disable_raw_mode();
        process::exit(i32::from(Exit::Interrupted.number()));
    };
    ctrlc::set_handler(end).context("asking for Ctrl-C")?;
    Ok(interrupted)
}

fn looks(session: Session, target: Target) -> impl FnMut(()) -> (Moment, Result<Look>) {
    move |()| {
        let look = match Facts::of_target(&session, &target) {
            Ok(facts) => Ok(Look::Found(facts)),
            Err(error) if is_gone(&error) => Ok(Look::Gone),
            Err(error) if is_overtaken(&error) => Ok(Look::Overtaken),
            Err(error) => Err(error),
        };
        (now(), look)
    }
}

fn holds(session: Session, target: Target) -> impl FnMut(Vec<SlotPins>) -> Held {
    move |slots| {
        let held = held_alone(&session, &target.place, &slots);
        (slots, held)
    }
}

fn now() -> Moment {
    let time = SystemTime::now();
    Moment { instant: Instant::now(), time, clock: words::time_of_day(time) }
}
