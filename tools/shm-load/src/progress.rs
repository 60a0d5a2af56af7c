//! What is shown on a terminal while files are read.

use crate::published::Published;
use core::time::Duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use shmframe_cli::{say, words};

/// How often it is drawn again while nothing comes.
const TICK: Duration = Duration::from_millis(200);

/// A bar, or, where nobody knows how much there is, a spinner. On standard error, and only on a terminal.
pub struct Progress {
    bar: ProgressBar,
    is_quiet: bool,
}

impl Progress {
    /// For so many bytes; none: nobody knows.
    pub fn new(bytes: Option<u64>, is_quiet: bool) -> Self {
        let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = match bytes {
            Some(_) => "{percent:>3}% [{bar:30}] {binary_bytes} of {binary_total_bytes}, {msg}, {eta} left",
            None => "{spinner} {binary_bytes}, {msg}, {elapsed}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message("0 rows");
        if !bar.is_hidden() {
            bar.enable_steady_tick(TICK);
        }
        Self { bar, is_quiet }
    }

    /// How far it is.
    pub fn show(&self, position: u64, published: &Published) {
        if !self.bar.is_hidden() {
            let speed = per_second(published.rows, self.bar.elapsed());
            let rows = words::counted(published.rows, "row");
            self.bar.set_message(format!("{rows}, {}/s", words::count(speed, false)));
        }
        self.bar.set_position(position);
    }

    /// Says something beside the answer.
    pub fn note(&self, text: &str) {
        if !self.is_quiet {
            self.bar.suspend(|| say("shm-load", text));
        }
    }

    /// Takes it off the terminal.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How many a second.
pub fn per_second(count: u64, time: Duration) -> u64 {
    let milliseconds = time.as_millis().max(1);
    u64::try_from(u128::from(count) * 1000 / milliseconds).unwrap_or(u64::MAX)
}
