//! What the dashboard remembers between two looks, and what keys change in it. Nothing is looked at here, and nothing drawn.

use super::history::History;
use super::selection::{Selection, Step};
use crate::live::{Facts, FrameFacts, Rates, change, disappearance};
use core::cmp::Reverse;
use core::time::Duration;
use shmframe_segment::SlotPins;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Instant, SystemTime};

/// Events that are remembered.
const EVENTS: usize = 50;
/// For how long nobody says that an answer is late.
const PATIENCE: Duration = Duration::from_secs(2);

/// When something was.
#[derive(Clone, Debug)]
pub struct Moment {
    pub instant: Instant,
    pub time: SystemTime,
    /// The time of day, as it is shown.
    pub clock: String,
}

/// A look at a segment.
#[derive(Debug)]
pub enum Look {
    Found(Facts),
    /// There is no segment of this name.
    Gone,
    /// The writer was faster than the look.
    Overtaken,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    End,
    /// Leave the help, or end.
    Leave,
    Go(Step),
    OtherTable,
    Sort,
    Pause,
    Help,
}

/// How frames are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Name,
    Rate,
    Rows,
    Bytes,
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::Name => Self::Rate,
            Self::Rate => Self::Rows,
            Self::Rows => Self::Bytes,
            Self::Bytes => Self::Name,
        }
    }

    pub fn told(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Rate => "rows/s",
            Self::Rows => "rows",
            Self::Bytes => "bytes",
        }
    }
}

/// Which table keys go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    #[default]
    Frames,
    Readers,
}

/// A frame, and how it was lately.
#[derive(Clone, Debug)]
pub struct FrameLine {
    pub facts: FrameFacts,
    /// Rows a second since the last look; none with the first one.
    pub rate: Option<f64>,
    pub history: History,
    /// When it was first seen to be another than with the look before.
    pub changed: Option<SystemTime>,
    /// With how many looks it was seen to be put anew.
    pub puts: u64,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    pub clock: String,
    pub text: String,
}

/// Which claim of a slot: its number, the process, when it was claimed.
type Claim = (u32, u64, u64);

/// What the dashboard shows.
pub struct Model {
    /// What is watched, as it was named.
    pub title: String,
    segment: String,
    /// When was looked last.
    pub now: Moment,
    /// What was found then; nothing: the segment is gone.
    pub facts: Option<Facts>,
    pub rates: Option<Rates>,
    pub versions: History,
    pub rows: History,
    /// In the order in which they are shown.
    pub frames: Vec<FrameLine>,
    held: HashMap<Claim, u64>,
    pub events: VecDeque<Event>,
    pub order: Order,
    pub table: Table,
    pub frame: Selection<String>,
    pub reader: Selection<u32>,
    pub is_paused: bool,
    pub has_help: bool,
    pub has_ended: bool,
    /// For how long the next look is late.
    pub late: Option<Duration>,
    /// How many looks the writer has overtaken since.
    pub overtaken: u64,
}

impl Model {
    /// A dashboard of the segment of this name, with the first look at it.
    pub fn new(title: String, segment: &str, now: Moment, facts: Facts) -> Self {
        let mut model = Self {
            title,
            segment: segment.to_owned(),
            now: now.clone(),
            facts: None,
            rates: None,
            versions: History::default(),
            rows: History::default(),
            frames: Vec::new(),
            held: HashMap::new(),
            events: VecDeque::new(),
            order: Order::default(),
            table: Table::default(),
            frame: Selection::default(),
            reader: Selection::default(),
            is_paused: false,
            has_help: false,
            has_ended: false,
            late: None,
            overtaken: 0,
        };
        model.tell(&now, "the first look".to_owned());
        model.take(now, facts);
        model
    }

    /// The next look. While the picture is held it changes nothing.
    pub fn look(&mut self, now: Moment, look: Look) {
        if self.is_paused {
            return;
        }
        self.late = None;
        self.overtaken = if matches!(look, Look::Overtaken) { self.overtaken + 1 } else { 0 };
        match look {
            Look::Found(facts) => {
                if let Some(text) = change(&self.segment, self.facts.as_ref(), &facts) {
                    self.tell(&now, text);
                }
                self.take(now, facts);
            }
            // The picture stays, and the next look is compared with it.
            Look::Overtaken => {}
            Look::Gone => {
                if self.facts.take().is_some() {
                    self.tell(&now, disappearance(&self.segment));
                }
                self.rates = None;
                self.frames.clear();
                self.versions.push(None);
                self.rows.push(None);
                self.now = now;
            }
        }
    }

