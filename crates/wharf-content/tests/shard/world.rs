//! Several logic shards and the I/O shards around them, as the host wires them, in one thread.

use crate::village::{ANSWER, LINE, Plan, id_of, read_line, village};
use expect_test::Expect;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use wharf_base::{Batch, Instant, Key, SessionId};
use wharf_content::{
    App, Asker, Commands, ContentCommand, ContentEvent, ContentLimits, Inbox, LogicOptions,
    LogicShard, LoginRefusal, Origin, Outbox, Payload, Query, UserId,
};
use wharf_data::access::Error;
use wharf_data::service::{Call, Given};
use wharf_data::{Answer, Ask, Notice, account};
use wharf_wire::{Extensions, Frame, FrameRun};

/// Plays `script` on one shard and compares what came of it; see [`World::run`].
pub(crate) fn check(script: &str, expected: Expect) {
    check_in(World::new(1, 1), script, expected);
}

/// As [`check`], in a world that was prepared.
pub(crate) fn check_in(mut world: World, script: &str, expected: Expect) {
    world.run(script);
    expected.assert_eq(&world.take_log());
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) logics: Vec<Logic>,
    ios: Vec<Io>,
    pub(crate) clients: Vec<Client>,
    /// Who is logged in, by name.
    users: BTreeMap<String, SessionId>,
    /// Sessions that are over and of which content has not heard everything.
    pub(crate) unreleased: BTreeSet<SessionId>,
    /// What the authenticator has said and not yet delivered, while it takes its time.
    verdicts: VecDeque<(SessionId, Result<UserId, LoginRefusal>)>,
    pub(crate) delays_verdicts: bool,
    /// What the services were asked and have not answered.
    pub(crate) queries: VecDeque<Query>,
    log: String,
    pub(crate) prints_all: bool,
}

/// A logic shard, and what waits for it.
pub(crate) struct Logic {
    pub(crate) shard: LogicShard,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
}

/// What an I/O shard knows: each session's home, and the commands that wait.
#[derive(Default)]
struct Io {
    homes: BTreeMap<SessionId, u8>,
    commands: Commands,
}

pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) session: SessionId,
    pub(crate) received: Vec<String>,
    /// Frames on their way to content, or in it.
    pub(crate) in_flight: i64,
    pub(crate) is_over: bool,
}

impl World {
    pub(crate) fn new(logic_count: usize, io_count: usize) -> Self {
        Self::of(Plan::default(), logic_count, io_count)
    }

    pub(crate) fn of(plan: Plan, logic_count: usize, io_count: usize) -> Self {
        Self::with(
            village(plan),
            ContentLimits::default(),
            logic_count,
            io_count,
        )
    }

    pub(crate) fn with(
        app: App,
        limits: ContentLimits,
        logic_count: usize,
        io_count: usize,
    ) -> Self {
        let app = Arc::new(app);
        let logic = |index| Logic {
            shard: LogicShard::new(
                Arc::clone(&app),
                LogicOptions {
                    index,
                    logic_count,
                    io_count,
                    seed: 1,
                    limits,
                },
            ),
            inbox: Inbox::new(),
            outbox: Outbox::new(io_count, logic_count),
        };
        Self {
            now: Instant::ZERO,
            logics: (0..logic_count as u8).map(logic).collect(),
            ios: (0..io_count).map(|_| Io::default()).collect(),
            clients: Vec::new(),
            users: BTreeMap::new(),
            unreleased: BTreeSet::new(),
            verdicts: VecDeque::new(),
            delays_verdicts: false,
            queries: VecDeque::new(),
            log: String::new(),
            prints_all: false,
        }
    }

    /// Plays a script: steps between which there is a comma, and batches between which there is a
    /// semicolon or a new line. After a batch everything runs until nothing happens any more.
    ///
    /// A step is `who verb words`: `opens` (with the number of the I/O shard), `closes`, `ends`
    /// (the input) or a verb of the village; or `wait milliseconds`; or `logic n` and `io n`,
    /// which give that shard one turn; or what the services do ([`World::let_services`]).
    pub(crate) fn run(&mut self, script: &str) {
        for batch in script.split([';', '\n']) {
            for step in batch.split(',') {
                self.step(step.trim());
            }
            self.settle();
        }
    }

