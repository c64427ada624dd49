//! Those who come and go: logins, and what accounts say of them.

use super::operating::is_of_operators;
use super::{Effect, OF_ACCOUNTS, Platform, SessionTag, StoreTag, Ticket};
use crate::logins::Login;
use crate::presence::Online;
use wharf_accounts::{Caller, CallerTag, Revocation};
use wharf_base::Instant;
use wharf_data::access::{Error, LoggedIn, Outcome, Request, User};
use wharf_data::service::Given;
use wharf_data::{AccountId, Notice, UnixMs};

impl Platform {
    /// Has accounts look at a request.
    pub(crate) fn pass_on(&mut self, now: Instant, at: UnixMs, login: Login) {
        let Login {
            session,
            address,
            ticket,
            by,
            request,
        } = login;
        self.busy.entry(session).or_default().requests += 1;
        if matches!(request, Request::LogInClassic { .. }) {
            self.classic.insert(ticket);
        }
        let tag = CallerTag {
            session: session.0,
            request: ticket.0,
        };
        let caller = Caller {
            tag,
            address,
            user: by,
        };
        self.accounts.request(now, at, caller, request);
    }

    pub(super) fn run_accounts(&mut self, now: Instant, at: UnixMs) {
        while let Some(effect) = self.accounts.poll() {
            match effect {
                wharf_accounts::Effect::Hash(job) => self.effects.push_back(Effect::Hash(job)),
                wharf_accounts::Effect::Ask { tag, ask } => {
                    let tag = StoreTag(tag.0 | OF_ACCOUNTS);
                    self.effects.push_back(Effect::Ask { tag, ask });
                }
                wharf_accounts::Effect::Answer { to, result } if is_of_operators(to) => {
                    self.operators_answered(at, to, result);
                }
                wharf_accounts::Effect::Answer { to, result } => {
                    self.answered(now, at, to, result);
                }
                wharf_accounts::Effect::Revoked(revocation) => self.revoke(&revocation),
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        now: Instant,
        at: UnixMs,
        to: CallerTag,
        mut result: Result<Outcome, Error>,
    ) {
        let (session, ticket) = (SessionTag(to.session), Ticket(to.request));
        let is_over = self.end_request(session);
        if let Ok(Outcome::LoggedIn(logged_in)) = &result
            && let Some(error) = self.keeps_out(logged_in.user.account)
        {
            self.accounts.give_up(now, at, logged_in.user);
            result = Err(error);
        }
        if self.classic.remove(&ticket)
            && let Ok(Outcome::LoggedIn(logged_in)) = &result
            && (is_over || self.presence.find(logged_in.user.account).is_some())
        {
            self.accounts.give_up(now, at, logged_in.user);
            result = Err(Error::InUse);
        }
        let is_in = !is_over && matches!(result, Ok(Outcome::LoggedIn(_)));
        self.login_tried(ticket, is_in);
        let mut arrived = None;
        match &result {
            Ok(Outcome::LoggedIn(logged_in)) if !is_over => {
                self.came(at, session, logged_in);
                arrived = Some(logged_in.user.account);
            }
            Ok(Outcome::Profile(profile))
                if Some(profile.account) == self.presence.account(session) =>
            {
                let name = profile.display_name.clone();
                self.presence.rename(profile.account, name);
            }
            _ => {}
        }
        self.reply(ticket, result.map(Given::Access));
        // Behind the answer: nobody is told anything before they know who they are.
        if let Some(account) = arrived {
            self.whispers.deliver(at, account);
        }
    }

    /// One request less of a session; whether that is over.
    pub(super) fn end_request(&mut self, session: SessionTag) -> bool {
        let Some(busy) = self.busy.get_mut(&session) else {
            return true;
        };
        busy.requests -= 1;
        let is_over = busy.is_over;
        if busy.requests == 0 {
            self.busy.remove(&session);
        }
        is_over
    }

    /// Somebody is logged in; whoever was, by the same account, is not any more.
    fn came(&mut self, at: UnixMs, session: SessionTag, logged_in: &LoggedIn) {
        let User { account, login } = logged_in.user;
        self.ended.came(account);
        let online = Online {
            session,
            login,
            display_name: logged_in.display_name.clone(),
            is_visible: true,
            since: at,
            lobby: None,
        };
        if let Some(older) = self.presence.enter(account, online)
            && older != session
        {
            self.cast_off(older);
            self.notice(older, Notice::TakenOver);
        }
    }

    /// A session is to end: nobody is in it from now on, it is in no room, and its place is
    /// somebody else's, however long its link lasts.
    pub(crate) fn cast_off(&mut self, session: SessionTag) {
        self.presence.leave(session);
        self.leave_entrance(session);
        if let Some(rooms) = &mut self.rooms {
            rooms.session_closed(session);
        }
    }

    /// Ends the sessions of logins that have ended.
    pub(super) fn revoke(&mut self, revocation: &Revocation) {
        let account: AccountId = revocation.account;
        let notice = self.operators.have_ended(revocation);
        let ended = self.presence.find(account);
        let ended = ended.filter(|online| revocation.covers(account, online.login));
        if let Some(session) = ended.map(|online| online.session) {
            self.cast_off(session);
            self.notice(session, notice);
        }
    }
}
