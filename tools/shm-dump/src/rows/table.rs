//! Rows as a table for people.

use super::frame_rows::Part;
use super::short::{ELLIPSIS, LONGEST, cut, shown};
use super::text;
use anyhow::Result;
use arrow::array::Array;
use arrow::datatypes::Schema;
use shmframe_cli::record::Tone;
use shmframe_cli::{Output, words};
use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: &str = "  ";
/// Names of columns left out that are told.
const NAMES: usize = 8;

/// A table of rows that is written part by part. The first part decides on the columns that fit; later ones only make
/// columns wider.
#[derive(Debug)]
pub struct RowTable {
    /// The terminal's width, if the table has to fit in.
    width: Option<usize>,
    /// Characters of a value at the most.
    longest: usize,
    columns: Vec<Column>,
    /// Names of the columns that did not fit, and before which of those shown they stand.
    hidden: (Vec<String>, usize),
    /// The greatest number of a row.
    last: u64,
    begun: bool,
}

#[derive(Debug)]
struct Column {
    /// In the schema; none: the row's number.
    index: Option<usize>,
    name: String,
    is_number: bool,
    width: usize,
}

/// A cell's text, and whether it is a null.
type Cell = (String, bool);

impl RowTable {
    /// A table that cuts nothing.
    pub fn whole() -> Self {
        Self { width: None, longest: usize::MAX, ..Self::fitting(None) }
    }

    /// A table that cuts long values, and columns if there is a width to keep.
    pub fn fitting(width: Option<u16>) -> Self {
        let width = width.map(usize::from);
        let longest = width.map_or(LONGEST, |width| LONGEST.min(width / 2).max(1));
        Self { width, longest, columns: Vec::new(), hidden: (Vec::new(), 0), last: 0, begun: false }
    }

    /// The same for rows up to this number: it has room in the column of numbers, also where it comes late or never.
    pub fn up_to(self, last: u64) -> Self {
        Self { last, ..self }
    }

    /// Writes rows, and the head before the first ones.
    pub fn write(&mut self, output: &mut Output, part: &Part) -> Result<()> {
        let begins = !self.begun;
        if begins {
            self.begun = true;
            self.columns = columns(&part.batch.schema(), self.longest);
            self.columns[0].width = self.columns[0].width.max(self.last.to_string().len());
        }
        let mut cells: Vec<Vec<Cell>> = self.columns.iter().map(|column| self.cells(column, part)).collect();
        for (column, cells) in self.columns.iter_mut().zip(&cells) {
            column.width = cells.iter().map(|(text, _)| text.width()).fold(column.width, usize::max);
        }
        if begins {
            self.fit(&mut cells);
            self.write_head(output)?;
        }
        for row in 0..part.numbers.len() {
            let line = cells.iter().map(|column| column[row].clone()).collect();
            self.write_line(output, line, |column, (_, is_null)| {
                if *is_null || column.index.is_none() { Tone::Faint } else { Tone::Plain }
            })?;
        }
        Ok(())
    }

    /// Says what was left out.
    pub fn finish(self, output: &mut Output) -> Result<()> {
        let (names, _) = &self.hidden;
        if !self.begun {
            output.text("no rows")?;
        }
        if !names.is_empty() {
            let shown = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if names.len() > NAMES { ", ..." } else { "" };
            let text = format!(
                "{} did not fit: {shown}{more}. Choose columns with -c, or see all with --no-trunc.",
                words::counted(names.len() as u64, "column")
            );
            output.text(&output.painted(&text, Tone::Faint))?;
        }
        Ok(())
    }

    /// The texts of a column.
    fn cells(&self, column: &Column, part: &Part) -> Vec<Cell> {
        let Some(index) = column.index else {
            return part.numbers.iter().map(|number| (number.to_string(), false)).collect();
        };
        let array = part.batch.column(index);
        let (formatter, nulls) = (text::formatter(array), array.logical_nulls());
        let cell = |row| match &nulls {
            Some(nulls) if nulls.is_null(row) => ("null".to_owned(), true),
            _ => (shown(&formatter, row, self.longest), false),
        };
        (0..array.len()).map(cell).collect()
    }