    pub(crate) fn step(&mut self, step: &str) {
        let (subject, rest) = step.split_once(' ').unwrap();
        match subject {
            "wait" => self.wait(Duration::from_millis(rest.parse().unwrap())),
            "logic" => self.turn_logic(rest.parse().unwrap()),
            "io" => self.turn_io(rest.parse().unwrap()),
            "services" => self.let_services(rest),
            name if rest.contains(" & ") => self.send_run(name, rest),
            name => {
                let (verb, words) = split_verb(rest);
                self.act(name, verb, words);
            }
        }
    }

    pub(crate) fn act(&mut self, name: &str, verb: &str, words: &str) {
        if verb == "opens" {
            let session = self.open(name, words.parse().unwrap_or(0));
            return self.push(session, |session| ContentEvent::Opened { session });
        }
        let session = self.client(name).session;
        match verb {
            "closes" => self.close(session),
            "ends" => self.push(session, |session| ContentEvent::InputEnded { session }),
            _ => self.send(session, id_of(verb), words.as_bytes()),
        }
    }

    pub(crate) fn send(&mut self, session: SessionId, id: u16, body: &[u8]) {
        let frame = Frame { id, flags: 0, body }.to_vec();
        self.push_frames(session, FrameRun::known(&frame, 1));
    }

    /// A modern packet of a client, as request `number`.
    pub(crate) fn request(&mut self, name: &str, number: u32, id: u16, body: &[u8]) {
        let mut bytes = Vec::new();
        let extensions = Extensions::request(number);
        extensions.encode_frame(id, &mut bytes, |out| out.extend_from_slice(body));
        self.send_bytes(name, &bytes);
    }

    /// Whole frames of a client.
    pub(crate) fn send_bytes(&mut self, name: &str, bytes: &[u8]) {
        let session = self.client(name).session;
        self.push_frames(session, FrameRun::of(bytes).unwrap());
    }

    /// What is joined by `&` arrives as one.
    fn send_run(&mut self, name: &str, steps: &str) {
        let mut bytes = Vec::new();
        for (verb, words) in steps.split(" & ").map(split_verb) {
            let (id, flags, body) = (id_of(verb), 0, words.as_bytes());
            Frame { id, flags, body }.encode(&mut bytes);
        }
        self.send_bytes(name, &bytes);
    }

    fn push_frames(&mut self, session: SessionId, frames: FrameRun<'_>) {
        let index = index_of(&self.clients, session);
        self.clients[index].in_flight += i64::from(frames.frame_count());
        self.push(session, |session| ContentEvent::Frames { session, frames });
    }

    /// A new session of `name`, in the slot that this name always has.
    fn open(&mut self, name: &str, io: u8) -> SessionId {
        let known = self.clients.iter().position(|client| client.name == name);
        let slot = known.unwrap_or(self.clients.len());
        let generation = match known {
            Some(index) => self.clients[index].session.key().generation() + 1,
            None => 0,
        };
        let session = SessionId::new(io, Key::from_parts(slot as u32, generation));
        let client = Client {
            name: name.to_owned(),
            session,
            received: Vec::new(),
            in_flight: 0,
            is_over: false,
        };
        match known {
            Some(index) => self.clients[index] = client,
            None => self.clients.push(client),
        }
        let home = usize::from(io) % self.logics.len();
        self.ios[usize::from(io)].homes.insert(session, home as u8);
        session
    }

    fn close(&mut self, session: SessionId) {
        if self.live(session).is_none() {
            return;
        }
        self.users.retain(|_, user| *user != session);
        self.push(session, |session| ContentEvent::Closed { session });
        self.unreleased.insert(session);
        self.ios[usize::from(session.shard())]
            .homes
            .remove(&session);
        let index = index_of(&self.clients, session);
        self.clients[index].is_over = true;
    }

