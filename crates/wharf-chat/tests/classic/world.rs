//! A world of made-up clients around one logic shard, played from a script.

use expect_test::Expect;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use wharf_base::{Instant, Key, SessionId};
use wharf_chat::{ChatLimits, PlatformFacts, classic};
use wharf_content::{
    AppBuilder, ContentCommand, ContentEvent, Inbox, LogicOptions, LogicShard, LoginRefusal,
    Outbox, UserId,
};
use wharf_wire::classic::{
    ChatNotify, ChatRequest, ChatText, EnterRequest, LeaveRequest, LeaveUserNotify, LoginRequest,
    NewUserNotify, UserListNotify, UserName, id,
};
use wharf_wire::{Frame, FrameRun, Packet};

/// Plays `script` in rooms of three and compares what came of it.
///
/// A script is a list of steps, `who verb words`: `opens`, `closes`, `ends` (the input), `login`,
/// `enter`, `leave`, `chat`, `echo`, `echoes hex hex` (which lie one behind the other), and `raw id
/// hex`. Steps between which there is a comma come in one batch; a semicolon or a new line ends the
/// batch.
pub(crate) fn check(script: &str, expected: Expect) {
    let mut world = World::new(3);
    world.run(script);
    expected.assert_eq(&world.take_log());
}

pub(crate) struct World {
    shard: LogicShard,
    inbox: Inbox,
    outbox: Outbox,
    clients: Vec<Client>,
    /// Who is logged in, by name.
    users: BTreeMap<String, SessionId>,
    logins: i64,
    log: String,
}

struct Client {
    name: String,
    session: SessionId,
    bytes: String,
}

impl World {
    pub(crate) fn new(room_members_max: u32) -> Self {
        let mut app = AppBuilder::new();
        let limits = ChatLimits {
            room_members_max,
            ..ChatLimits::default()
        };
        classic(&mut app, limits, PlatformFacts::default());
        Self {
            shard: LogicShard::new(Arc::new(app.build()), LogicOptions::default()),
            inbox: Inbox::new(),
            outbox: Outbox::new(1, 1),
            clients: Vec::new(),
            users: BTreeMap::new(),
            logins: 0,
            log: String::new(),
        }
    }

    pub(crate) fn run(&mut self, script: &str) {
        for batch in script.split([';', '\n']) {
            for step in batch.split(',') {
                self.step(step.trim());
            }
            while !self.inbox.is_empty() {
                self.batch();
            }
        }
    }

    pub(crate) fn take_log(&mut self) -> String {
        core::mem::take(&mut self.log)
    }

    /// Everything that `name` received, in hex.
    pub(crate) fn take_bytes(&mut self, name: &str) -> String {
        let client = self.clients.iter_mut().find(|client| client.name == name);
        core::mem::take(&mut client.expect("somebody who was opened").bytes)
    }

    fn step(&mut self, step: &str) {
        let mut words = step.splitn(3, ' ');
        let (name, verb) = (words.next().unwrap(), words.next().unwrap());
        let rest = words.next().unwrap_or_default();
        if verb == "opens" {
            return self.open(name);
        }
        let client = self.clients.iter().find(|client| client.name == name);
        let session = client.expect("somebody who was opened").session;
        match verb {
            "closes" => self.close(session),
            "ends" => self.inbox.push(ContentEvent::InputEnded { session }),
            "login" => self.send(
                session,
                &LoginRequest {
                    user: UserName::truncated(rest),
                    password: UserName::truncated("pw"),
                },
            ),
            "enter" => {
                let room = rest.parse().unwrap();
                self.send(session, &EnterRequest { room });
            }
            "leave" => self.send(session, &LeaveRequest),
            "chat" => {
                let message = ChatText::truncated(rest);
                self.send(session, &ChatRequest { message });
            }
            "echo" => self.frame(session, id::ECHO, rest.as_bytes()),
            "echoes" => {
                let bodies: Vec<_> = rest.split(' ').map(unhex).collect();
                self.frames(session, id::ECHO, bodies.iter().map(Vec::as_slice));
            }
            "raw" => {
                let (id, body) = rest.split_once(' ').unwrap_or((rest, ""));
                self.frame(session, id.parse().unwrap(), &unhex(body));
            }
            _ => panic!("nobody knows how to {verb}"),
        }
    }

