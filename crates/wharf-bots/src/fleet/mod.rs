//! The bots of one thread, as a state machine that does no I/O.
//!
//! The driver tells it the time and what the network did; it answers with [`Commands`]. So all
//! workloads run against a model server in a test, on a clock of its own.
//!
//! A run has phases: *gathering* (connect, log in, enter), *running* (talk, stay, churn),
//! *settling* (until every expected delivery came, or nothing comes any more) and *parting*. This
//! file has the phases; [`life`] has a session's way in and out, [`talk`] what is said and heard.

mod bot;
mod events;
mod life;
mod room;
mod talk;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use crate::Workload;
use crate::commands::{Command, Commands};
use crate::numbered::Numbered;
use crate::plan::Plan;
use crate::progress::Snapshot;
use crate::tally::Tally;
use bot::{Bot, Census, Stage};
pub(crate) use events::DONE;
use room::Room;
use std::collections::VecDeque;
use wharf_base::{Deadlines, Duration, Instant, SessionId};

/// How long a phase goes on without anything happening that it waits for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sessions that are connecting or logging in at once, over all threads. Below the smallest cap
/// that a server has for sessions not logged in (64), and yet thousands a second on one machine.
const STARTING_MAX: u32 = 48;

/// Idle bots of one thread that prove at once that they live, so that what they measure is the
/// server and not their own crowd.
const PROVING_MAX: u32 = 16;

/// The bot of a session slot that was never used.
const NOBODY: u32 = u32::MAX;

/// What the fleet is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Sessions connect, log in and enter.
    Gathering,
    /// All are there; the other threads' may not be.
    Gathered,
    /// The workload's own time.
    Running,
    /// What is under way arrives.
    Settling,
    /// Sessions close.
    Parting,
    /// Every session has closed.
    Done,
}

impl Phase {
    /// What progress calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gathering | Self::Gathered => "gathering",
            Self::Running => "running",
            Self::Settling => "settling",
            Self::Parting | Self::Done => "parting",
        }
    }
}

/// The bots of one thread.
///
/// Call order: [`Fleet::begin`] once; then for each turn [`Fleet::begin_turn`] with the time, the
/// events, [`Fleet::handle_timeout`], carrying out the commands after each; [`Fleet::start`] once
/// it [`Fleet::is_gathered`]; until it [`Fleet::is_done`].
///
/// Invariant: `census` counts each bot in its stage; `by_slot` names the bot of every session that
/// is open or being opened.
#[derive(Debug)]
pub(crate) struct Fleet {
    plan: Plan,
    bots: Numbered<Bot>,
    rooms: Numbered<Room>,
    /// The bot in each session slot.
    by_slot: Numbered<u32>,
    /// Bots that want to connect, in the order of their turn.
    waiting: VecDeque<u32>,
    census: Census,
    phase: Phase,
    now: Instant,
    /// When the running phase began.
    started_at: Instant,
    /// When something last happened that a phase waits for.
    progress_at: Instant,
    /// When each bot speaks, or churns, next.
    due: Deadlines,
    /// Planned messages, of bots that are still there, that have not left.
    unsaid: u64,
    /// Idle bots that have not proved yet that they live.
    unproven: VecDeque<u32>,
    commands: Commands,
    tally: Tally,
    /// Why the very first connection failed, if it did.
    first_failure: Option<FirstFailure>,
}

/// Why not even the first session could be connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FirstFailure {
    /// Nobody listens.
    Refused,
    /// Anything else, in words.
    Other(String),
}

impl Fleet {
    /// The bots of `plan`, all still absent.
    pub(crate) fn new(plan: Plan) -> Self {
        let mut rooms: Vec<Vec<u32>> = Vec::new();
        let mut bots = Vec::new();
        for number in plan.numbers() {
            let place = plan
                .place(number)
                .expect("the plan's own number has a place");
            if rooms.len() <= place.room as usize {
                rooms.resize_with(place.room as usize + 1, Vec::new);
            }
            rooms[place.room as usize].push(bots.len() as u32);
            bots.push(Bot::new(&plan, number, place));
        }
        Self {
            census: Census::all_absent(bots.len() as u32),
            rooms: rooms.into_iter().map(Room::new).collect::<Vec<_>>().into(),
            bots: bots.into(),
            by_slot: Numbered::of(NOBODY, 0),
            waiting: VecDeque::new(),
            phase: Phase::Gathering,
            now: Instant::ZERO,
            started_at: Instant::FAR_FUTURE,
            progress_at: Instant::ZERO,
            due: Deadlines::new(),
            unsaid: 0,
            unproven: VecDeque::new(),
            commands: Commands::default(),
            tally: Tally::new(),
            first_failure: None,
            plan,
        }
    }

