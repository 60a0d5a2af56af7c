//! Which columns a narrow terminal shows.

/// The places of the columns that have room, in their order: all, or all but some of `spared`, the first of which goes first.
/// `widths` are those of the columns, characters; `gap` stands between two of them.
#[must_use]
pub fn columns_that_fit(
    heads: &[&str],
    spared: &[&str],
    widths: &[usize],
    gap: usize,
    room: usize,
) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..heads.len()).collect();
    for spared in spared {
        let needed: usize = columns.iter().map(|column| widths[*column] + gap).sum();
        if needed <= room + gap {
            break;
        }
        columns.retain(|column| heads[*column] != *spared);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_in_their_turn_and_no_more_of_them_than_need_be() {
        let (heads, spared) = (["A", "#B", "C", "#D"], ["#D", "#B"]);
        let shown = |room| columns_that_fit(&heads, &spared, &[5, 5, 5, 5], 2, room);
        assert_eq!(shown(26), [0, 1, 2, 3]);
        assert_eq!(shown(25), [0, 1, 2]);
        assert_eq!(shown(18), [0, 2]);
        assert_eq!(shown(1), [0, 2]);
    }
}
