//! The platform's protocol, as somebody at a terminal speaks it.

mod answers;
mod engine;
mod hints;
mod login;
#[cfg(test)]
mod tests;

use super::engine::{Moment, Output, Return};
use super::event::{About, Done, Event, Problem};
use super::keep::{Keep, Token};
use super::parse::Call;
use super::places::{Again, Places};
use super::plan::{Known, Plan, logs_in, plan};
use super::pulse::Pulse;
use crate::client::Requests;
use hints::{Standing, refusal};
use std::collections::VecDeque;
use std::time::Instant;
use wharf_accounts::Chance;
use wharf_proto::ClientPacket;
use wharf_proto::account::{GetProfile, LoggedIn};
use wharf_proto::room::List;
use wharf_proto::session::Welcome;

/// How somebody wants to be logged in at the start.
#[derive(Clone, Default)]
pub(super) struct Wish {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) is_guest: bool,
    pub(super) registers: bool,
    /// Whoever wants it can be asked for the password.
    pub(super) can_be_asked: bool,
}

impl Wish {
    /// The same later and elsewhere, where no password is told and no account made.
    pub(super) fn without_secrets(&self) -> Self {
        Self {
            user: self.user.clone(),
            is_guest: self.is_guest,
            ..Self::default()
        }
    }
}

/// A conversation by the platform's protocol.
pub(super) struct Talk {
    target: String,
    wish: Wish,
    keep: Keep,
    chance: Box<dyn Chance + Send>,
    requests: Requests<Asked>,
    outputs: VecDeque<Output>,
    places: Places,
    pulse: Pulse,
    stage: Stage,
    me: Option<LoggedIn>,
    /// It is by the login that was kept.
    is_kept: bool,
    token: Option<Token>,
    /// A login that waits for the connection.
    held: Option<Call>,
    /// What enters the rooms again that one was in.
    rejoins: Vec<Again>,
    /// Who one was, and where, before the connection went; empty when nobody comes back.
    was: String,
    /// Whose login was the last.
    last: Option<i64>,
    /// What was said of whoever may see that account.
    presence: Option<(i64, Call)>,
    client_id: u64,
    back: Return,
    is_ready: bool,
    /// The server has said something since the connection was made.
    has_heard: bool,
    /// What the server has said of its maintenance.
    maintenance: String,
    now: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is no connection.
    Away,
    /// Hello has no answer yet.
    Greeting,
    Here,
}

/// What a request was for.
enum Asked {
    Hello,
    /// The login that goes by itself.
    LogIn {
        by_token: bool,
    },
    Pulse,
    Refresh,
    /// The room that one was in before the connection went.
    Rejoin(Again),
    /// Who may see that one is online, said again.
    Presence,
    Call {
        call: Call,
        room: Option<u16>,
        at: Instant,
    },
    /// Whose account, or which room, that argument of a call is.
    Find {
        call: Call,
        argument: &'static str,
    },
}

/// What of a talk is asked while a call is planned.
struct Asker<'a> {
    places: &'a Places,
    keep: &'a Keep,
    chance: &'a mut dyn Chance,
    client_id: &'a mut u64,
    token: Option<&'a Token>,
    now_ms: i64,
}

impl Known for Asker<'_> {
    fn account(&self, name: &str) -> Option<i64> {
        self.places.account(name)
    }

    fn client_id(&mut self) -> u64 {
        // 0 is never the same as another.
        *self.client_id = self.client_id.wrapping_add(1).max(1);
        *self.client_id
    }

    fn device_secret(&mut self) -> Result<Vec<u8>, String> {
        self.keep.device_secret(self.chance)
    }

    fn token(&self) -> Option<Vec<u8>> {
        self.token.map(Token::bytes)
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }
}

impl Talk {
    pub(super) fn new(
        target: &str,
        wish: Wish,
        keep: Keep,
        mut chance: Box<dyn Chance + Send>,
        now: Moment,
    ) -> Self {
        // Two clients of one account must not take each other's messages for their own again.
        let mut seed = [0; 8];
        chance.fill(&mut seed);
        Self {
            target: target.to_owned(),
            token: keep.token(target),
            wish,
            keep,
            chance,
            requests: Requests::default(),
            outputs: VecDeque::new(),
            places: Places::default(),
            pulse: Pulse::new(now.at),
            stage: Stage::Away,
            me: None,
            is_kept: false,
            held: None,
            rejoins: Vec::new(),
            was: String::new(),
            last: None,
            presence: None,
            client_id: u64::from_le_bytes(seed),
            back: Return::Never,
            is_ready: false,
            has_heard: false,
            maintenance: String::new(),
            now,
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Tell(event.into()));
    }

