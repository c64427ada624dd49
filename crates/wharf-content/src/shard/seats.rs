//! Entering rooms and leaving them.

use super::calls::{drop_quietly, message_of};
use super::rooms::RoomSlot;
use super::sessions::Seat;
use super::turn::Turn;
use super::{Phase, State};
use crate::canary::Canary;
use crate::query::Open;
use crate::room_core::RoomCore;
use crate::roster::Roster;
use crate::timers::Rings;
use crate::{Cause, EnterRefusal, LeaveReason, MemberId, RoomId, RoomOptions, TimerId, User};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wharf_base::{Key, Rng, SessionId};

impl Turn<'_> {
    /// A session asked to enter a room that may live on any shard.
    pub(super) fn enter(&mut self, id: SessionId, room: RoomId) {
        let Some(session) = self.state.sessions.get(id) else {
            return;
        };
        // Its verdict may be under way: then it has no user yet, and is told so.
        if !session.is_open() && !matches!(session.phase, Phase::Verdict(_)) {
            return;
        }
        let refusal = if session.user.is_none() {
            Some(EnterRefusal::NotLoggedIn)
        } else if session.seat.is_some() {
            Some(EnterRefusal::AlreadyInRoom)
        } else if !self.is_room(room) {
            Some(EnterRefusal::NoSuchRoom)
        } else {
            None
        };
        let options = &self.state.desk.options;
        let home = room.home(options.logic_count);
        match refusal {
            Some(refusal) => self.refuse_entry(id, room, refusal),
            None if home == options.index => self.enter_here(id, room),
            None => self.move_out(id, room, home),
        }
    }

    /// Enters a room of this shard.
    pub(super) fn enter_here(&mut self, id: SessionId, room: RoomId) {
        let session = self.state.sessions.get(id);
        let Some(user) = session.and_then(|session| session.user.clone()) else {
            return;
        };
        match self.take_seat(id, room, user) {
            Err(refusal) => self.refuse_entry(id, room, refusal),
            Ok((seat, is_back)) => {
                let request = self.take_request(id);
                self.with_foyer(id, Cause::Occasion("on_entered"), |foyer, cx| {
                    cx.answering = request;
                    foyer.on_entered(cx, room, Ok(seat.member));
                });
                let occasion = if is_back { "on_resume" } else { "on_join" };
                self.with_room(
                    seat.room,
                    Cause::Occasion(occasion),
                    Some(id),
                    |room, cx| {
                        cx.answering = request;
                        if is_back {
                            room.on_resume(cx, seat.member);
                        } else {
                            room.on_join(cx, seat.member);
                        }
                    },
                );
            }
        }
    }

    /// A session's user has another name: where it sits as well.
    pub(super) fn rename(&mut self, id: SessionId) {
        let Some(session) = self.state.sessions.get(id) else {
            return;
        };
        let (Some(user), Some(seat)) = (session.user.clone(), session.seat) else {
            return;
        };
        let core = self.core(seat.room);
        if let Some(member) = core.and_then(|core| core.roster.get_mut(seat.member)) {
            member.user = user;
            let cause = Cause::Occasion("on_rename");
            self.with_room(seat.room, cause, None, |room, cx| {
                room.on_rename(cx, seat.member);
            });
        }
    }

    /// A session asked to leave its room.
    pub(super) fn leave(&mut self, id: SessionId) {
        let session = self.state.sessions.get_mut(id);
        if let Some(seat) = session.and_then(|session| session.seat.take()) {
            self.vacate(seat.room, seat.member, LeaveReason::Left);
        }
    }

    /// A session that is let go leaves its room, as one whose link is gone; what it has asked there
    /// is answered before it ends.
    pub(super) fn leave_for_good(&mut self, id: SessionId) {
        let session = self.state.sessions.get_mut(id);
        let Some(seat) = session.and_then(|session| session.seat.take()) else {
            return;
        };
        let owed = self.core(seat.room).map(|core| &mut core.owed);
        let owed = owed.map(|all| all.extract_if(.., |it| it.session == id).collect());
        self.drop_link(seat);
        for owed in Option::<Vec<_>>::unwrap_or_default(owed) {
            self.leave_unanswered(owed);
        }
    }

    /// A room sends a member out.
    pub(super) fn kick(&mut self, room: Key, member: MemberId) {
        let Some(slot) = self.state.rooms.get(room) else {
            return;
        };
        let (id, session) = (slot.core.id, slot.core.roster.session(member));
        self.vacate(room, member, LeaveReason::Kicked);
        if let Some(session) = session {
            self.put_out(session, id, LeaveReason::Kicked);
        }
    }

    /// The link of a member is gone: the room says how long the seat is kept.
    pub(super) fn drop_link(&mut self, seat: Seat) {
        let Seat { room, member, .. } = seat;
        let Some(slot) = self.state.rooms.get_mut(room) else {
            return;
        };
        slot.core.roster.unlink(member);
        let grace = self.with_room(room, Cause::Occasion("on_drop"), None, |room, cx| {
            room.on_drop(cx, member)
        });
        match grace {
            None => {}
            Some(grace) if grace.is_zero() => self.vacate(room, member, LeaveReason::Dropped),
            Some(grace) => {
                let rings = Rings::GraceEnds(member);
                let timer = self.state.desk.timers.set(self.now + grace, room, rings);
                if let Some(absent) = self.core(room).and_then(|core| core.roster.get_mut(member)) {
                    absent.grace = Some(timer);
                }
            }
        }
    }

    /// The seat was kept long enough, unless its member came back or left since.
    pub(super) fn end_grace(&mut self, room: Key, member: MemberId, timer: TimerId) {
        let absent = self.core(room).and_then(|core| core.roster.get(member));
        if absent.is_some_and(|absent| absent.grace == Some(timer)) {
            self.vacate(room, member, LeaveReason::Dropped);
        }
    }

    /// A room ends in order.
    pub(super) fn close_room(&mut self, room: Key) {
        let closed = self.with_room(room, Cause::Occasion("close"), None, |room, cx| {
            room.close(cx);
        });
        if closed.is_some() {
            self.remove_room(room, LeaveReason::RoomClosed);
        }
    }

    /// A room ends because one of its handlers panicked: nothing more of it runs.
    pub(super) fn close_broken_room(&mut self, room: Key) {
        self.remove_room(room, LeaveReason::RoomPanicked);
    }

    /// The room, made if this is its first use.
    pub(super) fn open_room(&mut self, id: RoomId) -> Result<Key, EnterRefusal> {
        if let Some(key) = self.state.rooms.find(id) {
            return Ok(key);
        }
        if !self.is_room(id) {
            return Err(EnterRefusal::NoSuchRoom);
        }
        let State {
            rooms, desk, ticks, ..
        } = &mut *self.state;
        if rooms.is_full() {
            return Err(EnterRefusal::Unavailable);
        }
        let kind = &self.app.kinds[usize::from(id.kind().0)];
        let limits = &desk.options.limits;
        let members_max = kind.members_max.unwrap_or(limits.room_members_max);
        let options = RoomOptions { id, members_max };
        let made = catch_unwind(AssertUnwindSafe(|| (kind.create)(&options)));
        let room = made.map_err(|panic| {
            desk.stats.room_panics += 1;
            let panic = message_of(&*panic);
            tracing::error!(kind = kind.name, room = %id, panic, "a room could not be made");
            EnterRefusal::Unavailable
        })?;
        let key = rooms.insert(id, |key| RoomSlot {
            room,
            core: RoomCore {
                id,
                key,
                kind_name: kind.name,
                roster: Roster::new(members_max, desk.options.io_count),
                rng: Rng::from_seed(desk.options.seed ^ seed_of(id)),
                asks: Vec::new(),
                queries: Open::default(),
                owed: Vec::new(),
                timers: 0,
                ticks: 0,
            },
        });
        let key = key.map_err(|_| EnterRefusal::Unavailable)?;
        if let Some(period) = kind.tick_period {
            ticks.set(key.index(), self.now + period);
        }
        Ok(key)
    }

    fn is_room(&self, id: RoomId) -> bool {
        let kind = self.app.kinds.get(usize::from(id.kind().0));
        kind.is_some_and(|kind| id.number() < kind.rooms)
    }

    fn refuse_entry(&mut self, id: SessionId, room: RoomId, refusal: EnterRefusal) {
        self.state.desk.stats.enters_refused += 1;
        let request = self.take_request(id);
        self.with_foyer(id, Cause::Occasion("on_entered"), |foyer, cx| {
            cx.answering = request;
            foyer.on_entered(cx, room, Err(refusal));
        });
    }

    /// The request that asked to enter a room.
    fn take_request(&mut self, id: SessionId) -> Option<u32> {
        self.state.sessions.get_mut(id)?.entering.take()
    }

    /// A seat in the room, and whether it is the user's own of before.
    fn take_seat(
        &mut self,
        id: SessionId,
        room: RoomId,
        user: User,
    ) -> Result<(Seat, bool), EnterRefusal> {
        let session = self.state.sessions.get_mut(id);
        let (dialect, carried) = session.map_or_else(Default::default, |session| {
            (session.dialect, session.carried.take())
        });
        let key = self.open_room(room)?;
        self.put_out_older(key, &user);
        let is_early = self.state.desk.planted.is(Canary::FullAtTwo);
        let core = self.core(key);
        let core = core.ok_or(EnterRefusal::Unavailable)?;
        let absent = core.roster.absent(&user);
        let member = if let Some(member) = absent {
            core.roster.resume(member, user, id, dialect);
            member
        } else {
            if core.roster.is_full() || is_early && core.roster.count() >= 2 {
                return Err(EnterRefusal::Full);
            }
            let cause = Cause::Occasion("admit");
            let admitted = self.with_room(key, cause, Some(id), |room, cx| {
                cx.carried = carried;
                room.admit(cx, &user)
            });
            admitted
                .ok_or(EnterRefusal::Unavailable)?
                .map_err(EnterRefusal::Refused)?;
            let core = self.core(key).ok_or(EnterRefusal::Unavailable)?;
            let seat = core.roster.enter(user, id, dialect);
            seat.map_err(|_| EnterRefusal::Full)?
        };
        let seat = Seat {
            room: key,
            id: room,
            member,
        };
        self.state.desk.stats.entered += 1;
        self.state.desk.stats.members += u32::from(absent.is_none());
        if let Some(session) = self.state.sessions.get_mut(id) {
            session.seat = Some(seat);
        }
        Ok((seat, absent.is_some()))
    }

    /// A user sits in a room once: the link by which they came before is about to end, and the
    /// others hear that they left before they hear that they came.
    fn put_out_older(&mut self, room: Key, user: &User) {
        let Some(core) = self.core(room) else { return };
        let Some((member, session)) = core.roster.linked(user.id) else {
            return;
        };
        let id = core.id;
        self.vacate(room, member, LeaveReason::Dropped);
        self.put_out(session, id, LeaveReason::Dropped);
    }

    /// Takes a seat back: the room is told first, while the name is still there.
    fn vacate(&mut self, room: Key, member: MemberId, why: LeaveReason) {
        let Some(core) = self.core(room) else { return };
        if core.roster.get(member).is_none() {
            return;
        }
        core.roster.unlink(member);
        let planted = self.state.desk.planted;
        if !planted.is(Canary::UntoldLeave) || why != LeaveReason::Dropped {
            self.with_room(room, Cause::Occasion("on_leave"), None, |room, cx| {
                room.on_leave(cx, member, why);
            });
        }
        let is_wrong = planted.is(Canary::WrongSeat);
        let left = self.core(room).and_then(|core| {
            let other = is_wrong.then(|| core.roster.ids().next()).flatten();
            core.roster.remove(other.unwrap_or(member))
        });
        if let Some(member) = left {
            self.state.desk.stats.members -= 1;
            self.state.desk.stats.left += 1;
            drop_quietly(member);
        }
    }

    /// Puts a session that sat in room `id` back into the foyer.
    fn put_out(&mut self, session: SessionId, id: RoomId, why: LeaveReason) {
        let Some(known) = self.state.sessions.get_mut(session) else {
            return;
        };
        known.seat = None;
        if known.phase != Phase::Closing {
            self.with_foyer(session, Cause::Occasion("on_left"), |foyer, cx| {
                foyer.on_left(cx, id, why);
            });
        }
    }

    fn remove_room(&mut self, room: Key, why: LeaveReason) {
        let State {
            rooms, desk, ticks, ..
        } = &mut *self.state;
        let Some(mut slot) = rooms.remove(room) else {
            return;
        };
        ticks.clear(room.index());
        desk.timers.forget_room(room);
        let members = slot.core.roster.count();
        desk.stats.members -= members;
        desk.stats.left += u64::from(members);
        for owed in core::mem::take(&mut slot.core.owed) {
            self.leave_unanswered(owed);
        }
        for seat in slot.core.roster.all_seats() {
            self.put_out(seat.session, slot.core.id, why);
        }
        drop_quietly(slot);
    }

    fn core(&mut self, room: Key) -> Option<&mut RoomCore> {
        Some(&mut self.state.rooms.get_mut(room)?.core)
    }
}

/// Spreads rooms over all seeds (the finalizer of splitmix64).
fn seed_of(id: RoomId) -> u64 {
    let mut bits = u64::from(id.kind().0) << 32 | u64::from(id.number());
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
