//! Rooms with a store in memory that is slow, answers in any order, and loses answers.

mod busiest;
mod guessing;
mod model;
mod orders;
mod races;
mod store;

use super::*;
use store::MapStore;
use wharf_accounts::{Chance, imitate};
use wharf_data::room::{Role, Until};
use wharf_data::rooms::{Change, Entry, Measure, Moderated, NewRoom};
use wharf_data::{Hidden, PageToken, Refusal};

const AT: UnixMs = UniqueIds::EPOCH_UNIX_MS as i64 + 1_000_000;

struct Counting(u8);

impl Chance for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
    }
}

/// Rooms, their store, and what was answered.
struct Rig {
    rooms: Rooms,
    store: MapStore,
    replies: BTreeMap<Ticket, Reply>,
    asked: Vec<(u64, Ask)>,
    hashes: Vec<HashJob>,
    last_ticket: u64,
    now: Instant,
}

impl Rig {
    fn new(options: RoomOptions) -> Self {
        Self {
            rooms: Rooms::new(options, false, Box::new(Counting(0))),
            store: MapStore::default(),
            replies: BTreeMap::new(),
            asked: Vec::new(),
            hashes: Vec::new(),
            last_ticket: 0,
            now: Instant::ZERO,
        }
    }

    fn times(&self) -> (Instant, UnixMs) {
        (self.now, AT + self.now.as_nanos() as i64 / 1_000_000)
    }

    fn call(&mut self, session: Option<u64>, by: i64, request: Request) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let (times, session) = (self.times(), session.map(SessionTag));
        self.rooms
            .call(times, session, ticket, AccountId::new(by), request);
        self.pump();
        ticket
    }

    fn pump(&mut self) {
        while let Some(step) = self.rooms.poll() {
            match step {
                Step::Ask(number, ask) => self.asked.push((number, *ask)),
                Step::Hash(job) => self.hashes.push(job),
                Step::Reply(to, reply) => {
                    let before = self.replies.insert(to, reply);
                    assert!(before.is_none(), "{to:?} is answered twice");
                }
            }
        }
    }

    /// Everything that waits is done.
    fn settle(&mut self) {
        loop {
            if let Some(job) = self.hashes.pop() {
                let result = imitate(&job.work);
                self.rooms.hashed(self.times(), job.id.0, result);
            } else if !self.asked.is_empty() {
                let (number, ask) = self.asked.remove(0);
                let reply = self.store.ask(&ask);
                self.rooms.stored(self.times(), number, reply);
            } else {
                return;
            }
            self.pump();
        }
    }

    /// Asks, and has everything done that it takes. Session and account have the same number.
    fn ask(&mut self, who: u64, request: Request) -> Result<Outcome, Error> {
        let ticket = self.call(Some(who), who as i64, request);
        self.settle();
        self.outcome(ticket)
    }

    fn outcome(&mut self, ticket: Ticket) -> Result<Outcome, Error> {
        match self.replies.remove(&ticket).expect("an answer") {
            Ok(Given::Rooms(outcome)) => Ok(outcome),
            Ok(other) => panic!("another answer: {other:?}"),
            Err(error) => Err(error),
        }
    }

    fn entry(&mut self, who: u64, request: Request) -> Result<Entry, Error> {
        match self.ask(who, request)? {
            Outcome::Entry(entry) => Ok(*entry),
            other => panic!("no entry: {other:?}"),
        }
    }

    fn moderate(
        &mut self,
        by: i64,
        at: &Entry,
        to: i64,
        measure: Measure,
    ) -> Result<Moderated, Error> {
        let request = Request::Moderate {
            here: here(at),
            account: AccountId::new(to),
            name: format!("number {to}"),
            measure,
            reason: "because".into(),
        };
        let ticket = self.call(None, by, request);
        self.settle();
        match self.outcome(ticket)? {
            Outcome::Moderated(moderated) => Ok(*moderated),
            other => panic!("not moderated: {other:?}"),
        }
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
        let (now, at) = self.times();
        self.rooms.handle_timeout(now, at);
        self.pump();
    }

    fn listed(&mut self, who: u64) -> Vec<String> {
        let request = Request::List {
            search: String::new(),
            page: None,
            limit: 50,
        };
        match self.ask(who, request) {
            Ok(Outcome::Listed { rooms, .. }) => rooms.into_iter().map(|it| it.name).collect(),
            other => panic!("no list: {other:?}"),
        }
    }
}

fn options() -> RoomOptions {
    RoomOptions {
        lobbies: 0,
        ..RoomOptions::default()
    }
}

fn new_room(name: &str, is_persistent: bool) -> NewRoom {
    NewRoom {
        name: name.into(),
        topic: String::new(),
        password: Hidden::from(""),
        members_max: 0,
        is_hidden: false,
        is_persistent,
        history: None,
        slow_ms: 0,
    }
}

