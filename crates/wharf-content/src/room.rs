//! A room, as a game developer writes it.

use crate::{MemberId, Note, Refusal, RoomCx, User};
use core::any::Any;
use core::time::Duration;
use wharf_base::Instant;
use wharf_data::service::Reply;

/// A piece of content with members, on one logic shard: single-threaded and without locks.
///
/// Everything has a default; packet handlers are named where the app is put together
/// ([`crate::RoomBuilder::on`]). A panic in any of these closes this room and no other.
pub trait Room: Any + Send {
    /// May `user` enter? Asked before a seat is given, and only while there is one.
    ///
    /// # Errors
    /// The [`Refusal`] that the newcomer is told.
    fn admit(&mut self, cx: &mut RoomCx<'_>, user: &User) -> Result<(), Refusal> {
        let _ = (cx, user);
        Ok(())
    }

    /// `who` has entered, and was told so.
    fn on_join(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        let _ = (cx, who);
    }

    /// The link of `who` is gone. How long the seat is kept for a return of the same user; zero
    /// means that `who` leaves now.
    fn on_drop(&mut self, cx: &mut RoomCx<'_>, who: MemberId) -> Duration {
        let _ = (cx, who);
        Duration::ZERO
    }

    /// `who` came back within the grace, on another link: somebody who logged in by the same name.
    /// The [`crate::UserId`] is another one.
    fn on_resume(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        let _ = (cx, who);
    }

    /// `who` is called something else now.
    fn on_rename(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        let _ = (cx, who);
    }

    /// `who` leaves. Broadcasts do not reach `who` any more, but the name and the data are still
    /// there.
    fn on_leave(&mut self, cx: &mut RoomCx<'_>, who: MemberId, why: LeaveReason) {
        let _ = (cx, who, why);
    }

    /// A regular turn, for kinds that asked for one ([`crate::RoomBuilder::tick_every`]).
    fn on_tick(&mut self, cx: &mut RoomCx<'_>, tick: Tick) {
        let _ = (cx, tick);
    }

    /// A timer is due, another room speaks, or a question ended.
    fn on_note(&mut self, cx: &mut RoomCx<'_>, note: Note<'_>) {
        let _ = (cx, note);
    }

    /// The services answered a query of [`RoomCx::query`]; `context` is what was noted there.
    fn on_reply(&mut self, cx: &mut RoomCx<'_>, context: u64, reply: Reply) {
        let _ = (cx, context, reply);
    }

    /// The room ends in order ([`RoomCx::close`]); its members are still there.
    fn close(&mut self, cx: &mut RoomCx<'_>) {
        let _ = cx;
    }
}

/// Why a member leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// It asked to.
    Left,
    /// Its link is gone, and so is the grace.
    Dropped,
    /// The room sent it out.
    Kicked,
    /// The room closed.
    RoomClosed,
    /// A handler of the room panicked.
    RoomPanicked,
}

/// Why somebody did not get in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnterRefusal {
    /// Only users may enter.
    NotLoggedIn,
    /// One room at a time.
    AlreadyInRoom,
    /// There is no such room.
    NoSuchRoom,
    /// Every seat is taken.
    Full,
    /// The room said no.
    Refused(Refusal),
    /// The room cannot be opened now.
    Unavailable,
}

/// One regular turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Counts from 0, skipped ticks included.
    pub number: u64,
    /// When it was due; exactly one period after the tick before it.
    pub due: Instant,
    /// How many ticks before this one were skipped because the room was too far behind.
    pub skipped: u64,
}
