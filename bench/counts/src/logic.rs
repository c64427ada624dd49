//! A logic shard with one full room.

use std::sync::Arc;
use wharf_base::{Duration, Instant, Key, SessionId};
use wharf_chat::{ChatLimits, PlatformFacts};
use wharf_content::{
    App, AppBuilder, ContentEvent, Foyer, FoyerCx, Handled, Inbox, LogicOptions, LogicShard,
    Outbox, Room, RoomCx, RoomId, RoomKind, Tick, UserId,
};
use wharf_wire::classic::{ChatRequest, Echo, EnterRequest, LoginRequest, UserName};
use wharf_wire::{FrameRun, Packet};

/// Members of the room.
const MEMBERS: u32 = 100;
const PERIOD: Duration = Duration::from_millis(50);

/// A shard whose next batch is what is counted.
pub struct LogicRig {
    shard: LogicShard,
    inbox: Inbox,
    outbox: Outbox,
    now: Instant,
}

impl LogicRig {
    /// The classic lobby; one of its room's members has said something.
    pub fn lobby() -> Self {
        let mut app = AppBuilder::new();
        wharf_chat::classic(&mut app, ChatLimits::default(), PlatformFacts::default());
        let mut rig = Self::of(app.build());
        for _ in 0..2 {
            rig.run();
            let message = wharf_wire::Text::truncated("good evening everybody");
            rig.says(0, &ChatRequest { message });
        }
        rig
    }

    /// A room that tells its members something at each tick; the next tick is due.
    pub fn ticking() -> Self {
        let mut app = AppBuilder::new();
        let room = app.room::<Ticker>("ticker").rooms(1).tick_every(PERIOD);
        let kind = room.kind();
        app.foyer(Gate(kind)).on(Gate::log_in).on(Gate::enter);
        let mut rig = Self::of(app.build());
        for _ in 0..2 {
            rig.run();
            rig.now += PERIOD;
        }
        rig
    }

    fn of(app: App) -> Self {
        let mut rig = Self {
            shard: LogicShard::new(Arc::new(app), LogicOptions::default()),
            inbox: Inbox::new(),
            outbox: Outbox::new(1, 1),
            now: Instant::ZERO,
        };
        for member in 0..MEMBERS {
            let session = session(member);
            rig.inbox.push(ContentEvent::Opened { session });
            let user = UserName::truncated(&format!("user{member}"));
            let password = UserName::EMPTY;
            rig.says(member, &LoginRequest { user, password });
            rig.run();
            let verdict = Ok(UserId::new(i64::from(member) + 1));
            rig.inbox.push(ContentEvent::Verdict { session, verdict });
            rig.says(member, &EnterRequest { room: 0 });
            rig.run();
        }
        rig
    }

    fn says<P: Packet>(&mut self, member: u32, packet: &P) {
        let (session, frame) = (session(member), packet.to_frame());
        let frames = FrameRun::known(&frame, 1);
        self.inbox.push(ContentEvent::Frames { session, frames });
    }

    /// Has the batch handled and what it caused given away; returns how much that was.
    pub fn run(&mut self) -> usize {
        self.shard
            .handle_batch(self.now, &mut self.inbox, &mut self.outbox);
        let mut given = 0;
        self.outbox.commands[0].drain(|_| given += 1);
        given
    }
}

fn session(member: u32) -> SessionId {
    SessionId::new(0, Key::from_parts(member, 1))
}

struct Gate(RoomKind);

impl Foyer for Gate {}

impl Gate {
    fn log_in(&self, cx: &mut FoyerCx<'_>, request: LoginRequest) -> Handled {
        cx.log_in(request.user.as_str(), "");
        Ok(())
    }

    fn enter(&self, cx: &mut FoyerCx<'_>, _: EnterRequest) -> Handled {
        cx.enter(RoomId::new(self.0, 0));
        Ok(())
    }
}

#[derive(Default)]
struct Ticker;

impl Room for Ticker {
    fn on_tick(&mut self, cx: &mut RoomCx<'_>, _: Tick) {
        let text = "the world has moved on".to_owned();
        cx.broadcast(&Echo { text });
    }
}
