//! What serves a session outside rooms: login, entering, leaving.

use crate::letter::Contents;
use crate::shard::{Desk, Phase, Session, Todo};
use crate::{
    Asker, ContentCommand, Dialect, EnterRefusal, LeaveReason, Letter, LoginRefusal, LoginRequest,
    MemberId, Origin, Outbox, QueryId, Refusal, RoomId, User, UserId,
};
use bytes::Bytes;
use core::any::Any;
use core::time::Duration;
use wharf_base::{CapacityError, Instant, SessionId};
use wharf_data::service::{Call, Reply};
use wharf_data::{Bulletin, Notice};
use wharf_wire::{Extensions, FrameRun, Packet, SendClass, Violation};

/// The foyer of a game: where a session is before, between and beside its rooms.
///
/// It keeps no state of its own (it is shared by all logic shards); what belongs to a session is
/// kept by content and moves with it. A panic in any of these ends that session and no other.
pub trait Foyer: Send + Sync + 'static {
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

    /// The services answered a query of [`FoyerCx::query`]; `context` is what was noted there.
    fn on_reply(&self, cx: &mut FoyerCx<'_>, context: u64, reply: Reply) {
        let _ = (cx, context, reply);
    }

    /// What the session has asked of a room ([`FoyerCx::request`]) gets no answer there any more:
    /// the room has failed or ended, or the session is being let go. To be answered here.
    fn on_unanswered(&self, cx: &mut FoyerCx<'_>) {
        let _ = cx;
    }

    /// The services have something to say to the session.
    fn on_notice(&self, cx: &mut FoyerCx<'_>, notice: Notice) {
        let _ = (cx, notice);
    }

    /// A handler found that `packet` breaks a rule. Whether the sender was told so here, instead of
    /// that it counts toward the end of the session ([`crate::ContentLimits::violations_max`]).
    fn forgives(&self, cx: &mut FoyerCx<'_>, packet: u16, violation: Violation) -> bool {
        let _ = (cx, packet, violation);
        false
    }

    /// `packet` came sooner than packets of its class may ([`crate::AppBuilder::rate`]), and was
    /// not served; tell the sender when it may come again.
    fn on_too_fast(&self, cx: &mut FoyerCx<'_>, packet: u16, retry_after: Duration) {
        let _ = (cx, packet, retry_after);
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
    pub(crate) todo: Option<Request>,
    /// The request that is served.
    pub(crate) answering: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    Enter(RoomId),
    Leave,
    /// With the last frame.
    Finish(Option<Bytes>),
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

    /// What holds for the whole server, as far as services have said.
    pub fn bulletin(&self) -> &Bulletin {
        &self.desk.bulletin
    }

    /// The number of the request that is served, if it is one that wants an answer: for answering
    /// it later with [`FoyerCx::reply_to`].
    pub fn request(&self) -> Option<u32> {
        self.answering
    }

    /// Answers the session; if that made a request, `packet` is the answer to it.
    pub fn reply<P: Packet>(&mut self, packet: &P) {
        self.send(self.answering, packet);
    }

    /// Answers a request that was left open.
    pub fn reply_to<P: Packet>(&mut self, request: u32, packet: &P) {
        self.send(Some(request), packet);
    }

    /// Says something to the session that answers nothing.
    pub fn notify<P: Packet>(&mut self, packet: &P) {
        self.send(None, packet);
    }

    fn send<P: Packet>(&mut self, request: Option<u32>, packet: &P) {
        let commands = &mut self.outbox.commands[usize::from(self.session.id.shard())];
        let sending = commands.encode(request, packet);
        commands.send_alone(self.session.id, Origin::Own, sending);
        self.desk.stats.sends += 1;
    }

    /// Answers the session with `frames` as they are, if there are any.
    ///
    /// # Panics
    /// If they are more than 65,535.
    pub fn reply_run(&mut self, frames: &FrameRun<'_>) {
        if frames.frame_count() == 0 {
            return;
        }
        let commands = &mut self.outbox.commands[usize::from(self.session.id.shard())];
        let sending = commands.store_run(SendClass::Reliable, frames);
        commands.send_alone(self.session.id, Origin::Own, sending);
        self.desk.stats.sends += u64::from(frames.frame_count());
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

    /// Asks the services; [`Foyer::on_reply`] follows, once. Other frames of the session are served
    /// meanwhile. `context` is the foyer's own, given back with the reply.
    ///
    /// # Errors
    /// [`CapacityError`] if the session has as many queries without a reply as it may
    /// ([`crate::ContentLimits::session_queries_max`]).
    pub fn query(&mut self, call: Call, context: u64) -> Result<(), CapacityError> {
        self.ask(call, context).map(drop)
    }

    /// As [`FoyerCx::query`], but the session's further frames wait for the reply: for what they
    /// depend on, such as a login.
    ///
    /// # Errors
    /// As [`FoyerCx::query`].
    pub fn query_first(&mut self, call: Call, context: u64) -> Result<(), CapacityError> {
        let query = self.ask(call, context)?;
        if self.session.is_open() {
            self.session.phase = Phase::Waiting(query);
        }
        Ok(())
    }

    /// Waits for no reply any more: what was noted beside the queries that have none, in the order
    /// in which they were asked. For a session that is about to end, whose requests they were.
    pub fn drop_queries(&mut self) -> Vec<u64> {
        self.session.queries.close()
    }

    /// Serves no frame any more that waits to be served, because the session enters a room on
    /// another shard or awaits the reply to [`FoyerCx::query_first`]: the numbers of the requests
    /// among them, in the order in which they came. For a session that is about to end.
    pub fn drop_held(&mut self) -> Vec<u32> {
        let Some(held) = &mut self.session.held else {
            return Vec::new();
        };
        self.desk.stats.frames_held -= held.frames() as u64;
        held.drain_requests()
    }

    fn ask(&mut self, call: Call, context: u64) -> Result<QueryId, CapacityError> {
        let Session { id, queries, .. } = &mut *self.session;
        let capacity = self.desk.options.limits.session_queries_max;
        let asker = Asker::Session(*id);
        let open = (queries, capacity);
        self.desk
            .query(self.outbox, id.shard(), asker, open, (call, context))
    }

    /// The session waits for its turn to log in, or waits no longer. While it does, nothing cuts it
    /// for not being logged in; frames that were to wait for the login's reply are served; and the
    /// end of its input is its end, for it only waits to say more.
    pub fn set_waiting(&mut self, waits: bool) {
        let session = self.session.id;
        self.session.waits = waits;
        if waits && matches!(self.session.phase, Phase::Waiting(_)) {
            self.session.phase = Phase::Open;
        }
        self.outbox.commands[usize::from(session.shard())]
            .push(ContentCommand::Wait { session, waits });
    }

    /// The session is `user` from now on, for whom a service has vouched. Ignored if the session
    /// has a user already.
    pub fn admit(&mut self, user: User) {
        let session = self.session.id;
        if self.session.user.is_some() {
            return;
        }
        self.desk.stats.logins += 1;
        self.outbox.commands[usize::from(session.shard())].push(ContentCommand::LogIn { session });
        let (to, user) = (
            self.desk.directory_of(user.id),
            self.session.user.insert(user).id,
        );
        let letter = Letter(Contents::UserIn { user, session });
        self.desk.post(self.outbox, to, letter);
    }

    /// Which packets the session speaks.
    pub fn dialect(&self) -> Dialect {
        self.session.dialect
    }

    /// The session speaks `dialect` from now on. To be said before it enters a room.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.session.dialect = dialect;
    }

    /// What the foyer keeps of the session, made at first use. It moves with the session.
    ///
    /// # Panics
    /// If it was a value of another type before.
    pub fn data<T: Any + Send + Default>(&mut self) -> &mut T {
        let data = self.session.data.get_or_insert_with(|| Box::<T>::default());
        data.downcast_mut()
            .expect("a foyer keeps one type of data with its sessions")
    }

    /// Enters `room` when this handler has returned; [`Foyer::on_entered`] follows. If that was
    /// asked for by a request, what [`Foyer::on_entered`] replies, or behind it the room's
    /// `on_join` or `on_resume`, is the answer to it. Refused as
    /// [`EnterRefusal::NotLoggedIn`] until the verdict on [`FoyerCx::log_in`] has come. One request
    /// a call: a later one replaces this.
    pub fn enter(&mut self, room: RoomId) {
        self.session.entering = self.answering;
        self.session.carried = None;
        self.todo = Some(Request::Enter(room));
    }

    /// As [`FoyerCx::enter`], with something to show at the door: the room takes it in its `admit`
    /// ([`crate::RoomCx::carried`]). What is replied there answers `request`.
    pub fn enter_with<T: Any + Send>(&mut self, room: RoomId, carried: T, request: Option<u32>) {
        self.session.entering = request;
        self.session.carried = Some(Box::new(carried));
        self.todo = Some(Request::Enter(room));
    }

    /// The session's user is called so from now on, in the room where it sits as well, which is
    /// told when this handler has returned ([`crate::Room::on_rename`]).
    pub fn rename(&mut self, name: &str) {
        let id = self.session.id;
        if let Some(user) = &mut self.session.user {
            user.name = name.into();
            self.desk.todo.push_back(Todo::Rename { session: id });
        }
    }

    /// Leaves the room when this handler has returned. One request a call: a later one replaces
    /// this.
    pub fn leave(&mut self) {
        self.todo = Some(Request::Leave);
    }

    /// Lets what was sent leave and then closes the session, when this handler has returned; it
    /// leaves its room before that, as one whose link is gone. One request a call: a later one
    /// replaces this.
    pub fn finish(&mut self) {
        self.todo = Some(Request::Finish(None));
    }

    /// As [`FoyerCx::finish`], with a last word: `packet`, which answers `request` if there is one,
    /// leaves behind everything else that the session is sent, whatever its class, and behind what
    /// [`Foyer::on_unanswered`] says of what the session has asked of its room.
    pub fn finish_with<P: Packet>(&mut self, request: Option<u32>, packet: &P) {
        let frame = match request {
            Some(request) => {
                let mut frame = Vec::new();
                packet.encode_frame_with(&Extensions::reply(request), &mut frame);
                frame
            }
            None => packet.to_frame(),
        };
        self.todo = Some(Request::Finish(Some(frame.into())));
    }

    /// Closes the session when this handler has returned, with a code of the game's own. One
    /// request a call: a later one replaces this.
    pub fn dismiss(&mut self, code: u16) {
        self.todo = Some(Request::Dismiss(code));
    }

    /// Sends `packet` to `user`, wherever that user is; dropped if nowhere. Not ordered with what
    /// rooms send.
    ///
    /// # Errors
    /// [`CapacityError`] if too many letters are under way.
    pub fn tell_user<P: Packet>(&mut self, user: UserId, packet: &P) -> Result<(), CapacityError> {
        self.desk.tell_user(self.outbox, user, packet)
    }
}
