//! A sparse file without its zeros: runs of blocks that have others.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

const BLOCK: usize = 64;

/// What is not zero in a file: offset, length and bytes of each run.
///
/// # Panics
/// If the file cannot be read.
#[must_use]
pub fn to_runs(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("the file's bytes");
    let mut runs: Vec<(usize, Vec<u8>)> = Vec::new();
    for (index, block) in bytes.chunks(BLOCK).enumerate() {
        let offset = index * BLOCK;
        if block.iter().all(|byte| *byte == 0) {
            continue;
        }
        match runs.last_mut().filter(|(start, run)| start + run.len() == offset) {
            Some((_, run)) => run.extend(block),
            None => runs.push((offset, block.to_vec())),
        }
    }
    let pack = |(offset, run): (usize, Vec<u8>)| {
        [&(offset as u64).to_le_bytes(), &(run.len() as u64).to_le_bytes(), run.as_slice()].concat()
    };
    runs.into_iter().flat_map(pack).collect()
}

/// Writes the runs into a file.
///
/// # Panics
/// If they are damaged, or the file cannot be written.
pub fn write_runs(mut runs: &[u8], file: &File) {
    while !runs.is_empty() {
        let (offset, rest) = number(runs);
        let (length, rest) = number(rest);
        let (run, rest) = rest.split_at(usize::try_from(length).expect("a length"));
        file.write_all_at(run, offset).expect("room in the file");
        runs = rest;
    }
}

fn number(bytes: &[u8]) -> (u64, &[u8]) {
    let (number, rest) = bytes.split_first_chunk::<8>().expect("a number");
    (u64::from_le_bytes(*number), rest)
}
