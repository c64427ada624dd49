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

/// All sends, one after another.
fn sends(mut queue: Queue) -> Vec<String> {
    let mut sends = Vec::new();
    while let Some(bytes) = queue.next_send() {
        sends.push(String::from_utf8(bytes).unwrap());
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
    assert_eq!(queue.next_send(), Some(b"aaaaa".to_vec()));
    assert_eq!(queue.push(Control, b"1"), Ok(()));
    assert_eq!(queue.next_send(), None);
    queue.handle_sent();
    assert_eq!(queue.next_send(), Some(b"1bbbbb".to_vec()));
}

#[test]
fn what_would_be_too_much_is_refused_and_what_was_sent_counts_no_more() {
    let mut queue = queue(&[(Bulk, &"a".repeat(60))]);
    assert_eq!(queue.push(Control, &[b'b'; 41]), Err(TooMuch));
    assert_eq!(queue.push(Control, &[b'b'; 40]), Ok(()));
    assert_eq!(queue.next_send().map(|bytes| bytes.len()), Some(40));
    assert_eq!(queue.push(Bulk, &[b'c'; 40]), Ok(()));
    assert_eq!(queue.push(Bulk, b"c"), Err(TooMuch));
}
