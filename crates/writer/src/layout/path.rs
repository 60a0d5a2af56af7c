//! The way from the schema to a field, for messages.

use std::fmt;

/// A field's names from the outside in, held on the stack so that nothing is allocated unless it is printed.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
}

impl<'a> Path<'a> {
    pub(crate) fn column(name: &'a str) -> Self {
        Self { parent: None, name }
    }

    pub(crate) fn child(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), name }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        f.write_str(self.name)
    }
}
