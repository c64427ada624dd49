//! A chat server that fits a test: right by construction, except for the one fault planted in it.

use super::{FirstFailure, Fleet};
use crate::BotOptions;
use crate::commands::Command;
use crate::plan::Plan;
use crate::report::Report;
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant, Key, SessionId};
use wharf_wire::classic::{
    ChatNotify, ChatRequest, EnterRequest, LeaveUserNotify, LoginRequest, NewUserNotify,
    ResultCode, UserEntry, UserListNotify, UserName, chat_response, enter_response, id,
    leave_response, login_response,
};
use wharf_wire::{Frame, HEADER_BYTES, Header, Packet};

/// What the model does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// Nobody listens.
    Deaf,
    /// The 100th delivery gets lost,
    Loss,
    /// comes twice,
    Duplicate,
    /// comes behind the next one of the same sender,
    Overtaken,
    /// has a flipped bit,
    Flip,
    /// carries another bot's name,
    WrongName,
    /// or comes to somebody in another room instead.
    Stray,
    /// The answer to the 100th message says 81.
    Refusal,
    /// One newcomer is announced to nobody.
    Unannounced,
    /// One name is taken.
    NameInUse,
    /// Nobody has an account.
    AccountsOnly,
    /// The 100th message cuts its sender.
    Cut,
    /// Every other echo cuts its session.
    CutEcho,
    /// The 100th message cuts everybody.
    Collapse,
    /// Whoever has 50 KB waiting while it does not read is cut.
    CutSlow,
    /// Nothing leaves the server between 3 s and 4 s.
    Stall,
    /// Nothing at all ever leaves it.
    Mute,
}

/// From the server to a bot, or back.
const TRIP: Duration = Duration::from_micros(500);

/// Later than the longest run with every wait for something that never comes.
const PATIENCE_OF_TESTS: Instant = Instant::from_nanos(120_000_000_000);

#[derive(Debug, Default)]
struct Peer {
    name: Option<UserName>,
    room: Option<i32>,
    paused: bool,
    /// Frames kept back while it does not read.
    kept: Vec<Vec<u8>>,
}

/// What reaches a bot.
#[derive(Debug)]
enum News {
    Opened,
    Refused,
    Frame(Vec<u8>),
    Ended,
    Closed(&'static str),
}

/// Fleet and model, with the network between them.
pub(super) struct World {
    fleet: Fleet,
    planted: Planted,
    now: Instant,
    peers: BTreeMap<SessionId, Peer>,
    /// On its way to the bots, by arrival and then by departure.
    news: BTreeMap<(Instant, u64), (SessionId, News)>,
    departures: u64,
    sessions: u32,
    said: u32,
    delivered: u32,
    /// A delivery that waits to be overtaken.
    held: Option<(SessionId, Vec<u8>)>,
}

impl Planted {
    /// Every fault that there is.
    pub(super) const ALL: [Self; 18] = [
        Self::Nothing,
        Self::Deaf,
        Self::Loss,
        Self::Duplicate,
        Self::Overtaken,
        Self::Flip,
        Self::WrongName,
        Self::Stray,
        Self::Refusal,
        Self::Unannounced,
        Self::NameInUse,
        Self::AccountsOnly,
        Self::Cut,
        Self::CutEcho,
        Self::Collapse,
        Self::CutSlow,
        Self::Stall,
        Self::Mute,
    ];
}

impl World {
    /// Runs `options` against the model; the report, or why there was nobody to talk to.
    pub(super) fn run(options: &BotOptions, planted: Planted) -> Result<Report, FirstFailure> {
        Self::run_timed(options, planted).map(|(report, _)| report)
    }

    /// As [`World::run`], with when it ended.
    pub(super) fn run_timed(
        options: &BotOptions,
        planted: Planted,
    ) -> Result<(Report, Instant), FirstFailure> {
        let mut world = Self {
            fleet: Fleet::new(Plan::new(options, 0)),
            planted,
            now: Instant::from_nanos(1_000),
            peers: BTreeMap::new(),
            news: BTreeMap::new(),
            departures: 0,
            sessions: 0,
            said: 0,
            delivered: 0,
            held: None,
        };
        world.fleet.begin(world.now);
        while !world.fleet.is_done() {
            world.turn();
            assert!(world.now < PATIENCE_OF_TESTS, "the run does not end");
            if let Some(failure) = world.fleet.first_failure() {
                return Err(failure.clone());
            }
        }
        assert!(world.peers.is_empty(), "every session was closed");
        let report = Report::new(options, "model", &world.fleet.into_tally());
        Ok((report, world.now))
    }

