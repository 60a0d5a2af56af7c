//! Which rows of a frame are kept.

/// The rows that are kept, the newest in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retained {
    /// So many of the last rows.
    Last(u64),
    /// Those from the row with this number on.
    From(u64),
}

impl Retained {
    /// How many of `rows` rows, the first of which has this number, are not kept.
    pub(crate) fn rows_to_drop(self, first_row: u64, rows: u64) -> u64 {
        match self {
            Self::Last(kept) => rows.saturating_sub(kept),
            Self::From(row) => row.saturating_sub(first_row).min(rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Retained;

    #[test]
    fn rows_that_are_not_kept_are_counted_from_the_front() {
        assert_eq!([0, 99, 100, 200].map(|kept| Retained::Last(kept).rows_to_drop(7, 100)), [100, 1, 0, 0]);
        assert_eq!(
            [0, 7, 8, 107, 200].map(|row| Retained::From(row).rows_to_drop(7, 100)),
            [0, 0, 1, 100, 100]
        );
    }
}
