//! Bodies that are none, for every request: one error each to its sender, and nothing else.

use crate::asker::{Asker, Outcome, requests};
use crate::schema::{texts_of, within};
use crate::support::{BACKENDS, Server, UNHURRIED};
use wharf::proto::PacketInfo;
use wharf::proto::session::{Code, Error};
use wharf::wire::{Extensions, HEADER_BYTES, Header, Packet};

/// Two in a room, of both kinds, who must hear nothing of what a third does.
struct Witnesses {
    modern: Asker,
    classic: crate::support::Client,
}

const ROOM: u32 = 5;

impl Witnesses {
    fn new(server: &Server) -> Self {
        let mut modern = Asker::member(server, 1, ROOM);
        let mut classic = server.connect();
        classic.log_in("kim");
        classic.enter(ROOM as i32);
        // The list of those who are there; the other hears of the newcomer.
        classic.read_frame();
        modern.assert_serves();
        modern.notices.clear();
        Self { modern, classic }
    }

    /// Somebody comes into the room, of whom both hear.
    fn newcomer(&mut self, server: &Server, secret: u32) -> Asker {
        let asker = Asker::member(server, secret, ROOM);
        self.classic.read_frame();
        self.modern.assert_serves();
        self.modern.notices.clear();
        asker
    }

    /// Nothing came since.
    fn assert_undisturbed(&mut self) {
        self.modern.assert_serves();
        assert_eq!(self.modern.notices, [], "the others heard something");
        self.classic.send_bytes(&[7, 0, 1, 0, 0, b'o', b'k']);
        assert_eq!(self.classic.read_frame(), (1, b"ok".to_vec()));
    }
}

/// The requests that this server serves: others end the session, whatever is in them.
fn served(server: &Server) -> Vec<&'static PacketInfo> {
    let is_served = |request: &&PacketInfo| {
        let mut asker = Asker::connect(server);
        let number = asker.send(request.id, &[0xff]);
        asker.outcome(number) != Outcome::Ended
    };
    let served: Vec<_> = requests().filter(is_served).collect();
    assert!(served.len() > 30, "{served:?}");
    served
}

/// Whether a session that sits in a room may make that request: then its body is looked at.
fn is_read(asker: &mut Asker, request: &PacketInfo) -> bool {
    let number = asker.send(request.id, UNREADABLE[0].1);
    match asker.outcome(number) {
        Outcome::Error(error) => error.code() != Code::WrongState,
        other => panic!("{}: {other:?}", request.name),
    }
}

