//! A game, put together: its kinds of room and its foyer.

use crate::canary::Canary;
use crate::handler::Handlers;
use crate::rates::Rates;
use crate::{Foyer, FoyerCx, Handled, MemberId, Rate, Room, RoomCx, RoomId, RoomKind};
use core::any::Any;
use core::marker::PhantomData;
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;
use wharf_base::Planted;
use wharf_wire::{Frame, FrameRun, Packet};

/// A game: what [`crate::LogicShard`]s run. Made by an [`AppBuilder`], shared by all shards.
pub struct App {
    pub(crate) foyer: Arc<dyn Foyer>,
    pub(crate) foyer_handlers: Handlers<FoyerHandler>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rates: Rates,
    pub(crate) planted: Planted<Canary>,
}

impl App {
    /// How many rooms can be named, of all kinds together.
    pub fn rooms(&self) -> u64 {
        self.kinds.iter().map(|kind| u64::from(kind.rooms)).sum()
    }

    /// Every packet that has a handler somewhere, by rising id.
    pub fn packet_ids(&self) -> BTreeSet<u16> {
        let in_rooms = self.kinds.iter().flat_map(|kind| kind.handlers.ids());
        in_rooms.chain(self.foyer_handlers.ids()).collect()
    }
}

pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) create: Create,
    pub(crate) handlers: Handlers<RoomHandler>,
    /// Rooms of this kind have numbers below this.
    pub(crate) rooms: u32,
    pub(crate) members_max: Option<u32>,
    pub(crate) tick_period: Option<Duration>,
}

type Create = Box<dyn Fn(&RoomOptions) -> Box<dyn Room> + Send + Sync>;
pub(crate) type RoomHandler =
    Box<dyn Fn(&mut dyn Room, &mut RoomCx<'_>, MemberId, &[u8]) -> Handled + Send + Sync>;

/// What serves packets in the foyer.
pub(crate) enum FoyerHandler {
    /// One at a time.
    Frame(FrameHandler),
    /// As many as lie one behind the other.
    Run(RunHandler),
}

type FrameHandler = Box<dyn Fn(&mut FoyerCx<'_>, Frame<'_>) -> Handled + Send + Sync>;
pub(crate) type RunHandler =
    Box<dyn Fn(&mut FoyerCx<'_>, &mut FrameRun<'_>) -> Handled + Send + Sync>;

/// What a room is told when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomOptions {
    /// Its name.
    pub id: RoomId,
    /// Seats that it has.
    pub members_max: u32,
}

/// Puts an [`App`] together.
#[derive(Default)]
pub struct AppBuilder {
    foyer: Option<(Arc<dyn Foyer>, Handlers<FoyerHandler>)>,
    kinds: Vec<Kind>,
    rates: Rates,
    planted: Planted<Canary>,
}

impl AppBuilder {
    /// A game without rooms and without a foyer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A kind of room whose rooms begin as `R::default()`. Rooms are made at their first use.
    ///
    /// # Panics
    /// If there is a kind with this name already.
    pub fn room<R: Room + Default>(&mut self, name: &'static str) -> RoomBuilder<'_, R> {
        self.room_from(name, |_| R::default())
    }

    /// A kind of room whose rooms are made by `create`.
    ///
    /// # Panics
    /// If there is a kind with this name already.
    pub fn room_from<R: Room>(
        &mut self,
        name: &'static str,
        create: impl Fn(&RoomOptions) -> R + Send + Sync + 'static,
    ) -> RoomBuilder<'_, R> {
        assert!(
            self.kinds.iter().all(|kind| kind.name != name),
            "two kinds of room are called {name}"
        );
        let number = u16::try_from(self.kinds.len()).expect("at most 65,536 kinds of room");
        self.kinds.push(Kind {
            name,
            create: Box::new(move |options| Box::new(create(options))),
            handlers: Handlers::new(),
            rooms: 1,
            members_max: None,
            tick_period: None,
        });
        RoomBuilder {
            kind: &mut self.kinds[usize::from(number)],
            number: RoomKind(number),
            room: PhantomData,
        }
    }

    /// The kind `number`, to say more about it.
    pub(crate) fn kind_again<R: Room>(&mut self, number: RoomKind) -> RoomBuilder<'_, R> {
        RoomBuilder {
            kind: &mut self.kinds[usize::from(number.0)],
            number,
            room: PhantomData,
        }
    }

    /// What serves sessions outside rooms. A game without one refuses every frame there.
    ///
    /// # Panics
    /// If there is a foyer already.
    pub fn foyer<F: Foyer>(&mut self, foyer: F) -> FoyerBuilder<'_, F> {
        assert!(self.foyer.is_none(), "a game has one foyer");
        let foyer = Arc::new(foyer);
        let (_, handlers) = self.foyer.insert((foyer.clone(), Handlers::new()));
        FoyerBuilder { handlers, foyer }
    }

    /// Counts `packets` of each session together: those that come faster than `rate` are refused
    /// before a handler sees them ([`Foyer::on_too_fast`]), wherever the session is. A rate of 0
    /// counts nothing.
    ///
    /// # Panics
    /// If one of them is counted already, or this is the ninth class.
    pub fn rate(&mut self, rate: Rate, packets: impl IntoIterator<Item = u16>) {
        self.rates.add(rate, packets);
    }

    /// Plants a fault for tests to find.
    #[cfg(feature = "canary")]
    pub fn plant(&mut self, canary: Canary) {
        self.planted = Some(canary).into();
    }

    /// The game.
    pub fn build(self) -> App {
        let (foyer, foyer_handlers) = self
            .foyer
            .unwrap_or_else(|| (Arc::new(NoFoyer), Handlers::new()));
        App {
            foyer,
            foyer_handlers,
            kinds: self.kinds,
            rates: self.rates,
            planted: self.planted,
        }
    }
}

