//! How far a long command has come.

use crate::session::Session;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Rows, times columns, from which on people wait.
const LONG: u64 = 4 << 20;

impl Session {
    /// A bar over so many values on the terminal, if standard error is one and it takes long.
    pub fn progress(&self, values: u64) -> ProgressBar {
        let target = if self.is_quiet() || values < LONG {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(values), target);
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left");
        bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }
}
