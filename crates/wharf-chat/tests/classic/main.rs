//! The classic exchange, rule by rule, on a logic shard without a network.

mod world;

use expect_test::expect;
use world::{World, check};

#[test]
fn the_guides_exchange() {
    check(
        "ann opens; ann login ann; ann enter 3
         bob opens; bob login bob; bob enter 3
         ann chat hello; bob leave; bob closes; ann leave",
        expect![[r#"
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            bob < 202 result 0
            bob < 207 result 0
            bob < 209 [1 ann]
            ann < 208 2 bob
            ann < 222 result 0
            ann < 223 ann: hello
            bob < 223 ann: hello
            bob < 216 result 0
            ann < 217 2
            ann < 216 result 0
        "#]],
    );
}

#[test]
fn echo_comes_back_before_login_too() {
    check(
        "ann opens; ann echo hi; ann echo; ann login ann; ann enter 0; ann echo 안녕",
        expect![[r#"
            ann < 1 hi
            ann < 1 
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            ann < 1 안녕
        "#]],
    );
}

#[test]
fn echoes_that_come_as_one_come_back_up_to_one_that_is_not_text() {
    check(
        "ann opens; ann echoes 61 62; ann echoes 63 c3a9 ff 65; bob opens; bob echoes ff 61",
        expect![[r#"
            ann < 1 a
            ann < 1 b
            ann < 1 c
            ann < 1 é
            ann closed: invalid-text
            bob closed: invalid-text
        "#]],
    );
}

#[test]
fn text_that_is_not_utf_8_ends_the_session() {
    check(
        "ann opens; ann raw 1 ff; ann echo too late
         bob opens; bob raw 201 ff; cid opens; cid login cid; cid enter 0; cid raw 221 61ff",
        expect![[r#"
            ann closed: invalid-text
            bob closed: body-length
            cid < 202 result 0
            cid < 207 result 0
            cid < 209 []
            cid closed: invalid-text
        "#]],
    );
}

#[test]
fn an_empty_id_is_33_and_the_session_lives() {
    check(
        "ann opens; ann login; ann login ann",
        expect![[r#"
            ann < 202 result 33
            ann < 202 result 0
        "#]],
    );
}

#[test]
fn an_id_in_use_or_a_second_login_is_31_and_the_session_lives() {
    check(
        "ann opens; ann login ann; ann login ann; ann login other
         bob opens; bob login ann; bob login bob
         ann closes; cid opens; cid login ann",
        expect![[r#"
            ann < 202 result 0
            ann < 202 result 31
            ann < 202 result 31
            bob < 202 result 31
            bob < 202 result 0
            cid < 202 result 0
        "#]],
    );
}

#[test]
fn a_full_server_is_32_and_then_the_end() {
    check(
        "ann opens; ann login full; ann echo too late",
        expect![[r#"
            ann < 202 result 32
            ann finishes
        "#]],
    );
}

#[test]
fn an_authenticator_that_cannot_be_asked_is_33_and_the_session_lives() {
    check(
        "ann opens; ann login down; ann login ann",
        expect![[r#"
            ann < 202 result 33
            ann < 202 result 0
        "#]],
    );
}

#[test]
fn entering_before_login_or_twice_is_52() {
    check(
        "ann opens; ann enter 0; ann login ann; ann enter 0; ann enter 0; ann enter 99",
        expect![[r#"
            ann < 207 result 52
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            ann < 207 result 52
            ann < 207 result 52
        "#]],
    );
}

#[test]
fn a_bad_room_or_leaving_none_is_61() {
    check(
        "ann opens; ann leave; ann login ann; ann enter -1; ann enter 10; ann leave; ann enter 9",
        expect![[r#"
            ann < 216 result 61
            ann < 202 result 0
            ann < 207 result 61
            ann < 207 result 61
            ann < 216 result 61
            ann < 207 result 0
            ann < 209 []
        "#]],
    );
}

#[test]
fn a_full_room_is_54_until_a_seat_comes_back() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0
         cid opens; cid login cid; cid enter 0; dan opens; dan login dan; dan enter 0
         bob leave; dan enter 0; dan chat still here",
        expect![[r#"
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            bob < 202 result 0
            bob < 207 result 0
            bob < 209 [1 ann]
            ann < 208 2 bob
            cid < 202 result 0
            cid < 207 result 0
            cid < 209 [1 ann, 2 bob]
            ann < 208 3 cid
            bob < 208 3 cid
            dan < 202 result 0
            dan < 207 result 54
            bob < 216 result 0
            ann < 217 2
            cid < 217 2
            dan < 207 result 0
            dan < 209 [1 ann, 3 cid]
            ann < 208 4 dan
            cid < 208 4 dan
            dan < 222 result 0
            ann < 223 dan: still here
            cid < 223 dan: still here
            dan < 223 dan: still here
        "#]],
    );
}

#[test]
fn chat_before_login_or_outside_a_room_is_81() {
    check(
        "ann opens; ann chat a; ann login ann; ann chat b; ann enter 0; ann leave; ann chat c",
        expect![[r#"
            ann < 222 result 81
            ann < 202 result 0
            ann < 222 result 81
            ann < 207 result 0
            ann < 209 []
            ann < 216 result 0
            ann < 222 result 81
        "#]],
    );
}

#[test]
fn the_rest_learn_of_a_link_that_is_gone() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 0
         ann closes; bob chat alone",
        expect![[r#"
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            bob < 202 result 0
            bob < 207 result 0
            bob < 209 [1 ann]
            ann < 208 2 bob
            bob < 217 1
            bob < 222 result 0
            bob < 223 bob: alone
        "#]],
    );
}

#[test]
fn rooms_do_not_hear_each_other() {
    check(
        "ann opens; ann login ann; ann enter 0; bob opens; bob login bob; bob enter 1
         ann chat in 0; bob chat in 1",
        expect![[r#"
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            bob < 202 result 0
            bob < 207 result 0
            bob < 209 []
            ann < 222 result 0
            ann < 223 ann: in 0
            bob < 222 result 0
            bob < 223 bob: in 1
        "#]],
    );
}

#[test]
fn several_packets_in_one_receive_are_answered_in_order() {
    check(
        "ann opens, ann login ann, ann login ann, ann enter 0, ann chat a, ann echo b, ann leave",
        expect![[r#"
            ann < 202 result 0
            ann < 202 result 31
            ann < 207 result 0
            ann < 209 []
            ann < 222 result 0
            ann < 223 ann: a
            ann < 1 b
            ann < 216 result 0
        "#]],
    );
}

#[test]
fn a_half_closed_client_still_gets_its_replies() {
    check(
        "ann opens, ann login ann, ann enter 0, ann chat bye, ann ends",
        expect![[r#"
            ann < 202 result 0
            ann < 207 result 0
            ann < 209 []
            ann < 222 result 0
            ann < 223 ann: bye
            ann finishes
        "#]],
    );
}

#[test]
fn a_large_room_is_listed_in_packets_of_a_hundred() {
    let mut world = World::new(1_000);
    for number in 0..=250 {
        world.run(&format!(
            "u{number} opens; u{number} login u{number}; u{number} enter 0"
        ));
    }
    let log = world.take_log();
    let lists: Vec<usize> = log
        .lines()
        .filter_map(|line| line.strip_prefix("u250 < 209 "))
        .map(|list| list.split(", ").count())
        .collect();
    assert_eq!(lists, [100, 100, 50]);
    let told = log
        .lines()
        .filter(|line| line.ends_with("< 208 251 u250"))
        .count();
    assert_eq!(told, 250);
}

#[test]
fn names_and_lines_may_fill_all_their_bytes() {
    let name = "n".repeat(33);
    let line = "한".repeat(85) + "ab";
    let mut world = World::new(4);
    world.run(&format!(
        "ann opens; ann login {name}; ann enter 0; ann chat {line}"
    ));
    let log = world.take_log();
    assert!(
        log.ends_with(&format!("ann < 223 {name}: {line}\n")),
        "{log}"
    );
}

#[test]
fn the_exchange_is_right_to_the_byte() {
    let mut world = World::new(4);
    let user = format!("{}{}", hex(b"ann"), "00".repeat(30));
    let text = format!("{}{}", hex(b"hi"), "00".repeat(255));
    world.run("ann opens");
    world.run(&format!("ann raw 201 {user}{}", "00".repeat(33)));
    world.run(&format!(
        "ann raw 206 00000000; ann raw 221 {text}; ann raw 215; ann raw 1 6869"
    ));
    let expected = [
        "0700ca00000000".to_owned(),
        "0700cf00000000".to_owned(),
        "0600d1000000".to_owned(),
        "0700de00000000".to_owned(),
        format!("2701df0000{user}{text}"),
        "0700d800000000".to_owned(),
        "07000100006869".to_owned(),
    ];
    assert_eq!(world.take_bytes("ann"), expected.concat());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
