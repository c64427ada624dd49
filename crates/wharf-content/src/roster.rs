//! Who sits in a room, and over which link each is reached.

use crate::{Dialect, MemberId, TimerId, User, UserId};
use core::any::Any;
use wharf_base::{CapacityError, Key, SessionId, Slab};

/// The members of one room.
///
/// Invariant: a member has a link exactly if one seat names it, and then
/// `seats[dialect][link.session.shard()][link.seat]` is that seat.
pub(crate) struct Roster {
    members: Slab<Member>,
    /// By dialect and I/O shard, dense: what a broadcast walks along.
    seats: [Vec<Vec<Seat>>; Dialect::ALL.len()],
    linked: usize,
    /// How often `seats` has changed.
    version: u32,
}

/// One receiver of a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) session: SessionId,
    pub(crate) member: MemberId,
}

pub(crate) struct Member {
    pub(crate) user: User,
    pub(crate) data: Option<Box<dyn Any + Send>>,
    /// What its link speaks, or spoke last.
    pub(crate) dialect: Dialect,
    /// What ends the grace, while there is no link.
    pub(crate) grace: Option<TimerId>,
    link: Option<Link>,
}

#[derive(Clone, Copy)]
struct Link {
    session: SessionId,
    seat: u32,
}

impl Roster {
    pub(crate) fn new(members_max: u32, io_count: usize) -> Self {
        Self {
            members: Slab::with_capacity(members_max),
            seats: [vec![Vec::new(); io_count], vec![Vec::new(); io_count]],
            linked: 0,
            version: 0,
        }
    }

    /// Gives `user` a seat.
    ///
    /// # Errors
    /// [`CapacityError`] if every seat is taken.
    pub(crate) fn enter(
        &mut self,
        user: User,
        session: SessionId,
        dialect: Dialect,
    ) -> Result<MemberId, CapacityError> {
        let key = self.members.insert(Member {
            user,
            data: None,
            dialect,
            grace: None,
            link: None,
        })?;
        let id = MemberId::from_key(key);
        self.link(id, session, dialect);
        Ok(id)
    }

    /// Reaches `id` over `session` from now on; a grace that ran is over.
    pub(crate) fn link(&mut self, id: MemberId, session: SessionId, dialect: Dialect) {
        let seats = &mut self.seats[dialect as usize][usize::from(session.shard())];
        let seat = seats.len() as u32;
        seats.push(Seat {
            session,
            member: id,
        });
        let member = self.get_mut(id).expect("only members get a link");
        member.grace = None;
        member.dialect = dialect;
        let old = member.link.replace(Link { session, seat });
        assert!(old.is_none(), "a member has one link");
        self.linked += 1;
        self.version = self.version.wrapping_add(1);
    }

    /// Gives an absent member's seat back to its user, who has another id since.
    pub(crate) fn resume(
        &mut self,
        id: MemberId,
        user: User,
        session: SessionId,
        dialect: Dialect,
    ) {
        let member = self.get_mut(id).expect("an absent member keeps its seat");
        member.user = user;
        self.link(id, session, dialect);
    }

    /// Reaches `id` no more; returns over which session it was reached.
    pub(crate) fn unlink(&mut self, id: MemberId) -> Option<SessionId> {
        let member = self.get_mut(id)?;
        let dialect = member.dialect as usize;
        let Link { session, seat } = member.link.take()?;
        let seats = &mut self.seats[dialect][usize::from(session.shard())];
        let removed = seats.swap_remove(seat as usize);
        assert_eq!(removed.member, id, "a seat and its member name each other");
        if let Some(&Seat { member: moved, .. }) = seats.get(seat as usize) {
            let moved = self.get_mut(moved).expect("a seat names a member");
            moved
                .link
                .as_mut()
                .expect("a seated member has a link")
                .seat = seat;
        }
        self.linked -= 1;
        self.version = self.version.wrapping_add(1);
        Some(session)
    }

    /// Takes the seat back; the id names nobody any more.
    pub(crate) fn remove(&mut self, id: MemberId) -> Option<Member> {
        self.unlink(id);
        let key = self.key(id)?;
        self.members.remove(key)
    }

