//! The terminal while the dashboard has it.

use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::style::force_color_output;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is to be given back yet.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The whole terminal, without echo and line editing. Dropped, or when any thread panics, it is as it was.
pub struct Screen {
    pub terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it is none, or refuses.
    pub fn take(has_colours: bool) -> Result<Self> {
        // What decides is what the rest of the tool goes by: options, and then the environment.
        force_color_output(has_colours);
        // This also sets a hook that gives the terminal back before a panic is told.
        let terminal =
            ratatui::try_init().inspect_err(|_| ratatui::restore()).context("taking the terminal")?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            IS_TAKEN.store(false, Ordering::SeqCst);
            told(panic);
        }));
        Ok(Self { terminal })
    }

    /// Whether it was not given back yet: another thread may have panicked.
    pub fn is_taken(&self) -> bool {
        IS_TAKEN.load(Ordering::SeqCst)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Once: to give it back again would write over what a panic told.
        if IS_TAKEN.swap(false, Ordering::SeqCst) {
            // Whoever took the terminal away from under us knows.
            let _ = ratatui::try_restore();
        }
    }
}