/// What no message is, whatever fields it has.
const UNREADABLE: &[(&str, &[u8])] = &[
    (
        "a number of eleven bytes",
        &[
            0xa0, 0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ],
    ),
    ("a number without an end", &[0xa0, 0x38, 0xff]),
    ("a tag without an end", &[0xff]),
    ("a tag of eleven bytes", &[0xff; 11]),
    ("field 0", &[0x00, 1]),
    ("a kind of field that there is none", &[0xa6, 0x38]),
    ("another that there is none", &[0xa7, 0x38]),
    ("an end of a group that did not begin", &[0xa4, 0x38]),
    ("a group without an end", &[0xa3, 0x38]),
    ("a group with the end of another", &[0xa3, 0x38, 0xac, 0x38]),
    (
        "a text longer than the message",
        &[0xa2, 0x38, 5, b'h', b'i'],
    ),
    (
        "a text of more bytes than there are",
        &[0xa2, 0x38, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ),
    (
        "a length of eleven bytes",
        &[
            0xa2, 0x38, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ],
    ),
    ("four bytes of which two are there", &[0xa5, 0x38, 1, 2]),
    ("eight bytes of which two are there", &[0xa1, 0x38, 1, 2]),
];

/// One clear error, and the session goes on.
fn assert_refused(asker: &mut Asker, request: &PacketInfo, body: &[u8], what: &str) -> String {
    let number = asker.send(request.id, body);
    match asker.outcome(number) {
        Outcome::Error(error) => {
            let (name, code) = (request.name, error.code());
            assert_eq!(code, Code::Invalid, "{name}, {what}: {error:?}");
            assert!(!error.text.is_empty(), "{name}, {what}");
            error.field
        }
        other => panic!("{}, {what}: {other:?}", request.name),
    }
}

#[test]
fn what_cannot_be_read_is_answered_once_and_nobody_else_hears_of_it() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let served = served(&server);
    let mut witnesses = Witnesses::new(&server);
    let mut member = witnesses.newcomer(&server, 2);
    let mut guest = Asker::greeted(&server);
    for request in served {
        // Those that begin a session are read from whoever is not logged in.
        let asker = match is_read(&mut member, request) {
            true => &mut member,
            false => &mut guest,
        };
        if !is_read(asker, request) {
            // Hello comes first, or it is not looked at.
            assert_eq!(request.name, "session.Hello");
            continue;
        }
        for (what, body) in UNREADABLE {
            assert_refused(asker, request, body, what);
        }
        // Within the floors that are read, and beyond.
        let begin = [0xa3, 0x38].repeat(150);
        let deep = [begin, [0xa4, 0x38].repeat(150)].concat();
        assert_refused(asker, request, &deep, "a group within groups");
        for field in texts_of(request.name) {
            for (what, bytes) in [
                ("a byte that begins nothing", &[b'h', 0xff, b'i'][..]),
                ("half a letter", &[0xea, 0xb0]),
                ("a letter too long", &[0xc0, 0xaf]),
                ("half of a pair", &[0xed, 0xa0, 0x80]),
                ("a letter above all", &[0xf4, 0x90, 0x80, 0x80]),
            ] {
                let body = within(&field.numbers, bytes);
                let named = assert_refused(asker, request, &body, what);
                let is_named = named == field.read_path || IN_ROOMS.contains(&request.name);
                assert!(
                    is_named,
                    "{}: {} and not {named:?}",
                    request.name, field.path
                );
            }
        }
    }
    member.assert_serves();
    guest.assert_serves();
    assert_eq!((member.notices, guest.notices), (vec![], vec![]));
    witnesses.assert_undisturbed();
}

/// What rooms read themselves: they say that it cannot be read, and not where.
const IN_ROOMS: &[&str] = &["chat.Say", "chat.Report", "room.ListMembers"];

#[test]
fn texts_that_no_field_may_have_are_refused_by_the_fields_name() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let served = served(&server);
    let mut witnesses = Witnesses::new(&server);
    let mut member = witnesses.newcomer(&server, 2);
    let mut guest = Asker::greeted(&server);
    for request in served {
        let asker = match is_read(&mut member, request) {
            true => &mut member,
            false => &mut guest,
        };
        if request.name == "session.Hello" {
            continue;
        }
        for field in texts_of(request.name) {
            // No text is as long as its packet may be.
            let most = usize::from(request.bytes_max) - 24;
            let body = within(&field.numbers, &vec![b'x'; most]);
            let number = asker.send(request.id, &body);
            let told = asker.outcome(number);
            let Outcome::Error(error) = told else {
                panic!("{}.{}: {told:?}", request.name, field.path);
            };
            assert_eq!(error.code(), Code::Invalid, "{}: {error:?}", request.name);
            // Another field is needed, and comes first; else this one is too long.
            let is_clear = error.field == field.path || error.text.contains("is needed");
            let short = error.text.contains("fewer than") || error.text.contains("less than");
            assert!(
                is_clear || short,
                "{}.{}: {error:?}",
                request.name,
                field.path
            );
        }
    }
    witnesses.assert_undisturbed();
}

/// A whole frame with these flags, and a request's number if they say so.
fn frame(id: u16, flags: u8, body: &[u8]) -> Vec<u8> {
    let extensions = match flags & 1 {
        0 => Vec::new(),
        _ => 1u32.to_le_bytes().to_vec(),
    };
    let header = Header {
        flags,
        ..Header::new(id, extensions.len() + body.len())
    };
    [&header.to_bytes()[..], &extensions, body].concat()
}

