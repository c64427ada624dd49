//! The state machine that runs a game: events in, commands out.
//!
//! [`LogicShard`] keeps the state; a [`Turn`] is one batch over it. What a turn does is told by
//! subject: `turn` takes events apart, `serving` serves frames or holds them, `calls` runs the
//! game's handlers and survives them, `seats` enters and leaves rooms, `moves` carries sessions
//! between shards, `mail` handles letters, `alarms` timers and ticks.

mod alarms;
mod calls;
mod desk;
mod directory;
mod mail;
mod moves;
mod queries;
mod rooms;
mod seats;
mod serving;
mod sessions;
mod turn;

pub(crate) use desk::{Desk, Todo};
pub(crate) use sessions::{Phase, Session};

use crate::{App, ContentLimits, HandlerWatch, Inbox, LogicStats, Outbox, Room, RoomId};
use core::any::Any;
use directory::Directory;
use rooms::Rooms;
use sessions::Sessions;
use std::sync::Arc;
use turn::Turn;
use wharf_base::{Deadlines, Instant, SessionId};

/// Which logic shard this is, and among how many.
#[derive(Clone, Copy, Debug)]
pub struct LogicOptions {
    /// This shard's number.
    pub index: u8,
    /// Logic shards of the process; 1 to 256.
    pub logic_count: usize,
    /// I/O shards of the process; 1 to 256.
    pub io_count: usize,
    /// What all chance in rooms is drawn from. The same for every shard of a process.
    pub seed: u64,
    /// The bounds.
    pub limits: ContentLimits,
}

impl Default for LogicOptions {
    /// The only shard, with one I/O shard, the default limits and seed 0.
    fn default() -> Self {
        Self {
            index: 0,
            logic_count: 1,
            io_count: 1,
            seed: 0,
            limits: ContentLimits::default(),
        }
    }
}

/// A logic shard: rooms, and the sessions that have their home here. No I/O, no clock, no thread.
///
/// Each turn of its owner: [`LogicShard::handle_batch`] with what arrived, as often as something
/// has or is due, then hand over the outbox, then sleep until something arrives or
/// [`LogicShard::next_deadline`]. The commands are handed over before the letters, however many
/// batches caused them: that orders what this shard says before a session's move and what the next
/// home says after it.
pub struct LogicShard {
    app: Arc<App>,
    state: State,
}

/// Everything that a turn works on.
struct State {
    sessions: Sessions,
    rooms: Rooms,
    desk: Desk,
    ticks: Deadlines,
    /// Where the users with `id % logic_count == index` are.
    directory: Directory,
    /// Sessions with held frames that could not be served because the outbox was full.
    stalled: Vec<SessionId>,
    /// Sessions that are owed credit.
    owed: Vec<SessionId>,
    watch: Option<Box<dyn HandlerWatch>>,
    last_batch: Instant,
}

impl LogicShard {
    /// A shard of `app` without sessions or rooms.
    ///
    /// # Panics
    /// If the options contradict each other.
    pub fn new(app: Arc<App>, options: LogicOptions) -> Self {
        assert!((1..=256).contains(&options.logic_count), "1 to 256 shards");
        assert!((1..=256).contains(&options.io_count), "1 to 256 shards");
        assert!(usize::from(options.index) < options.logic_count);
        options.limits.validate();
        let planted = app.planted;
        Self {
            app,
            state: State {
                sessions: Sessions::new(options.io_count, options.limits.sessions_max),
                rooms: Rooms::new(options.limits.rooms_max),
                desk: Desk::new(options, planted),
                ticks: Deadlines::new(),
                directory: Directory::default(),
                stalled: Vec::new(),
                owed: Vec::new(),
                watch: None,
                last_batch: Instant::ZERO,
            },
        }
    }

    /// Lets `watch` look on while handlers run.
    pub fn set_watch(&mut self, watch: Box<dyn HandlerWatch>) {
        self.state.watch = Some(watch);
    }

    /// Handles everything in `inbox` (left empty, its memory kept), then what is due at `now`.
    /// What it causes is put behind what is in `outbox`.
    ///
    /// # Panics
    /// If `outbox` has another number of shards than the options say, or events break the
    /// protocol of sessions (one that begins twice, say).
    pub fn handle_batch(&mut self, now: Instant, inbox: &mut Inbox, outbox: &mut Outbox) {
        let options = &self.state.desk.options;
        assert_eq!(outbox.commands.len(), options.io_count);
        assert_eq!(outbox.mail.len(), options.logic_count);
        self.state.last_batch = now;
        if let Some(watch) = &mut self.state.watch {
            watch.begin_batch();
        }
        let mut turn = Turn {
            app: &self.app,
            state: &mut self.state,
            outbox,
            now,
        };
        turn.serve_stalled();
        inbox.drain(|event| turn.handle_event(event));
        turn.handle_own_mail();
        turn.handle_alarms();
        turn.return_credits();
        if let Some(watch) = &mut self.state.watch {
            watch.end_batch();
        }
        self.state.update_gauges();
    }

    /// When the shard wants a batch even if nothing arrives; at or before the last batch's time if
    /// it has work now.
    pub fn next_deadline(&self) -> Option<Instant> {
        let state = &self.state;
        let has_work = !state.stalled.is_empty() || !state.desk.own_mail.is_empty();
        let now = has_work.then_some(state.last_batch);
        let timer = Instant::sooner(state.desk.timers.next(), state.ticks.next());
        Instant::sooner(now, timer)
    }

    /// A room of kind `R`, for tests that look inside.
    pub(crate) fn room_mut<R: Room>(&mut self, id: RoomId) -> Option<&mut R> {
        let key = self.state.rooms.find(id)?;
        let room: &mut dyn Any = self.state.rooms.get_mut(key)?.room.as_mut();
        room.downcast_mut()
    }

    /// What happened so far.
    pub fn stats(&self) -> &LogicStats {
        &self.state.desk.stats
    }
}

impl State {
    fn update_gauges(&mut self) {
        self.desk.stats.sessions = self.sessions.len();
        self.desk.stats.rooms = self.rooms.len();
        self.desk.stats.users = self.directory.len() as u32;
    }
}
