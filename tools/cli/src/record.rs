//! One thing that a tool tells: an object for programs, a row of a table for people.

use schemars::JsonSchema;
use serde::Serialize;

/// The version of the schema of all JSON that the tools print. It grows when a field goes or changes its meaning; a
/// new field, or a new kind, does not change it.
pub const SCHEMA_VERSION: u32 = 1;

/// How a cell looks on a terminal with colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As everything.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
    /// Of less interest.
    Faint,
    /// The head of a table.
    Head,
}

impl Tone {
    /// Every tone.
    pub(crate) const ALL: [Self; 6] =
        [Self::Plain, Self::Good, Self::Warning, Self::Bad, Self::Faint, Self::Head];
}

/// A cell, its text and how it looks.
pub type Cell = (String, Tone);

/// A plain cell.
pub fn cell(text: impl ToString) -> Cell {
    (text.to_string(), Tone::Plain)
}

/// A cell with a tone.
pub fn toned(text: impl ToString, tone: Tone) -> Cell {
    (text.to_string(), tone)
}

/// What a value of an enum is called in JSON, for people: `other_boot` is "other boot".
pub fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}

/// One kind of thing that a tool tells.
pub trait Record: Serialize + JsonSchema {
    /// What it is called in JSON: the field `kind`.
    const KIND: &'static str;
    /// The heads of the table's columns. Those that begin with `#` hold numbers, which stand at the right.
    const HEADS: &'static [&'static str];
    /// Heads of columns that a narrow terminal does without, the first one first.
    const SPARED: &'static [&'static str] = &[];

    /// The cells of its row, one for each head; sizes as exact numbers if `exact`.
    fn cells(&self, exact: bool) -> Vec<Cell>;
}

/// A line of JSON: a record, with the version of its schema and its kind.
#[derive(Debug, JsonSchema, Serialize)]
pub struct Line<R> {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the line is about.
    pub kind: String,
    /// Its fields.
    #[serde(flatten)]
    pub record: R,
}

impl<'a, R: Record> Line<&'a R> {
    pub(crate) fn new(record: &'a R) -> Self {
        Self { schema_version: SCHEMA_VERSION, kind: R::KIND.to_owned(), record }
    }
}
