//! Who comes in, who is told that there is no room, and where a session lives.

use crate::harness::*;
use wharf_base::SessionId;
use wharf_net::{AccessRules, NetLimits};
use wharf_wire::classic::{self, ResultCode};
use wharf_wire::{BodyLength, FlagRule, FrameRules, Packet, PacketRule, PacketTable};

fn full(limits: &mut NetLimits) {
    limits.sessions_max = 1;
    limits.refusals_max = 2;
}

fn login() -> Vec<u8> {
    frame(classic::id::LOGIN_REQUEST, &[0; 66])
}

#[test]
fn a_full_server_answers_the_first_login_with_32_and_closes() {
    let mut net = Harness::new(full);
    let _seated = net.connect();
    let late = net.dial();
    net.settle();
    net.say(late, &login());
    net.settle();
    let answer = classic::login_response(ResultCode::LoginUserUsedAll);
    let mut body = Vec::new();
    answer.encode(&mut body);
    assert_eq!(net.bodies(late), [body]);
    assert!(net.client_is_closed(late));
    assert_eq!(net.server().stats().closed_as("refused-full"), 1);
    assert_eq!(
        net.servers[0].ear.heard.len(),
        1,
        "content never hears of a refusal"
    );
    net.stop();
}

#[test]
fn a_full_server_closes_at_once_on_anything_else() {
    let mut net = Harness::new(full);
    let _seated = net.connect();
    for bytes in [echo(b"hello"), b"GET / HTTP/1.1\r\n".to_vec()] {
        let late = net.dial();
        net.settle();
        net.say(late, &bytes);
        net.settle();
        assert!(net.client_is_closed(late));
        assert_eq!(net.bodies(late), Vec::<Vec<u8>>::new());
    }
    assert_eq!(net.server().stats().closed_as("refused-full"), 2);
    net.stop();
}

#[test]
fn a_full_server_tells_whoever_begins_with_a_modern_packet_by_the_frame_it_is_given() {
    const fn rule(id: u16) -> PacketRule {
        PacketRule {
            id,
            name: "modern",
            body: BodyLength::AtLeast(0),
            flags: FlagRule::NONE,
        }
    }
    static MODERN: PacketTable = PacketTable::new(&[rule(1_024), rule(1_029)]);
    // A frame of eleven bytes with the id 1,029.
    static FULL: &[u8] = b"\x0b\0\x05\x04\0full.\n";
    let mut net = Harness::new(|limits| {
        full(limits);
        limits.inbound.table = &MODERN;
        limits.outbound.table = &MODERN;
        limits.refusal_frame = FULL;
    });
    let _seated = net.connect();
    let late = net.dial();
    net.settle();
    net.say(late, &frame(1_024, b"hi"));
    net.settle();
    assert_eq!(net.bodies(late), [b"full.\n"]);
    assert!(net.client_is_closed(late));
    assert_eq!(net.server().stats().closed_as("refused-full"), 1);
    net.stop();
}

#[test]
fn a_refused_connection_may_take_as_long_to_ask_as_a_login() {
    let mut net = Harness::new(full);
    let seated = net.connect();
    net.server().log_in(seated.server);
    let asks = net.dial();
    net.advance(millis(29_990));
    net.say(asks, &login());
    net.settle();
    assert_eq!(net.bodies(asks).len(), 1);
    let mute = net.dial();
    net.advance(millis(29_990));
    assert!(!net.client_is_closed(mute));
    net.advance(millis(20));
    assert!(net.client_is_closed(mute));
    net.stop();
}

#[test]
fn while_half_of_the_refusals_are_taken_the_next_have_two_seconds_to_ask() {
    let mut net = Harness::new(full);
    let _seated = net.connect();
    let first = net.dial();
    net.settle();
    let second = net.dial();
    net.advance(millis(1_990));
    assert!(!net.client_is_closed(second));
    net.advance(millis(20));
    assert!(net.client_is_closed(second));
    assert!(!net.client_is_closed(first));
    net.stop();
}

#[test]
fn a_refused_connection_that_does_not_close_has_two_more_seconds() {
    let mut net = Harness::new(full);
    let _seated = net.connect();
    let late = net.dial();
    net.settle();
    net.clients.net.hold_input(late);
    net.say(late, &login());
    net.advance(millis(1_990));
    assert_eq!(net.server().stats().refusals, 1);
    net.advance(millis(20));
    assert_eq!(net.server().stats().refusals, 0, "its seat is for the next");
    net.clients.net.resume_input(late);
    net.settle();
    assert_eq!(net.bodies(late).len(), 1);
    net.stop();
}

#[test]
fn beyond_the_seats_for_refusals_a_connection_is_reset() {
    let mut net = Harness::new(full);
    let _seated = net.connect();
    let late: Vec<SessionId> = (0..4).map(|_| net.dial()).collect();
    net.settle();
    let closed = late
        .iter()
        .filter(|late| net.client_is_closed(**late))
        .count();
    assert_eq!(closed, 2);
    let stats = net.server().stats();
    assert_eq!(
        (stats.refused, stats.refusals_overflow, stats.refusals),
        (2, 2, 2)
    );
    net.stop();
}

#[test]
fn a_full_server_lets_in_again_as_soon_as_one_leaves() {
    let mut net = Harness::new(full);
    let seated = net.connect();
    let late = net.dial();
    net.settle();
    net.say(late, &login());
    net.settle();
    net.clients
        .net
        .close(seated.client, wharf_net::CloseReason::PeerClosed);
    net.settle();
    let next = net.connect();
    assert!(net.lives(next));
    net.stop();
}

