//! A room under test: a real logic shard, made-up members and a virtual clock.

use crate::{
    App, AppBuilder, ContentCommand, ContentEvent, Dialect, Dismissal, EnterRefusal, Foyer,
    FoyerCx, Handled, Inbox, LogicOptions, LogicShard, LoginRefusal, MemberId, Outbox, Query,
    Refusal, Room, RoomBuilder, RoomCx, RoomId, RoomKind, RoomOptions, UserId,
};
use core::any::Any;
use core::marker::PhantomData;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use wharf_base::{Instant, Key, SessionId};
use wharf_data::service::Reply;
use wharf_wire::{FrameRun, Packet, Violation};

/// One room of kind `R` on a logic shard of its own, with members made of thin air and a clock
/// that only [`TestRoom::advance`] moves. The crate's front page shows one at work.
///
/// First say what the room is like ([`TestRoom::on`] and its like), then let members join.
pub struct TestRoom<R> {
    stage: Stage,
    kind: RoomKind,
    seed: u64,
    now: Instant,
    inbox: Inbox,
    outbox: Outbox,
    links: Vec<Link>,
    members: BTreeMap<MemberId, usize>,
    queries: VecDeque<Query>,
    seen: Arc<Mutex<Seen>>,
    room: PhantomData<R>,
}

/// A test first describes its room and then plays it.
enum Stage {
    Describing(AppBuilder),
    Playing(Box<LogicShard>),
}

/// One made-up session.
struct Link {
    session: SessionId,
    received: Vec<(u16, Vec<u8>)>,
    end: Option<Dismissal>,
}

/// What the foyer was told.
#[derive(Default)]
struct Seen {
    entered: Option<Result<MemberId, EnterRefusal>>,
    refusals: Vec<(SessionId, u16, Refusal)>,
    /// How the next newcomer enters, if it carries something.
    enter: Option<Enter>,
}

