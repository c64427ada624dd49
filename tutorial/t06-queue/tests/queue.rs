//! The queue alone: it knows no socket, so one sees what it decides.

use t06_queue::queue::{Class, Queue, Rules, TooMuch};

const RULES: Rules = Rules {
    waiting_bytes_max: 100,
    send_bytes_max: 8,
    no_priorities: false,
};

fn queue(messages: &[(Class, &str)]) -> Queue {
    queue_with(RULES, messages)
}

fn queue_with(rules: Rules, messages: &[(Class, &str)]) -> Queue {
    let mut queue = Queue::new(rules);
    for (class, message) in messages {
        assert_eq!(queue.push(*class, message.as_bytes()), Ok(()));
    }
    queue
}

/// The next send, in one piece.
fn next_send(queue: &mut Queue) -> Option<String> {
    let messages = queue.next_send()?;
    Some(String::from_utf8(messages.concat()).unwrap())
}

/// All sends, one after another.
fn sends(mut queue: Queue) -> Vec<String> {
    let mut sends = Vec::new();
    while let Some(send) = next_send(&mut queue) {
        sends.push(send);
        queue.handle_sent();
    }
    assert!(queue.is_idle());
    sends
}

use Class::{Bulk, Control};

#[test]
fn short_messages_share_a_send_and_none_is_cut_in_two() {
    let all = queue(&[
        (Bulk, "abc"),
        (Bulk, "defgh"),
        (Bulk, "ij"),
        (Bulk, "longer than a send"),
    ]);
    assert_eq!(sends(all), ["abcdefgh", "ij", "longer than a send"]);
}

#[test]
fn a_send_has_no_more_messages_than_the_system_takes() {
    let rules = Rules {
        send_bytes_max: 1_000,
        ..RULES
    };
    let all = queue_with(rules, &[(Bulk, "a"); 100]);
    assert_eq!(sends(all), ["a".repeat(64), "a".repeat(36)]);
}

#[test]
fn control_goes_first_in_its_own_order() {
    let messages = [
        (Bulk, "aaaaa"),
        (Control, "1"),
        (Bulk, "bbbbb"),
        (Control, "2"),
    ];
    assert_eq!(sends(queue(&messages)), ["12aaaaa", "bbbbb"]);
    let rules = Rules {
        no_priorities: true,
        ..RULES
    };
    assert_eq!(sends(queue_with(rules, &messages)), ["aaaaa1", "bbbbb2"]);
}

#[test]
fn one_send_is_under_way_at_a_time() {
    let mut queue = queue(&[(Bulk, "aaaaa"), (Bulk, "bbbbb")]);
    assert_eq!(next_send(&mut queue), Some("aaaaa".into()));
    assert_eq!(queue.push(Control, b"1"), Ok(()));
    assert_eq!(next_send(&mut queue), None);
    queue.handle_sent();
    assert_eq!(next_send(&mut queue), Some("1bbbbb".into()));
}

#[test]
fn what_would_be_too_much_is_refused_and_what_was_sent_counts_no_more() {
    let mut queue = queue(&[(Bulk, &"a".repeat(60))]);
    assert_eq!(queue.push(Control, &[b'b'; 41]), Err(TooMuch));
    assert_eq!(queue.push(Control, &[b'b'; 40]), Ok(()));
    assert_eq!(next_send(&mut queue), Some("b".repeat(40)));
    assert_eq!(queue.push(Bulk, &[b'c'; 40]), Ok(()));
    assert_eq!(queue.push(Bulk, b"c"), Err(TooMuch));
}