struct NoFoyer;
impl Foyer for NoFoyer {}

/// Says what a kind of room is like.
pub struct RoomBuilder<'a, R> {
    kind: &'a mut Kind,
    number: RoomKind,
    room: PhantomData<R>,
}

impl<R: Room> RoomBuilder<'_, R> {
    /// Packets `P` of members go to `handler`; all others go to the foyer.
    ///
    /// # Panics
    /// If `P` has a handler in this kind already.
    pub fn on<P, H>(self, handler: H) -> Self
    where
        P: Packet,
        H: Fn(&mut R, &mut RoomCx<'_>, MemberId, P) -> Handled + Send + Sync + 'static,
    {
        let erased = move |room: &mut dyn Room, cx: &mut RoomCx<'_>, from, body: &[u8]| {
            let packet = P::decode(body)?;
            handler(own_kind(room), cx, from, packet)
        };
        self.kind.handlers.insert(P::ID, Box::new(erased));
        self
    }

    /// Rooms of this kind have the numbers below `count`. Without it there is one, number 0.
    pub fn rooms(self, count: u32) -> Self {
        self.kind.rooms = count;
        self
    }

    /// Seats of a room. Without it [`crate::ContentLimits::room_members_max`].
    ///
    /// # Panics
    /// If that is more than a room can name ([`MemberId::SLOTS_MAX`]).
    pub fn members_max(self, seats: u32) -> Self {
        assert!(
            seats <= MemberId::SLOTS_MAX,
            "a room has at most 65,536 seats"
        );
        self.kind.members_max = Some(seats);
        self
    }

    /// Every room of this kind ticks once in `period`.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn tick_every(self, period: Duration) -> Self {
        assert!(!period.is_zero(), "a tick of no period never ends");
        self.kind.tick_period = Some(period);
        self
    }

    /// The kind's name in [`RoomId`]s.
    pub fn kind(&self) -> RoomKind {
        self.number
    }
}

/// Says what a foyer serves.
pub struct FoyerBuilder<'a, F> {
    handlers: &'a mut Handlers<FoyerHandler>,
    /// Of which each handler keeps a share, so that none has to ask which foyer it meets.
    foyer: Arc<F>,
}

impl<F: Foyer> FoyerBuilder<'_, F> {
    /// Packets `P` go to `handler`, unless the sender's room has one of its own.
    ///
    /// # Panics
    /// If `P` has a handler in the foyer already.
    pub fn on<P, H>(self, handler: H) -> Self
    where
        P: Packet,
        H: Fn(&F, &mut FoyerCx<'_>, P) -> Handled + Send + Sync + 'static,
    {
        self.on_frame(P::ID, move |foyer, cx, frame| {
            let packet = P::decode(frame.body)?;
            handler(foyer, cx, packet)
        })
    }

    /// Packets with this id go to `handler` as they are, without being read first.
    ///
    /// # Panics
    /// If `id` has a handler in the foyer already.
    pub fn on_frame<H>(self, id: u16, handler: H) -> Self
    where
        H: Fn(&F, &mut FoyerCx<'_>, Frame<'_>) -> Handled + Send + Sync + 'static,
    {
        let foyer = Arc::clone(&self.foyer);
        let bound = move |cx: &mut FoyerCx<'_>, frame: Frame<'_>| handler(&foyer, cx, frame);
        self.handlers
            .insert(id, FoyerHandler::Frame(Box::new(bound)));
        self
    }

    /// Packets with this id go to `handler` as they are, as many of a session as lie one behind the
    /// other, up to 4 KiB of them or one: for what costs less together, such as an answer that is
    /// what was asked, or inputs of which the last counts. Those that [`AppBuilder::rate`] counts
    /// come one by one, and one with extensions is a broken rule.
    ///
    /// The handler takes off the front what it serves, and those that it leaves come again; if it
    /// takes none, the first counts as served. A fault that it returns is that of the last frame
    /// served. Nothing looks between two of them whether the next has to wait: what asks for
    /// something (to log in, to enter, to leave, to finish, a query) leaves those behind it.
    ///
    /// # Panics
    /// If `id` has a handler in the foyer already.
    pub fn on_run<H>(self, id: u16, handler: H) -> Self
    where
        H: Fn(&F, &mut FoyerCx<'_>, &mut FrameRun<'_>) -> Handled + Send + Sync + 'static,
    {
        let foyer = Arc::clone(&self.foyer);
        let bound = move |cx: &mut FoyerCx<'_>, run: &mut FrameRun<'_>| handler(&foyer, cx, run);
        self.handlers.insert(id, FoyerHandler::Run(Box::new(bound)));
        self
    }
}

fn own_kind<R: Room>(room: &mut dyn Room) -> &mut R {
    let any: &mut dyn Any = room;
    any.downcast_mut()
        .expect("a handler meets rooms of its own kind")
}
