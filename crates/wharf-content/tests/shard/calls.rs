//! Faults and panics of handlers, and who watches.

use crate::village::{GATE_REQUEST, HALL_REQUEST, Plan, name_of, village};
use crate::world::{World, check, check_in};
use expect_test::expect;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wharf_content::{Cause, ContentLimits, HandlerWatch, Place};
use wharf_wire::Extensions;

#[test]
fn a_panic_closes_its_room_and_spares_its_members() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0
         cid opens; cid login cid; cid enter 1
         ann boom, ann echo alive; bob enter 0; cid say untouched",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            cid < login Ok(3)
            cid < entered 1
            cid < hello, 1 here #0
            ann < out of 0: RoomPanicked
            bob < out of 0: RoomPanicked
            ann < echo alive
            bob < entered 0
            bob < hello, 1 here #0
            cid < said 1
            cid < cid: untouched #1
        "#]],
    );
}

#[test]
fn a_panic_at_the_door_closes_the_room_too() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann login ann; ann enter 0; bob opens; bob login curse; bob enter 0");
    expect![[r#"
        ann < login Ok(1)
        ann < entered 0
        ann < hello, 1 here #0
        bob < login Ok(2)
        ann < out of 0: RoomPanicked
        bob < Unavailable 0
    "#]]
    .assert_eq(&world.take_log());
    assert_eq!(world.logics[0].shard.stats().room_panics, 1);
    assert_eq!(world.logics[0].shard.stats().members, 0);
}

#[test]
fn a_panic_in_a_note_closes_the_room() {
    check(
        "ann opens; ann login ann; ann enter 0; ann remind 5 boom; ann remind 9 late; wait 20
         ann echo alive",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < out of 0: RoomPanicked
            ann < echo alive
        "#]],
    );
}

#[test]
fn a_panic_in_the_foyer_closes_that_session_alone() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0
         ann crash, ann echo dead; bob echo alive",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            bob < login Ok(2)
            bob < entered 0
            ann << +bob
            bob < hello, 2 here #0
            ann closed: panicked
            bob << -ann Dropped
            bob < echo alive
        "#]],
    );
}

#[test]
fn a_refusal_is_answered_and_costs_nothing() {
    check(
        "ann opens; ann login ann; ann enter 0; ann refuse not now; ann say fine",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < no refuse: 5 not now
            ann < said 1
            ann < ann: fine #1
        "#]],
    );
}

