//! What one Rust file holds, read as tokens, so that comments and strings are not mistaken for code.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// What the source rules ask of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Lines that carry a token; comments, documentation, blank lines and `cfg(test)` items apart.
    pub code_lines: usize,
    /// Lines with the keyword `unsafe`, in tests too.
    pub unsafe_lines: BTreeSet<usize>,
}

/// Reads the text of a Rust file.
pub fn read(text: &str) -> Result<Facts> {
    let tokens = text.parse::<TokenStream>().map_err(|error| {
        let at = error.span().start();
        anyhow!("not Rust: {error} at line {}, column {}", at.line, at.column)
    })?;
    let mut gathered = Gathered::default();
    gathered.walk(tokens, Part::Code);
    Ok(Facts { code_lines: gathered.lines.len(), unsafe_lines: gathered.unsafe_lines })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Code,
    Test,
}

#[derive(Default)]
struct Gathered {
    lines: BTreeSet<usize>,
    unsafe_lines: BTreeSet<usize>,
}

impl Gathered {
    fn walk(&mut self, tokens: TokenStream, outer: Part) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        let mut around = outer;
        let mut part = outer;
        while let [token, behind @ ..] = rest {
            if let Some(attribute) = Attribute::at(rest) {
                let inner = attribute.length == 3;
                if is_test_only(&attribute.content) {
                    part = Part::Test;
                    around = if inner { Part::Test } else { around };
                }
                if !attribute.is_documentation() {
                    rest[..attribute.length].iter().for_each(|token| self.token(token, part));
                }
                rest = &rest[attribute.length..];
                continue;
            }
            self.token(token, part);
            if ends_item(token) {
                part = around;
            }
            rest = behind;
        }
    }

    fn token(&mut self, token: &TokenTree, part: Part) {
        match token {
            TokenTree::Group(group) => {
                self.span(group.span_open(), part);
                self.walk(group.stream(), part);
                self.span(group.span_close(), part);
            }
            token => {
                self.span(token.span(), part);
                if matches!(token, TokenTree::Ident(word) if word == "unsafe") {
                    self.unsafe_lines.insert(token.span().start().line);
                }
            }
        }
    }

    fn span(&mut self, span: Span, part: Part) {
        if part == Part::Code {
            self.lines.extend(span.start().line..=span.end().line);
        }
    }
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(mark) => mark.as_char() == ';',
        _ => false,
    }
}

/// `#[...]` (two tokens) or `#![...]` (three). Documentation comments read as `doc` attributes.
struct Attribute {
    length: usize,
    content: Vec<TokenTree>,
}

impl Attribute {
    fn at(tokens: &[TokenTree]) -> Option<Self> {
        let is = |token: &TokenTree, mark: char| matches!(token, TokenTree::Punct(p) if p.as_char() == mark);
        let (length, group) = match tokens {
            [hash, TokenTree::Group(group), ..] if is(hash, '#') => (2, group),
            [hash, bang, TokenTree::Group(group), ..] if is(hash, '#') && is(bang, '!') => (3, group),
            _ => return None,
        };
        let content = group.stream().into_iter().collect();
        (group.delimiter() == Delimiter::Bracket).then_some(Self { length, content })
    }

    fn is_documentation(&self) -> bool {
        matches!(self.content.first(), Some(TokenTree::Ident(word)) if word == "doc")
    }
}

/// Whether an attribute is `cfg` with `test` among its conditions, other than in a `not`.
fn is_test_only(attribute: &[TokenTree]) -> bool {
    match attribute {
        [TokenTree::Ident(word), TokenTree::Group(conditions)] if word == "cfg" => {
            names_test(conditions.stream())
        }
        _ => false,
    }
}

fn names_test(conditions: TokenStream) -> bool {
    let mut negated = false;
    conditions.into_iter().any(|token| match token {
        TokenTree::Ident(word) => {
            negated = word == "not";
            word == "test"
        }
        TokenTree::Group(group) => !negated && names_test(group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> (usize, Vec<usize>) {
        let facts = read(text).unwrap();
        (facts.code_lines, facts.unsafe_lines.into_iter().collect())
    }

    #[test]
    fn comments_documentation_and_blank_lines_are_not_code() {
        let text = "//! page\n\n/// item\n// reason\nfn a() {\n    /* two\n    lines */ b();\n}\n";
        assert_eq!(facts(text), (3, vec![]));
    }

    #[test]
    fn test_items_are_not_code() {
        assert_eq!(facts("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n"), (2, vec![]));
        assert_eq!(facts("#[cfg(all(test, not(loom)))]\nuse x::y;\nfn c() {}\n"), (1, vec![]));
        assert_eq!(facts("#![cfg(test)]\nfn a() {}\nfn b() {}\n"), (0, vec![]));
    }

    #[test]
    fn items_absent_from_tests_are_code() {
        assert_eq!(facts("#[cfg(not(test))]\nfn a() {}\n"), (2, vec![]));
    }

    #[test]
    fn lines_of_a_long_string_are_code() {
        assert_eq!(facts("const A: &str = \"one\ntwo\nthree\";\n"), (3, vec![]));
    }

    #[test]
    fn unsafe_is_found_in_code_tests_macros_and_attributes() {
        let text = "fn a() {\n    unsafe { b() }\n}\n#[cfg(test)]\nmod tests {\n    unsafe fn c() {}\n}\n\
                    macro_rules! d { () => { unsafe { e() } } }\n#[unsafe(no_mangle)]\nfn f() {}\n";
        assert_eq!(facts(text).1, [2, 6, 8, 9]);
    }

    #[test]
    fn unsafe_in_words_comments_and_strings_is_not_found() {
        let text = "#![forbid(unsafe_code)]\n/// unsafe\n// unsafe\nconst A: &str = \"unsafe {\";\n\
                    const B: &str = r#\"unsafe \"{\"#;\nconst C: (char, &str) = ('\"', \"unsafe\");\n";
        assert_eq!(facts(text).1, Vec::<usize>::new());
    }

    #[test]
    fn text_that_is_not_rust_is_an_error() {
        assert!(read("fn a() {").is_err());
    }
}
