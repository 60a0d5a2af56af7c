//! What a tool prints to standard output: tables for people, JSON lines for programs.

use crate::narrow::columns_that_fit;
use crate::record::{Cell, Line, Record, Tone};
use crate::standard::Standard;
use crate::words;
use clap::{Args, ValueEnum};
use comfy_table::{
    Attribute, Cell as TableCell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width,
    presets,
};
use std::io::{self, BufWriter, IsTerminal, Write};

/// Between two columns of a table, characters.
const GAP: usize = 2;
/// A column of texts is not made narrower than this, characters, if its texts are not.
const WORD: usize = 16;

/// How things are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table on a terminal, JSON lines in a pipe or a file.
    #[default]
    Auto,
    /// A table.
    Table,
    /// JSON lines: one object a line, sizes in bytes.
    Json,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`; everywhere if CLICOLOR_FORCE is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Options of every command that say how it prints.
#[derive(Args, Clone, Debug, Default)]
pub struct OutputOptions {
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true, help_heading = "Output")]
    pub format: Format,
    /// Print JSON lines: the same as --format json
    #[arg(long, global = true, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,
    /// Print sizes as exact bytes in tables, too
    #[arg(long, short = 'b', global = true, help_heading = "Output")]
    pub bytes: bool,
    /// When to use colours
    #[arg(long, alias = "colour", value_enum, default_value_t, global = true, help_heading = "Output")]
    pub color: Colour,
    /// Leave out the heads of tables
    #[arg(long, global = true, help_heading = "Output")]
    pub no_headers: bool,
}

/// Standard output.
pub struct Output {
    writer: BufWriter<Standard>,
    terminal: bool,
    json: bool,
    json_wanted: bool,
    exact: bool,
    colours: bool,
    heads: bool,
    width: Option<u16>,
    height: Option<u16>,
}

impl Output {
    /// Standard output, as the options say.
    #[must_use]
    pub fn new(options: &OutputOptions) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let json_wanted = options.json || options.format == Format::Json;
        let json = json_wanted || (options.format == Format::Auto && !terminal);
        let size = terminal_size::terminal_size_of(&stdout);
        let (width, height) = size.map(|(width, height)| (width.0, height.0)).unzip();
        Self {
            writer: BufWriter::new(Standard(stdout)),
            terminal,
            json,
            json_wanted,
            exact: options.bytes,
            colours: !json && colours(options.color, terminal),
            heads: !options.no_headers,
            width,
            height,
        }
    }

    /// Whether programs read this: JSON lines, nothing else.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a terminal shows it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether JSON was asked for: in a pipe alone it is not. For commands that have a form of their own for programs.
    #[must_use]
    pub fn is_json_wanted(&self) -> bool {
        self.json_wanted
    }

    /// Whether sizes are wanted to the byte.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.exact
    }

    /// Whether colours are used.
    #[must_use]
    pub fn has_colours(&self) -> bool {
        self.colours
    }

    /// Whether tables have heads.
    #[must_use]
    pub fn has_heads(&self) -> bool {
        self.heads
    }

    /// The terminal's width in characters, if there is one.
    #[must_use]
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// The terminal's height in lines, if there is one.
    #[must_use]
    pub fn height(&self) -> Option<u16> {
        self.height
    }

    /// Prints records: a table, or a line of JSON each. No record: `none` tells people so, and programs get nothing.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn records<R: Record>(&mut self, records: &[R], none: &str) -> io::Result<()> {
        if self.json {
            records.iter().try_for_each(|record| self.line(record))
        } else if records.is_empty() {
            self.text(none)
        } else {
            let rows = records.iter().map(|record| record.cells(self.exact)).collect();
            self.table(R::HEADS, R::SPARED, rows)
        }
    }

    /// Prints one record: a line of JSON, or a list of heads and cells, one below the other.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn record<R: Record>(&mut self, record: &R) -> io::Result<()> {
        if self.json {
            return self.line(record);
        }
        let heads = R::HEADS.iter().map(|head| head.trim_start_matches('#'));
        let width = heads.clone().map(str::len).max().unwrap_or_default();
        for (head, (text, tone)) in heads.zip(record.cells(self.exact)) {
            writeln!(self.writer, "{head:<width$}  {}", self.painted(&text, tone))?;
        }
        self.writer.flush()
    }

    /// Prints a record as a line of JSON, whatever the format.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn line<R: Record>(&mut self, record: &R) -> io::Result<()> {
        serde_json::to_writer(&mut self.writer, &Line::new(record))?;
        self.writer.write_all(b"\n")?;
        self.writer.flush()
    }

    /// Prints a text for people, whose parts may be painted; programs do not get it.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        if !self.json {
            writeln!(self.writer, "{}", self.visible(text))?;
        }
        self.writer.flush()
    }

    /// Prints a table of cells. What of it a narrow terminal has no room for is left out, and told.
    fn table(&mut self, heads: &[&str], spared: &[&str], rows: Vec<Vec<Cell>>) -> io::Result<()> {
        let widths = least_widths(heads, &rows);
        let room = self.width.map_or(usize::MAX - GAP, usize::from);
        let shown = columns_that_fit(heads, spared, &widths, GAP, room);
        self.write_table(
            &shown.iter().map(|column| (heads[*column], widths[*column])).collect::<Vec<_>>(),
            rows.into_iter().map(|row| shown.iter().map(|column| row[*column].clone()).collect()).collect(),
        )?;
        if shown.len() < heads.len() {
            let left_out = heads.iter().enumerate().filter(|(column, _)| !shown.contains(column));
            let left_out: Vec<&str> = left_out.map(|(_, head)| head.trim_start_matches('#')).collect();
            let text = format!("Without {}: the terminal is narrow; --json has all.", left_out.join(", "));
            writeln!(self.writer, "{}", self.painted(&text, Tone::Faint))?;
        }
        self.writer.flush()
    }

    fn write_table(&mut self, heads: &[(&str, usize)], rows: Vec<Vec<Cell>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        // Of a terminal that nobody has told its size the library believes that it has no width.
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if self.heads {
            let shown = |(head, _): &(&str, usize)| {
                let cell = TableCell::new(head.trim_start_matches('#'));
                if self.colours { cell.add_attribute(Attribute::Bold) } else { cell }
            };
            table.set_header(heads.iter().map(shown));
        }
        for row in rows {
            table.add_row(row.into_iter().map(|(text, tone)| self.cell(text, tone)));
        }
        for ((head, least), column) in heads.iter().zip(table.column_iter_mut()) {
            column.set_padding((0, GAP as u16));
            if head.starts_with('#') {
                column.set_cell_alignment(CellAlignment::Right);
                // A number over two lines is read as two.
                column.set_constraint(ColumnConstraint::ContentWidth);
            } else {
                let least = u16::try_from(least + GAP).unwrap_or(u16::MAX);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        if self.colours {
            table.enforce_styling();
        }
        for line in table.lines() {
            writeln!(self.writer, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// Where bytes go as they are: exported files, man pages, rows.
    pub fn raw(&mut self) -> &mut (dyn Write + Send) {
        &mut self.writer
    }

    /// A text on one line, in the colour of its tone. What a terminal would obey in it is written as an escape.
    #[must_use]
    pub fn painted(&self, text: &str, tone: Tone) -> String {
        let text = words::visible(text);
        match code(tone) {
            Some(code) if self.colours => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text,
        }
    }

    /// A text in which a terminal obeys nothing but what [`Output::painted`] writes.
    fn visible(&self, text: &str) -> String {
        let painted = |part: &str| {
            let mut codes = Tone::ALL.into_iter().filter_map(code).chain([0]);
            self.colours && codes.any(|code| part.starts_with(&format!("[{code}m")))
        };
        let mut parts = text.split('\u{1b}');
        let mut visible = words::visible_lines(parts.next().unwrap_or_default());
        for part in parts {
            visible += if painted(part) { "\u{1b}" } else { "\\u{1b}" };
            visible += &words::visible_lines(part);
        }
        visible
    }

    fn cell(&self, text: String, tone: Tone) -> TableCell {
        let cell = TableCell::new(words::visible(&text));
        if !self.colours {
            return cell;
        }
        match tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Warning => cell.fg(Color::Yellow),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Faint => cell.fg(Color::DarkGrey),
            Tone::Head => cell.add_attribute(Attribute::Bold),
        }
    }
}

/// What each column needs at the least, characters: its numbers whole, of texts a word or two.
fn least_widths(heads: &[&str], rows: &[Vec<Cell>]) -> Vec<usize> {
    let width = |(column, head): (usize, &&str)| {
        let lines = rows.iter().filter_map(|row| row.get(column)).flat_map(|(text, _)| text.lines());
        let longest = lines.map(|line| line.chars().count()).max().unwrap_or_default();
        let least = if head.starts_with('#') { longest } else { longest.min(WORD) };
        least.max(head.trim_start_matches('#').len())
    };
    heads.iter().enumerate().map(width).collect()
}

/// The terminal's code for a tone.
fn code(tone: Tone) -> Option<u8> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some(32),
        Tone::Warning => Some(33),
        Tone::Bad => Some(31),
        Tone::Faint => Some(90),
        Tone::Head => Some(1),
    }
}

/// The usual rules: <https://no-color.org>, <https://bixense.com/clicolors>.
fn colours(choice: Colour, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match choice {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        Colour::Auto if set("CLICOLOR_FORCE") => true,
        Colour::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}
