//! Conditions on rows: comparisons of a column with a literal, joined by `and`.

use super::text;
use anyhow::Result;
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, Scalar, StringArray};
use arrow::compute::kernels::cmp;
use arrow::compute::{CastOptions, and, cast, cast_with_options, is_not_null, is_null};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use core::str::FromStr;
use shmframe_cli::{Exit, Failure};

/// Comparisons that all have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    comparisons: Vec<Comparison>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Comparison {
    column: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Compared(Operator, Literal),
    IsNull,
    IsNotNull,
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Literal {
    text: String,
    /// Whether it stands between quotes: else it may be meant as a column.
    is_quoted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The longer ones first.
    const ALL: [(&'static str, Self); 8] = [
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<>", Self::NotEqual),
        ("!=", Self::NotEqual),
        ("==", Self::Equal),
        ("=", Self::Equal),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    fn compare(self, column: &ArrayRef, literal: &Scalar<ArrayRef>) -> Result<BooleanArray, ArrowError> {
        match self {
            Self::Equal => cmp::eq(column, literal),
            Self::NotEqual => cmp::neq(column, literal),
            Self::Less => cmp::lt(column, literal),
            Self::LessOrEqual => cmp::lt_eq(column, literal),
            Self::Greater => cmp::gt(column, literal),
            Self::GreaterOrEqual => cmp::gt_eq(column, literal),
        }
    }
}

impl Condition {
    /// The columns that it names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.comparisons.iter().map(|comparison| comparison.column.as_str())
    }

    /// Fails if a value without quotes has the name of a column: columns are not compared with each other.
    ///
    /// # Errors
    /// [`Exit::Usage`].
    pub fn check_values(&self, schema: &Schema) -> Result<()> {
        let literals = self.comparisons.iter().filter_map(|comparison| match &comparison.test {
            Test::Compared(_, literal) if !literal.is_quoted => Some(&literal.text),
            _ => None,
        });
        match literals.into_iter().find(|text| schema.column_with_name(text).is_some()) {
            None => Ok(()),
            Some(text) => Err(Failure::usage(format!(
                "--where: {text:?} is a column, and columns are compared with values; if the text is meant, write '{text}'"
            ))
            .into()),
        }
    }

    /// The condition for rows of a schema.
    ///
    /// # Errors
    /// [`Exit::NotFound`] if a column is missing, [`Exit::Usage`] if a literal is no value of its column.
    pub fn bind(&self, schema: &Schema) -> Result<BoundCondition> {
        let bound = self.comparisons.iter().map(|comparison| comparison.bind(schema));
        Ok(BoundCondition { comparisons: bound.collect::<Result<_>>()? })
    }
}

impl Comparison {
    fn bind(&self, schema: &Schema) -> Result<BoundComparison> {
        let name = &self.column;
        let Some((column, field)) = schema.column_with_name(name) else {
            let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let text = format!("no column {name:?} for --where; there are: {}", names.join(", "));
            return Err(Failure::new(Exit::NotFound, text).into());
        };
        let test = match &self.test {
            Test::IsNull => BoundTest::IsNull,
            Test::IsNotNull => BoundTest::IsNotNull,
            Test::Compared(operator, literal) => {
                let literal = &literal.text;
                let (data_type, literal) = value_of(literal, field.data_type()).map_err(|cause| {
                    let data_type = field.data_type();
                    Failure::usage(format!(
                        "--where: {literal:?} is no value to compare column {name:?} of type {data_type} with: {cause}"
                    ))
                })?;
                BoundTest::Compared(*operator, data_type, literal)
            }
        };
        Ok(BoundComparison { column, test })
    }
}

/// A literal as a value of a column's type, and the type in which both are compared.
fn value_of(literal: &str, column: &DataType) -> Result<(DataType, Scalar<ArrayRef>), ArrowError> {
    let data_type = match text::value_type(column) {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("+00:00".into())),
        other if other.is_nested() => {
            return Err(ArrowError::InvalidArgumentError("nested values are not compared".to_owned()));
        }
        other => other.clone(),
    };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let value = cast_with_options(&StringArray::from(vec![literal]), &data_type, &options)?;
    if value.is_null(0) {
        return Err(ArrowError::InvalidArgumentError("for nulls write: is null, is not null".to_owned()));
    }
    // Some types can be read but not compared: that is found out now.
    cmp::lt(&value, &Scalar::new(value.clone()))?;
    Ok((data_type, Scalar::new(value)))
}

