//! `--schema`: types of columns, by easy names or Arrow's own.

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use core::str::FromStr;
use shmframe_cli::Failure;
use std::sync::Arc;

/// The unit of timestamps where none is given: fits all that people write, and the years 1 to 9999.
pub const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The most levels of a type.
const DEEPEST: usize = 60;

/// Types of columns, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnTypes(Vec<Field>);

impl ColumnTypes {
    /// Gives columns their types, those of `schema` that are named here; adds those that it does not have, if `others` says so.
    ///
    /// # Errors
    /// If a column is named that `schema` does not have, unless it is added.
    pub fn apply(&self, schema: &Schema, others: Others) -> Result<SchemaRef, Failure> {
        let mut fields: Vec<Field> = schema.fields().iter().map(|field| self.typed(field)).collect();
        for given in &self.0 {
            if fields.iter().all(|field| field.name() != given.name()) {
                match others {
                    Others::AreAdded => fields.push(given.clone()),
                    Others::AreErrors => return Err(unknown(given.name(), schema.fields())),
                }
            }
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
    }

    fn typed(&self, field: &Field) -> Field {
        match self.find(field.name()) {
            None => field.clone(),
            Some(given) => given.clone().with_metadata(field.metadata().clone()),
        }
    }

    fn find(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name() == name)
    }
}

/// What is known of columns before rows are read: the types that `--schema` gives, and for all others the fields of the frame
/// that rows are added to.
#[derive(Debug)]
pub struct KnownTypes {
    given: ColumnTypes,
    frame: Fields,
}

impl KnownTypes {
    /// Those that are given, and those of a frame that is there.
    pub fn new(given: ColumnTypes, frame: Option<SchemaRef>) -> Self {
        let frame = frame.map_or_else(Fields::empty, |schema| schema.fields().clone());
        Self { given, frame }
    }

    /// Whether the type of a column is the one that the frame has.
    pub fn is_of_frame(&self, name: &str) -> bool {
        self.given.find(name).is_none() && self.frame.find(name).is_some()
    }

    /// Whether all of these columns have a type here.
    pub fn cover(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.given.find(name).is_some() || self.frame.find(name).is_some())
    }

    /// All columns that are known.
    pub fn schema(&self) -> Result<SchemaRef, Failure> {
        self.given.apply(&Schema::new(self.frame.clone()), Others::AreAdded)
    }

    /// [`ColumnTypes::apply`] of those that are given; other columns that the frame has are as they are there.
    pub fn apply(&self, schema: &Schema, others: Others) -> Result<SchemaRef, Failure> {
        let fields = schema.fields().iter().map(|field| match self.frame.find(field.name()) {
            Some((_, known)) => Arc::clone(known),
            None => Arc::clone(field),
        });
        self.given.apply(&Schema::new(fields.collect::<Fields>()), others)
    }
}

/// What columns are that only `--schema` has.
#[derive(Clone, Copy, Debug)]
pub enum Others {
    /// Columns that may come.
    AreAdded,
    /// Slips.
    AreErrors,
}

fn unknown(name: &str, fields: &Fields) -> Failure {
    let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
    Failure::usage(format!("--schema names a column {name:?}, and there are these: {}", names.join(", ")))
}

impl FromStr for ColumnTypes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let columns = split(text, ',').into_iter().filter(|column| !column.trim().is_empty());
        let fields = columns.map(column).collect::<Result<Vec<_>, _>>()?;
        match fields
            .iter()
            .enumerate()
            .find(|(at, field)| fields[..*at].iter().any(|one| one.name() == field.name()))
        {
            Some((_, twice)) => Err(format!("column {:?} is named twice", twice.name())),
            None => Ok(Self(fields)),
        }
    }
}

/// `NAME:TYPE`.
fn column(text: &str) -> Result<Field, String> {
    let parts = split(text, ':');
    let (Some(name), true) = (parts.first(), parts.len() > 1) else {
        return Err(format!("{text:?} is no column with its type: NAME:TYPE, as price:float64"));
    };
    let rest = text[name.len() + 1..].trim();
    let (nullable, type_name) = match rest.strip_prefix("non-null ") {
        Some(type_name) => (false, type_name.trim()),
        None => (true, rest),
    };
    let name = name.trim();
    let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    Ok(Field::new(unquoted, data_type(type_name)?, nullable))
}