    fn turn(&mut self) {
        self.carry_out();
        if self.fleet.is_gathered() {
            self.fleet.start(self.now);
            self.carry_out();
        }
        let arrival = self.news.keys().next().map(|&(arrival, _)| arrival);
        let next = self.fleet.next_deadline().into_iter().chain(arrival).min();
        self.now = self
            .now
            .max(next.expect("something happens until the run is done"));
        self.fleet.begin_turn(self.now);
        while let Some(entry) = self.news.first_entry()
            && entry.key().0 <= self.now
        {
            let (session, news) = entry.remove();
            self.tell(session, news);
            self.carry_out();
        }
        self.fleet.handle_timeout(self.now);
    }

    fn tell(&mut self, session: SessionId, news: News) {
        let Some(bot) = self.fleet.bot_of(session) else {
            panic!("{session} is no bot's any more and hears {news:?}");
        };
        match news {
            News::Opened => self.fleet.on_opened(bot, session),
            News::Refused => {
                self.fleet.on_connect_failed(bot, FirstFailure::Refused);
                self.fleet.on_closed(bot, "connect-refused");
            }
            News::Frame(bytes) => {
                let header = Header::from_bytes(*bytes.first_chunk().unwrap());
                let frame = Frame {
                    id: header.id,
                    flags: 0,
                    body: &bytes[HEADER_BYTES..],
                };
                self.fleet.on_frame(bot, session, frame);
            }
            News::Ended => self.fleet.on_input_ended(bot),
            News::Closed(reason) => self.fleet.on_closed(bot, reason),
        }
    }

    fn carry_out(&mut self) {
        while !self.fleet.commands().is_empty() {
            let mut commands = core::mem::take(self.fleet.commands());
            commands.drain(|command| self.carry_out_one(command));
        }
    }

    fn carry_out_one(&mut self, command: Command<'_>) {
        match command {
            Command::Connect { bot, .. } => {
                let session = SessionId::new(0, Key::from_parts(self.sessions, 7));
                self.sessions += 1;
                self.fleet.connecting(bot, session);
                if self.planted == Planted::Deaf {
                    self.post(session, News::Refused);
                } else {
                    self.peers.insert(session, Peer::default());
                    self.post(session, News::Opened);
                }
            }
            Command::Send { session, frame } => self.serve(session, frame),
            Command::PauseReading { session } => {
                if let Some(peer) = self.peers.get_mut(&session) {
                    peer.paused = true;
                }
            }
            Command::ResumeReading { session } => {
                if let Some(peer) = self.peers.get_mut(&session) {
                    peer.paused = false;
                    for frame in core::mem::take(&mut peer.kept) {
                        self.post(session, News::Frame(frame));
                    }
                }
            }
            Command::Finish { session, .. } | Command::Close { session } => {
                self.end(session, "finished");
            }
            Command::LogIn { .. } => {}
        }
    }

    /// The server's whole wisdom.
    fn serve(&mut self, session: SessionId, frame: &[u8]) {
        if !self.peers.contains_key(&session) {
            return;
        }
        let header = Header::from_bytes(*frame.first_chunk().unwrap());
        let body = &frame[HEADER_BYTES..];
        match header.id {
            id::ECHO => self.echo(session, frame),
            id::LOGIN_REQUEST => self.log_in(session, &LoginRequest::decode(body).unwrap()),
            id::ENTER_REQUEST => self.enter(session, EnterRequest::decode(body).unwrap().room),
            id::LEAVE_REQUEST => {
                self.send(session, leave_response(ResultCode::None).to_frame());
                self.leave(session);
            }
            id::CHAT_REQUEST => self.chat(session, ChatRequest::decode(body).unwrap()),
            id => panic!("a bot sends {id}"),
        }
    }

    fn echo(&mut self, session: SessionId, frame: &[u8]) {
        self.said += 1;
        if self.planted == Planted::CutEcho && self.said.is_multiple_of(2) {
            self.end(session, "peer-reset");
        } else {
            self.deliver(session, frame.to_vec());
        }
    }

    fn log_in(&mut self, session: SessionId, login: &LoginRequest) {
        let taken = self
            .peers
            .values()
            .any(|peer| peer.name == Some(login.user));
        let planted = self.planted == Planted::NameInUse && login.user.as_str().ends_with(".17");
        let result = if taken || planted {
            ResultCode::LoginUserAlready
        } else if self.planted == Planted::AccountsOnly {
            ResultCode::LoginUserInvalid
        } else {
            self.peers.get_mut(&session).unwrap().name = Some(login.user);
            ResultCode::None
        };
        self.send(session, login_response(result).to_frame());
    }

