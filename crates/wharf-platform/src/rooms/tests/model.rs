//! Whatever sessions, rooms, moderators and a bad store do, in any order: what must hold, holds.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A question to the store: not done, done and on its way back.
enum Question {
    Open(u64, Ask),
    Done(u64, wharf_data::Reply),
}

/// What the world outside knows: who was let in where, and what nobody knows.
struct World {
    rig: Rig,
    questions: Vec<Question>,
    /// Session of each account; a new one each time one ends.
    sessions: BTreeMap<i64, u64>,
    last_session: u64,
    /// Entries that were given out and neither left nor were put out.
    inside: BTreeMap<EntryId, (u64, i64, Entry)>,
    /// What each call was for.
    calls: BTreeMap<Ticket, (Option<u64>, i64)>,
    known: Vec<RoomId>,
    /// Rooms of which an answer was lost: what they are is not known here.
    unsure: BTreeSet<RoomId>,
}

const ACCOUNTS: i64 = 4;
const MEMBERS_MAX: u32 = 2;
const HALLS_MAX: u32 = 3;
const NAMES: [&str; 4] = ["alpha", "ALPHA", "beta", "gamma"];

impl World {
    fn new() -> Self {
        let options = RoomOptions {
            halls_max: HALLS_MAX,
            members_max: MEMBERS_MAX,
            owned_max: 2,
            requests_max: 12,
            acts_max: 2,
            hashes_max: 2,
            ..options()
        };
        Self {
            rig: Rig::new(options),
            questions: Vec::new(),
            sessions: (1..=ACCOUNTS)
                .map(|account| (account, account as u64))
                .collect(),
            last_session: ACCOUNTS as u64,
            inside: BTreeMap::new(),
            calls: BTreeMap::new(),
            known: Vec::new(),
            unsure: BTreeSet::new(),
        }
    }

    fn call(&mut self, session: Option<u64>, by: i64, request: Request) {
        let ticket = self.rig.call(session, by, request);
        self.calls.insert(ticket, (session, by));
        self.take_in();
    }

