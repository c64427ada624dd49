//! What ends a session, alone and with a named reason, and what is answered while it lives on.

use crate::support::{BACKENDS, Client, Server};
use std::time::Duration;
use wharf::wire::classic::{ResultCode, UserListNotify, id};

/// Each end: what is sent, and the reason that the log must name.
fn offences() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut offences = Vec::new();
    for length in 0..=4u8 {
        offences.push((
            "length below the header",
            vec![length, 0, 1, 0, 0],
            "frame-too-short",
        ));
    }
    offences.push((
        "length above the limit",
        vec![1, 64, 1, 0, 0],
        "frame-too-long",
    ));
    offences.push(("largest length", vec![255, 255, 1, 0, 0], "frame-too-long"));
    offences.push((
        "HTTP",
        b"GET / HTTP/1.1\r\nHost: wharf\r\n\r\n".to_vec(),
        "frame-too-long",
    ));
    for id in [
        0u16, 2, 11, 12, 30, 199, 202, 223, 1_000, 1_001, 1_002, 1_023, 9_999, 40_000,
    ] {
        let [low, high] = id.to_le_bytes();
        offences.push((
            "id that no client may send",
            vec![5, 0, low, high, 0],
            "unknown-id",
        ));
    }
    offences.push((
        "Hello that is no request",
        vec![5, 0, 0, 4, 0],
        "unknown-flags",
    ));
    offences.push(("short login", vec![70, 0, 201, 0, 0], "body-length"));
    offences.push(("long login", vec![72, 0, 201, 0, 0], "body-length"));
    offences.push(("leave with a body", vec![6, 0, 215, 0, 0, 0], "body-length"));
    let mut login = vec![71, 0, 201, 0, 0];
    login.resize(71, 0xff);
    offences.push(("invalid UTF-8", login, "invalid-text"));
    offences
}

#[test]
fn a_broken_rule_ends_that_session_with_its_reason_and_no_other() {
    for backend in BACKENDS {
        let mut server = Server::start(backend, &[]);
        let mut bystander = server.connect();
        assert_eq!(bystander.log_in("bystander"), ResultCode::None);
        for (what, bytes, reason) in offences() {
            let mut client = server.connect();
            client.send_rudely(&bytes);
            assert!(client.is_ended(), "{backend}: {what}");
            server.wait_for_log(&[reason]);
            bystander.assert_serves();
        }
    }
}

#[test]
fn a_truncated_frame_ends_the_session() {
    for backend in BACKENDS {
        let mut server = Server::start(backend, &["limits.partial_frame_seconds=600"]);
        let mut ended = server.connect();
        ended.send_bytes(&[71, 0, 201]);
        ended.half_close();
        assert!(ended.is_ended());
        server.wait_for_log(&["truncated-frame"]);
        let mut server = Server::start(backend, &["limits.partial_frame_seconds=1"]);
        let mut slow = server.connect();
        slow.send_bytes(&[71, 0, 201, 0, 0, b'a']);
        assert!(slow.is_ended());
        server.wait_for_log(&["partial-frame"]);
    }
}

#[test]
fn a_session_that_does_not_log_in_is_ended() {
    for backend in BACKENDS {
        let mut server = Server::start(backend, &["limits.login_seconds=1"]);
        let mut stays = who_is_quick_enough(&server);
        let mut silent = server.connect();
        assert!(silent.is_ended());
        server.wait_for_log(&["login-timeout"]);
        stays.assert_serves();
    }
}

/// One who has logged in; another tries where this process was kept from it for too long.
fn who_is_quick_enough(server: &Server) -> Client {
    for number in 0.. {
        let mut client = server.connect();
        if client.try_to_log_in(&format!("stays{number}")) == Some(ResultCode::None) {
            return client;
        }
    }
    unreachable!("numbers do not end")
}