    fn enter(&mut self, session: SessionId, room: i32) {
        let others = self.members(room);
        let entry = |name| UserEntry { unique_id: 1, name };
        let users = others
            .iter()
            .map(|other| entry(self.peers[other].name.unwrap()))
            .collect();
        self.send(session, enter_response(ResultCode::None).to_frame());
        self.send(session, UserListNotify { users }.to_frame());
        let peer = self.peers.get_mut(&session).unwrap();
        peer.room = Some(room);
        let user = entry(peer.name.expect("logged in"));
        if self.planted == Planted::Unannounced && user.name.as_str().ends_with(".17") {
            return;
        }
        for other in others {
            self.send(other, NewUserNotify { user }.to_frame());
        }
    }

    fn leave(&mut self, session: SessionId) {
        let room = self
            .peers
            .get_mut(&session)
            .and_then(|peer| peer.room.take());
        for other in room.map(|room| self.members(room)).unwrap_or_default() {
            self.send(other, LeaveUserNotify { unique_id: 1 }.to_frame());
        }
    }

    fn chat(&mut self, session: SessionId, said: ChatRequest) {
        self.said += 1;
        if self.said == 100 && self.planted == Planted::Cut {
            self.end(session, "peer-reset");
            return;
        }
        if self.said == 100 && self.planted == Planted::Collapse {
            let all: Vec<SessionId> = self.peers.keys().copied().collect();
            all.into_iter()
                .for_each(|session| self.end(session, "peer-reset"));
            return;
        }
        if self.said == 100 && self.planted == Planted::Refusal {
            self.send(
                session,
                chat_response(ResultCode::ChatRoomInvalid).to_frame(),
            );
            return;
        }
        self.send(session, chat_response(ResultCode::None).to_frame());
        let peer = &self.peers[&session];
        let notify = ChatNotify {
            user: peer.name.unwrap(),
            message: said.message,
        };
        for member in self.members(peer.room.expect("in a room")) {
            self.deliver(member, notify.to_frame());
        }
    }

    /// Sends something that bots check, and spoils the 100th.
    fn deliver(&mut self, session: SessionId, mut frame: Vec<u8>) {
        self.delivered += 1;
        if self.delivered != 100 {
            let name = frame[HEADER_BYTES..][..33].to_vec();
            self.send(session, frame);
            let overtaken = |held: &mut (SessionId, Vec<u8>)| {
                held.0 == session && held.1[HEADER_BYTES..].starts_with(&name)
            };
            if let Some((session, held)) = self.held.take_if(overtaken) {
                self.send(session, held);
            }
            return;
        }
        match self.planted {
            Planted::Loss => return,
            Planted::Duplicate => self.send(session, frame.clone()),
            Planted::Overtaken => {
                self.held = Some((session, frame));
                return;
            }
            Planted::Flip => *frame.last_mut().unwrap() ^= 1,
            Planted::WrongName => frame[HEADER_BYTES + 12] ^= 1,
            Planted::Stray => {
                let room = self.peers[&session].room;
                let mut others = self.peers.iter().filter(|(_, peer)| peer.room != room);
                if let Some(other) = others.next().map(|(&other, _)| other) {
                    self.send(other, frame);
                }
                return;
            }
            _ => {}
        }
        self.send(session, frame);
    }

    fn send(&mut self, session: SessionId, frame: Vec<u8>) {
        let peer = self.peers.get_mut(&session).unwrap();
        if peer.paused {
            peer.kept.push(frame);
            let kept_bytes: usize = peer.kept.iter().map(Vec::len).sum();
            if self.planted == Planted::CutSlow && kept_bytes > 50_000 {
                self.end(session, "peer-reset");
            }
        } else {
            self.post(session, News::Frame(frame));
        }
    }

    fn end(&mut self, session: SessionId, reason: &'static str) {
        self.leave(session);
        if self.peers.remove(&session).is_some() {
            if reason == "peer-reset" {
                self.post(session, News::Ended);
            }
            self.post(session, News::Closed(reason));
        }
    }

    fn members(&self, room: i32) -> Vec<SessionId> {
        let here = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.room == Some(room));
        here.map(|(&session, _)| session).collect()
    }

    fn post(&mut self, session: SessionId, news: News) {
        if self.planted == Planted::Mute && matches!(news, News::Frame(_)) {
            return;
        }
        let stall = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let stalled = self.planted == Planted::Stall && (stall(3)..stall(4)).contains(&self.now);
        let leaves = if stalled { stall(4) } else { self.now };
        self.departures += 1;
        self.news
            .insert((leaves + TRIP * 2, self.departures), (session, news));
    }
}