#[test]
fn too_many_who_have_not_logged_in_are_refused_until_one_does() {
    let mut net = Harness::new(|limits| limits.sessions_not_logged_in = 1);
    let first = net.connect();
    let late = net.dial();
    net.settle();
    net.say(late, &login());
    net.settle();
    assert!(net.client_is_closed(late));
    assert_eq!(net.server().stats().closed_as("refused-login-queue"), 1);
    net.server().log_in(first.server);
    net.connect();
    net.stop();
}

#[test]
fn an_address_with_too_many_connections_is_reset() {
    let mut net = Harness::new(|limits| {
        limits.connections_per_address = 2;
        limits.loopback_exempt = false;
    });
    let first = net.connect();
    let _second = net.connect();
    let third = net.dial();
    net.settle();
    assert!(net.client_is_closed(third));
    assert_eq!(net.server().stats().address_full, 1);
    net.clients
        .net
        .close(first.client, wharf_net::CloseReason::PeerClosed);
    net.settle();
    net.connect();
    net.stop();
}

#[test]
fn the_deny_list_can_change_while_the_server_runs() {
    let mut net = Harness::new(|_| ());
    let before = net.connect();
    let deny = vec!["127.0.0.0/8".parse().unwrap()];
    net.admission.set_rules(AccessRules {
        allow: vec![],
        deny,
    });
    let denied = net.dial();
    net.settle();
    assert!(net.client_is_closed(denied));
    assert_eq!(net.server().stats().denied, 1);
    assert!(net.lives(before), "who is in stays in");
    net.admission.set_rules(AccessRules::default());
    net.connect();
    net.stop();
}

#[test]
fn sessions_spread_over_the_shards_by_least_load() {
    let mut net = Harness::new(|limits| limits.shards = 3);
    let pairs: Vec<_> = (0..6).map(|_| net.connect()).collect();
    let shards: Vec<_> = pairs.iter().map(|pair| pair.server.shard()).collect();
    assert_eq!(shards, [0, 1, 2, 0, 1, 2]);
    for pair in [pairs[1], pairs[4]] {
        net.clients
            .net
            .close(pair.client, wharf_net::CloseReason::PeerClosed);
    }
    net.settle();
    assert_eq!(net.connect().server.shard(), 1);
    assert_eq!(net.connect().server.shard(), 1);
    for pair in [pairs[0], pairs[2], pairs[3], pairs[5]] {
        assert!(net.lives(pair));
    }
    net.stop();
}

#[test]
fn who_finds_the_other_shards_overloaded_comes_in_or_is_told_that_there_is_no_room() {
    let mut net = Harness::new(|limits| {
        limits.shards = 2;
        limits.sessions_max = 20;
        limits.sessions_not_logged_in = 20;
    });
    net.servers[0].net.set_overloaded(true);
    let pairs: Vec<_> = (0..10).map(|_| net.connect()).collect();
    assert!(pairs.iter().all(|pair| pair.server.shard() == 1));
    let late = net.dial();
    net.settle();
    net.say(late, &login());
    net.settle();
    assert_eq!(net.bodies(late).len(), 1);
    net.servers[0].net.set_overloaded(false);
    assert_eq!(net.connect().server.shard(), 0);
    let adopts_failed = |side: &Side| side.net.stats().adopts_failed;
    assert_eq!(net.servers.iter().map(adopts_failed).sum::<u64>(), 0);
    net.stop();
}

#[test]
fn more_connections_than_a_turn_takes_wait_and_all_come_in() {
    let mut net = Harness::new(|limits| {
        limits.accepts_per_turn = 2;
        limits.sessions_not_logged_in = 100;
    });
    let clients: Vec<_> = (0..20).map(|_| net.dial()).collect();
    net.settle();
    assert_eq!(net.server().stats().opened, 20);
    assert!(net.server().stats().accept_budget_spent >= 5);
    for client in clients {
        assert_eq!(net.heard_by_client(client), [Heard::Opened]);
    }
    net.stop();
}

#[test]
fn connections_that_find_too_many_waiting_are_reset() {
    let mut net = Harness::new(|limits| {
        limits.accepts_per_turn = 1;
        limits.accepts_waiting_max = 0;
    });
    for _ in 0..10 {
        net.dial();
    }
    net.settle();
    let stats = net.server().stats();
    assert_eq!(stats.opened + stats.accepts_waiting_overflow, 10);
    net.stop();
}

#[test]
fn what_each_side_may_send_is_limited_apart() {
    static ECHO: PacketTable = PacketTable::new(&[PacketRule {
        id: 1,
        name: "echo",
        body: BodyLength::AtLeast(0),
        flags: FlagRule::NONE,
    }]);
    let mut net = Harness::new(|limits| {
        limits.inbound = FrameRules {
            table: &ECHO,
            frame_bytes_max: 20,
        };
        limits.outbound = FrameRules {
            table: &ECHO,
            frame_bytes_max: 2_000,
        };
    });
    let pair = net.connect();
    net.tell(pair.server, &echo(&[7; 1_995]));
    net.settle();
    assert!(net.lives(pair));
    net.say(pair.client, &echo(&[7; 16]));
    net.settle();
    assert_eq!(net.end(pair.server), "frame-too-long");
    net.stop();
}
