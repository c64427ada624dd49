//! The guide's C# client, byte by byte: what it sends, and what it must get.

use crate::support::{BACKENDS, Client, Server};
use std::io::{Read, Write};
use std::time::Duration;
use wharf::wire::classic::{
    ChatNotify, LeaveUserNotify, NewUserNotify, ResultCode, UserListNotify, id,
};

/// A frame as the C# client writes it: header, body, array fields filled with 0.
fn frame(id: u16, body: &[u8]) -> Vec<u8> {
    let length = (5 + body.len()) as u16;
    [&length.to_le_bytes()[..], &id.to_le_bytes(), &[0], body].concat()
}

fn filled(text: &str, bytes: usize) -> Vec<u8> {
    let mut field = text.as_bytes().to_vec();
    field.resize(bytes, 0);
    field
}

fn expect_bytes(client: &mut Client, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    client
        .stream
        .read_exact(&mut got)
        .expect("the whole answer");
    assert_eq!(got, expected);
}

#[test]
fn the_clients_exchange_is_answered_byte_for_byte() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let mut client = server.connect();
        let name = filled("jacking75", 33);
        client
            .stream
            .write_all(&frame(201, &[&name[..], &filled("123qwe", 33)].concat()))
            .unwrap();
        expect_bytes(&mut client, &[7, 0, 202, 0, 0, 0, 0]);
        client
            .stream
            .write_all(&frame(206, &0i32.to_le_bytes()))
            .unwrap();
        expect_bytes(&mut client, &[7, 0, 207, 0, 0, 0, 0]);
        expect_bytes(&mut client, &[6, 0, 209, 0, 0, 0]);
        let message = filled("안녕하세요", 257);
        client.stream.write_all(&frame(221, &message)).unwrap();
        expect_bytes(&mut client, &[7, 0, 222, 0, 0, 0, 0]);
        expect_bytes(&mut client, &frame(223, &[name, message].concat()));
        client
            .stream
            .write_all(&frame(1, "메아리".as_bytes()))
            .unwrap();
        expect_bytes(&mut client, &frame(1, "메아리".as_bytes()));
        client.stream.write_all(&frame(215, &[])).unwrap();
        expect_bytes(&mut client, &[7, 0, 216, 0, 0, 0, 0]);
    }
}

#[test]
fn the_exchange_survives_a_split_at_every_byte() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let mut client = server.connect();
        let name = filled("splitter", 33);
        let exchange = [
            frame(201, &[&name[..], &[0; 33]].concat()),
            frame(206, &3i32.to_le_bytes()),
            frame(221, &filled("one", 257)),
            frame(215, &[]),
        ]
        .concat();
        for byte in exchange {
            client.stream.write_all(&[byte]).unwrap();
        }
        expect_bytes(&mut client, &[7, 0, 202, 0, 0, 0, 0]);
        expect_bytes(&mut client, &[7, 0, 207, 0, 0, 0, 0, 6, 0, 209, 0, 0, 0]);
        expect_bytes(&mut client, &[7, 0, 222, 0, 0, 0, 0]);
        expect_bytes(
            &mut client,
            &frame(223, &[name, filled("one", 257)].concat()),
        );
        expect_bytes(&mut client, &[7, 0, 216, 0, 0, 0, 0]);
    }
}

