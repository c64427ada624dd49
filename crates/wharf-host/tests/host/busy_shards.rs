//! What waits for a shard that takes nothing is bounded, and goes on when it takes again.

use std::sync::Arc;
use std::time::Duration;
use wharf_base::{Instant, Key, SessionId};
use wharf_content::{
    AppBuilder, Commands, ContentCommand, ContentEvent, ContentLimits, Dismissal, Foyer, FoyerCx,
    Handled, Inbox, LogicOptions, LogicShard, Room, RoomCx, RoomId, RoomKind, Tick, UserId,
};
use wharf_host::{LogicThread, MAILBOX_BYTES_MAX, Switchboard};
use wharf_wire::classic::{Echo, EnterRequest, LoginRequest, UserName};
use wharf_wire::{FrameRun, Packet};

const PERIOD: Duration = Duration::from_millis(16);

/// Lets anybody into room 0, which lives on logic shard 0.
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

fn line(bytes: usize) -> Echo {
    Echo {
        text: "y".repeat(bytes),
    }
}

/// Says something to its members at each tick: a frame below `Commands::SHARED_BYTES_MIN` is
/// copied, a longer one is shared.
#[derive(Default)]
struct Loud<const BYTES: usize>;

impl<const BYTES: usize> Room for Loud<BYTES> {
    fn on_tick(&mut self, cx: &mut RoomCx<'_>, _: Tick) {
        cx.broadcast(&line(BYTES));
    }
}

/// Says something to its neighbour at each tick.
#[derive(Default)]
struct Gossip;

impl Room for Gossip {
    fn on_tick(&mut self, cx: &mut RoomCx<'_>, _: Tick) {
        // What is refused is counted.
        let _ = cx.tell(RoomId::new(cx.room().kind(), 1), &line(400));
    }
}

/// Logic shard 0 with one session in a room of the kind `R`.
struct Rig {
    board: Arc<Switchboard>,
    thread: LogicThread,
    session: SessionId,
    now: Instant,
}

impl Rig {
    fn new<R: Room + Default>(logic_count: u8) -> Self {
        let mut app = AppBuilder::new();
        let kind = app.room::<R>("room").rooms(2).tick_every(PERIOD).kind();
        app.foyer(Gate(kind)).on(Gate::log_in).on(Gate::enter);
        let options = LogicOptions {
            logic_count: logic_count.into(),
            ..LogicOptions::default()
        };
        let board = Arc::new(Switchboard::new(1, logic_count));
        let logic = LogicShard::new(Arc::new(app.build()), options);
        let mut rig = Self {
            thread: LogicThread::new(0, logic, Arc::clone(&board)),
            board,
            session: SessionId::new(0, Key::from_parts(0, 0)),
            now: Instant::ZERO,
        };
        let user = UserName::truncated("kim");
        let password = UserName::EMPTY;
        let session = rig.session;
        rig.give(ContentEvent::Opened { session });
        rig.say(&LoginRequest { user, password });
        let verdict = Ok(UserId::new(2));
        rig.give(ContentEvent::Verdict { session, verdict });
        rig.say(&EnterRequest { room: 0 });
        rig
    }

    fn give(&mut self, event: ContentEvent<'_>) {
        let mut inbox = Inbox::new();
        inbox.push(event);
        self.board.give_events(0, &mut inbox);
        self.thread.turn(self.now);
    }

    fn say<P: Packet>(&mut self, packet: &P) {
        let (session, frame) = (self.session, packet.to_frame());
        let frames = FrameRun::known(&frame, 1);
        self.give(ContentEvent::Frames { session, frames });
    }

    fn tick(&mut self, times: usize) {
        for _ in 0..times {
            self.now += PERIOD;
            self.thread.turn(self.now);
        }
    }

    fn take_commands(&self) -> Commands {
        let mut commands = Commands::new();
        self.board.io[0].commands.take(&mut commands);
        commands
    }
}

#[test]
fn letters_to_a_shard_that_takes_none_are_refused_until_it_does() {
    let limits = ContentLimits::default();
    let mut rig = Rig::new::<Gossip>(2);
    rig.tick(2 * limits.mail_max);
    let waits = rig.board.mail_load(1);
    assert!(waits.letters > limits.mail_max / 2, "{waits:?}");
    assert!(waits.letters <= limits.mail_max, "{waits:?}");
    assert!(waits.bytes <= limits.mail_bytes_max + 1_024, "{waits:?}");
    assert!(rig.thread.stats().mail_full > 0);
    let mut inbox = Inbox::new();
    assert!(rig.board.logic[1].inbox.take(&mut inbox));
    rig.tick(3);
    assert_eq!(rig.board.mail_load(1).letters, 3);
}

#[test]
fn whoever_is_told_more_than_waits_for_a_shard_is_cut_and_the_rest_goes_on() {
    assert_cut_above_the_bound::<400>();
    assert_cut_above_the_bound::<600>();
}

fn assert_cut_above_the_bound<const BYTES: usize>() {
    let mut rig = Rig::new::<Loud<BYTES>>(1);
    rig.tick(MAILBOX_BYTES_MAX / line(BYTES).to_frame().len() + 10_000);
    let mut commands = rig.take_commands();
    let waited = commands.size_bytes();
    assert!(waited < MAILBOX_BYTES_MAX + 4_096, "{waited} bytes waited");
    let mut cut = 0;
    commands.drain(|command| {
        if let ContentCommand::Close { reason, .. } = command {
            assert_eq!(reason, Dismissal::Overloaded);
            cut += 1;
        }
    });
    assert_eq!(cut, 1, "with frames of {BYTES} bytes");
    rig.tick(3);
    assert!(rig.take_commands().len() >= 3, "the room goes on");
}