/// A [`Condition`] on the rows of one schema.
#[derive(Clone, Debug)]
pub struct BoundCondition {
    comparisons: Vec<BoundComparison>,
}

#[derive(Clone, Debug)]
struct BoundComparison {
    column: usize,
    test: BoundTest,
}

#[derive(Clone, Debug)]
enum BoundTest {
    Compared(Operator, DataType, Scalar<ArrayRef>),
    IsNull,
    IsNotNull,
}

impl BoundCondition {
    /// For which rows it holds; neither true nor false where a null is compared.
    ///
    /// # Errors
    /// If Arrow cannot compare.
    pub fn holds(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        let mut all: Option<BooleanArray> = None;
        for comparison in &self.comparisons {
            let column = rows.column(comparison.column);
            let holds = match &comparison.test {
                BoundTest::IsNull => is_null(column)?,
                BoundTest::IsNotNull => is_not_null(column)?,
                BoundTest::Compared(operator, data_type, literal) => {
                    let column = text::in_known_zone(column).unwrap_or_else(|| column.clone());
                    operator.compare(&cast(&column, data_type)?, literal)?
                }
            };
            all = Some(match all {
                Some(others) => and(&others, &holds)?,
                None => holds,
            });
        }
        Ok(all.unwrap_or_else(|| BooleanArray::from(vec![true; rows.num_rows()])))
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = Rest(text.trim_start());
        let mut comparisons = vec![rest.comparison()?];
        while !rest.0.is_empty() {
            if !rest.keyword("and") {
                return Err(format!("after a comparison comes `and` or nothing, and not {:?}", rest.0));
            }
            comparisons.push(rest.comparison()?);
        }
        Ok(Self { comparisons })
    }
}

