//! What operators and moderators do, between the parts that it concerns.

use super::{CountTag, Effect, Platform, SessionTag, StoreTag, Ticket};
use crate::operators::{JobId, Step};
use core::net::{IpAddr, Ipv4Addr};
use wharf_accounts::{Caller, CallerTag};
use wharf_base::{Duration, Instant};
use wharf_data::access::{Error, Outcome, Request, UnknownId};
use wharf_data::message::Place;
use wharf_data::operators::{self, Known};
use wharf_data::room::Until;
use wharf_data::service::{Given, Reply};
use wharf_data::{AccountId, Actor, Ask, Bulletin, Notice, PageToken, UnixMs, message, rooms};

/// Operators' requests to accounts have this bit, those of sessions have not.
const OF_OPERATORS: u64 = 1 << 63;

/// Who is to be told what the store is asked to keep, if anybody.
fn waits_for(ask: &Ask) -> Option<AccountId> {
    match ask {
        Ask::Audited(_, ask) => waits_for(ask),
        Ask::Message(message::Ask::Whisper { to, .. }) => Some(*to),
        _ => None,
    }
}

/// Whether accounts answer an operator.
pub(super) fn is_of_operators(to: CallerTag) -> bool {
    to.request & OF_OPERATORS > 0
}

impl Platform {
    /// The same, but other servers change what holds for all of them in the same store. It is
    /// looked at so often whether they have.
    #[must_use]
    pub fn with_others(mut self, look_every: Duration) -> Self {
        self.operators.look_every(look_every);
        self
    }

    /// Reads what holds for the whole server; to be called once, before anything else. Until it is
    /// known, nobody logs in. Without this call nothing holds.
    pub fn open(&mut self, now: Instant, at: UnixMs) {
        self.operators.open(now, at);
        self.run(now, at);
    }

    /// Whoever runs the server asks for something; the answer is a reply to `ticket`.
    pub fn operate(
        &mut self,
        now: Instant,
        at: UnixMs,
        ticket: Ticket,
        request: operators::Request,
    ) {
        self.operators
            .request((now, at), ticket, Actor::Operator, request);
        self.settle(now, at);
    }

    /// So many sessions were reached by what was counted under `tag`.
    pub fn heard(&mut self, now: Instant, at: UnixMs, tag: CountTag, count: u32) {
        self.operators.heard(at, tag.0, count);
        self.run(now, at);
    }

    /// What holds for the whole server.
    pub fn bulletin(&self) -> &Bulletin {
        self.operators.bulletin()
    }

    /// Whether it is known what holds for the whole server.
    pub fn is_settled(&self) -> bool {
        self.operators.is_settled()
    }

    /// A session asks for what moderators do, or tells them something.
    pub(super) fn operate_for(
        &mut self,
        (now, at): (Instant, UnixMs),
        session: SessionTag,
        (ticket, by): (Ticket, AccountId),
        request: operators::Request,
    ) {
        // Who has been taken over meanwhile speaks for nobody.
        if self.presence.account(session) != Some(by) {
            return self.reply(ticket, Err(Error::WrongState));
        }
        self.operators
            .request((now, at), ticket, Actor::Account(by), request);
    }

    /// Whether a login may be tried now; what is tried.
    ///
    /// While the server is being looked after, only a name and a password are: who comes by them
    /// may be a moderator. A token or a ticket would be used up, and an account made, for nothing.
    pub(crate) fn may_be_tried(&self, request: Request) -> Result<Request, Error> {
        if !self.operators.is_settled() {
            return Err(Error::Unavailable);
        }
        let bulletin = self.operators.bulletin();
        let Some(text) = &bulletin.maintenance else {
            return Ok(request);
        };
        match request {
            Request::LogIn { .. } if !bulletin.moderators.is_empty() => Ok(request),
            Request::LogInClassic { id, password, .. } if !bulletin.moderators.is_empty() => {
                let unknown = UnknownId::Refused;
                Ok(Request::LogInClassic {
                    id,
                    password,
                    unknown,
                })
            }
            _ => Err(Error::Maintenance(text.clone())),
        }
    }

    /// Why somebody who has proven who they are does not come in, if so.
    pub(super) fn keeps_out(&self, account: AccountId) -> Option<Error> {
        let bulletin = self.operators.bulletin();
        let text = bulletin.maintenance.as_ref()?;
        (!bulletin.is_moderator(account)).then(|| Error::Maintenance(text.clone()))
    }

    /// Why somebody may say nothing, if so.
    pub(super) fn is_muted(&self, at: UnixMs, account: AccountId) -> Option<Error> {
        let until = self.operators.bulletin().muted(account, at)?;
        Some(Error::Muted {
            until: until.ends(),
        })
    }

    /// Accounts answer a job.
    pub(super) fn operators_answered(
        &mut self,
        at: UnixMs,
        to: CallerTag,
        result: Result<Outcome, Error>,
    ) {
        let job = to.request & !OF_OPERATORS;
        let bulletin = self.operators.bulletin();
        let of = |account| (bulletin.is_moderator(account), bulletin.muted(account, at));
        let (is_moderator, muted) = match &result {
            Ok(Outcome::Found(person)) => of(person.account),
            _ => (false, None),
        };
        let presence = &self.presence;
        let known = |person: wharf_data::access::Person| Known {
            is_here: presence.find(person.account).is_some(),
            is_moderator,
            muted,
            person,
        };
        self.operators.answered(at, job, result, known);
    }