#[test]
fn the_violation_that_is_one_too_many_ends_the_session() {
    let limits = ContentLimits {
        violations_max: 3,
        ..ContentLimits::default()
    };
    check_in(
        World::with(village(Plan::default()), limits, 1, 1),
        "ann opens; ann login ann; ann enter 0; ann foul; ann foul; ann say still here; ann foul
         ann say gone",
        expect![[r#"
            ann < login Ok(1)
            ann < entered 0
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: still here #1
            ann closed: invalid-field
        "#]],
    );
}

#[test]
fn what_arrives_as_one_is_served_as_if_it_came_frame_by_frame() {
    const BEFORE: &str = "ann opens; ann login ann; ann enter 0; bob opens; bob login bob
                          bob enter 0; cid opens; ";
    for run in [
        "ann echo a & echo b & say c & say d & say e & echo f",
        "ann kick ann & kick ann & say on",
        "ann kick bob & kick bob & kick bob",
        "ann refuse 7 no & refuse 8 no & refuse 9 no",
        "ann say a & boom & boom & say b",
        "ann raze & raze & say late",
        "ann foul & foul & foul & foul & foul",
        "ann leave & leave & enter 1 & enter 2 & say there",
        "ann dismiss ann & dismiss ann & say gone",
        "ann crash & crash & echo gone",
        "cid echo a & login cid & login cid & echo b & enter 0 & say c & say d",
        "cid quit & quit & echo gone",
    ] {
        let log = |script: &str, outbox_bytes_max: usize| {
            let limits = ContentLimits {
                outbox_bytes_max,
                ..ContentLimits::default()
            };
            let mut world = World::with(village(Plan::default()), limits, 1, 1);
            world.run(&format!("{BEFORE}{script}; bob echo alive"));
            let stats = world.logics[0].shard.stats();
            let counts = [
                stats.frames,
                stats.frames_ignored,
                stats.credits,
                stats.outbox_full,
            ];
            (world.take_log(), counts)
        };
        let (name, _) = run.split_once(' ').unwrap();
        let one_by_one = run.replace(" & ", &format!(", {name} "));
        // The smaller outbox is full after a line or two.
        for bytes in [4 << 20, 100] {
            assert_eq!(
                log(run, bytes),
                log(&one_by_one, bytes),
                "{run}, {bytes} bytes"
            );
        }
    }
}

#[test]
fn a_packet_without_a_handler_ends_the_session() {
    let mut world = World::new(1, 1);
    world.run("ann opens");
    let session = world.client("ann").session;
    world.send(session, 99, b"");
    world.settle();
    assert_eq!(world.take_log(), "ann closed: unknown-id\n");
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<String>>, bool);

impl HandlerWatch for Diary {
    fn begin_batch(&mut self) {
        assert!(!self.1, "the batch before it has ended");
        self.1 = true;
    }

    fn begin(&mut self, place: Place, cause: Cause) -> u32 {
        assert!(self.1, "a call belongs to a batch");
        let place = match place {
            Place::Foyer => "foyer".to_owned(),
            Place::Room { kind, room } => format!("{kind} {}", room.number()),
        };
        let mut diary = self.0.lock().unwrap();
        *diary += &format!("{place}: {}", name_of(cause));
        2
    }

    fn again(&mut self) {
        *self.0.lock().unwrap() += ".";
    }

    fn end(&mut self, calls: u32) -> Option<Duration> {
        let mut diary = self.0.lock().unwrap();
        if calls > 1 {
            *diary += &format!(" x{calls}");
        }
        *diary += "\n";
        Some(Duration::from_millis(3))
    }

    fn end_batch(&mut self) {
        assert!(self.1, "a batch ends once");
        self.1 = false;
    }
}

#[test]
fn a_watch_sees_every_handler_begin_and_end() {
    let plan = Plan {
        tick: Some(Duration::from_millis(50)),
        ..Plan::default()
    };
    let mut world = World::of(plan, 1, 1);
    let diary = Diary::default();
    world.logics[0].shard.set_watch(Box::new(diary.clone()));
    world.run(
        "ann opens; ann login ann; ann enter 0; ann say a & say b & say c; ann remind 10 x; wait 50
         ann boom",
    );
    expect![[r#"
        foyer: on_open
        foyer: login
        foyer: on_verdict
        foyer: enter
        hall 0: admit
        foyer: on_entered
        hall 0: on_join
        hall 0: say. x2
        hall 0: say
        hall 0: remind
        hall 0: note 200
        hall 0: tick
        hall 0: boom
        foyer: on_left
    "#]]
    .assert_eq(&diary.0.lock().unwrap());
    let stats = world.logics[0].shard.stats();
    assert_eq!(
        (stats.tick_work.count(), stats.tick_work.buckets[12]),
        (1, 1)
    );
}

#[test]
fn a_request_is_answered_by_its_number_and_nothing_else_has_one() {
    let mut world = World::new(1, 1);
    world.run("ann opens; ann login ann; bob opens; bob login bob; bob enter 0; ann enter 0");
    world.take_log();
    for (number, (id, body)) in [
        (GATE_REQUEST, &b"a"[..]),
        (GATE_REQUEST, b"no"),
        (GATE_REQUEST, b"later"),
        (GATE_REQUEST, b"\xff"),
        (HALL_REQUEST, b"b"),
        (HALL_REQUEST, b"later"),
        (HALL_REQUEST, b"\xff"),
        (GATE_REQUEST + 9, b"unknown"),
    ]
    .into_iter()
    .enumerate()
    {
        world.request("ann", number as u32, id, body);
    }
    world.settle();
    world.run("services answer; ann echo alive");
    expect![[r#"
        ann < #0 gate: a
        ann < noted
        ann < #1 refused: 4
        ann < #3 bad: invalid-text
        ann < #4 hall: b
        bob << to all
        bob << to all
        ann < to all
        ann < #5 at once
        ann < to all
        ann < #6 bad: invalid-text
        ann < bad: unknown-id
        ann < #2 at last
        ann < echo alive
    "#]]
    .assert_eq(&world.take_log());
}

#[test]
fn a_modern_packet_that_answers_or_names_a_room_is_refused() {
    let both = Extensions {
        request: Some(1),
        ..Extensions::room(1)
    };
    let cases = [
        (Extensions::reply(1), ""),
        (Extensions::room(1), ""),
        (both, "#1 "),
    ];
    for (extensions, number) in cases {
        let mut world = World::new(1, 1);
        world.run("ann opens");
        let mut bytes = Vec::new();
        extensions.encode_frame(GATE_REQUEST, &mut bytes, |_| {});
        world.send_bytes("ann", &bytes);
        world.settle();
        let told = format!("ann < {number}bad: unknown-flags\n");
        assert_eq!(world.take_log(), told);
    }
}

/// Requests of `names[0]`, and what everybody is told, once all is settled.
fn requests(names: &[&str], steps: &[(&str, u16, &str)]) -> String {
    let mut world = World::new(1, 1);
    for name in names {
        world.run(&format!("{name} opens; {name} login {name}"));
    }
    world.take_log();
    for (number, (name, id, body)) in (0..).zip(steps) {
        world.request(name, number, *id, body.as_bytes());
    }
    world.settle();
    for name in names {
        world.run(&format!("{name} echo alive"));
    }
    world.take_log()
}

#[test]
fn a_request_that_a_room_fails_at_is_answered_once_by_the_foyer() {
    let enter = ("ann", GATE_REQUEST, "enter");
    for (body, expected) in [
        (
            "boom",
            "ann < #1 unanswered\nann < out of 0: RoomPanicked\n",
        ),
        (
            "answer and boom",
            "ann < #1 answered\nann < out of 0: RoomPanicked\n",
        ),
    ] {
        let told = requests(&["ann"], &[enter, ("ann", HALL_REQUEST, body)]);
        let begin = "ann < hello, 1 here #0\n";
        assert_eq!(told, format!("{begin}{expected}ann < echo alive\n"));
    }
    // At the door.
    let told = requests(&["hex"], &[("hex", GATE_REQUEST, "enter")]);
    let expected = "hex < #0 unanswered\nhex < out of 0: RoomPanicked\nhex < echo alive\n";
    assert_eq!(told, expected);
}

#[test]
fn what_a_room_owes_is_paid_once_or_answered_by_the_foyer_when_it_ends() {
    let enter = ("ann", GATE_REQUEST, "enter");
    let owe = ("ann", HALL_REQUEST, "owe");
    let told = requests(&["ann"], &[enter, owe, owe, ("ann", HALL_REQUEST, "pay")]);
    expect![[r#"
        ann < hello, 1 here #0
        ann < #1 paid
        ann < #2 paid
        ann < #3 all
        ann < echo alive
    "#]]
    .assert_eq(&told);
    let told = requests(&["ann"], &[enter, ("ann", HALL_REQUEST, "owe and pay")]);
    expect![[r#"
        ann < hello, 1 here #0
        ann < #1 paid
        ann < no answer
        ann < echo alive
    "#]]
    .assert_eq(&told);
    let told = requests(&["ann"], &[enter, owe, ("ann", HALL_REQUEST, "boom")]);
    expect![[r#"
        ann < hello, 1 here #0
        ann < #1 unanswered
        ann < #2 unanswered
        ann < out of 0: RoomPanicked
        ann < echo alive
    "#]]
    .assert_eq(&told);
}

#[test]
fn whoever_is_let_go_has_an_answer_to_everything_first() {
    let steps = [
        ("ann", GATE_REQUEST, "enter"),
        ("ann", HALL_REQUEST, "owe"),
        ("ann", GATE_REQUEST, "later"),
        ("ann", GATE_REQUEST, "quit"),
    ];
    let told = requests(&["ann"], &steps);
    expect![[r#"
        ann < hello, 1 here #0
        ann < #1 unanswered
        ann < #3 bye, 1 open
        ann finishes
    "#]]
    .assert_eq(&told);
}
