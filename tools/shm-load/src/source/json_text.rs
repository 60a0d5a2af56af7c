//! What stands in lines of JSON, as it is written: keys that stand twice, and numbers with all of their digits.
//!
//! Arrow takes the last one of two keys, and serde_json makes floats of long numbers, both without a word.

use super::exact;
use arrow::datatypes::{DataType, Field, Fields};
use core::fmt;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// Keys of an object that are few.
const FEW: usize = 16;

/// The entries of an object, in their order.
pub struct Entries<'a>(pub Vec<(Cow<'a, str>, &'a str)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    entries.push((unquoted(key.get()), value.get()));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

impl Entries<'_> {
    /// A key that stands twice.
    pub fn twice(&self) -> Option<&str> {
        let Self(entries) = self;
        // Few are compared with each other; of more, the sorted ones with their neighbours.
        if entries.len() <= FEW {
            let twice = |at: &usize| entries[..*at].iter().any(|(key, _)| *key == entries[*at].0);
            return (0..entries.len()).find(twice).map(|at| entries[at].0.as_ref());
        }
        let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_ref()).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

/// A string without its quotes.
fn unquoted(text: &str) -> Cow<'_, str> {
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        _ => serde_json::from_str(text).map_or(Cow::Borrowed(text), Cow::Owned),
    }
}

/// What is wrong with an object, whose values become those of columns of these types.
pub fn flaw(object: &str, fields: &Fields) -> Option<String> {
    // What is no object is told by whoever reads it.
    let entries: Entries<'_> = serde_json::from_str(object).ok()?;
    if let Some(key) = entries.twice() {
        return Some(format!(
            "{key:?} is a key that stands twice in an object: leave one of the two out, or give it another name"
        ));
    }
    let Entries(entries) = entries;
    entries.iter().enumerate().find_map(|(at, (key, value))| {
        // Keys stand in the order of columns most of the time.
        let here = fields.get(at).filter(|field| field.name() == key);
        let field = here.or_else(|| fields.iter().find(|field| field.name() == key))?;
        flaw_of_value(field, value)
    })
}

fn flaw_of_value(field: &Field, value: &str) -> Option<String> {
    match (field.data_type(), value.as_bytes().first()?) {
        (DataType::Struct(fields), b'{') => flaw(value, fields),
        (DataType::Map(entries, _), b'{') => {
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let (values, Entries(entries)) = (fields.get(1)?, serde_json::from_str(value).ok()?);
            entries.iter().find_map(|(_, value)| flaw_of_value(values, value))
        }
        (DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _), b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            values.iter().find_map(|value| flaw_of_value(item, value.get()))
        }
        (data_type, b'"') => exact::cut(field.name(), &unquoted(value), data_type),
        (data_type, b'-' | b'0'..=b'9') => exact::cut(field.name(), value, data_type),
        _ => None,
    }
}

/// What the numbers of each column are, by its path from the top.
#[derive(Default)]
pub struct Numbers(HashMap<String, Whole>);

/// What numbers are.
struct Whole {
    all: bool,
    fit_signed: bool,
    fit_unsigned: bool,
}

impl Numbers {
    /// The path of a column's items, or of one of its fields. A zero is in no key that is written as it is.
    pub fn path(column: &str, inner: &str) -> String {
        format!("{column}\0{inner}")
    }

    /// Takes note of the numbers of a value.
    pub fn note(&mut self, path: &str, value: &str) {
        match value.as_bytes().first() {
            Some(b'{') => {
                let entries =
                    serde_json::from_str(value).map_or_else(|_| Vec::new(), |Entries(entries)| entries);
                for (key, value) in entries {
                    self.note(&Self::path(path, &key), value);
                }
            }
            Some(b'[') => {
                for value in serde_json::from_str::<Vec<&RawValue>>(value).unwrap_or_default() {
                    self.note(&Self::path(path, ""), value.get());
                }
            }
            Some(b'-' | b'0'..=b'9') => self.add(path, value),
            _ => {}
        }
    }

    fn add(&mut self, path: &str, number: &str) {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), Whole { all: true, fit_signed: true, fit_unsigned: true });
        }
        if let Some(whole) = self.0.get_mut(path) {
            whole.all &= !number.contains(['.', 'e', 'E']);
            whole.fit_signed &= number.parse::<i64>().is_ok();
            whole.fit_unsigned &= number.parse::<u64>().is_ok();
        }
    }

    /// The type for a column of floats: another one if all of its numbers are whole, since a float would round long ones.
    pub fn settled(&self, path: &str) -> DataType {
        match self.0.get(path) {
            Some(Whole { all: true, fit_signed: true, .. }) => DataType::Int64,
            Some(Whole { all: true, fit_unsigned: true, .. }) => DataType::UInt64,
            Some(Whole { all: true, .. }) => DataType::Utf8,
            _ => DataType::Float64,
        }
    }
}