fn create(name: &str, is_persistent: bool) -> Request {
    Request::Create(Box::new(new_room(name, is_persistent)))
}

fn enter(entry: &Entry) -> Request {
    Request::Enter {
        room: entry.info.room,
        password: Hidden::from(""),
    }
}

fn here(entry: &Entry) -> Here {
    Here {
        room: entry.info.room,
        opening: entry.opening,
    }
}

fn left(entry: &Entry) -> Request {
    Request::Left {
        entry: entry.id,
        is_broken: false,
    }
}

#[test]
fn a_room_that_does_not_stay_ends_with_its_last_member_and_its_slot_is_the_next_ones() {
    let mut rig = Rig::new(options());
    let first = rig.entry(1, create("den", false)).unwrap();
    assert_eq!(
        (first.role, first.may_begin, first.slot),
        (Role::Owner, true, 0)
    );
    assert_eq!(rig.entry(2, create("DEN", false)), Err(Error::Taken));
    rig.rooms.session_closed(SessionTag(1));
    assert_eq!(rig.rooms.open(), 0);
    let second = rig.entry(2, create("den", false)).unwrap();
    assert_eq!(second.slot, 0);
    assert!(second.opening > first.opening && second.id > first.id);
    assert_eq!(rig.entry(3, enter(&first)), Err(Error::NotFound));
    assert_eq!(
        rig.ask(2, left(&first)),
        Ok(Outcome::Done),
        "of an older entry"
    );
    assert_eq!(rig.rooms.open(), 1);
}

#[test]
fn a_room_that_stays_keeps_its_opening_for_a_while_and_then_gets_another() {
    let mut rig = Rig::new(options());
    let first = rig.entry(1, create("hall", true)).unwrap();
    let begin = rig.call(None, 0, Request::Begin(here(&first)));
    assert_eq!(rig.outcome(begin), Ok(Outcome::Done));
    rig.ask(1, left(&first)).unwrap();
    let again = rig.entry(2, enter(&first)).unwrap();
    assert_eq!((again.opening, again.epoch), (first.opening, 1));
    assert!(
        !again.may_begin,
        "what is said there has numbers that only the room knows"
    );
    rig.ask(2, left(&again)).unwrap();
    rig.pass(RoomOptions::default().linger);
    assert_eq!(rig.rooms.open(), 0);
    let later = rig.entry(2, enter(&first)).unwrap();
    assert!(later.opening > first.opening && later.may_begin);
    assert_eq!(later.epoch, 2, "who had it before can write no more");
    assert_eq!(later.role, Role::Member);
    assert_eq!(rig.entry(1, enter(&first)).unwrap().role, Role::Owner);
}

#[test]
fn a_room_that_begins_twice_has_lost_what_it_knew_and_ends() {
    let mut rig = Rig::new(options());
    let first = rig.entry(1, create("hall", true)).unwrap();
    for expected in [Ok(Outcome::Done), Err(Error::Conflict)] {
        let begin = rig.call(None, 0, Request::Begin(here(&first)));
        assert_eq!(rig.outcome(begin), expected);
    }
    assert_eq!(rig.entry(2, enter(&first)), Err(Error::Unavailable));
    let out = Request::Left {
        entry: first.id,
        is_broken: true,
    };
    rig.ask(1, out).unwrap();
    assert!(rig.entry(2, enter(&first)).unwrap().may_begin);
}

#[test]
fn whoever_is_banned_on_the_way_is_known_by_the_entry() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        let own = rig.entry(1, create("den", is_persistent)).unwrap();
        let way = rig.entry(2, enter(&own)).unwrap();
        let ban = rig.moderate(1, &own, 2, Measure::Ban(60)).unwrap();
        assert_eq!((ban.entries, ban.is_out), (vec![way.id], true));
        let until = AT + 60_000;
        assert_eq!(ban.standing.ban, Some(Until::Time(until)));
        let banned = |reason: &str| Error::Banned {
            until: Some(until),
            reason: reason.to_owned(),
        };
        assert_eq!(rig.entry(2, enter(&own)), Err(banned("because")));
        // A mute has a reason of its own.
        rig.moderate(1, &own, 2, Measure::Mute(60)).unwrap();
        assert_eq!(rig.entry(2, enter(&own)), Err(banned("because")));
        rig.pass(Duration::from_secs(60));
        rig.entry(2, enter(&own)).unwrap();
    }
}

