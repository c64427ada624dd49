//! What serves a session outside rooms: login, entering, leaving.

use crate::shard::{Desk, Phase, Session};
use crate::{
    ContentCommand, EnterRefusal, LeaveReason, LoginRefusal, LoginRequest, MemberId, Origin,
    Outbox, Refusal, RoomId, User, UserId,
};
use core::any::Any;
use wharf_base::{Instant, SessionId};
use wharf_wire::{Header, Packet, SendClass};

/// The foyer of a game: where a session is before, between and beside its rooms.
///
/// It keeps no state of its own (it is shared by all logic shards); what belongs to a session is
/// kept by content and moves with it. A panic in any of these ends that session and no other.
pub trait Foyer: Any + Send + Sync {
    /// A session began.
    fn on_open(&self, cx: &mut FoyerCx<'_>) {
        let _ = cx;
    }

    /// The authenticator answered [`FoyerCx::log_in`]. After `Ok` the session has a user.
    fn on_verdict(&self, cx: &mut FoyerCx<'_>, verdict: Result<UserId, LoginRefusal>) {
        let _ = (cx, verdict);
    }

    /// [`FoyerCx::enter`] ended. After `Ok` the room's `on_join` (or `on_resume`) follows.
    fn on_entered(
        &self,
        cx: &mut FoyerCx<'_>,
        room: RoomId,
        outcome: Result<MemberId, EnterRefusal>,
    ) {
        let _ = (cx, room, outcome);
    }

    /// The session left its room without having asked to.
    fn on_left(&self, cx: &mut FoyerCx<'_>, room: RoomId, why: LeaveReason) {
        let _ = (cx, room, why);
    }

    /// A handler refused `packet` ([`crate::Fault::Refuse`]); tell the sender in the game's way.
    fn on_refused(&self, cx: &mut FoyerCx<'_>, packet: u16, refusal: Refusal) {
        let _ = (cx, packet, refusal);
    }
}

/// What the foyer can do with the session that it serves.
pub struct FoyerCx<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) desk: &'a mut Desk,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) now: Instant,
    /// Done when the handler has returned.
    pub(crate) request: Option<Request>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Enter(RoomId),
    Leave,
    Finish,
    Dismiss(u16),
}

impl FoyerCx<'_> {
    /// The session.
    pub fn session(&self) -> SessionId {
        self.session.id
    }

    /// Who is logged in.
    pub fn user(&self) -> Option<&User> {
        self.session.user.as_ref()
    }

    /// In which room the session is.
    pub fn room(&self) -> Option<RoomId> {
        self.session.seat.map(|seat| seat.id)
    }

    /// The time of this batch.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Answers the session.
    pub fn reply<P: Packet>(&mut self, packet: &P) {
        let commands = &mut self.outbox.commands[usize::from(self.session.id.shard())];
        let sending = commands.encode(packet);
        commands.send_alone(self.session.id, Origin::Own, sending);
        self.desk.stats.sends += 1;
    }

    /// Answers the session with a frame of `id` and `body` as they are.
    ///
    /// # Panics
    /// If the frame does not fit 64 KiB.
    pub fn reply_frame(&mut self, id: u16, body: &[u8]) {
        let header = Header::new(id, body.len()).to_bytes();
        let commands = &mut self.outbox.commands[usize::from(self.session.id.shard())];
        let sending = commands.store_frame(SendClass::Reliable, header, body);
        commands.send_alone(self.session.id, Origin::Own, sending);
        self.desk.stats.sends += 1;
    }

    /// Asks the authenticator whether the session is `user`; [`Foyer::on_verdict`] follows. Until
    /// then the session's further frames wait. Ignored if the session has a user already.
    pub fn log_in(&mut self, user: &str, password: &str) {
        if self.session.user.is_some() || !matches!(self.session.phase, Phase::Open) {
            return;
        }
        self.session.phase = Phase::Verdict(user.into());
        self.outbox.commands[usize::from(self.session.id.shard())].push(
            ContentCommand::Authenticate {
                session: self.session.id,
                request: LoginRequest { user, password },
            },
        );
    }

    /// Enters `room` when this handler has returned; [`Foyer::on_entered`] follows. Refused as
    /// [`EnterRefusal::NotLoggedIn`] until the verdict on [`FoyerCx::log_in`] has come. One request
    /// a call: a later one replaces this.
    pub fn enter(&mut self, room: RoomId) {
        self.request = Some(Request::Enter(room));
    }

    /// Leaves the room when this handler has returned. One request a call: a later one replaces
    /// this.
    pub fn leave(&mut self) {
        self.request = Some(Request::Leave);
    }

    /// Lets what was sent leave and then closes the session, when this handler has returned. One
    /// request a call: a later one replaces this.
    pub fn finish(&mut self) {
        self.request = Some(Request::Finish);
    }

    /// Closes the session when this handler has returned, with a code of the game's own. One
    /// request a call: a later one replaces this.
    pub fn dismiss(&mut self, code: u16) {
        self.request = Some(Request::Dismiss(code));
    }

    /// Sends `packet` to `user`, wherever that user is; dropped if nowhere. Not ordered with what
    /// rooms send.
    ///
    /// # Errors
    /// [`wharf_base::CapacityError`] if too many letters are under way.
    pub fn tell_user<P: Packet>(
        &mut self,
        user: UserId,
        packet: &P,
    ) -> Result<(), wharf_base::CapacityError> {
        self.desk.tell_user(self.outbox, user, packet)
    }
}
