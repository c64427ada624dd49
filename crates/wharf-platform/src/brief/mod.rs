//! What is shown to whoever is not in this process: who is online, and which rooms are busy.
//!
//! ```text
//!  Presence, Rooms -- what has changed --> Brief --> Board -- Put, Delete --> the short store
//!                                                          <-- what it says --
//! ```
//!
//! Nothing of value: each process says what it knows by itself, again before it is forgotten, and
//! takes it away. Others read it: `wharf db online`, other servers' lists of rooms, tools.

mod board;
mod changes;
mod shown;

pub(crate) use board::{Board, Key, Shelf};
pub(crate) use changes::Changes;
pub(crate) use shown::{of_person, of_room, room_in};

use crate::presence::Presence;
use crate::rooms::Rooms;
use crate::{SessionTag, presence::Online};
use board::Item;
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant};
use wharf_data::{AccountId, Ask, Reply, RoomId, UnixMs};

/// How what is shown to others is kept up to date.
#[derive(Clone, Copy, Debug)]
pub struct BriefOptions {
    /// This process among those that show something: keys begin with it.
    pub node: u16,
    /// How long changes are gathered. Who comes and goes within it costs nothing.
    pub gather: Duration,
    /// How many are written at once. More wait for the next time.
    pub batch: usize,
    /// When what has not changed is written again.
    pub refresh: Duration,
    /// How long what is written lasts: what is left of a process that died is gone then.
    pub life: Duration,
    /// The longest time between two tries while the store does not answer.
    pub retry_max: Duration,
}

impl BriefOptions {
    /// Where Redis keeps it: a second behind.
    pub fn with_redis(node: u16) -> Self {
        Self {
            node,
            gather: Duration::from_secs(1),
            batch: 512,
            refresh: Duration::from_secs(120),
            life: Duration::from_secs(600),
            retry_max: Duration::from_secs(60),
        }
    }

    /// Where it lies with what is kept for good, whose disk has other things to do.
    pub fn with_sql(node: u16) -> Self {
        Self {
            gather: Duration::from_secs(5),
            refresh: Duration::from_secs(900),
            life: Duration::from_secs(3_600),
            ..Self::with_redis(node)
        }
    }
}

/// What was shown so far, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BriefStats {
    /// What was written or taken away.
    pub written: u64,
    /// What could not be: the store did not do it.
    pub failed: u64,
}

/// Shows who is online, and which rooms are busy.
pub(crate) struct Brief {
    board: Board,
    /// Since when who is here is, in which session.
    since: BTreeMap<AccountId, (SessionTag, UnixMs)>,
    node: u16,
    has_begun: bool,
}

/// What is true now.
#[derive(Clone, Copy)]
pub(crate) struct Now<'a> {
    pub(crate) presence: &'a Presence,
    pub(crate) rooms: Option<&'a Rooms>,
}

impl Brief {
    pub(crate) fn new(options: BriefOptions) -> Self {
        Self {
            board: Board::new(options),
            since: BTreeMap::new(),
            node: options.node,
            has_begun: false,
        }
    }

    /// Takes in what has changed, and has written what is due.
    pub(crate) fn run(&mut self, (now, at): (Instant, UnixMs), truth: Now<'_>, changes: Changes) {
        if !core::mem::replace(&mut self.has_begun, true) {
            self.board.open(now);
        }
        self.note(now, at, truth, changes);
        let (since, node) = (&self.since, self.node);
        self.board.handle_timeout(now, at, |key| {
            item_of(
                key,
                truth,
                |account| since.get(&account).map(|it| it.1),
                node,
            )
        });
    }

    /// Takes away all that is shown: the process ends.
    pub(crate) fn close(&mut self) {
        self.board.close();
    }

    pub(crate) fn stored(&mut self, now: Instant, number: u64, reply: &Reply) {
        self.board.stored(now, number, reply);
    }

    pub(crate) fn poll(&mut self) -> Option<(u64, Ask)> {
        self.board.poll()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match self.has_begun {
            true => self.board.next_deadline(),
            false => Some(Instant::ZERO),
        }
    }

    pub(crate) fn stats(&self) -> BriefStats {
        self.board.stats()
    }

    fn note(&mut self, now: Instant, at: UnixMs, truth: Now<'_>, changes: Changes) {
        let Now { presence, rooms } = truth;
        let mut people = changes.people;
        for account in &people {
            match presence.find(*account) {
                None => drop(self.since.remove(account)),
                Some(online) => {
                    let since = self.since.entry(*account).or_insert((online.session, at));
                    if since.0 != online.session {
                        *since = (online.session, at);
                    }
                }
            }
        }
        let looks = changes.looks.iter();
        let inside = looks.flat_map(|room| rooms.map(|it| it.sessions_in(*room)));
        let moved = changes.sessions.into_iter().chain(inside.flatten());
        people.extend(moved.filter_map(|session| presence.account(session)));
        for account in people {
            let is_shown = presence.find(account).is_some_and(|it| it.is_visible);
            self.board.touch(now, Key::of_person(account), is_shown);
        }
        for room in changes.rooms.union(&changes.looks) {
            let is_shown = rooms.is_some_and(|it| it.busy(*room).is_some());
            self.board.touch(now, Key::of_room(*room), is_shown);
        }
    }
}

/// What is to be shown under a key now, if anything.
fn item_of(
    key: Key,
    Now { presence, rooms }: Now<'_>,
    since: impl Fn(AccountId) -> Option<UnixMs>,
    node: u16,
) -> Option<Item> {
    match key.shelf {
        Shelf::People => {
            let account = AccountId::new(key.id);
            let online: &Online = presence.find(account).filter(|online| online.is_visible)?;
            let room = rooms.and_then(|rooms| {
                let room = rooms.place(online.session)?;
                Some((room, rooms.name(room)?))
            });
            let since = since(account)?;
            let value = of_person(account, &online.display_name, room, since, node);
            Some(Item {
                value,
                score: since,
            })
        }
        Shelf::Rooms => {
            let room = RoomId::new(key.id);
            let (name, members) = rooms?.busy(room)?;
            Some(Item {
                value: of_room(room, name, node),
                score: members.into(),
            })
        }
    }
}