/// What is left of a condition's text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn comparison(&mut self) -> Result<Comparison, String> {
        let column = self.word("a column's name, as in price > 100", &['`'])?;
        let test = if self.keyword("is") {
            match (self.keyword("not"), self.keyword("null")) {
                (true, true) => Test::IsNotNull,
                (false, true) => Test::IsNull,
                _ => return Err(format!("after `is` comes `null` or `not null`, and not {:?}", self.0)),
            }
        } else {
            let known = Operator::ALL.iter().find(|(sign, _)| self.0.starts_with(sign));
            let (sign, operator) = known.ok_or_else(|| {
                format!(
                    "after the column {column:?} comes one of = != < <= > >= or `is`, and not {:?}",
                    self.0
                )
            })?;
            self.skip(sign.len());
            let is_quoted = self.0.starts_with(['\'', '"']);
            let text = self.word("a value, as in price > 100 or symbol = 'A'", &['\'', '"'])?;
            Test::Compared(*operator, Literal { text, is_quoted })
        };
        Ok(Comparison { column, test })
    }

    /// Takes a word, or what stands between two of these quotes; a quote that belongs to it is doubled.
    fn word(&mut self, what: &str, quotes: &[char]) -> Result<String, String> {
        let Some(quote) = self.0.chars().next().filter(|first| quotes.contains(first)) else {
            let end = self.0.find(|each: char| each.is_whitespace() || "=<>!".contains(each));
            let word = &self.0[..end.unwrap_or(self.0.len())];
            if word.is_empty() {
                return Err(format!("there should be {what}, and not {:?}", self.0));
            }
            let word = word.to_owned();
            self.skip(word.len());
            return Ok(word);
        };
        let (mut word, mut inner) = (String::new(), self.0[1..].char_indices().peekable());
        while let Some((at, each)) = inner.next() {
            if each != quote {
                word.push(each);
            } else if inner.next_if(|(_, next)| *next == quote).is_some() {
                word.push(quote);
            } else {
                self.skip(at + 2);
                return Ok(word);
            }
        }
        Err(format!("no closing {quote} after {:?}", self.0))
    }

    /// Takes a keyword, in any case, if it comes next.
    fn keyword(&mut self, keyword: &str) -> bool {
        let Some((word, rest)) = self.0.split_at_checked(keyword.len()) else { return false };
        let ends = rest.chars().next().is_none_or(char::is_whitespace);
        let is_next = ends && word.eq_ignore_ascii_case(keyword);
        if is_next {
            self.skip(keyword.len());
        }
        is_next
    }

    fn skip(&mut self, bytes: usize) {
        self.0 = self.0[bytes..].trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Float64Array, TimestampMicrosecondArray};
    use arrow::datatypes::{Field, Int32Type};
    use std::sync::Arc;

    fn trades() -> RecordBatch {
        let symbol: DictionaryArray<Int32Type> =
            vec![Some("A"), Some("B"), None, Some("it's")].into_iter().collect();
        let price = Float64Array::from(vec![Some(1.0), Some(2.5), Some(3.0), None]);
        let time = TimestampMicrosecondArray::from(vec![0, 1, 2, 3_000_000]).with_timezone("Europe/Berlin");
        let columns: [(&str, ArrayRef); 3] =
            [("symbol", Arc::new(symbol)), ("a price", Arc::new(price)), ("time", Arc::new(time))];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
    }

    fn holds(condition: &str) -> Vec<usize> {
        let batch = trades();
        let bound = condition.parse::<Condition>().unwrap().bind(&batch.schema()).unwrap();
        let holds = bound.holds(&batch).unwrap();
        (0..4).filter(|row| holds.is_valid(*row) && holds.value(*row)).collect()
    }

    #[test]
    fn rows_are_those_for_which_every_comparison_holds() {
        for (condition, rows) in [
            ("symbol = A", vec![0]),
            ("symbol=\"B\"", vec![1]),
            ("symbol != 'A'", vec![1, 3]),
            ("symbol = 'it''s'", vec![3]),
            ("`a price` >= 2.5", vec![1, 2]),
            ("`a price`<3 AND symbol is not null", vec![0, 1]),
            ("symbol is null and `a price` is not null", vec![2]),
            ("`a price` IS NULL", vec![3]),
            ("time >= '1970-01-01T00:00:01Z'", vec![3]),
            ("time < 1970-01-01T00:00:01", vec![0, 1, 2]),
        ] {
            assert_eq!(holds(condition), rows, "{condition}");
        }
    }

    #[test]
    fn column_is_not_taken_for_a_text() {
        let check =
            |condition: &str| condition.parse::<Condition>().unwrap().check_values(&trades().schema());
        assert!(check("symbol = 'time'").is_ok());
        let error = check("symbol = time").unwrap_err();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(error.to_string().contains("write 'time'"), "{error}");
    }

    #[test]
    fn conditions_that_are_none_are_refused_with_what_should_stand_there() {
        for (text, reason) in [
            ("", "a column's name"),
            ("price", "comes one of"),
            ("price >", "a value"),
            ("price > 1 or size < 2", "`and` or nothing"),
            ("price is 3", "`null` or `not null`"),
            ("price = 'a", "no closing '"),
            ("price > 1 and", "a column's name"),
        ] {
            let error = text.parse::<Condition>().unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    #[test]
    fn columns_and_values_that_do_not_fit_the_frame_are_refused() {
        let list = Field::new("list", DataType::new_list(DataType::Int32, true), true);
        let schema = Schema::new(vec![Field::new("n", DataType::Int32, true), list]);
        for (text, exit) in [
            ("m = 1", Exit::NotFound),
            ("n = x", Exit::Usage),
            ("n = 1.5", Exit::Usage),
            ("list = 1", Exit::Usage),
        ] {
            let error = text.parse::<Condition>().unwrap().bind(&schema).unwrap_err();
            assert_eq!(Exit::of(&error), exit, "{text}: {error}");
        }
    }
}
