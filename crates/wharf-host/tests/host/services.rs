//! Services on a thread of their own: queries reach them, replies find whoever asked.

use crate::rig::{ANYWHERE, PATIENCE, on_every_port, options};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wharf_base::SessionId;
use wharf_content::{
    Asker, Foyer, FoyerCx, Handled, MemberId, Query, Room, RoomCx, RoomId, RoomKind, User, UserId,
};
use wharf_data::access::Error;
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, Answer, Ask, Notice, account};
use wharf_host::{NoServices, Placement, Replies, Server, Services};
use wharf_port::NativePort;
use wharf_wire::classic::{Echo, EnterRequest};
use wharf_wire::{FrameCutter, FrameRules, Packet, classic};

fn profile() -> Call {
    let account = AccountId::new(1);
    Call::Store(Ask::Account(account::Ask::Profile { account }))
}

/// Asks for whoever says "ask", and lets in whoever wants to enter.
struct Gate(RoomKind);

impl Gate {
    fn echo(&self, cx: &mut FoyerCx<'_>, echo: Echo) -> Handled {
        assert_eq!(echo.text, "ask");
        cx.query(profile(), 7).expect("one at a time");
        Ok(())
    }

    fn enter(&self, cx: &mut FoyerCx<'_>, request: EnterRequest) -> Handled {
        let id = UserId::new(1 + i64::from(request.room));
        let name = format!("u{}", request.room).into();
        cx.admit(User { id, name });
        cx.enter(RoomId::new(self.0, request.room as u32));
        Ok(())
    }
}

impl Foyer for Gate {
    fn on_reply(&self, cx: &mut FoyerCx<'_>, context: u64, reply: Reply) {
        cx.reply(&say(&format!("{context} {reply:?}")));
    }

    fn on_notice(&self, cx: &mut FoyerCx<'_>, notice: Notice) {
        cx.reply(&say(&format!("{notice:?}")));
    }
}

/// Asks at each echo, and tells everybody.
#[derive(Default)]
struct Hall;

impl Hall {
    fn echo(&mut self, cx: &mut RoomCx<'_>, _: MemberId, _: Echo) -> Handled {
        cx.query(profile(), 8).expect("one at a time");
        Ok(())
    }
}

impl Room for Hall {
    fn on_reply(&mut self, cx: &mut RoomCx<'_>, context: u64, reply: Reply) {
        cx.broadcast(&say(&format!("{context} {reply:?}")));
    }
}

fn say(text: &str) -> Echo {
    Echo { text: text.into() }
}

/// Hands every query to the test, with the way back.
struct ToTest(Mutex<Sender<Heard>>);

enum Heard {
    Query(Box<Query>, Option<IpAddr>, Replies),
    Closed(SessionId),
}

impl Services for ToTest {
    fn query(&self, query: Query, from: Option<IpAddr>, replies: &Replies) -> Option<Reply> {
        let heard = Heard::Query(Box::new(query), from, replies.clone());
        self.0
            .lock()
            .unwrap()
            .send(heard)
            .expect("the test listens");
        None
    }

    fn session_closed(&self, session: SessionId) {
        // A test that is over does not hear of the end.
        let _ = self.0.lock().unwrap().send(Heard::Closed(session));
    }
}

fn start<P: NativePort>(placement: Placement, services: Arc<dyn Services>) -> Server {
    let mut options = options(2, placement, |app| {
        let kind = app.room::<Hall>("hall").rooms(2).on(Hall::echo).kind();
        app.foyer(Gate(kind)).on(Gate::echo).on(Gate::enter);
    });
    options.services = services;
    Server::start::<P>(&options, ANYWHERE, Arc::new(|| {})).expect("starts")
}

struct Client {
    stream: TcpStream,
    cutter: FrameCutter,
    came: Vec<String>,
}