#[test]
fn wrong_requests_are_answered_and_the_session_lives() {
    for backend in BACKENDS {
        let server = Server::start(backend, &["chat.room_members_max=1"]);
        let mut other = server.connect();
        assert_eq!(other.log_in("other"), ResultCode::None);
        assert_eq!(other.enter(9), ResultCode::None);
        let mut client = server.connect();
        assert_eq!(client.enter(0), ResultCode::EnterRoomInvalidStatus);
        client.say("too early");
        assert_eq!(
            client.read_result(id::CHAT_RESPONSE),
            ResultCode::ChatRoomInvalid
        );
        assert_eq!(client.log_in(""), ResultCode::LoginUserInvalid);
        assert_eq!(client.log_in("other"), ResultCode::LoginUserAlready);
        assert_eq!(client.log_in("me"), ResultCode::None);
        assert_eq!(client.log_in("me"), ResultCode::LoginUserAlready);
        client.send_bytes(&[5, 0, 215, 0, 0]);
        assert_eq!(
            client.read_result(id::LEAVE_RESPONSE),
            ResultCode::RoomInvalidIndex
        );
        for room in [-1, 10, i32::MIN, i32::MAX] {
            assert_eq!(client.enter(room), ResultCode::RoomInvalidIndex);
        }
        assert_eq!(client.enter(9), ResultCode::EnterRoomFull);
        client.say("still outside");
        assert_eq!(
            client.read_result(id::CHAT_RESPONSE),
            ResultCode::ChatRoomInvalid
        );
        assert_eq!(client.enter(0), ResultCode::None);
        client.read::<UserListNotify>();
        assert_eq!(client.enter(0), ResultCode::EnterRoomInvalidStatus);
        client.assert_serves();
    }
}

#[test]
fn a_sustained_flood_is_cut() {
    for backend in BACKENDS {
        let settings = [
            "limits.flood_seconds=1",
            "limits.inbound_packets_per_second=50",
            "limits.inbound_bytes_per_second=0",
        ];
        let mut server = Server::start(backend, &settings);
        let mut bystander = server.connect();
        assert_eq!(bystander.log_in("bystander"), ResultCode::None);
        let mut flood = server.connect();
        flood
            .stream
            .set_write_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let mut reader = Client {
            stream: flood.stream.try_clone().unwrap(),
        };
        let drain = std::thread::spawn(move || reader.is_ended());
        let burst = [7u8, 0, 1, 0, 0, b'x', b'x'].repeat(100);
        while !drain.is_finished() {
            flood.send_rudely(&burst);
        }
        assert!(drain.join().unwrap());
        server.wait_for_log(&["flood"]);
        bystander.assert_serves();
    }
}

#[test]
fn storms_of_resets_and_of_send_then_close_leave_nothing_behind() {
    for backend in BACKENDS {
        let mut server = Server::start(backend, &["limits.sessions_max=32"]);
        server.wait_for_log(&["the store is open"]);
        #[cfg(target_os = "linux")]
        let sockets = server.sockets();
        for round in 0..400 {
            let mut client = server.connect();
            if round % 2 == 0 {
                client.send_rudely(&[7, 0, 1, 0, 0, b'x', b'x']);
            } else {
                reset(client);
            }
        }
        // With nothing left behind, all 32 places are free for those who stay.
        let mut clients: Vec<Client> = Vec::new();
        while clients.len() < 32 {
            let mut client = server.connect();
            match client.try_to_log_in(&format!("user{}", clients.len())) {
                Some(ResultCode::None) => clients.push(client),
                Some(full) => assert_eq!(full, ResultCode::LoginUserUsedAll),
                // The storm is not over: so many are told "full" at a time, and the rest nothing.
                None => {}
            }
        }
        clients.iter_mut().for_each(Client::assert_serves);
        #[cfg(target_os = "linux")]
        server.wait_for_sockets(sockets + clients.len());
    }
}

fn reset(client: Client) {
    let socket = socket2::Socket::from(client.stream);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
}
