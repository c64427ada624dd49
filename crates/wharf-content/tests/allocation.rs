//! A steady load allocates nothing.

use std::sync::Arc;
use wharf_base::{Batch, Instant, Key, SessionId};
use wharf_content::{
    AppBuilder, Commands, ContentCommand, ContentEvent, Foyer, FoyerCx, Handled, Inbox,
    LogicOptions, LogicShard, LoginRefusal, MemberId, Outbox, Room, RoomCx, RoomId, RoomKind,
    UserId,
};
use wharf_wire::{FrameRun, HEADER_BYTES, Header, Packet, Violation};

#[test]
fn echoes_and_broadcasts_allocate_nothing_in_steady_state() {
    let mut world = World::new(8);
    for _ in 0..20 {
        world.round();
    }
    let info = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            world.round();
        }
    });
    assert_eq!(info.count_total, 0, "{} bytes", info.bytes_total);
    assert_eq!(world.delivered, 1_020 * (8 + 8 * 8));
}

/// A logic shard and an I/O shard that swap their arenas, as in the host.
struct World {
    shard: LogicShard,
    sessions: Vec<SessionId>,
    filling: Inbox,
    serving: Inbox,
    outbox: Outbox,
    sending: Commands,
    delivered: usize,
}

impl World {
    fn new(count: u32) -> Self {
        let mut app = AppBuilder::new();
        let room = app.room::<Hall>("hall").on(Hall::say).kind();
        app.foyer(Gate { room }).on(Gate::echo).on(Gate::log_in);
        let mut world = Self {
            shard: LogicShard::new(Arc::new(app.build()), LogicOptions::default()),
            sessions: Vec::new(),
            filling: Inbox::new(),
            serving: Inbox::new(),
            outbox: Outbox::new(1, 1),
            sending: Commands::new(),
            delivered: 0,
        };
        for index in 0..count {
            let session = SessionId::new(0, Key::from_parts(index, 0));
            let verdict = Ok(UserId::new(i64::from(index) + 1));
            world.sessions.push(session);
            world.filling.push(ContentEvent::Opened { session });
            world.push::<LogIn>(session);
            world
                .filling
                .push(ContentEvent::Verdict { session, verdict });
        }
        world.turn();
        world
    }

    fn round(&mut self) {
        for index in 0..self.sessions.len() {
            let session = self.sessions[index];
            self.push::<Echo>(session);
            self.push::<Say>(session);
        }
        self.turn();
    }

    fn push<P: Packet>(&mut self, session: SessionId) {
        let mut frame = [0; HEADER_BYTES + 4];
        frame[..HEADER_BYTES].copy_from_slice(&Header::new(P::ID, 4).to_bytes());
        let frames = FrameRun::known(&frame, 1);
        self.filling.push(ContentEvent::Frames { session, frames });
    }

    fn turn(&mut self) {
        self.serving.append(&mut self.filling);
        self.shard
            .handle_batch(Instant::ZERO, &mut self.serving, &mut self.outbox);
        core::mem::swap(&mut self.sending, &mut self.outbox.commands[0]);
        let delivered = &mut self.delivered;
        self.sending.drain(|command| {
            if let ContentCommand::Send { payload, .. } = command {
                *delivered += payload.frames().count();
            }
        });
    }
}

/// Four bytes.
struct Quad<const ID: u16>([u8; 4]);
type LogIn = Quad<1>;
type Echo = Quad<2>;
type Say = Quad<3>;

impl<const ID: u16> Packet for Quad<ID> {
    const ID: u16 = ID;

    fn decode(body: &[u8]) -> Result<Self, Violation> {
        let body_bytes = body.len() as u16;
        let four = body.try_into();
        four.map(Self)
            .map_err(|_| Violation::BodyLength { id: ID, body_bytes })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

struct Gate {
    room: RoomKind,
}

impl Gate {
    fn log_in(&self, cx: &mut FoyerCx, _: LogIn) -> Handled {
        cx.log_in("somebody", "");
        Ok(())
    }

    fn echo(&self, cx: &mut FoyerCx, echo: Echo) -> Handled {
        cx.reply(&echo);
        Ok(())
    }
}

impl Foyer for Gate {
    fn on_verdict(&self, cx: &mut FoyerCx, _: Result<UserId, LoginRefusal>) {
        cx.enter(RoomId::new(self.room, 0));
    }
}

#[derive(Default)]
struct Hall;

impl Hall {
    fn say(&mut self, cx: &mut RoomCx, _: MemberId, say: Say) -> Handled {
        cx.broadcast(&say);
        Ok(())
    }
}

impl Room for Hall {}