impl Client {
    fn new(server: &Server) -> Self {
        let stream = TcpStream::connect(server.local_addr()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            cutter: FrameCutter::new(),
            came: Vec::new(),
        }
    }

    /// Ends the link at once: in order it would wait for its answer.
    fn cut(self) {
        let now = Some(Duration::ZERO);
        SockRef::from(&self.stream).set_linger(now).unwrap();
    }

    fn send<P: Packet>(&mut self, packet: &P) {
        self.stream.write_all(&packet.to_frame()).unwrap();
    }

    /// The next text that comes.
    fn hear(&mut self) -> String {
        let rules = FrameRules {
            table: &classic::FROM_SERVER,
            frame_bytes_max: 1_024,
        };
        while self.came.is_empty() {
            let mut bytes = [0; 1_024];
            let count = self.stream.read(&mut bytes).expect("something comes");
            assert_ne!(count, 0, "the link stays");
            let mut input = &bytes[..count];
            while let Some(frames) = self.cutter.next(&mut input, &rules).expect("frames") {
                for frame in frames {
                    self.came.push(Echo::decode(frame.body).unwrap().text);
                }
            }
        }
        self.came.remove(0)
    }
}

fn next_query(heard: &Receiver<Heard>) -> (Box<Query>, Option<IpAddr>, Replies) {
    match heard.recv_timeout(PATIENCE).expect("a query") {
        Heard::Query(query, from, replies) => (query, from, replies),
        Heard::Closed(session) => panic!("{session} is over"),
    }
}

fn replies_find_whoever_asked<P: NativePort>() {
    for placement in [Placement::Fused, Placement::Split] {
        let (told, heard) = mpsc::channel();
        let server = start::<P>(placement, Arc::new(ToTest(Mutex::new(told))));
        let mut client = Client::new(&server);
        client.send(&say("ask"));
        let (query, from, replies) = next_query(&heard);
        assert_eq!(from, Some(IpAddr::from(Ipv4Addr::LOCALHOST)));
        let Asker::Session(session) = query.asker else {
            panic!("a session asked")
        };
        replies.reply(query.asker, query.id, Ok(Given::Store(Answer::Done)));
        assert_eq!(client.hear(), "7 Ok(Store(Done))");
        replies.notice(session, Notice::TakenOver);
        assert_eq!(client.hear(), "TakenOver");

        // Rooms of both shards, from a session that may have to move.
        for room in 0..2 {
            let mut member = Client::new(&server);
            member.send(&EnterRequest { room });
            member.send(&say("ask"));
            let (query, from, replies) = next_query(&heard);
            assert_eq!(from, None);
            assert!(matches!(query.asker, Asker::Room(_)));
            replies.reply(query.asker, query.id, Err(Error::NotFound));
            assert_eq!(member.hear(), "8 Err(NotFound)");
        }

        // A reply to somebody who has gone meets nobody, and services hear of the end.
        client.send(&say("ask"));
        let (query, _, replies) = next_query(&heard);
        client.cut();
        match heard.recv_timeout(PATIENCE).expect("the end") {
            Heard::Closed(closed) => assert_eq!(closed, session),
            Heard::Query(query, ..) => panic!("{query:?}"),
        }
        replies.reply(query.asker, query.id, Ok(Given::Store(Answer::Done)));
        let mut next = Client::new(&server);
        next.send(&say("ask"));
        let (query, _, replies) = next_query(&heard);
        replies.reply(query.asker, query.id, Ok(Given::Store(Answer::Done)));
        assert_eq!(next.hear(), "7 Ok(Store(Done))");
    }
}

fn without_services_every_query_is_answered<P: NativePort>() {
    let server = start::<P>(Placement::Fused, Arc::new(NoServices));
    let mut client = Client::new(&server);
    client.send(&say("ask"));
    assert_eq!(client.hear(), "7 Err(Unavailable)");
}

on_every_port!(
    replies_find_whoever_asked,
    without_services_every_query_is_answered
);
