//! Who is what in rooms that have a name, by all that was really done: looked at where everybody's
//! requests and the store's transactions pass, so that no race widens a rank unseen.
//!
//! The rules are written here once more, apart from those of the store and of the rooms: what was
//! done must have been allowed to whoever did it at that very moment, and what was refused must
//! not. A room that stays changes with each transaction that is durable; the platform learns of it
//! with the answer, or never, if that is lost. So between two answers it may take somebody for
//! what they were or for what they are, and after an answer for what they are.

mod ranked;
#[cfg(test)]
mod tests;

use crate::roll_call::HallBelief;
use ranked::{MEMBER, Ranked, settle};
use std::collections::BTreeMap;
use wharf_data::access::Error;
use wharf_data::room::{self, Answer, Role, Standing, Until};
use wharf_data::rooms::{Entry, Measure, Outcome, Request};
use wharf_data::service::{Given, Reply};
use wharf_data::{AccountId, Act, Actor, Refusal, RoomId, UnixMs};
use wharf_platform::Ticket;
use wharf_proto::room::Rank;

/// The ranks in all rooms.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    rooms: BTreeMap<RoomId, Ranked>,
    calls: BTreeMap<Ticket, (AccountId, Watched)>,
}

/// A call that changes ranks or follows from them.
#[derive(Clone, Copy, Debug)]
enum Watched {
    Enters,
    Moderates(RoomId, AccountId, Measure),
    Changes(RoomId),
    Closes(RoomId),
}

