//! What two schemas differ in.

use arrow::datatypes::{Field, Schema};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The column is in the second frame only.
    Added,
    /// The column is in the first frame only.
    Removed,
    /// It stands at another place.
    Moved,
    /// It has another type.
    Type,
    /// Nulls may stand in one of them only.
    Nulls,
    /// It has other metadata; without a column: the schema has.
    Metadata,
}

/// A difference between two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDifference {
    /// The column; none: the schema itself.
    pub column: Option<String>,
    /// What differs.
    pub change: Change,
    /// What the first frame has.
    pub before: Option<String>,
    /// What the second frame has.
    pub after: Option<String>,
}

impl ColumnDifference {
    /// All differences, column by column.
    pub fn all(before: &Schema, after: &Schema) -> Vec<Self> {
        let mut all = Vec::new();
        for (place, field) in before.fields().iter().enumerate() {
            match after.column_with_name(field.name()) {
                Some((now, other)) => add_changes(&mut all, (place, field), (now, other)),
                None => {
                    all.push(Self::new(field, Change::Removed, Some(field.data_type().to_string()), None));
                }
            }
        }
        for field in after.fields().iter().filter(|field| before.column_with_name(field.name()).is_none()) {
            all.push(Self::new(field, Change::Added, None, Some(field.data_type().to_string())));
        }
        if before.metadata() != after.metadata() {
            let told = |schema: &Schema| Some(told(schema.metadata()));
            all.push(Self {
                column: None,
                change: Change::Metadata,
                before: told(before),
                after: told(after),
            });
        }
        all
    }

    fn new(field: &Field, change: Change, before: Option<String>, after: Option<String>) -> Self {
        Self { column: Some(field.name().clone()), change, before, after }
    }
}

fn add_changes(all: &mut Vec<ColumnDifference>, before: (usize, &Field), after: (usize, &Field)) {
    let ((place, old), (now, new)) = (before, after);
    let nulls = |field: &Field| if field.is_nullable() { "nulls" } else { "no nulls" }.to_owned();
    let changes = [
        (Change::Moved, place.to_string(), now.to_string()),
        (Change::Type, old.data_type().to_string(), new.data_type().to_string()),
        (Change::Nulls, nulls(old), nulls(new)),
        (Change::Metadata, told(old.metadata()), told(new.metadata())),
    ];
    for (change, before, after) in changes.into_iter().filter(|(_, before, after)| before != after) {
        all.push(ColumnDifference::new(old, change, Some(before), Some(after)));
    }
}

/// Metadata in the order of its keys.
fn told<'a>(metadata: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let sorted: BTreeMap<_, _> = metadata.into_iter().collect();
    sorted.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

/// The columns that both frames have, of the same type: those whose values can be compared.
pub fn shared(before: &Schema, after: &Schema) -> Vec<String> {
    let is_shared = |field: &&std::sync::Arc<Field>| {
        after.column_with_name(field.name()).is_some_and(|(_, other)| other.data_type() == field.data_type())
    };
    before.fields().iter().filter(is_shared).map(|field| field.name().clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    #[test]
    fn schemas_differ_column_by_column() {
        let field = |name: &str, data_type, nulls| Field::new(name, data_type, nulls);
        let before = Schema::new(vec![
            field("a", DataType::Int32, true),
            field("b", DataType::Utf8, true),
            field("c", DataType::Utf8, true),
        ]);
        let after = Schema::new(vec![
            field("a", DataType::Int64, true),
            field("c", DataType::Utf8, false),
            field("d", DataType::Date32, true),
        ]);
        let changes: Vec<_> = ColumnDifference::all(&before, &after)
            .into_iter()
            .map(|found| (found.column.unwrap_or_default(), found.change))
            .collect();
        let expected = [
            ("a", Change::Type),
            ("b", Change::Removed),
            ("c", Change::Moved),
            ("c", Change::Nulls),
            ("d", Change::Added),
        ];
        assert_eq!(changes, expected.map(|(name, change)| (name.to_owned(), change)));
        assert!(ColumnDifference::all(&before, &before).is_empty());
        assert_eq!(shared(&before, &after), ["c"]);
    }

    #[test]
    fn metadata_of_schema_and_columns_counts() {
        let plain = Schema::new(vec![Field::new("a", DataType::Int32, true)]);
        let unit = [("unit".to_owned(), "s".to_owned())];
        let with =
            Schema::new(vec![Field::new("a", DataType::Int32, true).with_metadata(unit.clone().into())]);
        let [found] = <[_; 1]>::try_from(ColumnDifference::all(&plain, &with)).unwrap();
        assert_eq!((found.change, found.after.as_deref()), (Change::Metadata, Some("unit=s")));
        let with = plain.clone().with_metadata(unit.into());
        let [found] = <[_; 1]>::try_from(ColumnDifference::all(&plain, &with)).unwrap();
        assert_eq!((found.column, found.change), (None, Change::Metadata));
    }
}
