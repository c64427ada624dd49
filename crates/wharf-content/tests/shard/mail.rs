//! What rooms and users say to each other across shards.

use crate::village::{Plan, village};
use crate::world::{World, check, check_in};
use expect_test::expect;
use wharf_content::ContentLimits;

/// Ann in hall 0 on shard 0, bob in hall 1 on shard 1, cid in hall 2 on shard 0.
fn two_shards() -> World {
    let mut world = World::new(2, 1);
    world.run(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 1
         cid opens; cid login cid; cid enter 2",
    );
    world.take_log();
    world
}

#[test]
fn a_room_tells_another_wherever_that_is() {
    check_in(
        two_shards(),
        "ann tell 1 over there; ann tell 2 over here; bob tell 99 made for this; bob tell 100 none",
        expect![[r#"
            bob << hall 0 says over there
            cid << hall 0 says over here
        "#]],
    );
}

#[test]
fn a_question_is_answered_now_or_later() {
    check_in(
        two_shards(),
        "ann ask 1 why; ann ask 2 how; wait 50; bob answer because; cid answer; bob answer again",
        expect![[r#"
            bob << hall 0 asks why
            cid << hall 0 asks how
            ann << answer Ok("because")
            ann << answer Err(Unavailable)
            bob < no answer: 6 nobody asks
        "#]],
    );
}

#[test]
fn a_question_that_nobody_answers_ends_once() {
    check_in(
        two_shards(),
        "ann ask 1 why; wait 99; ann echo waiting; wait 1; bob answer too late; wait 1000",
        expect![[r#"
            bob << hall 0 asks why
            ann < echo waiting
            ann << answer Err(Timeout)
        "#]],
    );
}

#[test]
fn a_question_to_no_room_or_to_one_that_breaks_ends_at_once() {
    check_in(
        two_shards(),
        "ann ask 100 anybody; ann ask 1 boom",
        expect![[r#"
            ann << answer Err(Unavailable)
            bob < out of 1: RoomPanicked
            ann << answer Err(Unavailable)
        "#]],
    );
}

#[test]
fn a_room_has_as_many_open_questions_as_it_may() {
    let limits = ContentLimits {
        room_asks_max: 1,
        ..ContentLimits::default()
    };
    check_in(
        World::with(village(Plan::default()), limits, 1, 1),
        "ann opens; ann login ann; ann enter 0; ann ask 0 a; ann ask 0 b; ann answer x; ann ask 0 c",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann << hall 0 asks a
            ann < no ask: 3 all 1 entries are in use
            ann << answer Ok("x")
            ann << hall 0 asks c
        "#]],
    );
}

#[test]
fn a_letter_too_many_is_refused_to_its_sender() {
    let limits = ContentLimits {
        mail_max: 2,
        ..ContentLimits::default()
    };
    check_in(
        World::with(village(Plan::default()), limits, 1, 1),
        "ann opens; ann login ann; ann enter 0; ann tell 0 a, ann tell 0 b, ann tell 0 c
         ann tell 0 d",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < no tell: 4 all 2 entries are in use
            ann << hall 0 says a
            ann << hall 0 says b
            ann << hall 0 says d
        "#]],
    );
}

#[test]
fn letters_that_are_too_long_together_are_refused() {
    let limits = ContentLimits {
        mail_bytes_max: 1_000,
        ..ContentLimits::default()
    };
    let mut world = World::with(village(Plan::default()), limits, 2, 1);
    world.run("ann opens; ann login ann; ann enter 0");
    world.take_log();
    let long = "x".repeat(1_000);
    for hall in [0, 1] {
        world.run(&format!("ann tell {hall} {long}, ann tell {hall} more"));
        let log = world.take_log();
        assert_eq!(log.matches("no tell").count(), 1, "{log}");
        world.run(&format!("ann tell {hall} again"));
        assert!(!world.take_log().contains("no tell"), "it has been read");
    }
}

#[test]
fn a_user_is_found_wherever_the_session_went() {
    check_in(
        two_shards(),
        "ann whisper 2 to bob; bob whisper 3 to cid; cid whisper 9 to nobody
         bob leave; bob enter 4; ann whisper 2 again; bob closes; ann whisper 2 too late
         bob opens; bob login bob; ann whisper 2 welcome back",
        expect![[r#"
            bob << psst to bob
            cid << psst to cid
            bob < leaving
            bob < entered 4
            bob < hello, 1 here #0
            bob << psst again
            bob < login Ok(2)
            bob << psst welcome back
        "#]],
    );
}

#[test]
fn a_note_to_oneself_comes_in_the_same_batch() {
    check(
        "ann opens; ann login ann; ann enter 0; ann tell 0 myself",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann << hall 0 says myself
        "#]],
    );
}
