//! The three programs that the demo starts.

use std::fmt;

/// What a program does in the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The one writer: publishes a version a day.
    Loader,
    /// A reader that shows the newest day now and then.
    Light,
    /// A reader that computes statistics over every version it can take.
    Heavy,
}

impl Role {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 3] = [Self::Loader, Self::Light, Self::Heavy];
    /// Those that read.
    pub const READERS: [Self; 2] = [Self::Light, Self::Heavy];

    /// The name in what is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Light => "light",
            Self::Heavy => "heavy",
        }
    }

    /// The package that holds the program, which is also the program's name.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Loader => "shmframe-demo-loader",
            Self::Light => "shmframe-demo-light",
            Self::Heavy => "shmframe-demo-heavy",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