#[test]
fn a_ban_that_was_done_while_the_password_was_looked_at_holds() {
    for is_persistent in [false, true] {
        let mut rig = Rig::new(options());
        let secret = NewRoom {
            password: Hidden::from("open sesame"),
            ..new_room("cave", is_persistent)
        };
        let own = rig.entry(1, Request::Create(Box::new(secret))).unwrap();
        let enter = Request::Enter {
            room: own.info.room,
            password: Hidden::from("open sesame"),
        };
        let ticket = rig.call(Some(2), 2, enter);
        // What they are was asked, and answered, before the ban.
        while let Some((number, ask)) = rig.asked.pop() {
            let reply = rig.store.ask(&ask);
            rig.rooms.stored(rig.times(), number, reply);
            rig.pump();
        }
        let held = core::mem::take(&mut rig.hashes);
        assert_eq!(held.len(), 1);
        rig.moderate(1, &own, 2, Measure::Ban(0)).unwrap();
        rig.hashes = held;
        rig.settle();
        assert_eq!(
            rig.outcome(ticket),
            Err(Error::Banned {
                until: None,
                reason: "because".into()
            })
        );
    }
}

#[test]
fn whether_a_ban_was_done_may_be_unknown_and_then_nobody_stays() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("den", true)).unwrap();
    let way = rig.entry(2, enter(&own)).unwrap();
    rig.store.is_dead = true;
    let ban = rig.moderate(1, &own, 2, Measure::Ban(60)).unwrap();
    assert_eq!(
        (ban.entries, ban.is_out, ban.is_sure),
        (vec![way.id], true, false)
    );
    let mute = rig.moderate(1, &own, 2, Measure::Mute(60));
    assert_eq!(mute, Err(Error::Unavailable));
}

#[test]
fn while_the_store_is_dead_rooms_that_do_not_stay_go_on() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("den", false)).unwrap();
    let kept = rig.entry(9, create("hall", true)).unwrap();
    rig.store.is_dead = true;
    rig.entry(2, enter(&own)).unwrap();
    rig.moderate(1, &own, 2, Measure::Mute(0)).unwrap();
    assert_eq!(rig.entry(3, enter(&kept)), Err(Error::Unavailable));
    assert_eq!(rig.listed(4), ["den", "hall"], "what is open is listed");
    rig.store.is_dead = false;
    rig.entry(3, enter(&kept)).unwrap();
}

#[test]
fn hashes_requests_and_acts_that_wait_are_bounded() {
    let mut rig = Rig::new(RoomOptions {
        hashes_max: 1,
        acts_max: 1,
        ..options()
    });
    let secret = |name| {
        Request::Create(Box::new(NewRoom {
            password: Hidden::from("open sesame"),
            ..new_room(name, false)
        }))
    };
    let first = rig.call(Some(1), 1, secret("one"));
    let second = rig.call(Some(2), 2, secret("two"));
    assert!(matches!(rig.outcome(second), Err(Error::Busy { .. })));
    rig.settle();
    rig.outcome(first).unwrap();

    let own = rig.entry(3, create("hall", true)).unwrap();
    let act = |topic: &str| {
        let change = Change {
            topic: Some(topic.into()),
            ..Change::default()
        };
        Request::Change(here(&own), Box::new(change))
    };
    let tickets = ["a", "b", "c"].map(|topic| rig.call(None, 3, act(topic)));
    rig.settle();
    let [with_store, waits, refused] = tickets.map(|ticket| rig.outcome(ticket));
    assert!(with_store.is_ok() && waits.is_ok());
    assert!(matches!(refused, Err(Error::Busy { .. })));
    assert_eq!(rig.rooms.halls[&own.info.room].settings.topic, "b");
}

#[test]
fn whoever_wants_a_room_takes_the_place_of_one_that_is_idle_and_else_has_to_wait() {
    let mut rig = Rig::new(RoomOptions {
        halls_max: 1,
        ..options()
    });
    let first = rig.entry(1, create("one", true)).unwrap();
    rig.call(None, 0, Request::Begin(here(&first)));
    let busy = |it: Result<Entry, Error>| matches!(it, Err(Error::Busy { .. }));
    assert!(busy(rig.entry(2, create("two", true))));
    rig.ask(1, left(&first)).unwrap();
    assert!(
        busy(rig.entry(2, create("two", true))),
        "what was said last may not be kept"
    );
    rig.pass(RoomOptions::default().linger_min);
    let second = rig.entry(2, create("two", true)).unwrap();
    assert_eq!((second.slot, rig.rooms.open()), (0, 1));
}

#[test]
fn a_room_that_somebody_else_has_opened_ends_here() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("hall", true)).unwrap();
    rig.store.open(own.info.room);
    let change = Request::Change(here(&own), Box::default());
    let ticket = rig.call(None, 1, change);
    rig.settle();
    assert_eq!(rig.outcome(ticket), Err(Error::Conflict));
    assert_eq!(rig.entry(2, enter(&own)), Err(Error::Unavailable));
}

#[test]
fn what_a_room_asks_no_session_may_and_the_other_way_round() {
    let mut rig = Rig::new(options());
    let own = rig.entry(1, create("den", false)).unwrap();
    assert_eq!(
        rig.ask(1, Request::Close(here(&own))),
        Err(Error::Forbidden)
    );
    let ticket = rig.call(None, 1, enter(&own));
    assert_eq!(rig.outcome(ticket), Err(Error::Forbidden));
}
