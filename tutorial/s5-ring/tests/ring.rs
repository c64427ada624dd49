//! What the ring promises: it is a queue of bytes with a limit.

use proptest::collection::vec;
use proptest::prelude::*;
use s5_ring::ring::Ring;
use std::collections::VecDeque;

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<u8>),
    Read(usize),
    Peek(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        vec(any::<u8>(), 0..12).prop_map(Step::Write),
        (0..12_usize).prop_map(Step::Read),
        (0..12_usize).prop_map(Step::Peek),
    ];
    vec(step, 0..60)
}

proptest! {
    #[test]
    fn the_ring_is_a_deque_with_a_limit(capacity in 1..20_usize, steps in steps()) {
        let mut ring = Ring::new(capacity);
        let mut deque = VecDeque::new();
        for step in steps {
            match step {
                Step::Write(news) => {
                    let fits = deque.len() + news.len() <= capacity;
                    prop_assert_eq!(ring.write(&news), fits);
                    if fits {
                        deque.extend(news);
                    }
                }
                Step::Read(count) => {
                    let mut out = vec![0; count];
                    prop_assert_eq!(ring.read(&mut out), count <= deque.len());
                    if count <= deque.len() {
                        prop_assert_eq!(out, deque.drain(..count).collect::<Vec<u8>>());
                    }
                }
                Step::Peek(count) => {
                    let mut out = vec![0; count];
                    prop_assert_eq!(ring.peek(&mut out), count <= deque.len());
                    if count <= deque.len() {
                        prop_assert_eq!(out, deque.range(..count).copied().collect::<Vec<u8>>());
                    }
                }
            }
            prop_assert_eq!(ring.len(), deque.len());
            prop_assert_eq!(ring.free(), capacity - deque.len());
            prop_assert_eq!(ring.is_empty(), deque.is_empty());
        }
    }
}

#[test]
fn a_ring_that_is_full_is_not_empty() {
    let mut ring = Ring::new(8);
    assert!(ring.write(b"12345678"));
    assert_eq!((ring.len(), ring.free()), (8, 0));
    assert!(!ring.write(b"!"), "there is no room");
    let mut out = [0; 8];
    assert!(ring.read(&mut out));
    assert_eq!(&out, b"12345678");
}

#[test]
fn what_goes_round_the_edge_comes_out_in_one_piece() {
    let mut ring = Ring::new(8);
    let mut out = [0; 5];
    for word in [b"first", b"again", b"third"] {
        assert!(ring.write(word) && ring.read(&mut out));
        assert_eq!(&out, word);
    }
}
