//! What the server says, and what it changes.

use super::super::commands::find;
use super::super::engine::{Output, Question, Return};
use super::super::event::{About, Done, Event, Problem};
use super::super::parse::Call;
use super::super::places::folded;
use super::hints::refusal;
use super::{Asked, Talk, Wish};
use std::time::Duration;
use wharf_data::NameKey;
use wharf_proto::ServerPacket;
use wharf_proto::session::{Code, Error, Goodbye};

impl Talk {
    pub(super) fn answered(&mut self, asked: Asked, handle: Option<u16>, packet: ServerPacket) {
        match (asked, packet) {
            (Asked::Hello, ServerPacket::Welcome(welcome)) => self.welcome(welcome),
            (Asked::LogIn { by_token }, ServerPacket::LoggedIn(logged_in)) => {
                let kept = self.token.as_ref().and_then(|it| it.user.clone());
                let user = if by_token {
                    kept
                } else {
                    self.wish.user.clone()
                };
                self.is_kept = by_token;
                self.logged_in(&logged_in, user);
                let about = About::default();
                let packet = ServerPacket::LoggedIn(logged_in);
                self.tell(Event::Notice { packet, about });
                self.ready(true);
                self.rejoin();
            }
            (Asked::Pulse, _) => self.pulse.answered(),
            (Asked::Refresh, ServerPacket::Refreshed(it)) => {
                let user = self.token.as_ref().and_then(|it| it.user.clone());
                self.keep_token(user, &it.token, it.token_expires_ms);
            }
            (Asked::Rejoin(again), ServerPacket::Entered(entered)) => {
                self.places.enter(handle, &entered, again.enter);
                let about = self.places.about_current();
                let packet = ServerPacket::Entered(entered);
                self.tell(Event::Notice { packet, about });
            }
            (Asked::Find { call, argument }, packet) => self.found(call, argument, &packet),
            (Asked::Call { call, at, .. }, ServerPacket::Pong(_)) => {
                let took = self.now.at.saturating_duration_since(at);
                self.done(call, Done::Pong(took));
            }
            (Asked::Call { call, room, .. }, packet) => {
                self.call_answered(call, room, handle, packet);
            }
            _ => {}
        }
    }

    /// An answer came in which an account or a room was sought by its name.
    fn found(&mut self, mut call: Call, argument: &'static str, packet: &ServerPacket) {
        self.places.note(None, packet);
        let name = folded(&call.text(argument));
        let id = match packet {
            // A server that knows of no search by name tells of whoever asks.
            ServerPacket::Profile(it) if NameKey::of(&it.display_name) == NameKey::of(&name) => {
                self.places.meet(it.account, &it.display_name);
                Some(it.account)
            }
            ServerPacket::Rooms(it) => {
                let mut rooms = it.rooms.iter();
                rooms.find(|it| folded(&it.name) == name).map(|it| it.room)
            }
            _ => None,
        };
        if let Some(id) = id {
            call.set(argument, format!("#{id}"));
            return self.do_call(call);
        }
        self.not_found(call, argument, matches!(packet, ServerPacket::Rooms(_)));
    }

    fn not_found(&mut self, call: Call, argument: &'static str, is_room: bool) {
        let (what, hint) = match is_room {
            true => ("room", "/rooms lists them; #N enters one by its id"),
            false => ("user", "/who lists those who are here; #N is the account N"),
        };
        let text = format!("there is no {what} called {}", call.text(argument));
        self.fail(call, Problem::new("not_found", text).hint(hint));
    }

