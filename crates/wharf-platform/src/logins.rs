//! Logins of sessions for which there is no place yet: kept until it is their turn.

use crate::Platform;
use crate::entrance::{Entrance, Entry, Spot};
use crate::platform::{Effect, SessionTag, Ticket};
use crate::stats::{LoginStats, LoginWay};
use core::net::IpAddr;
use std::collections::BTreeMap;
use wharf_base::Instant;
use wharf_data::access::{Error, Request, User};
use wharf_data::service::{Call, Reply};
use wharf_data::{Notice, UnixMs};

/// A login: who asks, from where, and what.
pub(crate) struct Login {
    pub(crate) session: SessionTag,
    pub(crate) address: IpAddr,
    pub(crate) ticket: Ticket,
    pub(crate) by: Option<User>,
    pub(crate) request: Request,
}

/// The entrance, and what those who wait at it have asked.
#[derive(Default)]
pub(crate) struct Logins {
    /// Without one there are places for all.
    pub(crate) entrance: Option<Entrance>,
    kept: BTreeMap<SessionTag, Login>,
    /// Logins that accounts look at.
    tries: BTreeMap<Ticket, SessionTag>,
    /// By what those log in who have no answer yet.
    ways: BTreeMap<Ticket, LoginWay>,
    pub(crate) stats: LoginStats,
}

impl Logins {
    /// Whether every login has its answer.
    pub(crate) fn are_answered(&self) -> bool {
        self.ways.is_empty()
    }

    /// A call has its reply: counted, if it is a login.
    pub(crate) fn count(&mut self, ticket: Ticket, reply: &Reply) {
        if let Some(way) = self.ways.remove(&ticket) {
            self.stats.count(way, reply);
        }
    }
}

impl Platform {
    /// A session wants to log in: accounts look at it, now or when it is its turn.
    pub(crate) fn log_in(&mut self, now: Instant, at: UnixMs, login: Login) {
        if let Some(way) = LoginWay::of(&login.request) {
            self.logins.ways.insert(login.ticket, way);
        }
        // Whoever does not come in does not wait for a place either.
        let Some(login) = self.at_the_door(login) else {
            return;
        };
        let may_wait = !matches!(login.request, Request::LogInClassic { .. });
        let Some(entrance) = &mut self.logins.entrance else {
            return self.pass_on(now, at, login);
        };
        let (session, ticket) = (login.session, login.ticket);
        match entrance.ask(now, session, may_wait) {
            Entry::Free => self.try_login(now, at, login),
            Entry::Queued(spot) => {
                self.logins.kept.insert(session, login);
                self.tell_spot(session, spot);
            }
            Entry::Waits => self.reply(ticket, Err(Error::WrongState)),
            Entry::Full => self.reply(ticket, Err(Error::Full)),
        }
    }

    /// A place may be free: of whoever is in, or of somebody who was let in elsewhere.
    pub fn place_freed(&mut self, now: Instant, at: UnixMs) {
        self.settle(now, at);
    }

    /// Lets in those who have a place now; whether anybody has.
    pub(crate) fn let_in(&mut self, now: Instant, at: UnixMs) -> bool {
        let mut is_any = false;
        while let Some(session) = self.next_in(now) {
            is_any = true;
            let Some(login) = self.logins.kept.remove(&session) else {
                continue;
            };
            // The server may be looked after since they began to wait.
            match self.at_the_door(login) {
                Some(login) => self.try_login(now, at, login),
                None => self.tried(session, false),
            }
        }
        is_any
    }

    fn next_in(&mut self, now: Instant) -> Option<SessionTag> {
        self.logins.entrance.as_mut()?.next_in(now)
    }

    /// A login that may be tried now; others have their answer.
    fn at_the_door(&mut self, login: Login) -> Option<Login> {
        match self.may_be_tried(login.request) {
            Ok(request) => Some(Login { request, ..login }),
            Err(error) => {
                self.reply(login.ticket, Err(error));
                None
            }
        }
    }

    fn try_login(&mut self, now: Instant, at: UnixMs, login: Login) {
        self.logins.tries.insert(login.ticket, login.session);
        self.pass_on(now, at, login);
    }

    /// A request has its answer; if it was a login, its session is in now or is not.
    pub(crate) fn login_tried(&mut self, ticket: Ticket, is_in: bool) {
        if let Some(session) = self.logins.tries.remove(&ticket) {
            self.tried(session, is_in);
        }
    }

    fn tried(&mut self, session: SessionTag, is_in: bool) {
        if let Some(entrance) = &mut self.logins.entrance {
            entrance.tried(session, is_in);
        }
    }

    /// A session is over: its place, or its place in the queue, is somebody else's.
    pub(crate) fn leave_entrance(&mut self, session: SessionTag) {
        if let Some(entrance) = &mut self.logins.entrance {
            entrance.leave(session);
        }
        if let Some(login) = self.logins.kept.remove(&session) {
            // Nobody hears it, but whoever keeps the call learns that it is over.
            self.reply(login.ticket, Err(Error::WrongState));
        }
    }

    /// Tells whoever stands elsewhere in the queue than they know.
    pub(crate) fn tell_spots(&mut self, now: Instant) {
        let entrance = self.logins.entrance.as_mut();
        let moved = entrance.map(|entrance| entrance.handle_timeout(now));
        for (session, spot) in moved.into_iter().flatten() {
            self.tell_spot(session, spot);
        }
    }

    fn tell_spot(&mut self, session: SessionTag, Spot { before, wait }: Spot) {
        let notice = Notice::Queued { before, wait };
        self.push(Effect::Notice {
            to: session,
            notice,
        });
    }

    /// How many wait for a place.
    pub fn waiting(&self) -> usize {
        self.logins.entrance.as_ref().map_or(0, Entrance::waiting)
    }

    /// Whether the answer to a call is known, and has little to do with it: a login by a token
    /// that was shown lately, while nobody waits to come in.
    pub fn knows(&self, at: UnixMs, call: &Call) -> bool {
        let Call::Access { by: None, request } = call else {
            return false;
        };
        let Request::LogInByToken { token, device } = request else {
            return false;
        };
        self.waiting() == 0 && self.accounts().knows(at, token, device.as_deref())
    }

    /// Whether nothing follows from the end of a session but that it is over.
    pub fn ends_quietly(&self, session: SessionTag) -> bool {
        let rooms = self.rooms.as_ref();
        self.waiting() == 0 && rooms.is_none_or(|rooms| !rooms.has(session))
    }
}