    /// Leaves out columns in the middle until the table fits; never the row's number, the first and the last.
    fn fit(&mut self, cells: &mut Vec<Vec<Cell>>) {
        let Some(width) = self.width else { return };
        let widths: Vec<usize> = self.columns.iter().map(|column| column.width + GAP.len()).collect();
        if widths.iter().sum::<usize>() <= width + GAP.len() {
            return;
        }
        let mut left = (width + GAP.len()).saturating_sub(ELLIPSIS.width() + GAP.len() + widths[0]);
        let (mut front, mut back) = (1, widths.len());
        // In turn from the front and from the back, while they fit.
        loop {
            let from_front = front <= widths.len() - back + 1;
            let next = if from_front { front } else { back - 1 };
            if front >= back || (widths[next] > left && front > 1) {
                break;
            }
            left = left.saturating_sub(widths[next]);
            if from_front { front += 1 } else { back -= 1 }
        }
        cells.drain(front..back);
        let hidden = self.columns.drain(front..back).map(|column| column.name).collect();
        self.hidden = (hidden, front);
    }

    fn write_head(&self, output: &mut Output) -> Result<()> {
        if !output.has_heads() {
            return Ok(());
        }
        let names = self.columns.iter().map(|column| (column.name.clone(), false)).collect();
        self.write_line(output, names, |_, _| Tone::Head)
    }

    fn write_line(
        &self,
        output: &mut Output,
        cells: Vec<Cell>,
        tone: impl Fn(&Column, &Cell) -> Tone,
    ) -> Result<()> {
        let mut line = String::new();
        let last = self.columns.len().saturating_sub(1);
        for (index, (column, cell)) in self.columns.iter().zip(&cells).enumerate() {
            if !self.hidden.0.is_empty() && index == self.hidden.1 {
                line += &output.painted(ELLIPSIS, Tone::Faint);
                line += GAP;
            }
            let padding = " ".repeat(column.width.saturating_sub(cell.0.width()));
            let text = output.painted(&cell.0, tone(column, cell));
            line += &if column.is_number { padding + &text } else { text + &padding };
            if index < last {
                line += GAP;
            }
        }
        Ok(writeln!(output.raw(), "{}", line.trim_end())?)
    }
}

fn columns(schema: &Schema, longest: usize) -> Vec<Column> {
    let number = Column { index: None, name: "ROW".to_owned(), is_number: true, width: "ROW".len() };
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let name = cut(field.name(), longest);
        let is_number = text::is_number(field.data_type());
        Column { index: Some(index), width: name.width(), name, is_number }
    });
    [number].into_iter().chain(columns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(widths: &[usize], width: u16) -> (Vec<usize>, usize) {
        let mut table = RowTable::fitting(Some(width));
        let column = |(index, width): (usize, &usize)| Column {
            index: index.checked_sub(1),
            name: index.to_string(),
            is_number: false,
            width: *width,
        };
        table.columns = widths.iter().enumerate().map(column).collect();
        table.fit(&mut widths.iter().map(|_| Vec::new()).collect());
        let shown = table.columns.iter().filter_map(|column| column.index).collect();
        (shown, table.hidden.0.len())
    }

    #[test]
    fn columns_in_the_middle_are_left_out_until_the_table_fits() {
        assert_eq!(fitted(&[3, 10, 10, 10], 39), (vec![0, 1, 2], 0));
        assert_eq!(fitted(&[3, 10, 10, 10], 38), (vec![0, 2], 1));
        assert_eq!(fitted(&[3, 10, 10, 10, 10, 10], 44), (vec![0, 1, 4], 2));
        assert_eq!(fitted(&[3, 10, 10, 10], 5), (vec![0], 2));
    }
}