    fn call_answered(
        &mut self,
        call: Call,
        room: Option<u16>,
        handle: Option<u16>,
        packet: ServerPacket,
    ) {
        let about = self.places.note(handle.or(room), &packet);
        match &packet {
            ServerPacket::LoggedIn(it) => {
                let name = call.get("name").map(str::to_owned);
                self.is_kept = false;
                self.logged_in(it, name);
            }
            ServerPacket::Refreshed(it) => {
                let user = self.token.as_ref().and_then(|it| it.user.clone());
                self.keep_token(user, &it.token, it.token_expires_ms);
            }
            ServerPacket::Done(_) if ["logout", "erase"].contains(&call.command.name) => {
                self.forget_token();
                self.me = None;
                // The next login is another's, perhaps.
                self.wish = Wish::default();
                self.back = Return::Never;
            }
            ServerPacket::PresenceSet(_) => {
                let me = self.me.as_ref().map(|me| me.account);
                self.presence = me.map(|account| (account, call.clone()));
            }
            ServerPacket::Entered(it) => {
                self.places.enter(handle, it, again(&call, it));
            }
            ServerPacket::Left(_) | ServerPacket::Closed(_) => {
                self.places.leave(handle.or(room));
            }
            ServerPacket::Profile(it) => {
                if let Some(me) = self.me.as_mut().filter(|me| me.account == it.account) {
                    me.display_name.clone_from(&it.display_name);
                }
                if call.command.name == "name" {
                    self.renamed(&it.display_name);
                }
            }
            _ => {}
        }
        let done = Done::Packet(packet);
        self.tell(Event::Done { call, done, about });
    }

    pub(super) fn refused(&mut self, asked: Asked, error: &Error) {
        match asked {
            Asked::Hello => {
                self.back = match error.code() {
                    Code::Maintenance | Code::Stopping | Code::Busy | Code::Full => {
                        Return::After(Duration::from_millis(error.retry_after_ms.into()))
                    }
                    _ => Return::Never,
                };
                self.fail(self.held.clone(), error.into());
                self.held = None;
                self.pulse.end();
                self.ready(false);
            }
            Asked::LogIn { by_token } => self.login_refused(by_token, error),
            Asked::Pulse => self.pulse.answered(),
            // The next login is with a password then.
            Asked::Refresh => {}
            Asked::Presence => {
                let hint = "you are seen to be online: /presence says again by whom";
                self.fail(None, Problem::from(error).hint(hint));
            }
            Asked::Rejoin(again) => {
                let mut problem = Problem::from(error);
                problem.text = format!("not in {} again: {}", again.name, problem.text);
                self.fail(None, problem);
            }
            Asked::Find { call, argument } if error.code() == Code::NotFound => {
                self.not_found(call, argument, false);
            }
            Asked::Find { call, .. } => self.fail(call, error.into()),
            Asked::Call { call, .. } => {
                let problem = refusal(&call, error, self.standing());
                let is_closed = ("enter", Code::Credentials) == (call.command.name, error.code());
                if !is_closed || call.has("password") {
                    return self.fail(call, problem);
                }
                let secrets = vec![("password", false)];
                let question = Question {
                    call,
                    secrets,
                    problem,
                };
                self.outputs.push_back(Output::Ask(question.into()));
            }
        }
    }

    pub(super) fn noticed(&mut self, room: Option<u16>, packet: ServerPacket) {
        let mut about = self.places.note(room, &packet);
        match &packet {
            ServerPacket::Goodbye(goodbye) => self.back = after(goodbye),
            ServerPacket::Maintenance(it) => {
                self.maintenance.clone_from(&it.text);
                about.is_out = self.me.is_none();
            }
            ServerPacket::Removed(_) => self.places.leave(room),
            ServerPacket::Said(it) => {
                let author = it.message.as_ref().map(|it| it.author);
                let me = self.me.as_ref().map(|it| it.account);
                about.is_own = me.is_some() && author == me;
            }
            _ => {}
        }
        self.tell(Event::Notice { packet, about });
    }
}

/// What enters the same room again.
fn again(call: &Call, entered: &wharf_proto::room::Entered) -> Call {
    let mut enter = Call::of(find("enter").expect("it is in the table"));
    if let Some(password) = call.get("password") {
        enter.set("password", password.to_owned());
    }
    let room = entered.info.as_ref().map(|info| info.room);
    enter.set("room", format!("#{}", room.unwrap_or_default()));
    enter
}

/// Whether it is worth coming back behind a goodbye.
fn after(goodbye: &Goodbye) -> Return {
    match goodbye.code() {
        Code::TakenOver | Code::Revoked | Code::Kicked | Code::Banned | Code::Version => {
            Return::Never
        }
        // Nobody has logged in: that takes somebody who types.
        Code::WrongState if goodbye.retry_after_ms == 0 => Return::Never,
        _ => Return::After(Duration::from_millis(goodbye.retry_after_ms.into())),
    }
}
