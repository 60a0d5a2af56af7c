//! For the tests of the project's crates: each private enum of failures, all of it, and what its messages must have.
//!
//! `every_kind!` lists examples of every variant; one that is forgotten does not compile.
//! [`check_messages`] reads the messages.

use crate::error::{Error, ErrorKind, Report};
use std::collections::HashSet;

/// Declares `every_kind()`, for tests: an error of each example, with at least one example for every variant.
#[doc(hidden)]
#[macro_export]
macro_rules! every_kind {
    ($kind:ident { $($variant:ident: $($example:expr),+;)+ }) => {
        #[cfg(test)]
        pub(crate) fn every_kind() -> Vec<$crate::Error> {
            // No wildcard: a variant that is not listed does not compile.
            fn name(kind: &$kind) -> &'static str {
                match kind {
                    $($kind::$variant { .. } => stringify!($variant),)+
                }
            }
            let mut errors = Vec::new();
            $($(
                let kind: $kind = $example;
                assert_eq!(name(&kind), stringify!($variant), "an example of another variant");
                errors.push($crate::Error::from(kind));
            )+)+
            errors
        }
    };
}

/// Checks that each message is one line that says what failed, what was expected, what was found and what to do, and
/// that the kinds that occur are these.
///
/// # Panics
/// If one of it does not hold.
pub fn check_messages(errors: Vec<Error>, kinds: &[ErrorKind]) {
    let mut found = HashSet::new();
    for error in errors {
        found.insert(error.kind());
        let Report { what, expected, found, remedy } = error.report();
        let message = error.to_string();
        for part in [what, expected, found, remedy] {
            assert!(!part.trim().is_empty(), "a part is missing: {error:?}");
            assert!(message.contains(part.as_str()), "{part:?} is not in the message: {error:?}");
        }
        assert!(!message.contains('\n') && !message.contains("  "), "not one plain line: {message:?}");
        assert!(!message.contains("TODO"), "{message:?}");
        let placed = error.at("somewhere").to_string();
        assert!(placed.contains("(at somewhere)"), "{placed:?}");
    }
    let expected: HashSet<_> = kinds.iter().copied().collect();
    assert_eq!(found, expected, "the kinds of errors that this crate has");
}