    /// What an I/O shard does with an event: it goes to the session's home of this moment.
    fn push<'a>(&mut self, session: SessionId, event: impl FnOnce(SessionId) -> ContentEvent<'a>) {
        if let Some(&home) = self.ios[usize::from(session.shard())].homes.get(&session) {
            self.logics[usize::from(home)].inbox.push(event(session));
        }
    }

    /// Runs every shard until nothing happens any more.
    pub(crate) fn settle(&mut self) {
        while self.is_busy() {
            (0..self.logics.len()).for_each(|index| self.turn_logic(index));
            (0..self.ios.len()).for_each(|index| self.turn_io(index));
            self.deliver_verdict();
        }
    }

    fn wait(&mut self, span: Duration) {
        self.settle();
        let end = self.now + span;
        let next = |world: &Self| {
            let deadlines = world
                .logics
                .iter()
                .filter_map(|logic| logic.shard.next_deadline());
            deadlines.min().filter(|&due| due <= end)
        };
        while let Some(due) = next(self) {
            self.now = self.now.max(due);
            (0..self.logics.len()).for_each(|index| self.turn_logic(index));
            self.settle();
        }
        self.now = end;
    }

    pub(crate) fn is_busy(&self) -> bool {
        let io = self.ios.iter().any(|io| !io.commands.is_empty());
        io || !self.verdicts.is_empty()
            || self.logics.iter().any(|logic| {
                let wants_now = logic
                    .shard
                    .next_deadline()
                    .is_some_and(|due| due <= self.now);
                !logic.inbox.is_empty() || wants_now
            })
    }

    pub(crate) fn turn_logic(&mut self, index: usize) {
        let Logic {
            shard,
            inbox,
            outbox,
        } = &mut self.logics[index];
        shard.handle_batch(self.now, inbox, outbox);
        assert!(inbox.is_empty(), "a batch takes everything");
        for (io, commands) in self.ios.iter_mut().zip(&mut outbox.commands) {
            io.commands.append(commands);
        }
        let mut mail = core::mem::take(&mut outbox.mail);
        for (logic, letters) in self.logics.iter_mut().zip(&mut mail) {
            logic.inbox.append(letters);
        }
        self.logics[index].outbox.mail = mail;
    }

    pub(crate) fn turn_io(&mut self, index: usize) {
        let mut commands = core::mem::take(&mut self.ios[index].commands);
        commands.drain(|command| self.obey(command));
        if self.ios[index].commands.is_empty() {
            self.ios[index].commands = commands;
        }
    }

    fn obey(&mut self, command: ContentCommand<'_>) {
        match command {
            ContentCommand::Send {
                session,
                origin,
                payload,
                ..
            } => self.receive(session, origin, &payload),
            // For a session that is over nobody must be logged in.
            ContentCommand::Authenticate { session, .. } if self.live(session).is_none() => {}
            ContentCommand::Authenticate { session, request } => {
                let verdict = self.judge(session, request.user);
                self.verdicts.push_back((session, verdict));
                if !self.delays_verdicts {
                    self.deliver_verdict();
                }
            }
            ContentCommand::Query(query) => self.queries.push_back(*query),
            ContentCommand::LogIn { session } => self.note(session, "is logged in"),
            ContentCommand::Wait { session, waits } => {
                let word = if waits { "waits" } else { "waits no longer" };
                self.note(session, word);
            }
            ContentCommand::Credit { session, frames } => {
                self.note(session, &format!("has {frames} back"));
                if let Some(client) = self.live(session) {
                    client.in_flight -= i64::from(frames);
                    assert!(client.in_flight >= 0, "{session} got credit twice");
                }
            }
            ContentCommand::SetHome { session, logic } => {
                self.note(session, &format!("moves to {logic}"));
                self.push(session, |session| ContentEvent::Switched { session });
                let homes = &mut self.ios[usize::from(session.shard())].homes;
                if let Some(home) = homes.get_mut(&session) {
                    *home = logic;
                }
            }
            ContentCommand::Finish { session } => {
                self.say(session, "finishes");
                self.close(session);
            }
            ContentCommand::Release { session } => {
                let was_closed = self.unreleased.remove(&session);
                assert!(
                    was_closed,
                    "{session} is let go of while it lives, or twice"
                );
            }
            ContentCommand::Close { session, reason } => {
                self.say(session, &format!("closed: {}", reason.name()));
                self.close(session);
            }
        }
    }

    fn receive(&mut self, session: SessionId, origin: Origin, payload: &Payload<'_>) {
        let mark = match origin {
            Origin::Own => "<",
            Origin::Others => "<<",
        };
        for frame in payload.frames() {
            let line = match frame.id {
                LINE => read_line(frame.body),
                ANSWER => {
                    let (extensions, body) = Extensions::split(frame).unwrap();
                    assert_eq!(extensions.is_reply, extensions.request.is_some());
                    let request = extensions.request.map(|number| format!("#{number} "));
                    request.unwrap_or_default() + &read_line(body)
                }
                other => panic!("nobody says packet {other}"),
            };
            self.say(session, &format!("{mark} {line}"));
            if let Some(client) = self.live(session) {
                client.received.push(line);
            }
        }
    }

    /// The authenticator knows the slot's home, not whether the session is still there.
    pub(crate) fn deliver_verdict(&mut self) {
        let Some((session, verdict)) = self.verdicts.pop_front() else {
            return;
        };
        let slot = self.clients[session.key().index() as usize].session;
        self.push(slot, |_| ContentEvent::Verdict { session, verdict });
    }

    /// `answer`: to the oldest query; `answer last`: to the newest; `again`: to the oldest, which
    /// stays; `notice who`.
    fn let_services(&mut self, what: &str) {
        let query = match what {
            "answer" => self.queries.pop_front(),
            "answer last" => self.queries.pop_back(),
            "again" => self.queries.front().map(|query| Query {
                call: query.call.clone(),
                ..*query
            }),
            _ => {
                let (word, name) = what.split_once(' ').unwrap();
                let session = self.client(name).session;
                let notice = Box::new(match word {
                    "queue" => Notice::Queued {
                        before: 3,
                        wait: None,
                    },
                    _ => Notice::TakenOver,
                });
                return self.push(session, |session| ContentEvent::Notice { session, notice });
            }
        };
        let Query { asker, id, call } = query.expect("somebody has asked");
        let event = ContentEvent::Reply {
            asker,
            query: id,
            reply: Box::new(match call {
                Call::Store(Ask::Account(account::Ask::Profile { account }))
                    if account.get() == 13 =>
                {
                    Err(Error::NotFound)
                }
                _ => Ok(Given::Store(Answer::Done)),
            }),
        };
        match asker {
            Asker::Session(session) => self.push(session, |_| event),
            Asker::Room(room) => {
                let home = room.id.home(self.logics.len());
                self.logics[usize::from(home)].inbox.push(event);
            }
        }
    }

    /// The user's number is the client's, from 1, and a hundred times what stands behind the name;
    /// `nobody` may not log in.
    fn judge(&mut self, session: SessionId, user: &str) -> Result<UserId, LoginRefusal> {
        if user == "nobody" {
            return Err(LoginRefusal::Invalid);
        }
        if self.users.contains_key(user) {
            return Err(LoginRefusal::InUse);
        }
        self.users.insert(user.to_owned(), session);
        let life = user.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        let life: i64 = life.parse().unwrap_or(0);
        Ok(UserId::new(
            i64::from(session.key().index()) + 1 + 100 * life,
        ))
    }

    pub(crate) fn client(&mut self, name: &str) -> &mut Client {
        let client = self.clients.iter_mut().find(|client| client.name == name);
        client.expect("somebody who was opened")
    }

    /// The client whose session this is, unless that session is over.
    fn live(&mut self, session: SessionId) -> Option<&mut Client> {
        let mut clients = self.clients.iter_mut();
        clients.find(|client| client.session == session && !client.is_over)
    }

    fn say(&mut self, session: SessionId, what: &str) {
        if let Some(client) = self.live(session) {
            let name = client.name.clone();
            writeln!(self.log, "{name} {what}").unwrap();
        }
    }

    fn note(&mut self, session: SessionId, what: &str) {
        if self.prints_all {
            self.say(session, what);
        }
    }

    pub(crate) fn take_log(&mut self) -> String {
        core::mem::take(&mut self.log)
    }
}

fn split_verb(step: &str) -> (&str, &str) {
    step.split_once(' ').unwrap_or((step, ""))
}

fn index_of(clients: &[Client], session: SessionId) -> usize {
    let index = clients.iter().position(|client| client.session == session);
    index.expect("a session of some client")
}