    fn open(&mut self, name: &str) {
        let session = SessionId::new(0, Key::from_parts(self.clients.len() as u32, 0));
        self.clients.push(Client {
            name: name.to_owned(),
            session,
            bytes: String::new(),
        });
        self.inbox.push(ContentEvent::Opened { session });
    }

    fn close(&mut self, session: SessionId) {
        self.users.retain(|_, user| *user != session);
        self.inbox.push(ContentEvent::Closed { session });
    }

    fn send<P: Packet>(&mut self, session: SessionId, packet: &P) {
        let mut body = Vec::new();
        packet.encode(&mut body);
        self.frame(session, P::ID, &body);
    }

    fn frame(&mut self, session: SessionId, id: u16, body: &[u8]) {
        self.frames(session, id, [body]);
    }

    /// Frames that lie one behind the other.
    fn frames<'a>(
        &mut self,
        session: SessionId,
        id: u16,
        bodies: impl IntoIterator<Item = &'a [u8]>,
    ) {
        let mut bytes = Vec::new();
        for body in bodies {
            Frame { id, flags: 0, body }.encode(&mut bytes);
        }
        let frames = FrameRun::of(&bytes).expect("whole frames");
        self.inbox.push(ContentEvent::Frames { session, frames });
    }

    fn batch(&mut self) {
        self.shard
            .handle_batch(Instant::ZERO, &mut self.inbox, &mut self.outbox);
        let mut commands = core::mem::take(&mut self.outbox.commands[0]);
        commands.drain(|command| self.obey(command));
        self.outbox.commands[0] = commands;
    }

    fn obey(&mut self, command: ContentCommand<'_>) {
        match command {
            ContentCommand::Send {
                session, payload, ..
            } => {
                let client = &mut self.clients[session.key().index() as usize];
                for frame in payload.frames() {
                    for byte in frame.to_vec() {
                        write!(client.bytes, "{byte:02x}").unwrap();
                    }
                    let line = describe(frame);
                    writeln!(self.log, "{} < {line}", client.name).unwrap();
                }
            }
            ContentCommand::Authenticate { session, request } => {
                let verdict = self.judge(session, request.user);
                self.inbox.push(ContentEvent::Verdict { session, verdict });
            }
            ContentCommand::Finish { session } => {
                let name = self.name(session);
                writeln!(self.log, "{name} finishes").unwrap();
            }
            ContentCommand::Close { session, reason } => {
                let name = self.name(session);
                writeln!(self.log, "{name} closed: {}", reason.name()).unwrap();
            }
            ContentCommand::Query(query) => panic!("the classic lobby asks for nothing: {query:?}"),
            ContentCommand::LogIn { .. }
            | ContentCommand::Wait { .. }
            | ContentCommand::Release { .. }
            | ContentCommand::Credit { .. }
            | ContentCommand::SetHome { .. } => {}
        }
    }

    /// Two names have a meaning here: `full` and `down`.
    fn judge(&mut self, session: SessionId, user: &str) -> Result<UserId, LoginRefusal> {
        match user {
            "full" => return Err(LoginRefusal::Full),
            "down" => return Err(LoginRefusal::Unavailable),
            _ if self.users.contains_key(user) => return Err(LoginRefusal::InUse),
            _ => {}
        }
        self.users.insert(user.to_owned(), session);
        self.logins += 1;
        Ok(UserId::new(self.logins))
    }

    fn name(&self, session: SessionId) -> String {
        self.clients[session.key().index() as usize].name.clone()
    }
}

fn describe(frame: Frame<'_>) -> String {
    let Frame { id, body, .. } = frame;
    let what = match id {
        id::ECHO => str::from_utf8(body).unwrap().to_owned(),
        id::NEW_USER_NOTIFY => {
            let user = NewUserNotify::decode(body).unwrap().user;
            format!("{} {}", user.unique_id, user.name)
        }
        id::USER_LIST_NOTIFY => {
            let users = UserListNotify::decode(body).unwrap().users;
            let users = users
                .iter()
                .map(|user| format!("{} {}", user.unique_id, user.name));
            format!("[{}]", users.collect::<Vec<_>>().join(", "))
        }
        id::LEAVE_USER_NOTIFY => LeaveUserNotify::decode(body).unwrap().unique_id.to_string(),
        id::CHAT_NOTIFY => {
            let chat = ChatNotify::decode(body).unwrap();
            format!("{}: {}", chat.user, chat.message)
        }
        _ => format!("result {}", u16::from_le_bytes(body.try_into().unwrap())),
    };
    format!("{id} {what}")
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}
