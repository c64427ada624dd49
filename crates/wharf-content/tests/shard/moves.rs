//! How a session moves between logic shards, step by step.

use crate::village::{Plan, village};
use crate::world::{World, check_in};
use expect_test::expect;
use wharf_content::ContentLimits;

/// Ann is logged in and has her home on shard 0.
fn ann_on_the_first_of(logic_count: usize) -> World {
    let mut world = World::new(logic_count, 1);
    world.run("ann opens; ann login ann");
    world.take_log();
    world.prints_all = true;
    world
}

#[test]
fn what_comes_during_a_move_is_served_behind_it() {
    check_in(
        ann_on_the_first_of(2),
        "ann echo 1, ann enter 1, ann say 2, logic 0, ann say 3, io 0, ann say 4, logic 1
         ann echo 5",
        expect![[r#"
            ann < echo 1
            ann moves to 1
            ann has 2 back
            ann < entered 1
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: 2 #1
            ann < said 2
            ann < ann: 3 #2
            ann < said 3
            ann < ann: 4 #3
            ann has 3 back
            ann < echo 5
            ann has 1 back
        "#]],
    );
}

#[test]
fn a_session_that_ends_before_the_switch_does_not_move() {
    let mut world = ann_on_the_first_of(2);
    world.run("ann enter 1, ann say lost, logic 0, ann closes");
    assert_eq!(world.take_log(), "");
    let stats = [0, 1].map(|index| world.logics[index].shard.stats().clone());
    assert_eq!((stats[0].moves_off, stats[0].moved_out), (1, 0));
    assert_eq!((stats[0].sessions, stats[1].sessions), (0, 0));
    assert_eq!((stats[0].frames_held, stats[1].rooms), (0, 0));
}

#[test]
fn a_session_that_ends_after_the_switch_enters_and_leaves() {
    let mut world = ann_on_the_first_of(2);
    world.run("bob opens; bob login bob; bob enter 1");
    world.take_log();
    world.prints_all = false;
    world.run("ann enter 1, ann say farewell, logic 0, io 0, ann closes, logic 1");
    expect![[r#"
        bob << +ann
        bob << ann: farewell #1
        bob << -ann Dropped
    "#]]
    .assert_eq(&world.take_log());
    let stats = [0, 1].map(|index| world.logics[index].shard.stats().clone());
    assert_eq!((stats[0].sessions, stats[1].sessions), (0, 1));
}

#[test]
fn a_slot_may_be_used_again_while_its_last_session_still_moves() {
    let mut world = World::new(2, 2);
    world.run("ann opens 1; ann login ann");
    // Home of the new session and goal of the old one are the same shard.
    world.run("ann enter 2");
    world.take_log();
    world.prints_all = true;
    world.run(
        "ann leave; ann enter 1, logic 0, io 1, ann closes, ann opens 1, ann echo new, logic 1",
    );
    expect![[r#"
        ann < leaving
        ann has 1 back
        ann moves to 1
        ann has 1 back
        ann < echo new
        ann has 1 back
    "#]]
    .assert_eq(&world.take_log());
    let stats = [0, 1].map(|index| world.logics[index].shard.stats().clone());
    assert_eq!((stats[0].sessions, stats[1].sessions), (0, 1));
    assert_eq!(stats[1].members, 0);
}

#[test]
fn a_room_that_refuses_keeps_the_session_where_it_went() {
    let plan = Plan {
        members_max: Some(0),
        ..Plan::default()
    };
    let mut world = World::of(plan, 2, 1);
    world.prints_all = true;
    check_in(
        world,
        "ann opens; ann login ann; ann enter 1, ann echo a; ann enter 1; ann enter 0, ann ends",
        expect![[r#"
            ann has 1 back
            ann is logged in
            ann < login Ok(1)
            ann moves to 1
            ann has 1 back
            ann < Full 1
            ann < echo a
            ann has 1 back
            ann < Full 1
            ann has 1 back
            ann moves to 0
            ann has 1 back
            ann < Full 0
            ann finishes
        "#]],
    );
}

#[test]
fn too_much_held_during_a_move_ends_the_session_at_its_new_home() {
    for before_switch in [true, false] {
        let limits = ContentLimits {
            held_frames_max: 2,
            ..ContentLimits::default()
        };
        let mut world = World::with(village(Plan::default()), limits, 2, 1);
        world.run("ann opens; ann login ann");
        world.take_log();
        let flood = "ann say 1, ann say 2, ann say 3, ann say 4";
        let script = if before_switch {
            format!("ann enter 1, logic 0, {flood}, logic 0, io 0, ann closes")
        } else {
            format!("ann enter 1, logic 0, io 0, {flood}, logic 1, ann closes")
        };
        world.run(&script);
        for logic in &world.logics {
            let stats = logic.shard.stats();
            assert_eq!(
                (stats.sessions, stats.frames_held, stats.members),
                (0, 0, 0)
            );
        }
        let overloaded: u64 = world
            .logics
            .iter()
            .map(|l| l.shard.stats().overloaded)
            .sum();
        assert_eq!(overloaded, 1);
    }
}
