//! Rooms that have a name: which are open, in which place, and who is in them.
//!
//! ```text
//!  foyer -- Enter --> Rooms -- Entry --> foyer -- carries it --> the room in that slot
//!        <-- Left --        <-- Begin, Change, Moderate, ... --
//! ```
//!
//! A room that stays is the store's; it is *open* while it has a slot here, and then every write of
//! it carries the epoch of that opening. One that does not stay is here alone, with its name, its
//! bans and its ranks. Whoever is let in gets an entry, and is inside from then on, until their
//! session says that it has left, or ends. What a moderator does goes through here: so whoever was
//! let in a moment ago, and has not arrived, is known to it by their entry.
//!
//! Slots are used again, openings never are: an entry of an older one opens no door.

mod acting;
mod at_once;
mod bans;
mod busiest;
mod entering;
mod flow;
mod going_on;
mod guessing;
mod hall;
mod listing;
mod making;
mod naming;
mod options;
mod orders;
mod places;
mod slots;
#[cfg(test)]
mod tests;

pub(crate) use listing::id_of_lobby;
pub use options::RoomOptions;

use crate::brief::Changes;
use crate::{SessionTag, Ticket};
use core::cmp::Reverse;
use flow::{Caller, Entering, Flow};
use hall::Hall;
use slots::Slots;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wharf_accounts::{Chance, Guesses, HashJob, HashWork, JobId};
use wharf_base::{Duration, IdShare, Instant, UniqueIds};
use wharf_data::access::Error;
use wharf_data::rooms::{EntryId, Here, Outcome, Request};
use wharf_data::service::{Given, Reply};
use wharf_data::{AccountId, Act as AuditAct, Actor, Ask, AuditId, NameKey, RoomId, UnixMs};

/// What is to be done next. Numbers come back with the answers.
pub(crate) enum Step {
    /// The store is to be asked.
    Ask(u64, Box<Ask>),
    /// A password is to be hashed.
    Hash(HashJob),
    /// A call is over.
    Reply(Ticket, Reply),
}

/// When it is worth asking again for what was full a moment ago.
const BUSY: Error = Error::Busy {
    retry_after: Duration::from_secs(1),
};

/// All rooms that are open, and whoever is in them.
///
/// Invariant: a slot that is taken is that of one hall, or of one room that is being made; each
/// session in `sessions` is an occupant of that room by that entry, and the other way round;
/// `sizes` has each hall, and each numbered room that lists show, once.
pub(crate) struct Rooms {
    options: RoomOptions,
    chance: Box<dyn Chance>,
    ids: UniqueIds,
    halls: BTreeMap<RoomId, Hall>,
    /// Whose names they are: rooms that do not stay, and those that are being made or renamed.
    names: BTreeMap<NameKey, RoomId>,
    slots: Slots,
    sessions: BTreeMap<SessionTag, (RoomId, EntryId)>,
    /// Those who want to enter a room that is being opened.
    opening: BTreeMap<RoomId, Vec<Entering>>,
    /// What whoever runs the server wants done in such a room.
    orders: BTreeMap<RoomId, Vec<flow::Order>>,
    /// The largest first.
    sizes: BTreeSet<(Reverse<u32>, RoomId)>,
    /// Members of numbered rooms that have some.
    counts: BTreeMap<u32, u32>,
    idle: BTreeSet<(Instant, RoomId)>,
    /// Each with the time at which it is given up.
    flows: BTreeMap<u64, (Instant, Flow)>,
    hashing: u32,
    /// Passwords that were not hashed because too many were to be.
    pub(crate) hashes_refused: u64,
    /// Those who are on their way in wait with the number of their flow.
    guesses: Guesses<guessing::Door, u64>,
    /// What may be other than it is shown to others.
    pub(crate) changes: Changes,
    steps: VecDeque<Step>,
    last_number: u64,
    now: Instant,
    at: UnixMs,
}

impl Rooms {
    /// Nothing is open yet. `is_alone` where no other process writes to the store.
    pub(crate) fn new(options: RoomOptions, is_alone: bool, chance: Box<dyn Chance>) -> Self {
        let listed = options.lobbies.min(listing::LOBBIES_MAX);
        Self {
            options,
            chance,
            ids: UniqueIds::of_share(options.node, IdShare::Rooms),
            halls: BTreeMap::new(),
            names: BTreeMap::new(),
            slots: Slots::new(options.halls_max),
            sessions: BTreeMap::new(),
            opening: BTreeMap::new(),
            orders: BTreeMap::new(),
            sizes: (0..listed)
                .map(|number| (Reverse(0), listing::id_of_lobby(number)))
                .collect(),
            counts: BTreeMap::new(),
            idle: BTreeSet::new(),
            flows: BTreeMap::new(),
            hashing: 0,
            hashes_refused: 0,
            guesses: Guesses::new(guessing::LIMITS, options.recall, is_alone),
            changes: Changes::default(),
            steps: VecDeque::new(),
            last_number: 0,
            now: Instant::ZERO,
            at: 0,
        }
    }