/// A type, by an easy name or Arrow's own.
fn data_type(text: &str) -> Result<DataType, String> {
    // Arrow's parser calls itself for each level, and no frame can hold more of them.
    if depth(text) > DEEPEST {
        return Err(format!("a type is nested more than {DEEPEST} deep, which no frame holds"));
    }
    let easy = match text.to_ascii_lowercase().as_str() {
        "bool" | "boolean" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" | "int" | "integer" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" => DataType::Float32,
        "float64" | "float" | "double" => DataType::Float64,
        "string" | "utf8" | "text" => DataType::Utf8,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp" => TIMESTAMP,
        "time" => DataType::Time64(TimeUnit::Microsecond),
        _ => return text.parse().map_err(|_| wrong_type(text)),
    };
    Ok(easy)
}

fn wrong_type(text: &str) -> String {
    format!(
        "{text:?} is no type: give an easy name (bool, int64, float64, string, date, timestamp, ...), or one as Arrow writes it \
         (Int32, Timestamp(ns, \"UTC\"), Decimal128(10, 2), ...)"
    )
}

/// How many parentheses are open at once, at the most.
fn depth(text: &str) -> usize {
    let levels = text.chars().scan(0_usize, |depth, character| {
        match character {
            '(' => *depth += 1,
            ')' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    levels.max().unwrap_or_default()
}

/// Splits at characters that stand neither in parentheses nor in quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0_usize, false);
    for (position, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if character == at && depth == 0 && !quoted => {
                parts.push(&text[start..position]);
                start = position + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, DataType, bool)> {
        let types: ColumnTypes = text.parse().unwrap();
        types
            .0
            .iter()
            .map(|field| (field.name().clone(), field.data_type().clone(), field.is_nullable()))
            .collect()
    }

    #[test]
    fn columns_have_easy_types_or_arrows_own() {
        let expected = |name: &str, data_type, nullable| (name.to_owned(), data_type, nullable);
        assert_eq!(
            parsed("price:float64, symbol:utf8,n:non-null Int32,\"a:b,c\":date"),
            [
                expected("price", DataType::Float64, true),
                expected("symbol", DataType::Utf8, true),
                expected("n", DataType::Int32, false),
                expected("a:b,c", DataType::Date32, true),
            ]
        );
        let zoned = DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Berlin".into()));
        let money = DataType::Decimal128(10, 2);
        assert_eq!(
            parsed("at:Timestamp(ns, \"Europe/Berlin\"),cost:Decimal128(10, 2),when:timestamp"),
            [expected("at", zoned, true), expected("cost", money, true), expected("when", TIMESTAMP, true)]
        );
    }

    #[test]
    fn every_type_that_arrow_prints_is_understood() {
        let list = DataType::new_list(DataType::Int64, true);
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        for data_type in [list, dictionary, TIMESTAMP, DataType::Decimal256(40, -2), DataType::Date64] {
            assert_eq!(parsed(&format!("a:{data_type}")), [("a".to_owned(), data_type, true)]);
        }
    }

    #[test]
    fn slips_are_told() {
        for (text, reason) in [
            ("price", "NAME:TYPE"),
            ("price:flaot64", "is no type"),
            ("a:int64,a:int32", "named twice"),
            ("a:List(", "is no type"),
            (&format!("a:{}Int64{}", "List(".repeat(10_000), ")".repeat(10_000)), "more than 60 deep"),
            (&format!("a:{}", "List(".repeat(100_000)), "more than 60 deep"),
        ] {
            let error = text.parse::<ColumnTypes>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let types: ColumnTypes = "b:int64".parse().unwrap();
        let schema = Schema::new(vec![Field::new("a", DataType::Utf8, true)]);
        assert!(types.apply(&schema, Others::AreErrors).unwrap_err().to_string().contains("\"b\""));
        assert_eq!(types.apply(&schema, Others::AreAdded).unwrap().fields().len(), 2);
    }
}
