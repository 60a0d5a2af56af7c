//! A snapshot that a fork has spread: in each order of dropping, exiting and dying, its bytes stay until the last user
//! is gone, and no longer.

use crate::line::Actor;
use crate::stage::{End, Stage};
use anyhow::{Context, Result};
use std::path::Path;

const ENDS: [End; 3] = [End::Drop, End::Exit, End::Kill];

/// Parent and child, who ends first and how, who has moved to a slot of its own before.
pub fn two(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 512)?;
    for parent_first in [true, false] {
        for ends in ENDS.iter().flat_map(|first| ENDS.map(|second| [*first, second])) {
            for moved in [[false, false], [true, false], [false, true], [true, true]] {
                let play = two_of(&mut stage, parent_first, ends, moved);
                play.with_context(|| format!("parent first: {parent_first}, {ends:?}, moved: {moved:?}"))?;
            }
        }
    }
    stage.close()
}

fn two_of(stage: &mut Stage, parent_first: bool, ends: [End; 2], moved: [bool; 2]) -> Result<()> {
    let mut parent = stage.reader()?;
    let pin = if moved[0] == moved[1] { "pin-arrays a" } else { "pin a" };
    let version = parent.ask(pin)?;
    let mut child = stage.fork(&mut parent)?;
    for (actor, moved) in [(&mut parent, moved[0]), (&mut child, moved[1])] {
        if moved {
            pin_and_unpin(actor)?;
        }
    }
    stage.expect_held(&[&version])?;
    for actor in [&mut parent, &mut child] {
        actor.ask("check")?;
    }
    if parent_first {
        stage.end(&mut parent, ends[0], None)?;
        stage.expect_held(&[&version])?;
        child.ask("check")?;
        let waits = (ends[0] == End::Drop).then_some(&mut parent);
        stage.end(&mut child, ends[1], waits)?;
    } else {
        stage.end(&mut child, ends[0], Some(&mut parent))?;
        stage.expect_held(&[&version])?;
        parent.ask("check")?;
        stage.end(&mut parent, ends[1], None)?;
    }
    stage.expect_all_free()?;
    // Who only dropped lives still, and is as good as new.
    let alive = |first: bool| ends[usize::from(!first)] == End::Drop;
    if alive(!parent_first) {
        revive(&mut child)?;
        let waits = alive(parent_first).then_some(&mut parent);
        stage.end(&mut child, End::Exit, waits)?;
    }
    if alive(parent_first) {
        revive(&mut parent)?;
        stage.end(&mut parent, End::Exit, None)?;
    }
    stage.go_on()?;
    stage.expect_all_free()
}

fn pin_and_unpin(actor: &mut Actor) -> Result<()> {
    actor.ask("pin own")?;
    actor.ask("drop own").map(drop)
}

fn revive(actor: &mut Actor) -> Result<()> {
    actor.ask("open")?;
    pin_and_unpin(actor)?;
    actor.ask("drop-all").map(drop)
}

/// Parent, child and the child's child, in all orders.
pub fn three(directory: &Path) -> Result<()> {
    let mut stage = Stage::open(directory, 512)?;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for end in [End::Drop, End::Kill] {
            for moved in [false, true] {
                let play = three_of(&mut stage, order, end, moved);
                play.with_context(|| format!("{order:?}, {end:?}, moved: {moved}"))?;
            }
        }
    }
    stage.close()
}

fn three_of(stage: &mut Stage, order: [usize; 3], end: End, moved: bool) -> Result<()> {
    let mut parent = stage.reader()?;
    let version = parent.ask("pin a")?;
    let mut child = stage.fork(&mut parent)?;
    if moved {
        // The grandchild then shares the child's own slot, and no longer the parent's.
        pin_and_unpin(&mut child)?;
    }
    let grandchild = stage.fork(&mut child)?;
    let mut actors = [parent, child, grandchild];
    stage.expect_held(&[&version])?;
    for (place, who) in order.iter().enumerate() {
        let others = &order[place + 1..];
        // Whoever is dead leaves its child to the conductor.
        let waits = who.checked_sub(1).filter(|waits| end == End::Drop || others.contains(waits));
        let (before, rest) = actors.split_at_mut(*who);
        stage.end(&mut rest[0], end, waits.map(|waits| &mut before[waits]))?;
        if others.is_empty() {
            stage.expect_all_free()?;
        } else {
            stage.expect_held(&[&version])?;
        }
        for other in others {
            actors[*other].ask("check")?;
        }
    }
    if end == End::Drop {
        let [parent, child, grandchild] = &mut actors;
        stage.end(grandchild, End::Exit, Some(child))?;
        stage.end(child, End::Exit, Some(parent))?;
        stage.end(parent, End::Exit, None)?;
    }
    Ok(())
}