impl Ranks {
    /// The store has done that, durably.
    ///
    /// # Panics
    /// If it should not have been done, or refused.
    pub(crate) fn committed(&mut self, ask: &room::Ask, reply: &wharf_data::Reply) {
        match (ask, reply) {
            (room::Ask::Create { room, owner, .. }, Ok(_)) => self.begin(*room, *owner, true),
            (
                room::Ask::Moderate {
                    room: (room, _),
                    account,
                    measure,
                    act,
                },
                reply,
            ) => self.moderated(*room, *account, *measure, act, reply),
            (room::Ask::Change { room, act, .. }, Ok(_)) => self.assert_owner(room.0, act),
            (room::Ask::Delete { room, act }, Ok(_)) => {
                // Until the platform knows, it may let people in.
                self.assert_owner(room.0, act);
                if let Some(ranked) = self.rooms.get_mut(&room.0) {
                    ranked.is_deleted = true;
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, room: RoomId, owner: AccountId, is_persistent: bool) {
        let standing = Standing {
            role: Role::Owner,
            ..MEMBER
        };
        let ranked = Ranked {
            is_persistent,
            is_deleted: false,
            people: BTreeMap::from([(owner, vec![standing])]),
        };
        self.rooms.insert(room, ranked);
    }

    fn moderated(
        &mut self,
        room: RoomId,
        account: AccountId,
        measure: room::Measure,
        act: &Act,
        reply: &wharf_data::Reply,
    ) {
        let (Some(ranked), Some(by)) = (self.rooms.get_mut(&room), account_of(act)) else {
            return;
        };
        let may = ranked.may(by, account, least_of(measure));
        match reply {
            Ok(wharf_data::Answer::Room(Answer::Standing(standing))) => {
                assert!(
                    may,
                    "{room}: {by} has done {measure:?} to {account}: {ranked:?}"
                );
                let is = ranked.apply(by, account, measure, act.at);
                assert_eq!(is, *standing, "{room}: {measure:?} to {account}");
            }
            Err(Refusal::Forbidden) => {
                assert!(
                    !may,
                    "{room}: {by} may do {measure:?} to {account}: {ranked:?}"
                );
            }
            _ => {}
        }
    }

    fn assert_owner(&self, room: RoomId, act: &Act) {
        if let (Some(ranked), Some(by)) = (self.rooms.get(&room), account_of(act)) {
            let role = ranked.is(by).role;
            assert_eq!(role, Role::Owner, "{room}: {by} is its owner for {act:?}");
        }
    }

    /// Somebody calls.
    pub(crate) fn called(&mut self, ticket: Ticket, by: AccountId, request: &Request) {
        let watched = match request {
            Request::Create(_) | Request::Enter { .. } => Watched::Enters,
            Request::Moderate {
                here,
                account,
                measure,
                ..
            } => Watched::Moderates(here.room, *account, *measure),
            Request::Change(here, _) => Watched::Changes(here.room),
            Request::Close(here) => Watched::Closes(here.room),
            _ => return,
        };
        self.calls.insert(ticket, (by, watched));
    }

    /// They are answered.
    ///
    /// # Panics
    /// If the answer is not one that the ranks allow.
    pub(crate) fn replied(&mut self, ticket: Ticket, reply: &Reply, at: UnixMs) {
        let Some((by, watched)) = self.calls.remove(&ticket) else {
            return;
        };
        match (watched, reply) {
            (Watched::Enters, Ok(Given::Rooms(Outcome::Entry(entry)))) => {
                self.entered(by, entry, at);
            }
            (
                Watched::Moderates(room, account, measure),
                Ok(Given::Rooms(Outcome::Moderated(it))),
            ) if it.is_sure => {
                self.acknowledged(room, (by, account), measure, it.standing, at);
            }
            (Watched::Moderates(room, account, measure), Err(Error::Forbidden)) => {
                if let Some(ranked) = self.rooms.get(&room).filter(|it| !it.is_persistent) {
                    let may = ranked.may(by, account, least(measure));
                    assert!(
                        !may,
                        "{room}: {by} may do {measure:?} to {account}: {ranked:?}"
                    );
                }
            }
            (Watched::Changes(room) | Watched::Closes(room), Ok(_)) => {
                if let Some(ranked) = self.rooms.get(&room).filter(|it| !it.is_persistent) {
                    assert_eq!(
                        ranked.is(by).role,
                        Role::Owner,
                        "{room}: {watched:?} by {by}"
                    );
                }
                if matches!(watched, Watched::Closes(_)) {
                    self.rooms.remove(&room);
                }
            }
            _ => {}
        }
    }

    /// Somebody is let in, as what they are, and only if they are not kept out.
    fn entered(&mut self, by: AccountId, entry: &Entry, at: UnixMs) {
        let room = entry.info.room;
        if !entry.info.is_persistent && !self.rooms.contains_key(&room) {
            self.begin(room, by, false);
        }
        let ranked = self.rooms.get(&room);
        let ranked = ranked.unwrap_or_else(|| panic!("{room}: is entered, and gone"));
        let lasting = |until: Option<Until>| until.filter(|until| until.lasts(at));
        let mut known = ranked.known(by).into_iter();
        let is_right = known.any(|it| {
            it.role == entry.role
                && lasting(it.ban).is_none()
                && lasting(it.mute) == lasting(entry.mute)
        });
        assert!(
            is_right,
            "{room}: {by} enters as {:?}: {ranked:?}",
            entry.role
        );
    }

    /// Whoever asked learns that it was done.
    fn acknowledged(
        &mut self,
        room: RoomId,
        (by, account): (AccountId, AccountId),
        measure: Measure,
        standing: Standing,
        at: UnixMs,
    ) {
        let Some(ranked) = self.rooms.get_mut(&room) else {
            return;
        };
        if measure == Measure::Kick {
            let may = ranked.might(by, account, Role::Moderator);
            assert!(may, "{room}: {by} has sent {account} out: {ranked:?}");
            return;
        }
        if !ranked.is_persistent {
            let may = ranked.may(by, account, least(measure));
            assert!(
                may,
                "{room}: {by} has done {measure:?} to {account}: {ranked:?}"
            );
            let is = ranked.apply(by, account, kept(measure, at), at);
            assert_eq!(is, standing, "{room}: {measure:?} to {account}");
        }
        ranked.settle(account);
        if measure == Measure::HandOver {
            ranked.settle(by);
        }
    }

    /// The services begin anew: what was here alone is gone, and everybody is taken for what they
    /// are in the store.
    pub(crate) fn begin_anew(&mut self) {
        self.calls.clear();
        self.rooms
            .retain(|_, ranked| ranked.is_persistent && !ranked.is_deleted);
        for ranked in self.rooms.values_mut() {
            ranked.people.values_mut().for_each(settle);
        }
    }

    /// Asserts that the store has the rooms that were kept, and what everybody is in them; the
    /// roles, as bans and mutes that have ended may be gone.
    ///
    /// # Panics
    /// If not.
    pub(crate) fn assert_kept(
        &self,
        mut standing: impl FnMut(RoomId, AccountId) -> Option<Standing>,
    ) {
        let kept = self
            .rooms
            .iter()
            .filter(|(_, it)| it.is_persistent && !it.is_deleted);
        for (room, ranked) in kept {
            for account in ranked.people.keys() {
                let (is, kept) = (ranked.is(*account), standing(*room, *account));
                let unending = |it: Standing| {
                    let until = |until: Option<Until>| until == Some(Until::TakenBack);
                    (it.role, until(it.ban), until(it.mute))
                };
                assert_eq!(
                    kept.map(unending),
                    Some(unending(is)),
                    "{room}: {account} in the store"
                );
            }
        }
    }

    /// Asserts that somebody who is in a room may be there what they take themselves for.
    ///
    /// # Panics
    /// If not.
    pub(crate) fn assert_is(&self, belief: HallBelief) {
        let HallBelief {
            room,
            account,
            rank,
        } = belief;
        let role = match rank {
            Rank::Owner => Role::Owner,
            Rank::Moderator => Role::Moderator,
            Rank::Member | Rank::Unspecified => Role::Member,
        };
        let ranked = self.rooms.get(&RoomId::new(room));
        let ranked = ranked.unwrap_or_else(|| panic!("{belief:?}: it is gone"));
        let mut known = ranked.known(AccountId::new(account)).into_iter();
        let is_right = known.any(|it| it.role == role);
        assert!(is_right, "{belief:?}: {ranked:?}");
    }
}

fn account_of(act: &Act) -> Option<AccountId> {
    match act.actor {
        Actor::Account(account) => Some(account),
        Actor::Operator | Actor::Server => None,
    }
}

fn least_of(measure: room::Measure) -> Role {
    match measure {
        room::Measure::Rank(_) | room::Measure::HandOver => Role::Owner,
        _ => Role::Moderator,
    }
}

fn least(measure: Measure) -> Role {
    match measure {
        Measure::Promote | Measure::Demote | Measure::HandOver => Role::Owner,
        _ => Role::Moderator,
    }
}

/// The same for a room that is here alone.
fn kept(measure: Measure, at: UnixMs) -> room::Measure {
    let until = |seconds: u32| match seconds {
        0 => Until::TakenBack,
        seconds => Until::Time(at + i64::from(seconds) * 1_000),
    };
    match measure {
        Measure::Ban(seconds) => room::Measure::Ban(until(seconds)),
        Measure::Unban => room::Measure::Unban,
        Measure::Mute(seconds) => room::Measure::Mute(until(seconds)),
        Measure::Unmute | Measure::Kick => room::Measure::Unmute,
        Measure::Promote => room::Measure::Rank(Role::Moderator),
        Measure::Demote => room::Measure::Rank(Role::Member),
        Measure::HandOver => room::Measure::HandOver,
    }
}