    fn take(&mut self, now: Moment, facts: Facts) {
        let span = now.instant.saturating_duration_since(self.now.instant);
        let before = self.facts.take();
        self.rates = before.as_ref().and_then(|before| Rates::between(before, &facts, span));
        self.versions.push(self.rates.map(|rates| rates.versions));
        self.rows.push(self.rates.map(|rates| rates.rows));
        let before = before.filter(|_| self.rates.is_some());
        let old = core::mem::take(&mut self.frames);
        let mut old: HashMap<String, FrameLine> = match before {
            Some(_) => old.into_iter().map(|line| (line.facts.name.clone(), line)).collect(),
            None => HashMap::new(),
        };
        let lines = facts.frames.iter().map(|frame| {
            let rate =
                before.as_ref().map(|before| frame.new_rows(&before.frames) as f64 / span.as_secs_f64());
            FrameLine::next(old.remove(&frame.name), frame, rate, now.time)
        });
        self.frames = lines.collect();
        self.facts = Some(facts);
        self.now = now;
        self.sort();
        let slots = self.slot_numbers();
        self.reader.find(slots);
    }

    /// What each of these slots of a segment keeps in use alone, by slot: slots that are left out keep nothing.
    pub fn hold(&mut self, slots: &[SlotPins], alone: &BTreeMap<u32, u64>) {
        if self.is_paused {
            return;
        }
        let alone = |slot: &SlotPins| alone.get(&slot.slot).copied().unwrap_or(0);
        self.held = slots.iter().map(|slot| (claim(slot), alone(slot))).collect();
    }

    /// Bytes that only this slot keeps in use; none: not known yet.
    pub fn held(&self, slot: &SlotPins) -> Option<u64> {
        self.held.get(&claim(slot)).copied()
    }

    /// For how long the next look has been under way. Returns whether that is to be shown anew.
    pub fn wait(&mut self, thinks: Option<Duration>) -> bool {
        let late =
            thinks.filter(|thinks| *thinks >= PATIENCE).map(|thinks| Duration::from_secs(thinks.as_secs()));
        core::mem::replace(&mut self.late, late) != late
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) {
        match action {
            Action::End => self.has_ended = true,
            Action::Leave if self.has_help => self.has_help = false,
            Action::Leave => self.has_ended = true,
            Action::Go(step) => self.go(step),
            Action::OtherTable => {
                self.table = match self.table {
                    Table::Frames => Table::Readers,
                    Table::Readers => Table::Frames,
                }
            }
            Action::Sort => {
                self.order = self.order.next();
                self.sort();
            }
            Action::Pause => self.is_paused = !self.is_paused,
            Action::Help => self.has_help = !self.has_help,
        }
    }

    fn go(&mut self, step: Step) {
        match self.table {
            Table::Frames => {
                let names = self.names();
                self.frame.step(step, names);
            }
            Table::Readers => {
                let slots = self.slot_numbers();
                self.reader.step(step, slots);
            }
        }
    }

    fn sort(&mut self) {
        // By name first: that is the order of those that are alike.
        self.frames.sort_by(|one, other| one.facts.name.cmp(&other.facts.name));
        match self.order {
            Order::Name => {}
            Order::Rate => self.frames.sort_by(|one, other| {
                other.rate.unwrap_or_default().total_cmp(&one.rate.unwrap_or_default())
            }),
            Order::Rows => self.frames.sort_by_key(|line| Reverse(line.facts.rows)),
            Order::Bytes => self.frames.sort_by_key(|line| Reverse(line.facts.bytes)),
        }
        let names = self.names();
        self.frame.find(names);
    }

    fn names(&self) -> Vec<String> {
        self.frames.iter().map(|line| line.facts.name.clone()).collect()
    }

    /// The claimed slots that are known.
    pub fn slots(&self) -> &[SlotPins] {
        self.facts.as_ref().map(Facts::slots).unwrap_or_default()
    }

    fn slot_numbers(&self) -> Vec<u32> {
        self.slots().iter().map(|slot| slot.slot).collect()
    }

    /// The selected frame.
    pub fn selected_frame(&self) -> Option<&FrameLine> {
        self.frames.get(self.frame.place())
    }

    /// The selected reader slot.
    pub fn selected_slot(&self) -> Option<&SlotPins> {
        self.slots().get(self.reader.place())
    }

    fn tell(&mut self, now: &Moment, text: String) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Event { clock: now.clock.clone(), text });
    }
}