    pub(crate) fn get(&self, id: MemberId) -> Option<&Member> {
        self.members.get(self.key(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.get_mut(self.key(id)?)
    }

    /// Over which session `id` is reached.
    pub(crate) fn session(&self, id: MemberId) -> Option<SessionId> {
        Some(self.get(id)?.link?.session)
    }

    /// The member without a link that is `user`, if there is one: by name, which is what the
    /// authenticator vouches for. Each login has an id of its own.
    pub(crate) fn absent(&self, user: &User) -> Option<MemberId> {
        if self.linked == self.count() as usize {
            return None;
        }
        let mut absent = self
            .members
            .iter()
            .filter(|(_, member)| member.link.is_none());
        let (key, _) = absent.find(|(_, member)| member.user.name == user.name)?;
        Some(MemberId::from_key(key))
    }

    /// The member who is that user and has a link, with the session.
    pub(crate) fn linked(&self, user: UserId) -> Option<(MemberId, SessionId)> {
        let mut members = self.members.iter();
        let (key, member) = members.find(|(_, it)| it.user.id == user && it.link.is_some())?;
        Some((MemberId::from_key(key), member.link?.session))
    }

    /// Changes whenever the receivers do.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// The receivers of a broadcast who speak `dialect`, by I/O shard.
    pub(crate) fn seats(&self, dialect: Dialect) -> &[Vec<Seat>] {
        &self.seats[dialect as usize]
    }

    /// All receivers of a broadcast.
    pub(crate) fn all_seats(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().flatten().flatten()
    }

    /// Every member, in the order of the slots.
    pub(crate) fn ids(&self) -> impl Iterator<Item = MemberId> {
        self.members.iter().map(|(key, _)| MemberId::from_key(key))
    }

    pub(crate) fn count(&self) -> u32 {
        self.members.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.members.len() == self.members.capacity()
    }

    fn key(&self, id: MemberId) -> Option<Key> {
        let key = self.members.key_at(id.index())?;
        (key.generation() as u16 == id.generation()).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserId;
    use proptest::prelude::*;

    fn user(number: i64) -> User {
        User {
            id: UserId::new(number),
            name: format!("u{number}").into(),
        }
    }

    fn session(shard: u8, index: u32) -> SessionId {
        SessionId::new(shard, Key::from_parts(index, 0))
    }

    #[test]
    fn a_seat_that_was_given_back_names_nobody() {
        let mut roster = Roster::new(1, 1);
        let dialect = Dialect::default();
        let first = roster.enter(user(1), session(0, 1), dialect).unwrap();
        assert!(roster.enter(user(2), session(0, 2), dialect).is_err());
        roster.remove(first);
        let second = roster.enter(user(2), session(0, 2), dialect).unwrap();
        assert_eq!(first.index(), second.index());
        assert!(roster.get(first).is_none());
        assert!(
            roster.remove(first).is_none(),
            "and removes nobody's successor"
        );
        assert_eq!(roster.session(second), Some(session(0, 2)));
    }

    proptest! {
        #[test]
        fn seats_are_exactly_the_linked_members(
            steps in prop::collection::vec((0u8..4, 0usize..8), 0..100)
        ) {
            let mut roster = Roster::new(6, 2);
            let mut model: Vec<(MemberId, i64, Option<SessionId>)> = Vec::new();
            for (serial, (kind, pick)) in (0u32..).zip(steps) {
                let seats = |roster: &Roster| roster.all_seats().copied().collect::<Vec<_>>();
                let before = (roster.version(), seats(&roster));
                let link = session(pick as u8 % 2, serial);
                let dialect = Dialect::ALL[pick / 2 % 2];
                match kind {
                    0 | 1 => match roster.enter(user(i64::from(serial)), link, dialect) {
                        Ok(id) => model.push((id, i64::from(serial), Some(link))),
                        Err(_) => prop_assert_eq!(model.len(), 6),
                    },
                    2 if !model.is_empty() => {
                        let (id, number, _) = model.swap_remove(pick % model.len());
                        let left = roster.remove(id).map(|member| member.user.id.get());
                        prop_assert_eq!(left, Some(number));
                    }
                    3 if !model.is_empty() => {
                        let at = pick % model.len();
                        let (id, number, was) = &mut model[at];
                        prop_assert_eq!(roster.unlink(*id), was.take());
                        prop_assert_eq!(roster.absent(&user(*number)), Some(*id));
                        if pick % 3 == 0 {
                            roster.resume(*id, user(*number), link, dialect);
                            *was = Some(link);
                        }
                    }
                    _ => {}
                }
                let has_changed = before.1 != seats(&roster);
                prop_assert!(!has_changed || before.0 != roster.version());
                for dialect in Dialect::ALL {
                    for seat in roster.seats(dialect).concat() {
                        prop_assert_eq!(roster.get(seat.member).unwrap().dialect, dialect);
                    }
                }
                let mut seats: Vec<_> = seats(&roster).iter()
                    .map(|seat| (seat.member, seat.session)).collect();
                let mut expected: Vec<_> = model.iter()
                    .filter_map(|&(id, _, link)| Some((id, link?))).collect();
                seats.sort();
                expected.sort();
                prop_assert_eq!(seats, expected);
                prop_assert_eq!(roster.count() as usize, model.len());
            }
        }
    }
}