    /// Looks at what was asked and answered.
    fn take_in(&mut self) {
        for (number, ask) in self.rig.asked.drain(..) {
            self.questions.push(Question::Open(number, ask));
        }
        for (ticket, reply) in core::mem::take(&mut self.rig.replies) {
            let (session, by) = self.calls.remove(&ticket).expect("a call has one answer");
            match reply {
                Ok(Given::Rooms(Outcome::Entry(entry))) => {
                    let session = session.expect("a room enters nothing");
                    assert_eq!(
                        self.sessions.get(&by),
                        Some(&session),
                        "let in after its end"
                    );
                    self.inside.retain(|_, (of, ..)| *of != session);
                    let room = entry.info.room;
                    if !self.known.contains(&room) {
                        self.known.push(room);
                    }
                    self.inside.insert(entry.id, (session, by, *entry));
                    let there = self.inside.values();
                    let there = there.filter(|(.., entry)| entry.info.room == room);
                    assert!(
                        there.count() <= MEMBERS_MAX as usize,
                        "more than may be there"
                    );
                }
                Ok(Given::Rooms(Outcome::Moderated(moderated))) if moderated.is_out => {
                    // The room puts them out, and their sessions say so.
                    for entry in moderated.entries {
                        if let Some((session, by, entry)) = self.inside.remove(&entry) {
                            self.call(Some(session), by, left(&entry));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn execute(&mut self, pick: usize) {
        // Writes in order; reads whenever.
        let open: Vec<usize> = (0..self.questions.len())
            .filter(|at| matches!(self.questions[*at], Question::Open(..)))
            .collect();
        let first_write = open
            .iter()
            .copied()
            .find(|at| matches!(&self.questions[*at], Question::Open(_, ask) if !ask.only_reads()));
        let may = |at: &&usize| match &self.questions[**at] {
            Question::Open(_, ask) => ask.only_reads() || Some(**at) == first_write,
            Question::Done(..) => false,
        };
        let ready: Vec<usize> = open.iter().filter(may).copied().collect();
        let Some(at) = ready.get(pick % ready.len().max(1)).copied() else {
            return;
        };
        if let Question::Open(number, ask) = &self.questions[at] {
            let reply = self.rig.store.ask(ask);
            self.questions[at] = Question::Done(*number, reply);
        }
    }

    /// An answer comes, whichever; one that is lost comes as "unavailable", done or not.
    fn deliver(&mut self, pick: usize, is_lost: bool) {
        let may = |question: &Question| is_lost || matches!(question, Question::Done(..));
        let ready: Vec<usize> = (0..self.questions.len())
            .filter(|at| may(&self.questions[*at]))
            .collect();
        let Some(at) = ready.get(pick % ready.len().max(1)).copied() else {
            return;
        };
        let (number, reply) = match self.questions.remove(at) {
            Question::Open(number, _) => (number, Err(Refusal::Unavailable)),
            Question::Done(number, reply) => (number, reply),
        };
        let flow = self.rig.rooms.flows.get(&number);
        if is_lost && let Some((_, Flow::Acting(room, _))) = flow {
            self.unsure.insert(*room);
        }
        let reply = match is_lost {
            true => Err(Refusal::Unavailable),
            false => reply,
        };
        self.rig.rooms.stored(self.rig.times(), number, reply);
        self.rig.pump();
        self.take_in();
    }

    fn hash(&mut self) {
        if let Some(job) = self.rig.hashes.pop() {
            let result = imitate(&job.work);
            self.rig.rooms.hashed(self.rig.times(), job.id.0, result);
            self.rig.pump();
            self.take_in();
        }
    }

    fn end_session(&mut self, account: i64) {
        self.last_session += 1;
        let old = self.sessions.insert(account, self.last_session);
        let old = old.expect("everybody has a session");
        self.inside.retain(|_, (session, ..)| *session != old);
        self.rig.rooms.session_closed(SessionTag(old));
        self.rig.pump();
        self.take_in();
    }

    /// Time passes: acts that the store has not answered are given up, done or not.
    fn pass(&mut self, span: Duration) {
        let acting = |rooms: &Rooms| -> BTreeMap<u64, RoomId> {
            let flows = rooms.flows.iter();
            let acting = flows.filter_map(|(number, (_, flow))| match flow {
                Flow::Acting(room, _) => Some((*number, *room)),
                _ => None,
            });
            acting.collect()
        };
        let before = acting(&self.rig.rooms);
        self.rig.pass(span);
        let still = acting(&self.rig.rooms);
        let given_up = before
            .iter()
            .filter(|(number, _)| !still.contains_key(number));
        self.unsure.extend(given_up.map(|(_, room)| *room));
    }

    /// A session asks for another room. It has left the one in which it was, and says so before
    /// that; or, if too much was asked already, behind it.
    fn move_on(&mut self, account: i64, request: Request, says_so_late: bool) {
        let session = self.sessions[&account];
        let mut here = self.inside.iter();
        let old = here.find(|(_, (of, ..))| *of == session);
        let old = old.map(|(_, (.., entry))| left(entry));
        self.inside.retain(|_, (of, ..)| *of != session);
        let mut calls = [old, Some(request)];
        if says_so_late {
            calls.reverse();
        }
        for request in calls.into_iter().flatten() {
            self.call(Some(session), account, request);
        }
    }

    fn step(&mut self, kind: u8, one: u8, other: u8) {
        let account = i64::from(one) % ACCOUNTS + 1;
        let target = AccountId::new(i64::from(other) % ACCOUNTS + 1);
        match kind {
            0 | 1 => {
                let mut new = new_room(NAMES[usize::from(other) % 4], other & 4 > 0);
                if other & 8 > 0 {
                    new.password = Hidden::from("open sesame");
                }
                self.move_on(account, Request::Create(Box::new(new)), other & 32 > 0);
            }
            2..=5 => {
                let room = self.known.get(usize::from(other) % self.known.len().max(1));
                let room = room.copied().unwrap_or(RoomId::new(1_000));
                let password = match other & 16 > 0 {
                    true => Hidden::from("open barley"),
                    false => Hidden::from("open sesame"),
                };
                self.move_on(account, Request::Enter { room, password }, other & 32 > 0);
            }
            6 => {
                let inside = self.inside.values().find(|(_, by, _)| *by == account);
                if let Some((session, by, entry)) = inside.cloned() {
                    self.inside.remove(&entry.id);
                    self.call(Some(session), by, left(&entry));
                }
            }
            7 => self.end_session(account),
            8..=10 => {
                let measures = [
                    Measure::Kick,
                    Measure::Ban(60),
                    Measure::Unban,
                    Measure::Mute(0),
                    Measure::Promote,
                    Measure::Demote,
                    Measure::HandOver,
                ];
                let inside = self.inside.values().find(|(_, by, _)| *by == account);
                if let Some((_, by, entry)) = inside {
                    let request = Request::Moderate {
                        here: here(entry),
                        account: target,
                        name: String::new(),
                        measure: measures[usize::from(other / 8) % measures.len()],
                        reason: String::new(),
                    };
                    self.call(None, *by, request);
                }
            }
            11 => {
                if let Some((_, _, entry)) = self.inside.values().next() {
                    let request = match other % 4 {
                        0 => Request::Begin(here(entry)),
                        1 => Request::Change(here(entry), Box::default()),
                        2 => Request::Bans {
                            here: here(entry),
                            page: None,
                            limit: 50,
                        },
                        _ => Request::Close(here(entry)),
                    };
                    self.call(None, account, request);
                }
            }
            12 => self.deliver(other.into(), true),
            13 => self.pass(Duration::from_secs(other.into())),
            14 => self.hash(),
            15 | 16 => self.execute(other.into()),
            _ => self.deliver(other.into(), false),
        }
        self.take_in();
        self.check();
    }

    /// What holds at every moment.
    fn check(&self) {
        let rooms = &self.rig.rooms;
        let mut slots = BTreeSet::new();
        let halls = rooms.halls.values().map(|hall| hall.slot);
        let making = rooms.flows.values().filter_map(|(_, flow)| match flow {
            Flow::Making(making) | Flow::Hashing(making) => Some(making.slot),
            _ => None,
        });
        for slot in halls.chain(making) {
            assert!(
                slot < HALLS_MAX && slots.insert(slot),
                "slot {slot} is two rooms'"
            );
        }
        let mut names = BTreeSet::new();
        for hall in rooms.halls.values() {
            assert!(
                hall.is_broken || names.insert(hall.key.clone()),
                "two rooms called {}",
                hall.name
            );
            let size = (Reverse(hall.inside.len() as u32), hall.id);
            assert!(rooms.sizes.contains(&size), "in no list");
            assert_eq!(hall.inside.is_empty(), hall.idle_since.is_some());
            for (entry, occupant) in &hall.inside {
                let place = rooms.sessions.get(&occupant.session);
                assert_eq!(place, Some(&(hall.id, *entry)));
            }
        }
        assert_eq!(rooms.sizes.len(), rooms.halls.len());
        let inside: usize = rooms.halls.values().map(|hall| hall.inside.len()).sum();
        assert_eq!(inside, rooms.sessions.len());
        let known: BTreeSet<EntryId> = self.inside.keys().copied().collect();
        let here = rooms.sessions.values().map(|(_, entry)| *entry);
        assert_eq!(known, here.collect(), "who is inside is known");
    }

    /// Everything that is under way is done.
    fn settle(&mut self) {
        while !self.questions.is_empty() || !self.rig.hashes.is_empty() {
            self.hash();
            self.execute(0);
            self.deliver(0, false);
        }
    }

    /// What holds when nothing is under way.
    fn check_settled(&self) {
        assert!(self.calls.is_empty(), "without an answer: {:?}", self.calls);
        assert!(self.rig.rooms.flows.is_empty() && self.rig.rooms.opening.is_empty());
        let (_, at) = self.rig.times();
        for hall in self.rig.rooms.halls.values() {
            assert!(hall.pending == 0 && hall.acts.is_empty() && !hall.is_acting);
            for occupant in hall.inside.values() {
                let store = &self.rig.store;
                let is = match hall.is_persistent {
                    true => store.standing(hall.id, occupant.account, at),
                    false => hall.standing(occupant.account, at),
                };
                assert_eq!(is.ban, None, "{:?} is banned, and there", occupant.account);
                if !self.unsure.contains(&hall.id) && store.rooms.contains_key(&hall.id) {
                    assert_eq!(is.role, occupant.role, "of another rank than is kept");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn whatever_happens_in_whatever_order_what_must_hold_holds(
        steps in prop::collection::vec((0u8..22, any::<u8>(), any::<u8>()), 0..120)
    ) {
        let mut world = World::new();
        for (kind, one, other) in steps {
            world.step(kind, one, other);
        }
        world.settle();
        world.check();
        world.check_settled();
    }
}
