//! Whatever is done in whatever order: what is held stays as it was, and no byte leaks.
//!
//! Random operations run on a segment and on a plain model of it: the frames by name, and the version. After every
//! step each held version is compared, byte for byte, with the copy made when it was taken.
//!
//! The writers are watched: a store to a published byte panics.

mod columns;
mod course;
mod follow;
mod growth;
mod held;
mod met;
mod model;
mod operation;
mod rows;
mod world;

use met::Met;
use operation::case;
use proptest::test_runner::{Config, TestRunner};
use shmframe_model::cases;
use std::cell::RefCell;
use world::World;

fn run(several: bool) {
    let config = Config {
        cases: cases(256, 5000),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let (met, asked) = (RefCell::new(Met::default()), config.cases);
    let outcome = TestRunner::new(config).run(&case(), |case| {
        let mut world = World::new(&case, several);
        for operation in &case.operations {
            world.apply(operation);
            world.check();
        }
        met.borrow_mut().add(world.end());
        Ok(())
    });
    outcome.unwrap();
    if asked >= 200 {
        met.into_inner().check(if several { &[met::IN_TURN] } else { &[] });
    }
}

#[test]
fn one_writer_in_any_order_keeps_what_is_held_and_leaks_nothing() {
    run(false);
}

#[test]
fn writers_that_take_turns_in_any_order_keep_what_is_held_and_leak_nothing() {
    run(true);
}
