//! Timers and ticks, over time that the test makes.

use crate::village::{Plan, village};
use crate::world::{World, check, check_in};
use expect_test::expect;
use std::time::Duration;
use wharf_base::Instant;
use wharf_content::ContentLimits;

fn ticking(millis: u64) -> World {
    let plan = Plan {
        tick: Some(Duration::from_millis(millis)),
        ..Plan::default()
    };
    World::of(plan, 1, 1)
}

#[test]
fn timers_ring_in_the_order_of_their_time() {
    check(
        "ann opens; ann login ann; ann enter 0
         ann remind 30 c; ann remind 10 a; ann remind 20 b; ann remind 10 a2; wait 15; ann echo now
         wait 15",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann << remember a
            ann << remember a2
            ann < echo now
            ann << remember b
            ann << remember c
        "#]],
    );
}

#[test]
fn a_timer_that_sets_itself_anew_does_not_hold_up_the_shard() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann login ann; ann enter 0");
    world.step("ann remind 0 again");
    for turn in 0..5 {
        world.step("ann echo x");
        world.turn_logic(0);
        assert_eq!(world.logics[0].shard.stats().notes, turn + 1);
        assert_eq!(world.logics[0].shard.next_deadline(), Some(world.now));
    }
}

#[test]
fn a_room_has_as_many_timers_as_it_may() {
    let limits = ContentLimits {
        room_timers_max: 1,
        ..ContentLimits::default()
    };
    check_in(
        World::with(village(Plan::default()), limits, 1, 1),
        "ann opens; ann login ann; ann enter 0; ann remind 5 a; ann remind 5 b; wait 5
         ann remind 5 c; wait 5",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < no remind: 2 all 1 entries are in use
            ann << remember a
            ann << remember c
        "#]],
    );
}

#[test]
fn a_tick_that_comes_late_does_not_delay_the_next() {
    let mut world = ticking(20);
    world.run("ann opens; ann login ann; ann enter 0");
    world.take_log();
    for millis in [27, 41, 79, 80] {
        world.now = Instant::ZERO + Duration::from_millis(millis);
        world.settle();
    }
    expect![[r#"
        ann << tick 0 at 20 ms, 0 skipped
        ann << tick 1 at 40 ms, 0 skipped
        ann << tick 2 at 60 ms, 0 skipped
        ann << tick 3 at 80 ms, 0 skipped
    "#]]
    .assert_eq(&world.take_log());
    let stats = world.logics[0].shard.stats();
    assert_eq!(stats.tick_lateness.count(), 4);
    assert_eq!(stats.tick_lateness.buckets[0], 1, "one was not late");
}

#[test]
fn a_room_that_is_far_behind_catches_up_some_ticks_and_skips_the_rest() {
    let mut world = ticking(10);
    world.run("ann opens; ann login ann; ann enter 0");
    world.take_log();
    world.now = Instant::ZERO + Duration::from_millis(105);
    world.turn_logic(0);
    world.settle();
    expect![[r#"
        ann << tick 5 at 60 ms, 5 skipped
        ann << tick 6 at 70 ms, 0 skipped
        ann << tick 7 at 80 ms, 0 skipped
        ann << tick 8 at 90 ms, 0 skipped
        ann << tick 9 at 100 ms, 0 skipped
    "#]]
    .assert_eq(&world.take_log());
    let stats = world.logics[0].shard.stats();
    assert_eq!((stats.ticks, stats.ticks_skipped), (5, 5));
    let next = world.logics[0].shard.next_deadline();
    assert_eq!(next, Some(Instant::ZERO + Duration::from_millis(110)));
}

#[test]
fn a_shard_without_timers_and_ticks_wants_nothing() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann login ann; ann enter 0; ann say a");
    assert_eq!(world.logics[0].shard.next_deadline(), None);
}

#[test]
fn a_room_that_is_gone_wants_nothing_more() {
    for end in ["raze", "boom"] {
        let mut world = ticking(20);
        world.run("ann opens; ann login ann; ann enter 0; ann remind 10 x; ann ask 0 y");
        assert!(world.logics[0].shard.next_deadline().is_some());
        world.run(&format!("ann {end}"));
        assert_eq!(world.logics[0].shard.next_deadline(), None);
    }
}

#[test]
fn an_answered_question_waits_for_nothing_more() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann login ann; ann enter 0; ann ask 0 why; ann answer because");
    assert_eq!(world.logics[0].shard.next_deadline(), None);
}