#[test]
fn everybody_in_a_room_sees_who_comes_speaks_and_goes() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let (mut kim, mut lee) = (server.connect(), server.connect());
        assert_eq!(kim.log_in("kim"), ResultCode::None);
        assert_eq!(kim.enter(7), ResultCode::None);
        assert_eq!(kim.read::<UserListNotify>().users, []);
        assert_eq!(lee.log_in("lee"), ResultCode::None);
        assert_eq!(lee.enter(7), ResultCode::None);
        let there = lee.read::<UserListNotify>().users;
        assert_eq!(
            there
                .iter()
                .map(|user| user.name.as_str())
                .collect::<Vec<_>>(),
            ["kim"]
        );
        let lee_as_seen = kim.read::<NewUserNotify>().user;
        assert_eq!(lee_as_seen.name.as_str(), "lee");
        kim.say("hello");
        assert_eq!(kim.read_result(id::CHAT_RESPONSE), ResultCode::None);
        for client in [&mut kim, &mut lee] {
            let chat = client.read::<ChatNotify>();
            assert_eq!(
                (chat.user.as_str(), chat.message.as_str()),
                ("kim", "hello")
            );
        }
        drop(lee);
        assert_eq!(
            kim.read::<LeaveUserNotify>().unique_id,
            lee_as_seen.unique_id
        );
        kim.assert_serves();
    }
}

#[test]
fn a_half_closed_client_gets_its_answers_and_then_the_end() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let mut client = server.connect();
        let exchange = [
            frame(201, &[filled("half", 33), vec![0; 33]].concat()),
            frame(206, &1i32.to_le_bytes()),
            frame(221, &filled("last words", 257)),
        ]
        .concat();
        client.send_bytes(&exchange);
        client.half_close();
        assert_eq!(client.read_result(id::LOGIN_RESPONSE), ResultCode::None);
        assert_eq!(client.read_result(id::ENTER_RESPONSE), ResultCode::None);
        client.read::<UserListNotify>();
        assert_eq!(client.read_result(id::CHAT_RESPONSE), ResultCode::None);
        assert_eq!(client.read::<ChatNotify>().message.as_str(), "last words");
        let mut rest = Vec::new();
        client
            .stream
            .read_to_end(&mut rest)
            .expect("an orderly end");
        assert!(rest.is_empty(), "{rest:?}");
    }
}

#[test]
fn a_seat_and_an_id_are_free_again_when_their_user_goes() {
    for backend in BACKENDS {
        let server = Server::start(backend, &["chat.rooms=1", "chat.room_members_max=1"]);
        let mut first = server.connect();
        assert_eq!(first.log_in("kim"), ResultCode::None);
        assert_eq!(first.enter(0), ResultCode::None);
        let mut second = server.connect();
        assert_eq!(second.log_in("kim"), ResultCode::LoginUserAlready);
        assert_eq!(second.log_in("lee"), ResultCode::None);
        assert_eq!(second.enter(0), ResultCode::EnterRoomFull);
        first.half_close();
        assert!(first.is_ended());
        // The seat is given back before the goodbye, so it is free by now or very soon.
        while second.enter(0) == ResultCode::EnterRoomFull {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut third = server.connect();
        assert_eq!(third.log_in("kim"), ResultCode::None);
    }
}

#[test]
fn a_thousand_frames_in_one_segment_are_all_answered_in_order() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let mut client = server.connect();
        let texts: Vec<String> = (0..1_000).map(|serial| format!("{serial:04}")).collect();
        let burst: Vec<u8> = texts
            .iter()
            .flat_map(|text| frame(1, text.as_bytes()))
            .collect();
        client.send_bytes(&burst);
        for text in texts {
            let echo = client.read_frame();
            assert_eq!((echo.0, &echo.1[..]), (1, text.as_bytes()));
        }
    }
}

#[test]
fn text_that_fills_all_its_bytes_is_no_error() {
    for backend in BACKENDS {
        let server = Server::start(backend, &[]);
        let mut client = server.connect();
        let (name, message) = ("n".repeat(33), "m".repeat(257));
        assert_eq!(client.log_in(&name), ResultCode::None);
        assert_eq!(client.enter(0), ResultCode::None);
        client.read::<UserListNotify>();
        client.say(&message);
        assert_eq!(client.read_result(id::CHAT_RESPONSE), ResultCode::None);
        let chat = client.read::<ChatNotify>();
        assert_eq!(
            (chat.user.as_str(), chat.message.as_str()),
            (&name[..], &message[..])
        );
    }
}
