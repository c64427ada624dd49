//! Packets that a handler is given together.

use crate::village::{GATE_RUN, Plan, build, id_of, village};
use crate::world::{World, check, check_in};
use expect_test::expect;
use wharf_content::{AppBuilder, Commands, Rate};
use wharf_wire::HEADER_BYTES;

#[test]
fn what_lies_one_behind_the_other_is_given_together() {
    check(
        "ann opens; ann gather a & gather b & echo x & gather c; ann gather d, ann gather e",
        expect![[r#"
            ann < gathered a+b
            ann < echo x
            ann < gathered c
            ann < gathered d
            ann < gathered e
        "#]],
    );
}

#[test]
fn a_fault_is_of_what_was_taken_and_what_is_behind_it_comes_again() {
    check(
        "ann opens; ann gather a & gather no & gather b & gather no & gather no & gather c",
        expect![[r#"
            ann < gathered a
            ann < no gather: 5 no
            ann < gathered b
            ann < no gather: 5 no
            ann < gathered c
        "#]],
    );
}

#[test]
fn what_is_left_comes_again_until_nothing_is_taken() {
    check(
        "ann opens; ann gather a & gather rest & gather rest & gather b; ann echo alive",
        expect![[r#"
            ann < gathered a
            ann < gathered b
            ann < echo alive
        "#]],
    );
}

#[test]
fn what_is_counted_comes_one_by_one() {
    let mut app = AppBuilder::new();
    let rate = Rate {
        per_minute: 60,
        burst: 2,
    };
    app.rate(rate, [id_of("gather")]);
    check_in(
        World::with(build(app, Plan::default()), Default::default(), 1, 1),
        "ann opens; ann gather a & gather b & gather c & gather d & echo x; wait 1000
         ann gather e & gather f",
        expect![[r#"
            ann < gathered a
            ann < gathered b
            ann < too fast: gather, again in 1s
            ann < too fast: gather, again in 1s
            ann < echo x
            ann < gathered e
            ann < too fast: gather, again in 1s
        "#]],
    );
}

#[test]
fn no_more_is_given_together_than_is_sent_together() {
    let word = "x".repeat(60);
    let most = Commands::RUN_BYTES_MAX as usize / (HEADER_BYTES + word.len());
    let mut world = World::with(village(Plan::default()), Default::default(), 1, 1);
    let all = vec![format!("gather {word}"); most + 2];
    world.run(&format!("ann opens; ann {}", all.join(" & ")));
    let log = world.take_log();
    let given: Vec<_> = log
        .lines()
        .map(|line| line.matches(&word).count())
        .collect();
    assert_eq!(given, [most, 2]);
    let stats = world.logics[0].shard.stats();
    assert_eq!(
        (stats.frames, stats.credits),
        (most as u64 + 2, most as u64 + 2)
    );
}

#[test]
fn one_that_is_longer_than_what_is_sent_together_is_given_alone() {
    let long = "y".repeat(Commands::RUN_BYTES_MAX as usize);
    let mut world = World::with(village(Plan::default()), Default::default(), 1, 1);
    world.run(&format!("ann opens; ann gather {long} & gather b"));
    let expected = format!("ann < gathered {long}\nann < gathered b\n");
    assert_eq!(world.take_log(), expected);
}

#[test]
fn a_panic_ends_the_session_and_what_is_behind_is_ignored() {
    let mut world = World::new(1, 1);
    world.run("ann opens; bob opens; ann heap a & heap boom & heap b & echo c; bob heap alive");
    expect![[r#"
        ann < heap a
        ann closed: panicked
        bob < heap alive
    "#]]
    .assert_eq(&world.take_log());
    let stats = world.logics[0].shard.stats();
    assert_eq!((stats.frames, stats.frames_ignored), (3, 2));
}

#[test]
fn a_modern_packet_is_given_together_and_its_extensions_are_a_broken_rule() {
    let mut world = World::new(1, 1);
    world.run("ann opens");
    let session = world.client("ann").session;
    world.send(session, GATE_RUN, b"plain");
    world.settle();
    world.request("ann", 7, GATE_RUN, b"asked");
    world.settle();
    expect![[r#"
        ann < heap plain
        ann < bad: unknown-flags
    "#]]
    .assert_eq(&world.take_log());
}
