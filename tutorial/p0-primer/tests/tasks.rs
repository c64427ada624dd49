//! The six tasks: each test is red until its task is done.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::thread;

use p0_primer::deadlock::Locks;
use p0_primer::tasks::{BadPort, Shortened, ask, parse_port, sum, take_frames, with_both};
use p0_primer::traits::{Echo, Handler};

#[test]
fn task_1_whole_frames_are_taken_and_half_a_frame_stays() {
    let mut received = b"\x02hi\x00\x05worl".to_vec();
    assert_eq!(take_frames(&mut received), [b"hi".to_vec(), Vec::new()]);
    assert_eq!(received, b"\x05worl");
    received.push(b'd');
    assert_eq!(take_frames(&mut received), [b"world"]);
    assert!(take_frames(&mut received).is_empty());
}

#[test]
fn task_2_a_bad_port_is_told_what_is_wrong_with_it() {
    assert_eq!(parse_port("11021"), Ok(11021));
    assert_eq!(parse_port("65535"), Ok(65535));
    assert_eq!(parse_port(""), Err(BadPort::Empty));
    assert_eq!(parse_port("65536"), Err(BadPort::OutOfRange(65536)));
    assert_eq!(parse_port("-1"), Err(BadPort::NotANumber("-1".into())));
    let told = parse_port("echo").unwrap_err().to_string();
    assert!(told.contains("\"echo\""), "{told}");
}

#[test]
fn task_3_a_handler_around_a_handler_shortens_what_goes_through() {
    struct Twice;
    impl Handler for Twice {
        fn on_received(&mut self, bytes: &[u8]) -> Vec<u8> {
            bytes.repeat(2)
        }
    }
    let mut echo = Shortened {
        inner: Echo,
        bytes_max: 4,
    };
    assert_eq!(echo.on_received(b"hello"), b"hell");
    assert_eq!(echo.on_received(b"hi"), b"hi");
    let mut twice = Shortened {
        inner: Twice,
        bytes_max: 4,
    };
    assert_eq!(twice.on_received(b"hello"), b"hell");
    assert_eq!(twice.on_received(b"abc"), b"abca");
}

#[test]
fn task_4_threads_add_up_what_one_would() {
    let parts: Vec<Vec<u64>> = (0..8).map(|part| (0..part * 100).collect()).collect();
    assert_eq!(sum(&parts), parts.iter().flatten().sum());
    assert_eq!(sum(&[]), 0);
}

#[test]
fn task_5_a_question_ends_with_its_stream_and_the_answer_comes_in_pieces() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let server = listener.local_addr().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = Vec::new();
            stream.read_to_end(&mut question).unwrap();
            for piece in question.chunks(7) {
                stream.write_all(piece).unwrap();
            }
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let question = vec![b'?'; 100_000];
        assert!(ask(server, &question).unwrap() == question);
    });
}

#[test]
fn task_6_transfers_in_both_directions_come_to_their_end() {
    const ROUNDS: usize = 2_000;
    let locks = Locks::default();
    let transfer =
        |thread, accounts| (0..ROUNDS).try_for_each(|_| with_both(&locks, thread, accounts, || {}));
    let ended = thread::scope(|scope| {
        let there = scope.spawn(|| transfer("there", ["anna", "bora"]));
        let back = scope.spawn(|| transfer("back", ["bora", "anna"]));
        [there, back].map(|thread| thread.join().unwrap())
    });
    assert_eq!(ended, [Ok(()), Ok(())]);
}
