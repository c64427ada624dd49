//! Why sessions end: each reason, and that it ends that session alone.

use crate::harness::*;
use crate::world::World;
use wharf_net::{CloseReason, Outgoing};
use wharf_port::ConnectError;
use wharf_wire::{FrameRun, Headers, Violation};

#[test]
fn a_client_that_leaves_ends_as_peer_closed() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    let now = net.now;
    net.clients
        .net
        .finish(now, pair.client, CloseReason::PeerClosed);
    net.settle();
    let heard = [
        Heard::Opened,
        Heard::InputEnded,
        Heard::Closed(CloseReason::PeerClosed),
    ];
    assert_eq!(net.heard_by_server(pair.server), heard);
    assert!(net.client_is_closed(pair.client));
    net.stop();
}

#[test]
fn a_client_that_resets_ends_as_peer_reset() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    // A flood is closed by a reset.
    net.clients.net.close(pair.client, CloseReason::Flood);
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::PeerReset));
    net.stop();
}

#[test]
fn what_is_no_frame_ends_that_session_alone_with_its_name() {
    let too_short = |frame_bytes| Violation::FrameTooShort { frame_bytes };
    let cases: &[(&[u8], Violation)] = &[
        (&[0, 0, 1, 0, 0], too_short(0)),
        (&[1, 0, 1, 0, 0], too_short(1)),
        (&[4, 0, 1, 0, 0], too_short(4)),
        (
            &[1, 64, 1, 0, 0],
            Violation::FrameTooLong {
                frame_bytes: 16_385,
                limit: 16_384,
            },
        ),
        (&[5, 0, 2, 0, 0], Violation::UnknownId { id: 2 }),
        (&[5, 0, 11, 0, 0], Violation::UnknownId { id: 11 }),
        (&[5, 0, 199, 0, 0], Violation::UnknownId { id: 199 }),
        (&[5, 0, 0xE8, 3, 0], Violation::UnknownId { id: 1_000 }),
        (
            &[5, 0, 201, 0, 0],
            Violation::BodyLength {
                id: 201,
                body_bytes: 0,
            },
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            Violation::FrameTooLong {
                frame_bytes: 0x4547,
                limit: 16_384,
            },
        ),
    ];
    let mut net = Harness::new(|_| ());
    let witness = net.connect();
    for (bytes, violation) in cases {
        let pair = net.connect();
        net.say(
            pair.client,
            &[&echo(b"before"), *bytes, &echo(b"after")].concat(),
        );
        net.settle();
        let heard = [
            Heard::Opened,
            Heard::Frame(1, b"before".to_vec()),
            Heard::Closed(CloseReason::Protocol(*violation)),
        ];
        assert_eq!(net.heard_by_server(pair.server), heard);
        assert!(net.client_is_closed(pair.client));
        assert!(net.lives(witness));
    }
    assert_eq!(net.server().stats().closed_as("frame-too-short"), 3);
    net.stop();
}

#[test]
fn input_that_ends_inside_a_frame_is_a_truncated_frame() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.say(pair.client, &echo(b"whole")[..7]);
    net.clients.net.end_output(pair.client);
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::TruncatedFrame));
    net.stop();
}

#[test]
fn a_kick_is_at_once_and_told_with_its_reason() {
    let mut net = Harness::new(|_| ());
    let pair = net.connect();
    net.server().close(pair.server, CloseReason::Kicked);
    net.settle();
    assert_eq!(net.reason(pair.server), Some(CloseReason::Kicked));
    assert!(net.client_is_closed(pair.client));
    net.stop();
}

#[test]
fn a_frame_that_content_got_wrong_never_reaches_the_client() {
    let wrong = [
        &[5u8, 0, 1, 0][..],
        &[6, 0, 1, 0, 0],
        &frame(1, &[0; 17_000]),
    ];
    for bytes in wrong {
        let mut net = Harness::new(|_| ());
        let pair = net.connect();
        net.tell(pair.server, bytes);
        net.settle();
        assert_eq!(net.reason(pair.server), Some(CloseReason::BadOutboundFrame));
        assert_eq!(net.bodies(pair.client), Vec::<Vec<u8>>::new());
        net.stop();
    }
}

#[test]
fn a_run_of_frames_that_are_too_long_never_leaves() {
    let short = frame(1, b"short");
    let long = frame(1, &[0; 17_000]).repeat(2);
    for (bytes, headers) in [
        (long.clone(), Headers::Alike),
        (long.clone(), Headers::Various),
        ([&short[..], &long].concat(), Headers::Various),
    ] {
        let mut net = Harness::new(|_| ());
        let pair = net.connect();
        let count = FrameRun::of(&bytes).unwrap().frame_count();
        let run = FrameRun::known_with(&bytes, count, headers);
        net.tell_all(pair.server, Outgoing::Run(&run));
        net.settle();
        assert_eq!(net.reason(pair.server), Some(CloseReason::BadOutboundFrame));
        assert_eq!(net.bodies(pair.client), Vec::<Vec<u8>>::new());
        net.stop();
    }
}

#[test]
fn a_connect_to_nobody_is_told_as_refused() {
    let mut net = Harness::new(|_| ());
    let client = net.dial_to(World::nobody());
    net.settle();
    let refused = CloseReason::ConnectFailed(ConnectError::Refused);
    assert_eq!(net.heard_by_client(client), [Heard::Closed(refused)]);
    net.stop();
}

#[test]
fn a_connect_that_is_given_up_is_closed_with_the_owners_reason() {
    let mut net = Harness::new(|_| ());
    let client = net.dial();
    net.clients.net.close(client, CloseReason::Kicked);
    net.settle();
    assert_eq!(
        net.heard_by_client(client),
        [Heard::Closed(CloseReason::Kicked)]
    );
    net.stop();
}
