//! The guide: the pages of the folder `docs`, as they stand in the repository.
//!
//! This module is there in the documentation only.

// The programs in the pages are compiled and run with the doc tests. A fence without a language counts as a program
// here, and so does text that is indented by four spaces.
macro_rules! pages {
    ($($name:ident: $path:literal,)*) => { $(
        #[doc = include_str!(concat!("../", $path))]
        pub mod $name {}
    )* };
}

pages! {
    architecture: "docs/architecture.md",
    caveats: "docs/caveats.md",
    changelog: "docs/changelog.md",
    dependencies: "docs/decisions/0001-dependencies.md",
    format: "docs/format.md",
    performance: "docs/performance.md",
    platforms: "docs/platforms.md",
    policy: "docs/policy.md",
    protocol: "docs/protocol.md",
    reliability: "docs/reliability.md",
    security: "docs/security.md",
}

#[cfg(doctest)]
pages! {
    readme: "README.md",
}
