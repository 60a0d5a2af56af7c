//! Reader slots across forks: who claims one, who keeps whose alive, and that none is used up.

use crate::segment::locked_slots;
use crate::stage::{End, Stage};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Slots of a registry so small that a slot lost per fork shows soon.
const FEW: u32 = 8;
const CHILDREN: u32 = 10_000;

/// After a fork both sides make snapshots, in slots of their own, and only what somebody holds stays.
pub fn exact(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 512)?;
    let mut parent = stage.reader()?;
    let first = parent.ask("pin first")?;
    stage.go_on()?;
    let second = parent.ask("pin second")?;
    let mut child = stage.fork(&mut parent)?;
    ensure!(stage.slots_of(child.pid)?.is_empty(), "the child has a slot before it needs one");
    stage.expect_held(&[&first, &second])?;

    // The child lets go of one; the parent holds both still.
    child.ask("drop first")?;
    stage.expect_held(&[&first, &second])?;
    parent.ask("drop first")?;
    stage.expect_held(&[&second])?;

    // The child lets go of all and takes a newer one.
    child.ask("drop second")?;
    let childs = child.ask("pin newer")?;
    let slot = stage.slots_of(child.pid)?;
    ensure!(slot.len() == 1 && slot[0].pins.len() == 1, "the child's own slot: {slot:?}");
    stage.expect_held(&[&second, &childs])?;
    let parents = parent.ask("pin newer")?;
    stage.expect_held(&[&second, &childs, &parents])?;
    parent.ask("drop second")?;
    stage.expect_held(&[&childs, &parents])?;
    parent.ask("check")?;
    child.ask("check")?;
    ensure!(locked_slots(stage.directory())? == 2, "one slot each: {:?}", stage.slots_of(parent.pid)?);
    stage.end(&mut child, End::Kill, Some(&mut parent))?;
    stage.expect_held(&[&parents])?;
    stage.end(&mut parent, End::Kill, None)?;
    stage.expect_all_free()?;
    stage.close()
}

/// The parent holds one version, the child has let go of everything: only that version is kept, at once.
pub fn child_lets_go(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 512)?;
    let mut parent = stage.reader()?;
    let kept = parent.ask("pin kept")?;
    stage.go_on()?;
    parent.ask("pin dropped")?;
    let mut child = stage.fork(&mut parent)?;
    parent.ask("drop dropped")?;
    stage.go_on()?;
    child.ask("drop-all")?;
    stage.expect_held(&[&kept])?;
    stage.end(&mut child, End::Exit, Some(&mut parent))?;
    stage.end(&mut parent, End::Exit, None)?;
    stage.expect_all_free()?;
    stage.close()
}

/// A slot without pins is not the child's: it goes with the parent.
pub fn empty(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 512)?;
    for pins in [false, true] {
        let mut parent = stage.reader()?;
        parent.ask("pin a")?;
        if !pins {
            parent.ask("drop a")?;
        }
        let mut child = stage.fork(&mut parent)?;
        ensure!(stage.slots_of(parent.pid)?.len() == 1, "the parent has a slot");
        stage.end(&mut parent, End::Kill, None)?;
        let left = locked_slots(stage.directory())?;
        ensure!(left == usize::from(pins), "{left} slots are kept alive, with pins: {pins}");
        stage.end(&mut child, End::Kill, None)?;
        ensure!(locked_slots(stage.directory())? == 0, "a slot outlives its last user");
        stage.expect_all_free()?;
    }
    stage.close()
}

/// Ten thousand children, one after the other, under one snapshot that the parent holds; between two of them it does
/// nothing, or makes a new snapshot.
pub fn children(directory: &Path, between: &str, writer: &str) -> Result<()> {
    let mut stage = Stage::open(directory, FEW)?;
    let mut parent = stage.reader()?;
    let version = parent.ask("pin a")?;
    stage.go_on()?;
    stage.writer(writer)?;
    let reply = parent.ask(&format!("children {CHILDREN} {between}"))?;
    let (locked, claimed) = reply.split_once(' ').context("two numbers")?;
    ensure!(matches!(locked, "1" | "2"), "{locked} slots were held at once");
    ensure!(claimed.parse::<u32>()? <= FEW, "{claimed} slots are marked as claimed");
    parent.ask("check")?;
    let between_pin = parent.ask("pin between")?;
    stage.expect_held(&[&version, &between_pin])?;
    parent.ask("drop a")?;
    stage.expect_held(&[&between_pin])?;
    stage.end(&mut parent, End::Drop, None)?;
    stage.expect_all_free()?;
    stage.end(&mut parent, End::Exit, None)?;
    stage.close()
}

/// No slot is free for the pins that a fork has spread: they hold where they are, until there is one.
pub fn full(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 2)?;
    let mut parent = stage.reader()?;
    let first = parent.ask("pin first")?;
    stage.go_on()?;
    let second = parent.ask("pin second")?;
    let mut other = stage.reader()?;
    other.ask("pin a")?;
    other.ask("drop a")?;
    ensure!(locked_slots(stage.directory())? == 2, "the registry is full");
    let mut child = stage.fork(&mut parent)?;
    // Neither of the pins is of the newest version any more, which could be joined.
    stage.go_on()?;
    for actor in [&mut parent, &mut child] {
        let refused = actor.ask("pin third");
        let refused = refused.err().context("a pin without a slot")?.to_string();
        ensure!(refused.contains("the reader registry is full"), "{refused}");
    }
    parent.ask("drop first")?;
    stage.expect_held(&[&first, &second])?;
    parent.ask("check")?;
    child.ask("check")?;
    // The child goes; the next pin of the parent finds the other reader's slot, and its own.
    stage.end(&mut child, End::Kill, Some(&mut parent))?;
    stage.end(&mut other, End::Kill, None)?;
    let third = parent.ask("pin third")?;
    stage.expect_held(&[&second, &third])?;
    parent.ask("check")?;
    stage.end(&mut parent, End::Kill, None)?;
    stage.expect_all_free()?;
    stage.close()
}

/// A reader that the child opens is the parent's attachment, and works.
pub fn opened_in_child(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 512)?;
    let mut parent = stage.reader()?;
    let mut child = stage.fork(&mut parent)?;
    child.ask("open")?;
    let version = child.ask("pin a")?;
    ensure!(stage.slots_of(child.pid)?.len() == 1, "the child pins in a slot of its own");
    ensure!(stage.slots_of(parent.pid)?.is_empty(), "and not in one of its parent's");
    stage.expect_held(&[&version])?;
    child.ask("check")?;
    stage.end(&mut parent, End::Kill, None)?;
    stage.expect_held(&[&version])?;
    child.ask("check")?;
    stage.end(&mut child, End::Drop, None)?;
    stage.expect_all_free()?;
    stage.end(&mut child, End::Exit, None)?;
    stage.close()
}
