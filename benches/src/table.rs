//! The table at the end of a run: absolute times, and the ratio with its spread.

use std::fmt::Write as _;

use crate::in_turn::InTurn;

/// Ours against one peer.
#[derive(Clone, Debug)]
pub struct Line {
    case: &'static str,
    ours: f64,
    peer: Option<(String, f64, [f64; 3])>,
    aim: Option<f64>,
}

impl Line {
    /// Compares the first of the contestants with each of the others, sample by sample; beside each name stands whether
    /// the aim refers to it.
    pub(crate) fn compare(case: &InTurn, names: &[(&str, bool)], samples: &[Vec<f64>]) -> Vec<Self> {
        let ours = median(&samples[0]);
        let line = |peer, aim| Self { case: case.case, ours, peer, aim };
        if names.len() == 1 {
            return vec![line(None, case.aim)];
        }
        let against = |at: usize| {
            let ratios: Vec<f64> =
                samples[0].iter().zip(&samples[at]).map(|(ours, theirs)| ours / theirs).collect();
            let spread = [quantile(&ratios, 0.25), median(&ratios), quantile(&ratios, 0.75)];
            let (name, aimed_at) = names[at];
            let peer = (name.to_owned(), median(&samples[at]), spread);
            line(Some(peer), case.aim.filter(|_| aimed_at))
        };
        (1..names.len()).map(against).collect()
    }

    /// The ratio to the peer, if there is one.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.peer.as_ref().map(|(_, _, [_, middle, _])| *middle)
    }

    fn row(&self) -> String {
        let mut row = format!("| {} | {} |", self.case, time(self.ours));
        match &self.peer {
            Some((name, theirs, [low, middle, high])) => {
                let [low, middle, high] = [low, middle, high].map(|ratio| digits(*ratio));
                let _ = write!(row, " {name} {} | {middle} ({low} to {high}) |", time(*theirs));
            }
            None => row.push_str(" | |"),
        }
        match (self.aim, self.ratio()) {
            (Some(aim), Some(ratio)) => {
                let verdict = if ratio <= aim { "met" } else { "missed" };
                let _ = write!(row, " {aim:.2}, {verdict} |");
            }
            (Some(aim), None) => {
                let verdict = if self.ours <= aim { "met" } else { "missed" };
                let _ = write!(row, " {}, {verdict} |", time(aim));
            }
            (None, _) => row.push_str(" |"),
        }
        row
    }
}

/// All lines of a run.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<String>,
}

impl Table {
    /// Adds lines, and shows them while the run goes on.
    pub fn add(&mut self, lines: &[Line]) {
        for row in lines.iter().map(Line::row) {
            println!("{row}");
            self.rows.push(row);
        }
    }

    /// Adds a case that could not be measured here.
    pub fn leave_out(&mut self, case: &str, reason: &str) {
        let row = format!("| {case} | left out: {reason} | | | |");
        println!("{row}");
        self.rows.push(row);
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The whole table, as Markdown.
    #[must_use]
    pub fn print(&self) -> String {
        let head =
            "| what | ours | peer | ours / peer (quartiles) | aim |\n| --- | --- | --- | --- | --- |\n";
        head.to_owned() + &self.rows.join("\n")
    }
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

fn quantile(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() - 1) as f64 * share;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// A ratio with two digits behind the point, or more where those would be zeros.
fn digits(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.5}") } else { format!("{ratio:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_samples() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.25), 1.0);
    }

    #[test]
    fn ratio_is_ours_by_theirs_sample_by_sample() {
        let case = InTurn::short("case", 1.0);
        let names = [("ours", true), ("theirs", true), ("beside", false)];
        let theirs = vec![1.0, 10.0, 2.0];
        let lines = Line::compare(&case, &names, &[vec![2.0, 20.0, 8.0], theirs.clone(), theirs]);
        assert_eq!([&lines[0], &lines[1]].map(Line::ratio), [Some(2.0); 2]);
        assert!(lines[0].row().contains("missed"));
        assert!(!lines[1].row().contains("missed"), "the aim does not refer to it");
    }
}