    fn fail(&mut self, call: impl Into<Option<Call>>, mut problem: Problem) {
        if problem.code == "maintenance" && problem.text == self.maintenance {
            // It was told a moment ago, and is not said twice.
            problem.text = "until that is over nobody else logs in".to_owned();
        }
        let call = call.into();
        self.tell(Event::Failed { call, problem });
    }

    fn done(&mut self, call: Call, done: Done) {
        let about = About::default();
        self.tell(Event::Done { call, done, about });
    }

    fn ready(&mut self, is_in: bool) {
        if !self.is_ready {
            self.is_ready = true;
            self.outputs.push_back(Output::Ready { is_in });
        }
    }

    fn ask(&mut self, packet: &ClientPacket, room: Option<u16>, asked: Asked) {
        let call = match &asked {
            Asked::Call { call, .. } | Asked::Find { call, .. } => Some(call.clone()),
            _ => None,
        };
        let mut bytes = Vec::new();
        match self.requests.ask(packet, room, asked, &mut bytes) {
            Ok(()) => {
                self.pulse.sent(self.now.at);
                self.outputs.push_back(Output::Send(bytes));
            }
            Err(error) => {
                let problem = match &call {
                    Some(call) => refusal(call, &error, self.standing()),
                    None => (&error).into(),
                };
                self.fail(call.clone(), problem);
                if call.is_none() && self.me.is_none() {
                    self.ready(false);
                }
            }
        }
    }

    fn asker(&mut self) -> Asker<'_> {
        Asker {
            places: &self.places,
            keep: &self.keep,
            chance: &mut *self.chance,
            client_id: &mut self.client_id,
            token: self.token.as_ref(),
            now_ms: self.now.unix_ms,
        }
    }

    fn do_call(&mut self, call: Call) {
        match plan(&call, &mut self.asker()) {
            Err(mistake) => self.fail(call, mistake.into()),
            Ok(Plan::Nothing) => self.done(call, Done::Nothing),
            Ok(Plan::Ask(packet)) => {
                let room = self.places.handle();
                let at = self.now.at;
                self.ask(&packet, room, Asked::Call { call, room, at });
            }
            Ok(Plan::FindAccount(argument)) => {
                let name = call.text(argument);
                let get = GetProfile { account: 0, name };
                let asked = Asked::Find { call, argument };
                self.ask(&ClientPacket::GetProfile(get), None, asked);
            }
            Ok(Plan::FindRoom(argument)) => {
                let search = call.text(argument);
                let list = List {
                    search,
                    limit: 50,
                    ..List::default()
                };
                let asked = Asked::Find { call, argument };
                self.ask(&ClientPacket::List(list), None, asked);
            }
        }
    }

    /// How far whoever asks has come.
    fn standing(&self) -> Standing {
        let room = self.places.current();
        Standing {
            is_in: self.me.is_some(),
            is_kept: self.is_kept && self.me.is_some(),
            is_in_room: room.is_some(),
            is_in_numbered: room.is_some_and(|room| room.number.is_some()),
        }
    }

    /// Tells which room is talked in, after another was chosen if one was named.
    fn choose_room(&mut self, call: Call) {
        let room = call.get("room");
        let is_in = room.is_none_or(|room| self.places.choose(room));
        match self.places.current().filter(|_| is_in) {
            Some(info) => {
                let lines = vec![super::tables::room_sentence(info)];
                self.done(call, Done::Lines(lines));
            }
            None => {
                let text = match room {
                    Some(room) => format!("you are not in a room called {room}"),
                    None => "you are in no room".to_owned(),
                };
                let hint = match self.places.current() {
                    Some(_) => "/leave this one first, then /enter ROOM",
                    None => "/enter ROOM enters one; /rooms lists them",
                };
                self.fail(call, Problem::new("not_found", text).hint(hint));
            }
        }
    }

    fn welcome(&mut self, welcome: Welcome) {
        self.stage = Stage::Here;
        self.pulse.begin(welcome.idle_ms, self.now.at);
        self.tell(Event::Connected {
            target: self.target.clone(),
            server: welcome.server,
            version: welcome.version,
        });
        match self.held.take() {
            Some(call) if logs_in(call.command) => {
                self.was.clear();
                self.do_call(call);
                self.ready(false);
            }
            Some(call) => {
                self.done(call, Done::Nothing);
                self.log_in();
            }
            None => self.log_in(),
        }
    }
}