    /// How many bots there are.
    pub(crate) fn sessions(&self) -> u32 {
        self.bots.len()
    }

    /// Begins to gather. Churning bots gather nothing: connecting is what they are timed at.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.begin_turn(now);
        self.progress_at = now;
        if self.plan.options.workload != Workload::Churn {
            self.waiting.extend(self.bots.numbers());
            self.connect_some();
        }
        self.look_whether_gathered();
    }

    /// Begins a turn: what follows happens now.
    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.now = now;
    }

    /// Every thread has gathered: the running phase begins at `start`.
    ///
    /// # Panics
    /// If this thread has not gathered.
    pub(crate) fn start(&mut self, start: Instant) {
        assert_eq!(
            self.phase,
            Phase::Gathered,
            "a phase follows the one before it"
        );
        self.phase = Phase::Running;
        self.started_at = start;
        for bot in self.bots.numbers() {
            self.start_bot(bot);
        }
    }

    /// Nobody says or plans anything more; what was said is still waited for and checked.
    pub(crate) fn end_early(&mut self, now: Instant) {
        self.begin_turn(now);
        match self.phase {
            Phase::Gathering | Phase::Gathered => {
                self.tally.ended_early = true;
                self.waiting.clear();
                self.part();
            }
            Phase::Running => {
                self.tally.ended_early = true;
                for bot in self.bots.numbers() {
                    self.forget_plans(bot);
                }
                self.settle();
            }
            Phase::Settling | Phase::Parting | Phase::Done => {}
        }
    }

    /// Does what is due: speaks, churns, ends phases.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.begin_turn(now);
        while let Some(bot) = self.due.pop_due(now) {
            self.act(bot);
        }
        self.connect_some();
        // A phase may have nothing to wait for.
        while self.end_phase() {}
    }

    /// Ends the phase if it is over; whether it was.
    fn end_phase(&mut self) -> bool {
        let before = self.phase;
        let impatient = self.now >= self.progress_at + PATIENCE;
        match self.phase {
            Phase::Gathering if impatient => self.give_up_gathering(),
            Phase::Running if self.now >= self.ends_at() || self.all_gone() => self.settle(),
            Phase::Settling if impatient || self.is_settled() => self.part(),
            Phase::Parting if impatient => self.close_the_rest(),
            _ => {}
        }
        self.phase != before
    }

    /// When [`Fleet::handle_timeout`] wants to be called at the latest.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let phase_ends = match self.phase {
            Phase::Gathered | Phase::Done => None,
            Phase::Running => Some(self.ends_at()),
            Phase::Gathering | Phase::Settling | Phase::Parting => {
                Some(self.progress_at + PATIENCE)
            }
        };
        self.due.next().into_iter().chain(phase_ends).min()
    }

    /// What is to be done.
    pub(crate) fn commands(&mut self) -> &mut Commands {
        &mut self.commands
    }

    /// Gives back the memory of commands that were carried out.
    pub(crate) fn take_back(&mut self, emptied: Commands) {
        if self.commands.is_empty() {
            self.commands = emptied;
        }
    }

    /// Whether all bots are where the running phase needs them, or never will be.
    pub(crate) fn is_gathered(&self) -> bool {
        self.phase == Phase::Gathered
    }

    /// Whether the run is over.
    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Why there is nobody to talk to, if the first connection failed.
    pub(crate) fn first_failure(&self) -> Option<&FirstFailure> {
        self.first_failure.as_ref()
    }

    /// Where the run stands.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let at_least = |stage| self.census.between(stage, Stage::Leaving);
        let enters = self.plan.options.workload.enters_rooms();
        Snapshot {
            phase: self.phase.name(),
            sessions: self.bots.len(),
            connected: at_least(Stage::LoggingIn),
            logged_in: at_least(Stage::Entering),
            in_rooms: if enters { at_least(Stage::Ready) } else { 0 },
            said: self.tally.said,
            delivered: self.tally.delivered,
            cycles: self.tally.cycles,
            faults: self.tally.faults.total(),
            p99: self.tally.latencies.quantile(0.99),
        }
    }

    /// What was counted.
    pub(crate) fn into_tally(self) -> Tally {
        self.tally
    }

    fn ends_at(&self) -> Instant {
        self.started_at + self.plan.options.window()
    }

    /// Something happened that a phase waits for.
    fn progress(&mut self) {
        self.progress_at = self.now;
    }

    fn look_whether_gathered(&mut self) {
        let missing = self.census.between(Stage::Absent, Stage::Entering);
        let churns = self.plan.options.workload == Workload::Churn;
        if self.phase == Phase::Gathering && (missing == 0 || churns) {
            self.phase = Phase::Gathered;
        }
    }

    fn give_up_gathering(&mut self) {
        self.waiting.clear();
        for bot in self.bots.numbers() {
            match self.bots[bot].stage {
                Stage::Absent => {
                    self.tally.faults.never_ready += 1;
                    self.set_stage(bot, Stage::Gone);
                }
                Stage::Connecting | Stage::LoggingIn | Stage::Entering => {
                    self.tally.faults.never_ready += 1;
                    self.close(bot);
                }
                _ => {}
            }
        }
        self.look_whether_gathered();
    }

    /// The running phase is over: whoever stopped reads on, the idle prove that they live.
    fn settle(&mut self) {
        self.phase = Phase::Settling;
        self.progress();
        self.tally.busy_until(self.started_at, self.now);
        self.waiting.clear();
        for bot in self.bots.numbers() {
            if self.bots[bot].stage != Stage::Ready {
                continue;
            }
            if self.bots[bot].stopped {
                self.resume_reading(bot);
            } else if self.plan.options.workload == Workload::Idle {
                self.unproven.push_back(bot);
            }
        }
        (0..PROVING_MAX).for_each(|_| self.prove_next());
    }

    fn is_settled(&self) -> bool {
        if self.plan.options.workload == Workload::Churn {
            let at_rest = self.census.of(Stage::Absent) + self.census.of(Stage::Gone);
            return at_rest == self.bots.len();
        }
        let all_said = self.unsaid == 0 && self.unproven.is_empty();
        all_said && self.rooms.iter().all(|room| room.is_settled(&self.bots))
    }

    /// Nothing more is expected: the books are closed, and so are the sessions.
    fn part(&mut self) {
        self.phase = Phase::Parting;
        self.progress();
        self.due = Deadlines::new();
        let wrong_lists = |room: &Room| room.wrong_lists(&self.bots);
        self.tally.faults.wrong_lists = self.rooms.iter().map(wrong_lists).sum();
        self.tally.faults.lost = self.rooms.iter().map(|room| room.checker.lost()).sum();
        for bot in self.bots.numbers() {
            self.look_whether_caught_up(bot);
            match self.bots[bot].stage {
                Stage::Absent => self.set_stage(bot, Stage::Gone),
                Stage::Gone | Stage::Parting => {}
                _ => self.finish(bot, DONE),
            }
        }
        self.look_whether_done();
    }

    fn look_whether_caught_up(&mut self, bot: u32) {
        let it = &self.bots[bot];
        let checker = &self.rooms[it.place.room].checker;
        if it.stopped && it.stage == Stage::Ready && checker.has_heard_all(it.place.seat) {
            self.tally.slow.caught_up += 1;
        }
    }

    fn look_whether_done(&mut self) {
        if self.phase == Phase::Parting && self.all_gone() {
            self.phase = Phase::Done;
        }
    }

    fn all_gone(&self) -> bool {
        self.census.of(Stage::Gone) == self.bots.len()
    }

    fn close_the_rest(&mut self) {
        self.progress();
        for bot in self.bots.numbers() {
            if let Some(session) = self.bots[bot].session {
                self.commands.give(Command::Close { session });
            }
        }
    }

    fn set_stage(&mut self, bot: u32, stage: Stage) {
        let old = core::mem::replace(&mut self.bots[bot].stage, stage);
        self.census.moved(old, stage);
    }

    /// The bot of a session; `None` for a session that is not ours any more.
    fn bot_of(&self, session: SessionId) -> Option<u32> {
        let &bot = self.by_slot.get(session.key().index())?;
        let known = self.bots.get(bot)?.session == Some(session);
        known.then_some(bot)
    }
}