    /// Does what operators ask for; whether accounts were asked.
    pub(super) fn run_operators(&mut self, now: Instant, at: UnixMs) -> bool {
        let mut has_asked = false;
        while let Some(step) = self.operators.poll() {
            match step {
                Step::Ask(pending, ask) => {
                    if let Some(to) = waits_for(&ask) {
                        self.whispers.will_wait(to);
                    }
                    self.last_tag += 1;
                    let tag = StoreTag(self.last_tag);
                    self.operating.insert(tag, pending);
                    self.effects.push_back(Effect::Ask { tag, ask: *ask });
                }
                Step::Access(job, request) => {
                    has_asked = true;
                    self.ask_accounts(now, at, job, *request);
                }
                Step::Room(job, room, act, reason) => match &mut self.rooms {
                    Some(rooms) => {
                        let ticket = Ticket(job | OF_OPERATORS);
                        rooms.operate((now, at), ticket, (room, act), reason);
                    }
                    None => self.operators.room_answered(job, Err(Error::NotFound)),
                },
                Step::OpenRooms(job, search, page, limit) => {
                    self.tell_open_rooms(job, &search, page.as_ref(), limit);
                }
                Step::Reply(ticket, outcome) => {
                    let outcome = outcome.map(|outcome| Given::Operated(Box::new(outcome)));
                    self.reply(ticket, outcome);
                }
                Step::Kick {
                    job,
                    account,
                    reason,
                } => {
                    let to = self.presence.find(account).map(|online| online.session);
                    to.into_iter().for_each(|session| self.cast_off(session));
                    self.effects.push_back(Effect::Kick {
                        tag: CountTag(job),
                        to,
                        account,
                        reason,
                    });
                }
                Step::Announce {
                    job,
                    scope,
                    text,
                    at,
                } => self.effects.push_back(Effect::Announce {
                    tag: CountTag(job),
                    scope,
                    text,
                    at,
                }),
                Step::Removed(place, seq) => self.tell_removed(place, seq),
                Step::Deliver(account) => {
                    if self.presence.find(account).is_some() {
                        self.whispers.deliver(at, account);
                    }
                }
                Step::Muted(account, until, reason) => self.tell_mute(account, until, reason),
                Step::TellAll(notice) => self.effects.push_back(Effect::TellAll(notice)),
                Step::LookForEnded => self.ended.may_have_changed(now),
                Step::Publish(bulletin) => self.effects.push_back(Effect::Publish(bulletin)),
            }
        }
        has_asked
    }

    /// Which rooms are open and called so.
    fn tell_open_rooms(&mut self, job: JobId, search: &str, page: Option<&PageToken>, limit: u32) {
        let rooms = self.rooms.as_ref().ok_or(Error::NotFound);
        let told = rooms.and_then(|rooms| rooms.open_now(search, page, limit));
        self.operators.room_answered(job, told);
    }

    /// Whoever is muted, or no more, is told so if they are here.
    fn tell_mute(&mut self, account: AccountId, until: Option<Until>, reason: String) {
        if let Some(online) = self.presence.find(account) {
            self.notice(online.session, Notice::Muted { until, reason });
        }
    }

    /// Whoever reads it takes away what was removed: those in the room, or the two who talk.
    fn tell_removed(&mut self, place: Place, seq: i64) {
        match (place, &mut self.rooms) {
            (Place::Room(room), Some(rooms)) => rooms.removed(room, seq),
            (Place::Room(_), None) => {}
            (Place::Direct(one, other), _) => {
                for (who, with) in [(one, other), (other, one)] {
                    if let Some(online) = self.presence.find(who) {
                        self.notice(online.session, Notice::Removed { with, seq });
                    }
                }
            }
        }
    }

    /// Those who look after rooms answer a job; whether it was one.
    pub(super) fn room_answered(&mut self, to: Ticket, reply: &Reply) -> bool {
        if to.0 & OF_OPERATORS == 0 {
            return false;
        }
        let result = match reply {
            Ok(Given::Rooms(outcome)) => Ok(self.with_names(outcome.clone())),
            Ok(_) => Err(Error::Unavailable),
            Err(error) => Err(error.clone()),
        };
        self.operators.room_answered(to.0 & !OF_OPERATORS, result);
        true
    }

    /// Those who are logged in have a name.
    fn with_names(&self, mut outcome: rooms::Outcome) -> rooms::Outcome {
        if let rooms::Outcome::Shown(shown) = &mut outcome {
            for insider in &mut shown.people {
                if let Some(online) = self.presence.find(insider.account) {
                    insider.display_name.clone_from(&online.display_name);
                }
            }
        }
        outcome
    }

    /// Each job is a session of its own to accounts, so that none waits for another.
    fn ask_accounts(&mut self, now: Instant, at: UnixMs, job: JobId, request: Request) {
        let tag = CallerTag {
            session: u64::MAX - job % (1 << 32),
            request: job | OF_OPERATORS,
        };
        let caller = Caller {
            tag,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            user: None,
        };
        self.accounts.request(now, at, caller, request);
    }
}
