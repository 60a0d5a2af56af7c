//! The pages of the repository, so that the programs in them are compiled and run with the doc tests.
//!
//! A fence without a language counts as a program here, and so does text that is indented by four spaces.

macro_rules! pages {
    ($($name:ident: $path:literal,)*) => { $(
        #[doc = include_str!(concat!("../../../", $path))]
        mod $name {}
    )* };
}

pages! {
    readme: "README.md",
    contributing: "CONTRIBUTING.md",
    architecture: "docs/architecture.md",
    format: "docs/format.md",
    protocol: "docs/protocol.md",
    security: "docs/security.md",
    platforms: "docs/platforms.md",
    caveats: "docs/caveats.md",
    reliability: "docs/reliability.md",
    changelog: "docs/changelog.md",
    decisions: "docs/decisions/README.md",
    dependencies: "docs/decisions/0001-dependencies.md",
}
