//! The one command of the project.
fn main() {}
