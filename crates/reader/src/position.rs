//! Each row once: where somebody who reads a growing frame has got to.

use crate::error::ReadKind;
use crate::frame::Frame;
use arrow::array::RecordBatch;
use core::fmt;
use core::str::FromStr;
use shmframe_format::{Error, Result};

/// How far a frame was read: which frame it was, and the number of the next row.
///
/// Rows are numbered from the first one that the frame ever had, also when rows are dropped from the front. A position
/// can be kept, as 16 bytes or as text, and is good after a restart of the reader or of the writer.
///
/// ```
/// # use shmframe_reader as shmframe;
/// use shmframe::Position;
///
/// # fn main() -> shmframe::Result<()> {
/// let position = Position::from_bytes([7; 16]);
/// assert_eq!(Position::from_bytes(position.to_bytes()), position);
/// assert_eq!(position.to_string().parse::<Position>()?, position);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    generation: u64,
    row: u64,
}

impl Position {
    /// The number of the next row: rows before it were read.
    #[must_use]
    pub const fn row(self) -> u64 {
        self.row
    }

    /// Which frame it is in: a frame that is put anew, or whose columns change, has another generation.
    #[must_use]
    pub const fn generation(self) -> u64 {
        self.generation
    }

    /// The position as bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.row) << 64 | u128::from(self.generation)).to_le_bytes()
    }

    /// The position of these bytes; any are one, if only of a frame that nobody has.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let words = u128::from_le_bytes(bytes);
        Self { generation: words as u64, row: (words >> 64) as u64 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}:{}", self.generation, self.row)
    }
}

impl FromStr for Position {
    type Err = Error;

    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`].
    fn from_str(text: &str) -> Result<Self> {
        let failed = || ReadKind::Position { found: text.to_owned() };
        let (generation, row) = text.split_once(':').ok_or_else(failed)?;
        let digits = generation.len() == 16 && !generation.starts_with('+') && !row.starts_with('+');
        let generation = u64::from_str_radix(generation, 16).ok().filter(|_| digits).ok_or_else(failed)?;
        Ok(Self { generation, row: row.parse().map_err(|_| failed())? })
    }
}

/// What a frame got since a position.
#[derive(Clone, Debug)]
pub struct Appended {
    /// The rows, in place; none if there are none.
    pub batches: Vec<RecordBatch>,
    /// Whether they are all that came after the position.
    pub since: Since,
    /// The position behind them: for the next question.
    pub position: Position,
}

/// How the rows of [`Appended`] follow the position that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// They are exactly the rows after the position.
    Continued,
    /// The frame goes on, but so many rows after the position were dropped before they were seen: what is left follows.
    Dropped {
        /// Rows.
        rows: u64,
    },
    /// Another frame has taken the name (it was put anew, or its columns changed): all of its rows follow.
    Replaced,
    /// The position is ahead of this version, by so many rows: it came from a newer one. Nothing follows, and the position
    /// stays.
    Ahead {
        /// Rows.
        rows: u64,
    },
    /// There is no frame of this name. Nothing follows, and the position stays.
    Missing,
}

impl Frame {
    /// The position behind the frame's last row.
    #[must_use]
    pub fn position(&self) -> Position {
        let state = self.pinned.checked().state();
        Position { generation: state.generation, row: state.first_row.saturating_add(state.rows) }
    }

    /// The position before the frame's first row, with which all rows that it has now are still to come.
    #[must_use]
    pub fn first_position(&self) -> Position {
        let state = self.pinned.checked().state();
        Position { generation: state.generation, row: state.first_row }
    }

    /// The rows after `position`, each of them once, in place; of the selected columns, after [`Frame::select`].
    ///
    /// What it costs depends on the rows that are new, not on those that were there.
    ///
    /// ```no_run
    /// # use shmframe_reader as shmframe;
    /// use shmframe::{Reader, Since};
    ///
    /// # fn main() -> shmframe::Result<()> {
    /// let reader = Reader::open("ticks")?;
    /// let mut position = reader.snapshot()?.frame("trades")?.first_position();
    /// for snapshot in reader.follow() {
    ///     let appended = snapshot?.appended_since("trades", position)?;
    ///     match appended.since {
    ///         Since::Continued => {}
    ///         Since::Dropped { rows } => eprintln!("{rows} rows were dropped before they were read"),
    ///         Since::Replaced => eprintln!("another table: from its start"),
    ///         Since::Ahead { .. } | Since::Missing => continue,
    ///     }
    ///     for batch in &appended.batches {
    ///         println!("{} new rows", batch.num_rows());
    ///     }
    ///     // May be written to a file, for the time after a restart.
    ///     position = appended.position;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`].
    pub fn appended_since(&self, position: Position) -> Result<Appended> {
        let (first, now) = (self.first_position(), self.position());
        let since = if position.generation != now.generation {
            Since::Replaced
        } else if position.row > now.row {
            Since::Ahead { rows: position.row - now.row }
        } else if position.row < first.row {
            Since::Dropped { rows: first.row - position.row }
        } else {
            Since::Continued
        };
        let (row, behind) = match since {
            Since::Ahead { .. } | Since::Missing => (u64::MAX, position),
            Since::Replaced | Since::Dropped { .. } => (0, now),
            Since::Continued => (position.row - first.row, now),
        };
        Ok(Appended { batches: self.batches_from(row)?, since, position: behind })
    }
}

#[cfg(test)]
mod tests {
    use super::Position;
    use crate::ErrorKind;

    #[test]
    fn positions_survive_as_bytes_and_as_text() {
        for position in [
            Position { generation: 0, row: 0 },
            Position { generation: u64::MAX, row: 1 },
            Position { generation: 1, row: u64::MAX },
        ] {
            assert_eq!(Position::from_bytes(position.to_bytes()), position);
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
        assert_eq!(Position { generation: 255, row: 64 }.to_string(), "00000000000000ff:64");
        assert_eq!(Position { generation: 1, row: 2 }.to_bytes()[..9], [1, 0, 0, 0, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn text_that_is_no_position_is_refused() {
        for text in [
            "",
            ":",
            "1:2",
            "00000000000000fg:1",
            "+0000000000000ff:1",
            "00000000000000ff:+1",
            "00000000000000ff:-1",
        ] {
            assert_eq!(text.parse::<Position>().unwrap_err().kind(), ErrorKind::InvalidArgument, "{text}");
        }
    }
}
