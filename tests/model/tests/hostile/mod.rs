//! Good segments, damaged in every place and with checksums that fit again: whoever opens one gets an error or valid
//! data, and never a panic, a hang, an access outside the mapping (the process would die), or pages in its holes.

mod image;
mod mutation;
mod visit;

use image::Image;
use mutation::{Random, mutate};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use shmframe::ErrorKind;
use shmframe_model::{Scratch, cases};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Pages that a look may give to the holes of a damaged file, bytes: a few for each reference that leads astray.
const FEW_PAGES: u64 = 256 << 10;
/// Memory that this process may take, bytes; it dies if it asks for more.
const MEMORY: u64 = 8 << 30;
/// How long one case may take before it counts as a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ends the process if one case takes for ever.
fn watch(case: &'static AtomicU64) {
    std::thread::spawn(move || {
        loop {
            let before = case.load(Ordering::Relaxed);
            std::thread::sleep(PATIENCE);
            if before != u64::MAX && case.load(Ordering::Relaxed) == before {
                eprintln!("case {before} hangs: SHMFRAME_CASE={before} repeats it alone");
                std::process::abort();
            }
        }
    });
}

fn limit_memory() {
    let (_, hard) = getrlimit(Resource::RLIMIT_DATA).unwrap();
    setrlimit(Resource::RLIMIT_DATA, MEMORY.min(hard), hard).unwrap();
}

/// Bytes that a file has pages for.
fn pages_of(file: &std::fs::File) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512
}

#[test]
fn damaged_segments_give_errors_or_valid_data() {
    static CASE: AtomicU64 = AtomicU64::new(0);
    limit_memory();
    watch(&CASE);
    let image = Image::build();
    let alone = std::env::var("SHMFRAME_CASE").ok().map(|case| case.parse::<u64>().unwrap());
    let all = alone.map_or(0..u64::from(cases(1500, 60_000)), |case| case..case + 1);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    for case in all {
        CASE.store(case, Ordering::Relaxed);
        let mut random = Random::new(case);
        let mut damaged = image.clone();
        let what = mutate(&mut damaged, &mut random);
        let scratch = Scratch::new();
        // A writer that finds the segment removed takes it away: the file is looked at, not its name.
        let data = damaged.write(&scratch).open("data");
        for (name, visit) in visit::VISITS {
            let before = pages_of(&data);
            let outcome = std::panic::catch_unwind(|| visit(&scratch));
            let outcome = outcome.unwrap_or_else(|_| panic!("case {case}: {what}: {name} panics"));
            let grown = pages_of(&data).saturating_sub(before);
            assert!(grown <= FEW_PAGES, "case {case}: {what}: {name} gave pages for {grown} bytes");
            let kind =
                outcome.err().map_or_else(|| "valid".to_owned(), |error| format!("{:?}", error.kind()));
            *outcomes.entry(format!("{name}: {kind}")).or_default() += 1;
        }
    }
    CASE.store(u64::MAX, Ordering::Relaxed);
    println!("{outcomes:#?}");
    if alone.is_none() {
        // The search must get past the first check, and be stopped by the later ones.
        for (name, _) in visit::VISITS {
            for kind in ["valid".to_owned(), format!("{:?}", ErrorKind::Corrupt)] {
                let met = outcomes.get(&format!("{name}: {kind}"));
                assert!(met.is_some_and(|met| *met > 20), "{name} hardly ever met {kind}: {outcomes:?}");
            }
        }
    }
}

#[test]
fn undamaged_image_is_valid_for_all_who_visit() {
    let scratch = Scratch::new();
    Image::build().write(&scratch);
    for (name, visit) in visit::VISITS {
        visit(&scratch).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}