impl FrameLine {
    fn next(old: Option<Self>, frame: &FrameFacts, rate: Option<f64>, now: SystemTime) -> Self {
        let facts = frame.clone();
        let mut line = match old {
            Some(old) => {
                let is_put = old.facts.generation != frame.generation;
                let is_other =
                    is_put || (old.facts.rows, old.facts.rows_ever) != (frame.rows, frame.rows_ever);
                Self {
                    facts,
                    changed: if is_other { Some(now) } else { old.changed },
                    puts: old.puts + u64::from(is_put),
                    ..old
                }
            }
            None => Self { facts, rate, history: History::default(), changed: None, puts: 0 },
        };
        line.rate = rate;
        line.history.push(rate);
        line
    }
}

fn claim(slot: &SlotPins) -> Claim {
    (slot.slot, slot.pid, slot.since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::samples::{facts, frame, moment, slot, watched};

    fn model(frames: Vec<FrameFacts>) -> Model {
        Model::new("ticks".to_owned(), "ticks", moment(0), facts(0, 1, frames))
    }

    fn shown(model: &Model) -> Vec<&str> {
        model.frames.iter().map(|line| line.facts.name.as_str()).collect()
    }

    fn told(model: &Model) -> Vec<&str> {
        model.events.iter().map(|event| event.text.as_str()).collect()
    }

    #[test]
    fn rates_are_those_between_two_looks_however_long_that_was() {
        let mut model = model(vec![frame("a", 100), frame("b", 5)]);
        assert!(model.rates.is_none() && model.frames.iter().all(|line| line.rate.is_none()));
        model.look(moment(4), Look::Found(facts(4, 9, vec![frame("a", 140), frame("b", 5)])));
        assert_eq!(model.rates.map(|rates| (rates.versions, rates.rows)), Some((2.0, 10.0)));
        assert_eq!(model.frames.iter().map(|line| line.rate).collect::<Vec<_>>(), [Some(10.0), Some(0.0)]);
        let changed = model.frames.iter().map(|line| line.changed);
        assert_eq!(changed.collect::<Vec<_>>(), [Some(moment(4).time), None]);
    }

    #[test]
    fn every_look_is_a_point_of_each_history() {
        let model = watched(7);
        let points = |history: &History| history.newest(usize::MAX).collect::<Vec<_>>();
        let rows = [Some(110.0), Some(90.0), Some(70.0), Some(50.0), Some(30.0), Some(10.0), None];
        assert_eq!(points(&model.frames[2].history), rows);
        assert_eq!(points(&model.versions).len(), 7);
        assert_eq!(points(&model.frames[1].history)[..6], [Some(0.0); 6]);
        assert_eq!((model.frames[0].puts, model.frames[2].puts), (2, 0));
    }

    #[test]
    fn frames_are_sorted_by_what_is_asked_for_and_then_by_name() {
        let mut model = model(vec![frame("a", 1), frame("b", 3), frame("c", 3), frame("d", 2)]);
        let faster = FrameFacts { bytes: 7, ..frame("d", 9) };
        model.look(
            moment(1),
            Look::Found(facts(1, 2, vec![frame("a", 2), frame("b", 3), frame("c", 30), faster])),
        );
        assert_eq!(shown(&model), ["a", "b", "c", "d"]);
        let mut next = || {
            model.act(Action::Sort);
            (model.order, shown(&model).concat())
        };
        assert_eq!(next(), (Order::Rate, "cdab".to_owned()));
        assert_eq!(next(), (Order::Rows, "cdba".to_owned()));
        assert_eq!(next(), (Order::Bytes, "cbad".to_owned()));
        assert_eq!(next(), (Order::Name, "abcd".to_owned()));
    }

    #[test]
    fn selected_frame_stays_selected_when_the_order_changes() {
        let mut model = model(vec![frame("a", 1), frame("b", 2), frame("c", 3)]);
        let name = |model: &Model| model.selected_frame().map(|line| line.facts.name.clone());
        model.act(Action::Go(Step::Last));
        assert_eq!(name(&model).as_deref(), Some("c"));
        model.act(Action::Sort);
        model.act(Action::Sort);
        assert_eq!((model.order, model.frame.place()), (Order::Rows, 0));
        assert_eq!(name(&model).as_deref(), Some("c"));
        model.look(moment(1), Look::Found(facts(1, 2, vec![frame("b", 9), frame("c", 3)])));
        assert_eq!((model.frame.place(), name(&model).as_deref()), (1, Some("c")));
    }

    #[test]
    fn keys_go_to_the_table_that_is_chosen() {
        let mut model = watched(2);
        model.act(Action::OtherTable);
        model.act(Action::Go(Step::Down(1)));
        assert_eq!(model.selected_slot().map(|slot| slot.slot), Some(1));
        assert_eq!(model.frame.place(), 0);
        model.act(Action::OtherTable);
        model.act(Action::Go(Step::Down(1)));
        assert_eq!((model.frame.place(), model.reader.place()), (1, 1));
    }

    #[test]
    fn pause_help_and_end_are_what_their_keys_say() {
        let mut model = watched(1);
        model.act(Action::Pause);
        model.look(moment(1), Look::Gone);
        model.hold(&[], &BTreeMap::new());
        assert!(model.facts.is_some() && model.now.clock == "12:00:00", "it is held");
        assert_eq!(model.held(&model.slots()[1]), Some(40 << 20));
        model.act(Action::Pause);
        model.look(moment(2), Look::Gone);
        assert!(model.facts.is_none(), "it goes on");
        model.act(Action::Help);
        model.act(Action::Leave);
        assert!(!model.has_help && !model.has_ended, "the first one leaves the help");
        model.act(Action::Leave);
        assert!(model.has_ended);
    }

    #[test]
    fn segment_that_went_and_came_again_begins_anew() {
        let mut model = watched(3);
        model.look(moment(3), Look::Gone);
        model.look(moment(4), Look::Gone);
        assert!(model.facts.is_none() && model.frames.is_empty() && model.slots().is_empty());
        let mut again = facts(5, 1, vec![frame("trades", 7)]);
        again.instance = [8; 16];
        model.look(moment(5), Look::Found(again));
        assert_eq!(model.rates, None);
        assert_eq!(model.frames[0].history.newest(9).collect::<Vec<_>>(), [None]);
        let texts = ["the first look", "segment \"ticks\" is gone", "segment \"ticks\" was created again"];
        assert_eq!(told(&model), texts);
        assert_eq!(model.events[1].clock, "12:00:03");
    }

    #[test]
    fn writer_that_died_and_the_next_one_are_told() {
        let mut model = watched(1);
        let mut now = facts(1, 101, Vec::new());
        now.writer.alive = Some(false);
        model.look(moment(1), Look::Found(now));
        let mut now = facts(2, 102, Vec::new());
        now.epoch = 2;
        model.look(moment(2), Look::Found(now));
        assert_eq!(told(&model)[1..], ["the writer is gone", "another writer: process 3999 \"market feed\""]);
    }

    #[test]
    fn what_a_slot_holds_is_not_told_of_who_claims_it_next() {
        let mut model = watched(1);
        let dead = model.slots()[1].clone();
        assert_eq!((model.held(&model.slots()[0]), model.held(&dead)), (Some(0), Some(40 << 20)));
        assert_eq!(model.held(&SlotPins { pid: 9, ..dead.clone() }), None);
        assert_eq!(model.held(&slot(7, "another", &[])), None);
        model.hold(&[], &BTreeMap::new());
        assert_eq!(model.held(&dead), None);
    }

    #[test]
    fn late_look_is_told_by_the_second_and_forgotten_when_it_comes() {
        let mut model = watched(1);
        assert!(!model.wait(Some(Duration::from_millis(1999))));
        assert!(model.wait(Some(Duration::from_millis(2100))));
        assert!(!model.wait(Some(Duration::from_millis(2900))));
        assert_eq!(model.late, Some(Duration::from_secs(2)));
        model.look(moment(1), Look::Gone);
        assert_eq!(model.late, None);
    }

    #[test]
    fn picture_stays_while_the_writer_is_faster_than_looks() {
        let mut model = model(vec![frame("a", 100)]);
        model.look(moment(1), Look::Overtaken);
        model.look(moment(2), Look::Overtaken);
        assert_eq!((model.overtaken, model.frames.len(), model.now.clock.as_str()), (2, 1, "12:00:00"));
        model.look(moment(5), Look::Found(facts(5, 11, vec![frame("a", 150)])));
        assert_eq!((model.overtaken, model.rates.map(|rates| rates.rows)), (0, Some(10.0)));
        assert_eq!(told(&model), ["the first look"]);
    }

    #[test]
    fn events_do_not_pile_up() {
        let mut model = watched(1);
        for second in 1..200 {
            let found = if second % 2 == 0 { Look::Found(facts(second, 1, Vec::new())) } else { Look::Gone };
            model.look(moment(second), found);
        }
        assert_eq!(model.events.len(), EVENTS);
    }
}