type Enter = Box<dyn FnOnce(&mut FoyerCx<'_>, RoomId) + Send>;

/// Describing the room.
impl<R: Room> TestRoom<R> {
    /// A room that begins as `R::default()`.
    pub fn new(seed: u64) -> Self
    where
        R: Default,
    {
        Self::with(seed, |_| R::default())
    }

    /// A room that is made by `create`.
    pub fn with(seed: u64, create: impl Fn(&RoomOptions) -> R + Send + Sync + 'static) -> Self {
        let mut app = AppBuilder::new();
        let kind = app.room_from("room under test", create).kind();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let foyer = TestFoyer {
            room: RoomId::new(kind, 0),
            seen: Arc::clone(&seen),
        };
        app.foyer(foyer).on(TestFoyer::join).on(TestFoyer::leave);
        Self {
            stage: Stage::Describing(app),
            kind,
            seed,
            now: Instant::ZERO,
            inbox: Inbox::new(),
            outbox: Outbox::new(1, 1),
            links: Vec::new(),
            members: BTreeMap::new(),
            queries: VecDeque::new(),
            seen,
            room: PhantomData,
        }
    }

    /// As [`RoomBuilder::on`].
    ///
    /// # Panics
    /// If somebody has joined already, or `P` has a handler.
    pub fn on<P, H>(self, handler: H) -> Self
    where
        P: Packet,
        H: Fn(&mut R, &mut RoomCx<'_>, MemberId, P) -> Handled + Send + Sync + 'static,
    {
        self.describe(|room| room.on(handler))
    }

    /// As [`RoomBuilder::members_max`].
    ///
    /// # Panics
    /// If somebody has joined already.
    pub fn members_max(self, seats: u32) -> Self {
        self.describe(|room| room.members_max(seats))
    }

    /// As [`RoomBuilder::tick_every`].
    ///
    /// # Panics
    /// If somebody has joined already, or `period` is zero.
    pub fn tick_every(self, period: Duration) -> Self {
        self.describe(|room| room.tick_every(period))
    }

    fn describe(mut self, say: impl FnOnce(RoomBuilder<'_, R>) -> RoomBuilder<'_, R>) -> Self {
        let Stage::Describing(app) = &mut self.stage else {
            panic!("a room is described before somebody joins")
        };
        say(app.kind_again(self.kind));
        self
    }
}

/// Playing.
impl<R: Room> TestRoom<R> {
    /// A new user with this name enters.
    ///
    /// # Panics
    /// If the room refuses.
    pub fn join(&mut self, name: &str) -> MemberId {
        self.try_join(name)
            .unwrap_or_else(|refusal| panic!("{name} may not enter: {refusal:?}"))
    }

    /// As [`TestRoom::join`], for rooms that may refuse.
    ///
    /// # Errors
    /// Why the room refuses.
    ///
    /// # Panics
    /// Never: a room that panics shows as [`EnterRefusal::Unavailable`].
    pub fn try_join(&mut self, name: &str) -> Result<MemberId, EnterRefusal> {
        let index = self.links.len();
        self.join_as(UserId::new(index as i64 + 1), name)
    }

    /// As [`TestRoom::try_join`], for somebody who speaks `dialect` and shows `carried` at the door
    /// ([`FoyerCx::enter_with`]).
    ///
    /// # Errors
    /// Why the room refuses.
    ///
    /// # Panics
    /// Never: a room that panics shows as [`EnterRefusal::Unavailable`].
    pub fn join_with<T: Any + Send>(
        &mut self,
        name: &str,
        dialect: Dialect,
        carried: T,
    ) -> Result<MemberId, EnterRefusal> {
        self.see().enter = Some(Box::new(move |cx, room| {
            cx.set_dialect(dialect);
            cx.enter_with(room, carried, None);
        }));
        self.try_join(name)
    }

    /// The oldest thing that the room asked of the services and nobody has looked at.
    pub fn next_query(&mut self) -> Option<Query> {
        self.queries.pop_front()
    }

    /// The services answer.
    pub fn answer(&mut self, query: &Query, reply: Reply) {
        self.inbox.push(ContentEvent::Reply {
            asker: query.asker,
            query: query.id,
            reply: Box::new(reply),
        });
        self.run();
    }

    /// The user of `member`, whose link was cut, comes back on another link.
    ///
    /// # Errors
    /// Why the room refuses.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn rejoin(&mut self, member: MemberId, name: &str) -> Result<MemberId, EnterRefusal> {
        let user = UserId::new(self.members[&member] as i64 + 1);
        self.join_as(user, name)
    }

    /// `member` sends `packet`.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn send<P: Packet>(&mut self, member: MemberId, packet: &P) {
        let session = self.link(member).session;
        self.push(session, packet);
        self.run();
    }

    /// `member` leaves in order.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn leave(&mut self, member: MemberId) {
        let session = self.link(member).session;
        self.push(session, &Leave);
        self.run();
    }

    /// The link of `member` is cut.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn cut(&mut self, member: MemberId) {
        let session = self.link(member).session;
        self.inbox.push(ContentEvent::Closed { session });
        self.run();
    }

    /// Time passes; timers and ticks happen when they are due.
    pub fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.shard().next_deadline().filter(|&due| due <= end) {
            self.now = self.now.max(due);
            self.run();
        }
        self.now = end;
        self.run();
    }

    /// Every `P` that `member` received since this was last asked, in order. Packets with other
    /// ids stay.
    ///
    /// # Panics
    /// If nobody ever was `member`, or a frame with that id cannot be read.
    pub fn received<P: Packet>(&mut self, member: MemberId) -> Vec<P> {
        let received = &mut self.link(member).received;
        let taken = received.extract_if(.., |(id, _)| *id == P::ID);
        taken
            .map(|(id, body)| {
                P::decode(&body).unwrap_or_else(|violation| panic!("packet {id}: {violation}"))
            })
            .collect()
    }

    /// The ids of everything that `member` received and nobody has asked for, in order.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn received_ids(&mut self, member: MemberId) -> Vec<u16> {
        self.link(member)
            .received
            .iter()
            .map(|&(id, _)| id)
            .collect()
    }

    /// What was refused to `member` since this was last asked, each with the packet's id.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn refusals(&mut self, member: MemberId) -> Vec<(u16, Refusal)> {
        let session = self.link(member).session;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let own = seen.refusals.extract_if(.., |(to, ..)| *to == session);
        own.map(|(_, packet, refusal)| (packet, refusal)).collect()
    }

    /// Why content closed the session of `member`, if it did.
    ///
    /// # Panics
    /// If nobody ever was `member`.
    pub fn closed(&mut self, member: MemberId) -> Option<Dismissal> {
        self.link(member).end
    }

    /// The room itself, once somebody has joined and while it lives.
    pub fn room(&mut self) -> Option<&mut R> {
        let room = RoomId::new(self.kind, 0);
        self.shard().room_mut(room)
    }

    /// The shard that the room lives on, for its counters.
    pub fn shard(&mut self) -> &mut LogicShard {
        if let Stage::Describing(app) = &mut self.stage {
            let options = LogicOptions {
                seed: self.seed,
                ..LogicOptions::default()
            };
            let app: Arc<App> = Arc::new(core::mem::take(app).build());
            self.stage = Stage::Playing(Box::new(LogicShard::new(app, options)));
        }
        match &mut self.stage {
            Stage::Playing(shard) => shard,
            Stage::Describing(_) => unreachable!("made above"),
        }
    }

    fn join_as(&mut self, user: UserId, name: &str) -> Result<MemberId, EnterRefusal> {
        let index = self.links.len();
        let session = SessionId::new(0, Key::from_parts(index as u32, 0));
        self.links.push(Link {
            session,
            received: Vec::new(),
            end: None,
        });
        self.inbox.push(ContentEvent::Opened { session });
        let name = name.to_owned();
        self.push(session, &Join { name });
        self.run();
        let verdict = Ok(user);
        self.inbox.push(ContentEvent::Verdict { session, verdict });
        self.run();
        let entered = self.see().entered.take();
        let member = entered.unwrap_or(Err(EnterRefusal::Unavailable))?;
        self.members.insert(member, index);
        Ok(member)
    }

    fn push<P: Packet>(&mut self, session: SessionId, packet: &P) {
        let frame = packet.to_frame();
        let frames = FrameRun::known(&frame, 1);
        self.inbox.push(ContentEvent::Frames { session, frames });
    }

    fn run(&mut self) {
        self.shard();
        let Stage::Playing(shard) = &mut self.stage else {
            unreachable!("made above")
        };
        shard.handle_batch(self.now, &mut self.inbox, &mut self.outbox);
        let (links, queries) = (&mut self.links, &mut self.queries);
        self.outbox.commands[0].drain(|command| match command {
            ContentCommand::Send {
                session, payload, ..
            } => {
                let link = &mut links[session.key().index() as usize];
                let frames = payload.frames();
                link.received
                    .extend(frames.map(|frame| (frame.id, frame.body.to_vec())));
            }
            ContentCommand::Close { session, reason } => {
                links[session.key().index() as usize].end = Some(reason);
            }
            ContentCommand::Query(query) => queries.push_back(*query),
            _ => {}
        });
    }

    fn link(&mut self, member: MemberId) -> &mut Link {
        let index = self.members.get(&member);
        &mut self.links[*index.expect("somebody who joined")]
    }

    fn see(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets everybody in who comes.
struct TestFoyer {
    room: RoomId,
    seen: Arc<Mutex<Seen>>,
}

impl TestFoyer {
    #[expect(clippy::unnecessary_wraps, reason = "what a handler returns")]
    fn join(&self, cx: &mut FoyerCx<'_>, join: Join) -> Handled {
        cx.log_in(&join.name, "");
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "what a handler returns")]
    fn leave(&self, cx: &mut FoyerCx<'_>, _: Leave) -> Handled {
        cx.leave();
        Ok(())
    }

    fn see(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Foyer for TestFoyer {
    fn on_verdict(&self, cx: &mut FoyerCx<'_>, _: Result<UserId, LoginRefusal>) {
        let enter = self.see().enter.take();
        match enter {
            Some(enter) => enter(cx, self.room),
            None => cx.enter(self.room),
        }
    }

    fn on_entered(&self, _: &mut FoyerCx<'_>, _: RoomId, outcome: Result<MemberId, EnterRefusal>) {
        self.see().entered = Some(outcome);
    }

    fn on_refused(&self, cx: &mut FoyerCx<'_>, packet: u16, refusal: Refusal) {
        self.see().refusals.push((cx.session(), packet, refusal));
    }
}

/// Never on a wire: its id is reserved there.
struct Join {
    name: String,
}

impl Packet for Join {
    const ID: u16 = 1000;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let name = String::from_utf8_lossy(body).into_owned();
        Ok(Self { name })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.as_bytes());
    }
}

/// Never on a wire: its id is reserved there.
struct Leave;

impl Packet for Leave {
    const ID: u16 = 1001;

    fn decode(_: &[u8]) -> Result<Self, Violation> {
        Ok(Self)
    }

    fn encode(&self, _: &mut Vec<u8>) {}
}
