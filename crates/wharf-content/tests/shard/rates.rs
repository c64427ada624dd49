//! What comes too fast is refused to its sender, in the foyer, in a room, and behind a move.

use crate::village::{Plan, build, id_of};
use crate::world::{World, check_in};
use expect_test::expect;
use wharf_content::{AppBuilder, ContentLimits, Rate};

/// A village in which echo and say are counted together: two at once, one in a second.
fn slow(logic_count: usize) -> World {
    let mut app = AppBuilder::new();
    let rate = Rate {
        per_minute: 60,
        burst: 2,
    };
    app.rate(rate, [id_of("echo"), id_of("say")]);
    let app = build(app, Plan::default());
    World::with(app, ContentLimits::default(), logic_count, 1)
}

#[test]
fn what_comes_too_fast_is_refused_and_what_is_behind_it_is_served() {
    check_in(
        slow(1),
        "ann opens; ann echo a & echo b & echo c & look 7; services answer
         bob opens; bob echo his own; wait 999; ann echo d; wait 1; ann echo e",
        expect![[r#"
            ann < echo a
            ann < echo b
            ann < too fast: echo, again in 1s
            ann < 7 is Ok(Store(Done)) for nobody
            bob < echo his own
            ann < too fast: echo, again in 1ms
            ann < echo e
        "#]],
    );
}

#[test]
fn what_was_used_counts_in_every_room_and_on_every_shard() {
    check_in(
        slow(2),
        "ann opens; ann login ann; ann echo a; ann enter 1; ann say b & say c; wait 1000
         ann say d",
        expect![[r#"
            ann < login Ok(1)
            ann < echo a
            ann < entered 1
            ann < hello, 1 here #0
            ann < said 1
            ann < ann: b #1
            ann < too fast: say, again in 1s
            ann < said 2
            ann < ann: d #2
        "#]],
    );
}
