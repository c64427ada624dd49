//! What is asked of the services, what they say, and rooms in which two dialects are spoken.

use crate::village::{GATE_REQUEST, Plan};
use crate::world::{World, check, check_in};
use expect_test::expect;
use wharf_content::ContentLimits;

#[test]
fn a_reply_comes_to_whoever_asked_whenever_it_comes() {
    check(
        "ann opens; ann look 7 & look 13 & echo a; services answer last; ann echo b
         services answer",
        expect![[r#"
            ann < echo a
            ann < 13 is Err(NotFound) for nobody
            ann < echo b
            ann < 7 is Ok(Store(Done)) for nobody
        "#]],
    );
}

#[test]
fn what_depends_on_a_reply_waits_for_it() {
    check(
        "ann opens; ann vouch 7 & enter 0 & say here & echo a; services answer; ann say on",
        expect![[r#"
            ann < 4294967296 is Ok(Store(Done)) for u7
            ann < entered 0
            ann < hello, 1 here #0
            ann < said 1
            ann < u7: here #1
            ann < echo a
            ann < said 2
            ann < u7: on #2
        "#]],
    );
}

#[test]
fn whoever_is_not_vouched_for_stays_nobody() {
    check(
        "ann opens; ann vouch 13 & enter 0; services answer",
        expect![[r#"
            ann < 4294967296 is Err(NotFound) for nobody
            ann < NotLoggedIn 0
        "#]],
    );
}

#[test]
fn a_user_that_was_vouched_for_is_found_by_others_until_it_goes() {
    check(
        "ann opens; ann vouch 7; services answer; bob opens; bob login bob; bob whisper 7 hello
         ann closes; bob whisper 7 gone; bob echo alive",
        expect![[r#"
            ann < 4294967296 is Ok(Store(Done)) for u7
            bob < login Ok(2)
            ann << psst hello
            bob < echo alive
        "#]],
    );
}

#[test]
fn a_second_reply_to_one_query_is_nobodys() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann look 7; services again; services answer; ann echo a");
    expect![[r#"
        ann < 7 is Ok(Store(Done)) for nobody
        ann < echo a
    "#]]
    .assert_eq(&world.take_log());
    assert_eq!(world.logics[0].shard.stats().strays, 1);
}

#[test]
fn the_end_of_input_waits_for_the_last_reply() {
    check(
        "ann opens; ann look 7 & look 8; ann ends; services answer; services answer",
        expect![[r#"
            ann < 7 is Ok(Store(Done)) for nobody
            ann < 8 is Ok(Store(Done)) for nobody
            ann finishes
        "#]],
    );
}

#[test]
fn a_reply_for_a_session_that_is_over_is_dropped() {
    check(
        "ann opens; ann look 7; ann closes; ann opens; services answer; ann echo b",
        expect![[r#"
            ann < echo b
        "#]],
    );
}

#[test]
fn a_session_asks_only_so_much_at_once() {
    let limits = ContentLimits {
        session_queries_max: 2,
        ..ContentLimits::default()
    };
    let world = World::with(crate::village::village(Plan::default()), limits, 1, 1);
    check_in(
        world,
        "ann opens; ann look 1 & look 2 & look 3; services answer; ann look 4",
        expect![[r#"
            ann < no look: 3 too many
            ann < 1 is Ok(Store(Done)) for nobody
        "#]],
    );
}

#[test]
fn replies_and_notices_follow_a_session_that_moves() {
    // The reply finds the session on its way, or its new home before it has come.
    for order in [
        "logic 0, io 0, services answer, logic 1, logic 0, logic 1",
        "logic 0, services answer, io 0, logic 0, logic 1",
    ] {
        check_in(
            World::new(2, 1),
            &format!(
                "ann opens; ann vouch 7; services answer; ann look 8
                 ann enter 1 & say here, {order}
                 ann echo b"
            ),
            expect![[r#"
                ann < 4294967296 is Ok(Store(Done)) for u7
                ann < entered 1
                ann < hello, 1 here #0
                ann < 8 is Ok(Store(Done)) for u7
                ann < said 1
                ann < u7: here #1
                ann < echo b
            "#]],
        );
    }
}

#[test]
fn a_room_gets_its_reply_and_the_next_of_its_name_does_not() {
    check(
        "ann opens; ann login ann; ann enter 0; ann store 7; services answer
         ann store 8; ann raze; ann enter 0; services answer; ann say quiet",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann << 7 is Ok(Store(Done))
            ann << the hall closes
            ann < out of 0: RoomClosed
            ann < entered 0
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: quiet #1
        "#]],
    );
}

#[test]
fn a_notice_may_end_a_session() {
    check(
        "ann opens; ann echo a; services notice ann; ann echo b",
        expect![[r#"
            ann < echo a
            ann < TakenOver
            ann finishes
        "#]],
    );
}

#[test]
fn what_waits_to_be_served_when_a_session_ends_is_known_to_whoever_ends_it() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann vouch 7");
    for number in [1, 2] {
        world.request("ann", number, GATE_REQUEST, b"waits");
    }
    world.run("ann echo waits too; services notice ann");
    expect![[r#"
        ann < #1 too late
        ann < #2 too late
        ann < TakenOver
        ann finishes
    "#]]
    .assert_eq(&world.take_log());
    assert_eq!(world.logics[0].shard.stats().frames_held, 0);
}

#[test]
fn each_member_hears_its_own_dialect() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob adopt; bob login bob; bob enter 0
         cid opens; cid login cid; cid enter 0; ann shout ho; bob shout hey; bob say all
         bob leave; ann shout gone",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            cid < login Ok(3)
            cid < entered 0
            ann << +cid
            bob << +cid
            cid < hello, 3 here #0
            bob << ho!
            cid << (ho)
            ann << (hey)
            cid << (hey)
            bob < said 1
            ann << bob: all #1
            cid << bob: all #1
            bob < bob: all #1
            bob < leaving
            ann << -bob Left
            cid << -bob Left
            cid << (gone)
        "#]],
    );
}

#[test]
fn whoever_waits_for_their_turn_is_served_meanwhile_and_has_gone_when_they_say_no_more() {
    check(
        "ann opens; ann vouch 7 & echo held; services queue ann; ann echo meanwhile
         services answer; bob opens; bob vouch 8 & echo held; bob ends; services queue bob
         cid opens; cid vouch 9; services queue cid; cid ends; cid echo nobody hears",
        expect![[r#"
            ann < 3 before
            ann < echo held
            ann < echo meanwhile
            ann < 4294967296 is Ok(Store(Done)) for u7
            bob < 3 before
            bob < echo held
            bob finishes
            cid < 3 before
            cid finishes
        "#]],
    );
}
