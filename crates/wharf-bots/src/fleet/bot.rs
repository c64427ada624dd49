//! One bot: who it is and how far it has come.

use crate::cadence::Cadence;
use crate::plan::{Place, Plan};
use std::collections::VecDeque;
use wharf_base::{Instant, SessionId};
use wharf_wire::classic::UserName;

/// How far a bot has come, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Not connected, and nothing is being done about it.
    Absent,
    Connecting,
    LoggingIn,
    Entering,
    /// Where the workload wants it.
    Ready,
    /// Has asked to leave its room (churn).
    Leaving,
    /// Whatever ends this session now is all right.
    Parting,
    /// Closed for good.
    Gone,
}

/// How many bots are in each stage.
#[derive(Debug)]
pub(super) struct Census([u32; 8]);

impl Census {
    /// So many bots, all absent.
    pub(super) fn all_absent(bots: u32) -> Self {
        let mut census = Self([0; 8]);
        census.0[Stage::Absent as usize] = bots;
        census
    }

    /// A bot has gone from one stage to another.
    pub(super) fn moved(&mut self, from: Stage, to: Stage) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }

    /// How many are in this stage.
    pub(super) fn of(&self, stage: Stage) -> u32 {
        self.0[stage as usize]
    }

    /// How many are in the stages from `first` to `last`.
    pub(super) fn between(&self, first: Stage, last: Stage) -> u32 {
        self.0[first as usize..=last as usize].iter().sum()
    }
}

/// One bot.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) number: u32,
    pub(super) name: UserName,
    pub(super) place: Place,
    pub(super) stage: Stage,
    pub(super) session: Option<SessionId>,
    /// When it speaks, or begins a cycle; `None` for a closed loop or silence.
    pub(super) cadence: Option<Cadence>,
    /// Messages, or cycles, of the cadence that were begun.
    pub(super) begun: u32,
    /// The sum of [`Bot::weight`] over the members that 209 and 208 have told it of.
    pub(super) roster: u64,
    /// It has stopped reading at some time.
    pub(super) stopped: bool,
    /// Closed loop: when each unanswered message left.
    pub(super) sent_at: VecDeque<Instant>,
    /// Churn: when this cycle was to begin.
    pub(super) cycle_began: Instant,
    /// Churn: every request of this cycle was answered well.
    pub(super) cycle_whole: bool,
}

impl Bot {
    pub(super) fn new(plan: &Plan, number: u32, place: Place) -> Self {
        Self {
            number,
            name: plan.name(number, 0),
            place,
            stage: Stage::Absent,
            session: None,
            cadence: plan.cadence(number),
            begun: 0,
            roster: 0,
            stopped: false,
            sent_at: VecDeque::new(),
            cycle_began: Instant::ZERO,
            cycle_whole: false,
        }
    }

    /// What it adds to the sum by which lists of members are compared.
    pub(super) fn weight(number: u32) -> u64 {
        u64::from(number) + 1
    }

    /// When its next message, or cycle, is due.
    pub(super) fn next_due(&self, started_at: Instant) -> Option<Instant> {
        let offset = self.cadence?.offset(self.begun)?;
        Some(started_at + offset)
    }

    /// Messages of its cadence that it has not begun.
    pub(super) fn left(&self) -> u64 {
        self.cadence
            .map_or(0, |cadence| u64::from(cadence.count() - self.begun))
    }
}