    /// Somebody asks: `session`, or a room.
    pub(crate) fn call(
        &mut self,
        (now, at): (Instant, UnixMs),
        session: Option<SessionTag>,
        ticket: Ticket,
        by: AccountId,
        request: Request,
    ) {
        self.set_time(now, at);
        let caller = Caller {
            ticket,
            session,
            by,
            is_operator: false,
            is_gone: false,
        };
        let is_full = self.is_full();
        match (request, session) {
            (Request::Left { entry, is_broken }, Some(session)) => {
                self.left(session, Some(entry), is_broken);
                self.done(caller);
            }
            (told @ (Request::Begin(_) | Request::Watch(_) | Request::Count { .. }), None) => {
                self.hear_room(caller, &told);
            }
            _ if is_full => self.refuse(caller, BUSY),
            (Request::Create(new), Some(_)) => self.create(caller, *new),
            (Request::Enter { room, password }, Some(_)) => self.enter(caller, room, password),
            (
                Request::List {
                    search,
                    page,
                    limit,
                },
                Some(_),
            ) => self.list(caller, search, page.as_ref(), limit),
            (Request::Busiest { limit }, Some(_)) => self.busiest(caller, limit),
            (Request::Change(here, change), None) => self.change(caller, here, *change),
            (
                Request::Moderate {
                    here,
                    account,
                    name,
                    measure,
                    reason,
                },
                None,
            ) => {
                let deed = flow::Deed::Moderate {
                    account,
                    name,
                    measure,
                    reason,
                };
                self.act(caller, here, deed, String::new());
            }
            (Request::Remove { here, seq }, None) => {
                self.act(caller, here, flow::Deed::Remove(seq), String::new());
            }
            (Request::Bans { here, page, limit }, None) => {
                self.list_bans(caller, here, page, limit);
            }
            (Request::Close(here), None) => {
                self.act(caller, here, flow::Deed::Close, String::new());
            }
            _ => self.refuse(caller, Error::Forbidden),
        }
    }

    /// A session is over: it is in no room any more, and is let into none.
    pub(crate) fn session_closed(&mut self, session: SessionTag) {
        self.left(session, None, false);
        let flows = self.flows.values_mut().filter_map(|(_, flow)| match flow {
            Flow::Hashing(making) | Flow::Making(making) => Some(&mut making.caller),
            flow => flow.entering().map(|entering| &mut entering.caller),
        });
        let waiting = self.opening.values_mut().flatten();
        let waiting = waiting.map(|entering| &mut entering.caller);
        for caller in flows.chain(waiting) {
            caller.is_gone |= caller.session == Some(session);
        }
    }

    /// What is to be done next, if anything.
    pub(crate) fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// In which room that others may see a session is.
    pub(crate) fn place(&self, session: SessionTag) -> Option<RoomId> {
        let (room, _) = self.sessions.get(&session)?;
        let hall = self.halls.get(room)?;
        (!hall.settings.is_hidden).then_some(*room)
    }

    /// Whether a session is inside one.
    pub(crate) fn has(&self, session: SessionTag) -> bool {
        self.sessions.contains_key(&session)
    }

    /// How many rooms are open.
    pub(crate) fn open(&self) -> usize {
        self.halls.len()
    }

    /// How many may be.
    pub(crate) fn open_max(&self) -> usize {
        self.options.halls_max as usize
    }

    /// How many sessions are in one of them.
    pub(crate) fn members(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no room is open, nobody is in one, and nothing is under way.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.halls.is_empty()
            && self.names.is_empty()
            && self.sessions.is_empty()
            && self.opening.is_empty()
            && self.flows.is_empty()
            && self.idle.is_empty()
            && self.hashing == 0
    }

    fn set_time(&mut self, now: Instant, at: UnixMs) {
        self.now = self.now.max(now);
        self.at = at;
    }

    fn next_id(&mut self) -> i64 {
        self.ids.next(u64::try_from(self.at).unwrap_or_default())
    }

    fn reply(&mut self, caller: Caller, outcome: Outcome) {
        let reply = Ok(Given::Rooms(outcome));
        self.steps.push_back(Step::Reply(caller.ticket, reply));
    }

    fn done(&mut self, caller: Caller) {
        self.reply(caller, Outcome::Done);
    }

    fn refuse(&mut self, caller: Caller, error: Error) {
        self.steps.push_back(Step::Reply(caller.ticket, Err(error)));
    }

    fn wait(&mut self, flow: Flow) -> u64 {
        let number = self.next_number();
        self.wait_as(number, flow);
        number
    }

    fn wait_as(&mut self, number: u64, flow: Flow) {
        let due = self.now + self.options.patience;
        self.flows.insert(number, (due, flow));
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn ask(&mut self, flow: Flow, ask: Ask) {
        let number = self.wait(flow);
        self.steps.push_back(Step::Ask(number, Box::new(ask)));
    }

    fn hash(&mut self, flow: Flow, work: HashWork) {
        self.hashing += 1;
        let id = JobId(self.wait(flow));
        self.steps.push_back(Step::Hash(HashJob { id, work }));
    }

    fn may_hash(&mut self) -> bool {
        let may = self.hashing < self.options.hashes_max;
        self.hashes_refused += u64::from(!may);
        may
    }

    /// Whether as much is under way as may be.
    fn is_full(&self) -> bool {
        let waiting: usize = self.opening.values().map(Vec::len).sum();
        let orders: usize = self.orders.values().map(Vec::len).sum();
        self.flows.len() + waiting + orders >= self.options.requests_max
    }

    /// One act, for the audit log.
    fn audit_act(&mut self, by: Caller, reason: String) -> AuditAct {
        AuditAct {
            id: AuditId::new(self.next_id()),
            actor: match by.is_operator {
                true => Actor::Operator,
                false => Actor::Account(by.by),
            },
            reason,
            at: self.at,
        }
    }
}
