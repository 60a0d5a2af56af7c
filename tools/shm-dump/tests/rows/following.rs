//! `tail --follow`.

use crate::support::{Directory, trades};
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command};

/// A `tail --follow` that runs.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn new(place: &Directory, arguments: &[&str]) -> Self {
        let arguments = [&["tail", "--follow", "ticks/trades"], arguments].concat();
        let mut child = place.command(&arguments).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The numbers of the next rows; waits for them.
    fn next(&mut self, count: usize) -> Vec<u64> {
        let next = |_| {
            let line = self.lines.next().unwrap().unwrap();
            serde_json::from_str::<Value>(&line).unwrap()["row"].as_u64().unwrap()
        };
        (0..count).map(next).collect()
    }

    /// Its status, what it still printed, and what it said.
    fn end(mut self) -> (Option<i32>, usize, String) {
        let rest = self.lines.count();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), rest, said)
    }
}

#[test]
fn tail_follows_appended_rows_until_the_segment_is_removed() {
    let (place, mut writer) = Directory::with_trades(&trades(0..100));
    let mut tail = Tail::new(&place, &["-n", "2"]);
    assert_eq!(tail.next(2), [98, 99]);
    writer.append("trades", &trades(100..103)).unwrap();
    assert_eq!(tail.next(3), [100, 101, 102]);
    // What it showed it does not hold.
    writer.append("trades", &trades(103..104)).unwrap();
    assert_eq!(tail.next(1), [103]);
    writer.remove_segment().unwrap();
    let (status, rest, said) = tail.end();
    assert_eq!((status, rest), (Some(0), 0), "{said}");
    assert!(said.contains("was removed"), "{said}");
}

#[test]
fn tail_shows_the_wanted_of_the_rows_that_come() {
    let (place, mut writer) = Directory::with_trades(&trades(0..9));
    let mut tail = Tail::new(&place, &["-n", "1", "-c", "price", "--where", "symbol = 'B'"]);
    assert_eq!(tail.next(1), [7]);
    writer.append("trades", &trades(9..15)).unwrap();
    assert_eq!(tail.next(2), [10, 13]);
    writer.remove_segment().unwrap();
    assert_eq!(tail.end().0, Some(0));
}

#[test]
fn tail_says_that_the_frame_was_replaced_or_is_gone_and_goes_on() {
    let (place, mut writer) = Directory::with_trades(&trades(0..9));
    let mut tail = Tail::new(&place, &["-n", "1"]);
    assert_eq!(tail.next(1), [8]);
    writer.remove("trades").unwrap();
    writer.put("other", &trades(0..1)).unwrap();
    writer.put("trades", &trades(0..2)).unwrap();
    assert_eq!(tail.next(2), [0, 1]);
    writer.remove_segment().unwrap();
    let (status, _, said) = tail.end();
    assert_eq!(status, Some(0));
    assert!(said.contains("trades: the frame was replaced"), "{said}");
}

#[test]
fn tail_says_how_many_rows_were_dropped_unseen() {
    let (place, mut writer) = Directory::with_trades(&trades(0..100_000));
    let mut tail = Tail::new(&place, &["-n", "1"]);
    assert_eq!(tail.next(1), [99_999]);
    let mut transaction = writer.begin().unwrap();
    transaction.append("trades", &trades(100_000..300_000)).unwrap();
    transaction.keep_last("trades", 64).unwrap();
    transaction.commit().unwrap();
    let first = tail.next(1)[0];
    assert!(first > 200_000, "{first}");
    writer.remove_segment().unwrap();
    let (_, _, said) = tail.end();
    let dropped = format!("{},{:03} rows dropped", (first - 100_000) / 1000, (first - 100_000) % 1000);
    assert!(said.contains(&dropped), "{said}: {dropped}");
}

#[test]
fn interrupted_tail_ends_with_the_status_of_ctrl_c() {
    let (place, _writer) = Directory::with_trades(&trades(0..9));
    let mut tail = Tail::new(&place, &["-n", "1"]);
    assert_eq!(tail.next(1), [8]);
    let killed = Command::new("kill").args(["-INT", &tail.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(tail.end().0, Some(130));
}

#[test]
fn tail_of_one_version_cannot_follow() {
    let (place, _writer) = Directory::with_trades(&trades(0..9));
    assert_eq!(place.run(&["tail", "-f", "ticks/trades@2"]).status, Some(2));
    assert_eq!(place.run(&["tail", "-f", "ticks/trades", "--no-pin"]).status, Some(2));
}