#[test]
fn frames_that_break_a_rule_end_their_session_and_no_other() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut witnesses = Witnesses::new(&server);
    let ends = |bytes: &[u8], what: &str| {
        let mut asker = Asker::greeted(&server);
        asker.client.send_rudely(bytes);
        assert!(asker.is_ended(), "{what}");
    };
    for request in requests() {
        let (id, name) = (request.id, request.name);
        let long = vec![0; usize::from(request.bytes_max) + 1];
        let mut oversize = Vec::new();
        Extensions::request(1).encode_frame(id, &mut oversize, |out| out.extend(&long));
        ends(&oversize, name);
        ends(&frame(id, 0, &[]), "without a number");
        ends(&frame(id, 0b10, &[]), "a reply to nothing");
        for bit in 5..8 {
            ends(&frame(id, 1 | 1 << bit, &[]), "a flag that means nothing");
        }
        ends(&frame(id, 0b1001, &[]), "a fragment");
        // A number of which a byte is missing.
        let header = Header {
            flags: 1,
            ..Header::new(id, 3)
        };
        ends(
            &[&header.to_bytes()[..], &[1, 0, 0]].concat(),
            "half a number",
        );
    }
    // What the server says, and what nobody says.
    let not_theirs = wharf::proto::PACKETS.iter().map(|packet| packet.id);
    let is_request = |id: &u16| requests().any(|request| request.id == *id);
    let others = [999, 1_000, 1_023, 9_999, 10_000, 32_767, u16::MAX];
    for id in not_theirs.filter(|id| !is_request(id)).chain(others) {
        ends(&frame(id, 1, &[]), "not for clients");
    }
    for length in [0, 1, HEADER_BYTES as u16 - 1, 16_385, u16::MAX] {
        let mut bytes = frame(1_027, 1, &[]);
        bytes[..2].copy_from_slice(&length.to_le_bytes());
        ends(&bytes, "a length that no frame has");
    }
    witnesses.assert_undisturbed();
}

/// The handle is kept for sessions that will be in several rooms; today a session is in one.
#[test]
fn a_handle_of_a_room_is_refused_to_its_sender_and_nothing_is_done() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut witnesses = Witnesses::new(&server);
    let mut member = witnesses.newcomer(&server, 2);
    for request in requests() {
        let mut bytes = Vec::new();
        let extensions = Extensions::request(77).in_room(9);
        extensions.encode_frame(request.id, &mut bytes, |_| {});
        if request.about_room {
            member.client.send_bytes(&bytes);
            let (id, extensions, body) = member.read().expect("an answer");
            assert_eq!((id, extensions), (Error::ID, Extensions::reply(77)));
            let error = Error::decode(&body).expect("an error");
            assert_eq!(error.code(), Code::Invalid, "{}: {error:?}", request.name);
            assert!(error.text.contains("handle"), "{}: {error:?}", request.name);
        } else {
            let mut asker = Asker::greeted(&server);
            asker.client.send_rudely(&bytes);
            assert!(asker.is_ended(), "{}", request.name);
        }
    }
    member.assert_serves();
    assert_eq!(member.notices, [], "it was done all the same");
    witnesses.assert_undisturbed();
}

#[test]
fn the_numbers_of_requests_are_the_clients_own() {
    let server = Server::start(BACKENDS[0], UNHURRIED);
    let mut asker = Asker::greeted(&server);
    for number in [0, 1, 1, u32::MAX, u32::MAX - 1, 0] {
        let mut bytes = Vec::new();
        Extensions::request(number).encode_frame(1_027, &mut bytes, |_| {});
        asker.client.send_bytes(&bytes);
        let (id, extensions, _) = asker.read().expect("a reply");
        assert_eq!((id, extensions), (1_028, Extensions::reply(number)));
    }
    // Through the store too.
    asker.done(&crate::asker::device(3));
    let mut bytes = Vec::new();
    Extensions::request(u32::MAX).encode_frame(1_108, &mut bytes, |_| {});
    asker.client.send_bytes(&bytes);
    let (id, extensions, _) = asker.read().expect("a reply");
    assert_eq!((id, extensions), (1_109, Extensions::reply(u32::MAX)));
}
