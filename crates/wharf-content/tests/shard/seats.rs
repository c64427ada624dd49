//! Login, entering, leaving, and what becomes of frames meanwhile.

use crate::village::{Plan, village};
use crate::world::{World, check, check_in};
use expect_test::expect;
use std::time::Duration;
use wharf_content::{ContentCommand, ContentLimits, Payload};

#[test]
fn frames_behind_a_login_wait_for_the_verdict() {
    let mut world = World::new(1, 1);
    world.prints_all = true;
    check_in(
        world,
        "ann opens, ann echo a, ann login ann, ann echo b, logic 0, ann echo c, logic 0; ann echo d",
        expect![[r#"
            ann < echo a
            ann has 2 back
            ann is logged in
            ann < login Ok(1)
            ann < echo b
            ann < echo c
            ann has 2 back
            ann < echo d
            ann has 1 back
        "#]],
    );
}

#[test]
fn a_refused_login_may_be_tried_again() {
    check(
        "ann opens, ann login nobody, ann login ann, ann login ann",
        expect![[r#"
            ann < login Err(Invalid)
            ann < login Ok(1)
            ann < no login: 1 logged in already
        "#]],
    );
}

#[test]
fn a_verdict_for_a_session_that_is_gone_reaches_nobody() {
    check(
        "ann opens, ann login ann, logic 0, ann closes, ann opens, ann echo new; ann enter 0",
        expect![[r#"
            ann < echo new
            ann < NotLoggedIn 0
        "#]],
    );
}

#[test]
fn whoever_enters_and_leaves_is_announced_to_the_others_alone() {
    check(
        "ann opens; ann login ann; ann enter 5; bob opens; bob login bob; bob enter 5
         ann leave; ann say outside",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 5
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 5
            ann << +bob
            bob < hello, 2 here #0
            ann < leaving
            bob << -ann Left
            ann closed: unknown-id
        "#]],
    );
}

#[test]
fn every_way_of_not_getting_in_has_its_name() {
    let plan = Plan {
        members_max: Some(1),
        ..Plan::default()
    };
    let limits = ContentLimits {
        rooms_max: 2,
        ..ContentLimits::default()
    };
    check_in(
        World::with(village(plan), limits, 1, 1),
        "ann opens, ann enter 0, ann login ann, ann enter 100; ann enter 0, ann enter 1
         bob opens, bob login bob; bob enter 0
         cid opens, cid login thief; cid enter 1, cid enter 2",
        expect![[r#"
            ann < NotLoggedIn 0
            ann < login Ok(1)
            ann < NoSuchRoom 100
            ann < entered 0
            ann < hello, 1 here #0
            ann < AlreadyInRoom 1
            bob < login Ok(2)
            bob < Full 0
            cid < login Ok(3)
            cid < Refused(Refusal { code: 9, text: "no thieves" }) 1
            cid < Unavailable 2
        "#]],
    );
}

#[test]
fn whoever_does_not_wait_for_the_verdict_is_told_so() {
    check(
        "ann opens; ann rush ann; ann enter 0",
        expect![[r#"
            ann < NotLoggedIn 0
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
        "#]],
    );
}

#[test]
fn a_foyer_that_takes_no_refusal_costs_its_session_and_no_other() {
    let plan = Plan {
        members_max: Some(1),
        ..Plan::default()
    };
    check_in(
        World::of(plan, 1, 1),
        "ann opens; ann login ann; ann insist; bob opens; bob login bob
         bob insist, ann say still here, bob echo unheard",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 66
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob closed: overloaded
            ann < said 1
            ann < ann: still here #1
        "#]],
    );
}

#[test]
fn a_member_that_is_kicked_falls_back_to_the_foyer() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0
         ann kick bob, ann kick bob; bob echo alive; bob enter 0; ann dismiss bob",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            ann << -bob Kicked
            bob < out of 0: Kicked
            ann < no kick: 404 nobody
            bob < echo alive
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            bob closed: kicked
            ann << -bob Dropped
        "#]],
    );
}

#[test]
fn a_room_that_closes_puts_everybody_out_and_begins_anew() {
    check(
        "ann opens; ann login ann; ann enter 0; ann say a; bob opens; bob login bob; bob enter 0
         bob raze, bob echo alive; ann enter 0",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: a #1
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #1
            ann << the hall closes
            bob << the hall closes
            ann < out of 0: RoomClosed
            bob < out of 0: RoomClosed
            bob < echo alive
            ann < entered 0
            ann < hello, 1 here #0
        "#]],
    );
}

#[test]
fn a_seat_is_kept_for_its_user_as_long_as_the_room_says() {
    let plan = Plan {
        grace: Duration::from_secs(10),
        ..Plan::default()
    };
    check_in(
        World::of(plan, 1, 1),
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0; ann say a
         ann closes; bob say missed; wait 9000; ann opens; ann login ann; ann enter 0; ann say b
         ann closes; wait 9000; bob say still kept; wait 1000; bob say gone",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            ann < said 1
            ann < ann: a #1
            bob << ann: a #1
            bob << ?ann
            bob < said 1
            bob < bob: missed #2
            ann < login Ok(1)
            ann < entered 0
            bob << !ann
            ann < !ann
            ann < said 2
            bob << ann: b #3
            ann < ann: b #3
            bob << ?ann
            bob < said 2
            bob < bob: still kept #4
            bob << -ann Dropped
            bob < said 3
            bob < bob: gone #5
        "#]],
    );
}

#[test]
fn a_kept_seat_is_for_the_same_name_whichever_id_that_has_now() {
    let plan = Plan {
        grace: Duration::from_secs(10),
        members_max: Some(2),
        ..Plan::default()
    };
    check_in(
        World::of(plan, 1, 1),
        "ann opens; ann login ann; ann enter 0; ann say a; ann closes
         bob opens; bob login bob; bob enter 0; cid opens; cid login cid; cid enter 0
         dan opens; dan login ann; dan enter 0; dan say b; bob whisper 4 you; bob whisper 1 nobody",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: a #1
            bob < login Ok(2)
            bob < entered 0
            bob < hello, 2 here #1
            cid < login Ok(3)
            cid < Full 0
            dan < login Ok(4)
            dan < entered 0
            bob << !ann
            dan < !ann
            dan < said 2
            bob << ann: b #2
            dan < ann: b #2
            dan << psst you
        "#]],
    );
}

#[test]
fn the_end_of_input_is_answered_behind_the_last_reply() {
    check(
        "ann opens, ann echo a, ann login ann, ann enter 0, ann say b, ann ends",
        expect![[r#"
            ann < echo a
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: b #1
            ann finishes
        "#]],
    );
}

#[test]
fn a_session_that_the_foyer_lets_go_is_served_no_more() {
    check(
        "ann opens; ann login ann; ann enter 0; ann quit, ann say unheard, ann ends",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < bye
            ann finishes
        "#]],
    );
}

#[test]
fn whoever_is_let_go_leaves_the_room_at_once_and_not_when_the_link_is_gone() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0
         ann quit; bob say alone; ann closes; bob say still",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            ann < bye
            bob << -ann Dropped
            ann finishes
            bob < said 1
            bob < bob: alone #1
            bob < said 2
            bob < bob: still #2
        "#]],
    );
}

#[test]
fn a_user_sits_in_a_room_once_and_is_seen_to_leave_before_they_come_again() {
    check(
        "cid opens; cid login cid; cid enter 0
         ann opens; ann vouch 7; services answer; ann enter 0
         bob opens; bob vouch 7; services answer; bob enter 0; ann closes; cid say hi",
        expect![[r#"
            cid < login Ok(1)
            cid < entered 0
            cid < hello, 1 here #0
            ann < 4294967296 is Ok(Store(Done)) for u7
            ann < entered 0
            cid << +u7
            ann < hello, 2 here #0
            bob < 4294967296 is Ok(Store(Done)) for u7
            cid << -u7 Dropped
            ann < out of 0: Dropped
            bob < entered 0
            cid << +u7
            bob < hello, 2 here #0
            cid < said 1
            cid < cid: hi #1
            bob << cid: hi #1
        "#]],
    );
}

#[test]
fn a_long_broadcast_is_shared_and_a_short_one_is_not() {
    let mut world = World::new(1, 2);
    world.run("ann opens 0; ann login ann; ann enter 0; bob opens 1; bob login bob; bob enter 0");
    for length in [8, 4_000] {
        let text = "x".repeat(length);
        world.step(&format!("ann say {text}"));
        let logic = &mut world.logics[0];
        logic
            .shard
            .handle_batch(world.now, &mut logic.inbox, &mut logic.outbox);
        let mut shared = Vec::new();
        for commands in &mut logic.outbox.commands {
            commands.drain(|command| {
                if let ContentCommand::Send {
                    payload: Payload::Shared(frame),
                    ..
                } = command
                {
                    shared.push(frame.as_ptr());
                }
            });
        }
        // One receiver on each of the two I/O shards.
        assert_eq!(
            shared.len(),
            if length > 512 { 2 } else { 0 },
            "{length} bytes"
        );
        shared.dedup();
        assert!(shared.len() <= 1, "one memory for both");
        world.settle();
    }
    let logic = &world.logics[0];
    assert_eq!(logic.shard.stats().members, 2);
}

#[test]
fn a_full_outbox_stops_frames_and_loses_none() {
    let limits = ContentLimits {
        outbox_bytes_max: 400,
        ..ContentLimits::default()
    };
    let mut world = World::with(village(Plan::default()), limits, 1, 1);
    world.run("ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0");
    world.take_log();
    for number in 0..20 {
        world.step(&format!("ann say {number}"));
        world.step(&format!("bob say {number}"));
    }
    world.step("ann ends");
    world.step("bob closes");
    world.turn_logic(0);
    let stats = world.logics[0].shard.stats();
    assert!(stats.frames_held > 0 && stats.outbox_full > 0);
    assert_eq!(world.logics[0].shard.next_deadline(), Some(world.now));
    world.settle();
    let lines: Vec<&String> = world.client("ann").received.iter().collect();
    for number in 0..20 {
        let own = format!("ann: {number} #");
        assert_eq!(
            lines.iter().filter(|line| line.starts_with(&own)).count(),
            1
        );
    }
    let left = lines
        .iter()
        .filter(|line| ***line == "-bob Dropped")
        .count();
    assert_eq!(left, 1, "the end of a session waits for no outbox");
    assert!(world.take_log().ends_with("ann finishes\n"));
    assert_eq!(world.logics[0].shard.stats().frames_held, 0);
}

#[test]
fn too_much_held_ends_that_session() {
    let limits = ContentLimits {
        held_frames_max: 3,
        ..ContentLimits::default()
    };
    check_in(
        World::with(village(Plan::default()), limits, 1, 1),
        "ann opens, ann login ann, ann echo 1, ann echo 2, ann echo 3, ann echo 4, ann echo 5
         bob opens, bob login bob, bob echo 1, bob echo 2, bob echo 3",
        expect![[r#"
            ann closed: overloaded
            bob < login Ok(2)
            bob < echo 1
            bob < echo 2
            bob < echo 3
        "#]],
    );
}
