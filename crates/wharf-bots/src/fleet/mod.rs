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
mod talk;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use crate::Workload;
use crate::checker::RoomChecker;
use crate::commands::{Command, Commands};
use crate::plan::Plan;
use crate::progress::Snapshot;
use crate::tally::Tally;
use bot::{Bot, Stage};
pub(crate) use events::DONE;
use std::collections::VecDeque;
use wharf_base::{Deadlines, Duration, Instant, SessionId};

/// How long a phase goes on without anything happening that it waits for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sessions that are connecting or logging in at once, over all threads. Below the smallest cap
/// that a server has for sessions not logged in (64), and yet thousands a second on one machine.
const STARTING_MAX: u32 = 48;

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

/// A room and the bots on its seats.
#[derive(Debug)]
struct Room {
    checker: RoomChecker,
    /// The bot on each seat.
    bots: Vec<u32>,
    /// The sum of [`Bot::weight`] over the members that are in.
    roster: u64,
    /// A member has left: lists are not compared any more, since a 217 names nobody.
    left: bool,
}

/// The bots of one thread.
///
/// Call order: [`Fleet::begin`] once; then for each turn [`Fleet::turn`] with the time, the events,
/// [`Fleet::handle_timeout`], carrying out the commands after each; [`Fleet::start`] once it
/// [`Fleet::is_gathered`]; until it [`Fleet::is_done`].
///
/// Invariant: `counts[stage]` bots are in each stage; `by_slot` names the bot of every session that
/// is open or being opened.
#[derive(Debug)]
pub(crate) struct Fleet {
    plan: Plan,
    bots: Vec<Bot>,
    rooms: Vec<Room>,
    /// The bot in each session slot.
    by_slot: Vec<u32>,
    /// Bots that want to connect, in the order of their turn.
    waiting: VecDeque<u32>,
    counts: [u32; Stage::COUNT],
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
        let mut counts = [0; Stage::COUNT];
        counts[Stage::Absent as usize] = bots.len() as u32;
        Self {
            rooms: rooms.into_iter().map(Room::new).collect(),
            by_slot: Vec::new(),
            waiting: VecDeque::new(),
            counts,
            phase: Phase::Gathering,
            now: Instant::ZERO,
            started_at: Instant::FAR_FUTURE,
            progress_at: Instant::ZERO,
            due: Deadlines::new(),
            unsaid: 0,
            commands: Commands::default(),
            tally: Tally::new(),
            first_failure: None,
            bots,
            plan,
        }
    }

    /// How many bots there are.
    pub(crate) fn sessions(&self) -> u32 {
        self.bots.len() as u32
    }

    /// Begins to gather. Churning bots gather nothing: connecting is what they are timed at.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.turn(now);
        self.progress_at = now;
        if self.plan.options.workload != Workload::Churn {
            self.waiting.extend(0..self.bots.len() as u32);
            self.connect_some();
        }
        self.look_whether_gathered();
    }

    /// Begins a turn: what follows happens now.
    pub(crate) fn turn(&mut self, now: Instant) {
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
        for bot in 0..self.bots.len() as u32 {
            self.start_bot(bot);
        }
    }

    /// Does what is due: speaks, churns, ends phases.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.turn(now);
        while let Some(bot) = self.due.pop_due(now) {
            self.act(bot);
        }
        self.connect_some();
        let impatient = now >= self.progress_at + PATIENCE;
        match self.phase {
            Phase::Gathering if impatient => self.give_up_gathering(),
            Phase::Running if now >= self.ends_at() => self.settle(),
            Phase::Settling if impatient || self.is_settled() => self.part(),
            Phase::Parting if impatient => self.close_the_rest(),
            _ => {}
        }
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
        let at_least = |stage: Stage| {
            self.counts[stage as usize..=Stage::IN as usize]
                .iter()
                .sum()
        };
        let enters = self.plan.options.workload.enters_rooms();
        Snapshot {
            phase: self.phase.name(),
            sessions: self.bots.len() as u32,
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
        let missing = self.counts[Stage::Absent as usize..Stage::Ready as usize]
            .iter()
            .sum::<u32>();
        let churns = self.plan.options.workload == Workload::Churn;
        if self.phase == Phase::Gathering && (missing == 0 || churns) {
            self.phase = Phase::Gathered;
        }
    }

    fn give_up_gathering(&mut self) {
        self.waiting.clear();
        for bot in 0..self.bots.len() as u32 {
            match self.bots[bot as usize].stage {
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
        for bot in 0..self.bots.len() as u32 {
            if self.bots[bot as usize].stage != Stage::Ready {
                continue;
            }
            if self.bots[bot as usize].stopped {
                self.resume_reading(bot);
            } else if self.plan.options.workload == Workload::Idle {
                self.say(bot);
            }
        }
    }

    fn is_settled(&self) -> bool {
        if self.plan.options.workload == Workload::Churn {
            let at_rest = self.counts[Stage::Absent as usize] + self.counts[Stage::Gone as usize];
            return at_rest as usize == self.bots.len();
        }
        let settled = |room: &Room| {
            room.checker.is_settled() && room.wrong_lists(&self.bots).next().is_none()
        };
        self.unsaid == 0 && self.rooms.iter().all(settled)
    }

    /// Nothing more is expected: the books are closed, and so are the sessions.
    fn part(&mut self) {
        self.phase = Phase::Parting;
        self.progress();
        self.due = Deadlines::new();
        let wrong_lists = |room: &Room| room.wrong_lists(&self.bots).count() as u64;
        self.tally.faults.wrong_lists = self.rooms.iter().map(wrong_lists).sum();
        self.tally.faults.lost = self.rooms.iter().map(|room| room.checker.lost()).sum();
        for bot in 0..self.bots.len() as u32 {
            self.look_whether_caught_up(bot);
            match self.bots[bot as usize].stage {
                Stage::Absent => self.set_stage(bot, Stage::Gone),
                Stage::Gone | Stage::Parting => {}
                _ => self.finish(bot),
            }
        }
        self.look_whether_done();
    }

    fn look_whether_caught_up(&mut self, bot: u32) {
        let it = &self.bots[bot as usize];
        let checker = &self.rooms[it.place.room as usize].checker;
        if it.stopped && it.stage == Stage::Ready && checker.has_heard_all(it.place.seat) {
            self.tally.slow.caught_up += 1;
        }
    }

    fn look_whether_done(&mut self) {
        if self.phase == Phase::Parting
            && self.counts[Stage::Gone as usize] as usize == self.bots.len()
        {
            self.phase = Phase::Done;
        }
    }

    fn close_the_rest(&mut self) {
        self.progress();
        for bot in 0..self.bots.len() as u32 {
            if let Some(session) = self.bots[bot as usize].session {
                self.commands.give(Command::Close { session });
            }
        }
    }

    fn set_stage(&mut self, bot: u32, stage: Stage) {
        let old = core::mem::replace(&mut self.bots[bot as usize].stage, stage);
        self.counts[old as usize] -= 1;
        self.counts[stage as usize] += 1;
    }

    /// The bot of a session; `None` for a session that is not ours any more.
    fn bot_of(&self, session: SessionId) -> Option<u32> {
        let &bot = self.by_slot.get(session.key().index() as usize)?;
        let known = self.bots.get(bot as usize)?.session == Some(session);
        known.then_some(bot)
    }
}

impl Room {
    fn new(bots: Vec<u32>) -> Self {
        Self {
            checker: RoomChecker::new(bots.len() as u32),
            bots,
            roster: 0,
            left: false,
        }
    }

    /// Members whose list of the others is not the room.
    fn wrong_lists<'a>(&'a self, bots: &'a [Bot]) -> impl Iterator<Item = &'a Bot> {
        let members = self.bots.iter().map(|&bot| &bots[bot as usize]);
        let compared = members.filter(|it| !self.left && it.stage == Stage::Ready);
        compared.filter(|it| it.roster + Bot::weight(it.number) != self.roster)
    }
}
