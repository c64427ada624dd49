//! A session's way in and out: connect, log in, enter, leave, close; and churn, which is nothing
//! but that.

use super::bot::Stage;
use super::{DONE, FirstFailure, Fleet, NOBODY, Phase, STARTING_MAX};
use crate::Workload;
use crate::commands::Command;
use wharf_base::SessionId;
use wharf_net::CloseReason;
use wharf_wire::Packet;
use wharf_wire::classic::{EnterRequest, LeaveRequest, LoginRequest, ResultCode, UserName};

impl Fleet {
    /// Connects as many as may be under way at once. The first goes alone: where it is refused the
    /// others would be too, and each would count as one who guesses.
    pub(super) fn connect_some(&mut self) {
        let starting_max = match self.is_anybody_through() {
            true => (STARTING_MAX / self.plan.options.threads).max(1),
            false => 1,
        };
        while self.starting() < starting_max
            && let Some(bot) = self.waiting.pop_front()
        {
            self.set_stage(bot, Stage::Connecting);
            let local = self.plan.options.source_addresses.of(self.bots[bot].number);
            self.commands.give(Command::Connect { bot, local });
        }
    }

    /// The driver has begun to connect a bot.
    pub(crate) fn connecting(&mut self, bot: u32, session: SessionId) {
        let slot = session.key().index();
        self.by_slot.reach(slot, NOBODY);
        self.by_slot[slot] = bot;
        self.bots[bot].session = Some(session);
    }

    /// The driver could not even begin: no slot is left for the session.
    pub(crate) fn connect_refused(&mut self, bot: u32) {
        self.tally.faults.never_ready += 1;
        *self.tally.closes.entry("no-session-slot").or_default() += 1;
        self.retire(bot);
    }

    /// A link is there.
    pub(super) fn on_opened(&mut self, bot: u32, session: SessionId) {
        if self.bots[bot].stage != Stage::Connecting {
            return;
        }
        self.progress();
        self.set_stage(bot, Stage::LoggingIn);
        if self.plan.options.no_login {
            self.on_let_in(bot, session);
            return;
        }
        let login = LoginRequest {
            user: self.bots[bot].name,
            password: UserName::truncated("bot"),
        };
        self.commands.send(session, |out| login.encode_frame(out));
    }

    /// 202.
    pub(super) fn on_login_result(&mut self, bot: u32, session: SessionId, result: ResultCode) {
        if self.bots[bot].stage != Stage::LoggingIn {
            self.tally.faults.unexpected += 1;
            return;
        }
        self.progress();
        if result != ResultCode::None {
            let is_first = !self.is_anybody_through();
            self.tally.refuse("login", result);
            self.finish(bot, DONE);
            if is_first && result == ResultCode::LoginUserInvalid {
                self.end_early(self.now);
            }
            return;
        }
        self.on_let_in(bot, session);
    }

    /// The login went well, or none is wanted.
    fn on_let_in(&mut self, bot: u32, session: SessionId) {
        self.commands.give(Command::LogIn { session });
        if self.plan.options.workload.enters_rooms() {
            self.set_stage(bot, Stage::Entering);
            let room = self.plan.room_number(self.bots[bot].number);
            self.commands
                .send(session, |out| EnterRequest { room }.encode_frame(out));
        } else {
            self.on_ready(bot);
        }
        self.connect_some();
    }

    /// 207.
    pub(super) fn on_enter_result(&mut self, bot: u32, result: ResultCode) {
        if self.bots[bot].stage != Stage::Entering {
            self.tally.faults.unexpected += 1;
            return;
        }
        self.progress();
        if result == ResultCode::None {
            self.on_ready(bot);
        } else {
            self.tally.refuse("enter", result);
            self.finish(bot, DONE);
        }
    }

    /// 216.
    pub(super) fn on_leave_result(&mut self, bot: u32, result: ResultCode) {
        if self.bots[bot].stage != Stage::Leaving {
            self.tally.faults.unexpected += 1;
            return;
        }
        self.progress();
        if result == ResultCode::None {
            self.bots[bot].cycle_whole = true;
        } else {
            self.tally.refuse("leave", result);
        }
        self.finish(bot, DONE);
    }

    /// The bot has come as far as its workload wants.
    fn on_ready(&mut self, bot: u32) {
        self.tally.ready += 1;
        self.set_stage(bot, Stage::Ready);
        let it = &self.bots[bot];
        self.rooms[it.place.room].enter(it);
        if self.plan.options.workload == Workload::Churn {
            let session = self.bots[bot].session.expect("a bot that is ready has one");
            self.set_stage(bot, Stage::Leaving);
            self.commands
                .send(session, |out| LeaveRequest.encode_frame(out));
        }
        self.look_whether_gathered();
    }

    /// The server has ended its direction: no bot's wish before it parts.
    pub(super) fn on_input_ended(&mut self, bot: u32) {
        if self.bots[bot].stage < Stage::Parting {
            self.count_early_end(bot);
            self.finish(bot, CloseReason::PeerClosed);
        }
    }

    /// The link is gone, for a reason of this name.
    pub(super) fn on_closed(&mut self, bot: u32, reason: &'static str) {
        self.progress();
        *self.tally.closes.entry(reason).or_default() += 1;
        match self.bots[bot].stage {
            Stage::Parting => {}
            Stage::Connecting => self.tally.faults.never_ready += 1,
            _ => self.count_early_end(bot),
        }
        let it = &self.bots[bot];
        self.rooms[it.place.room].leave(it);
        self.retire(bot);
    }

    /// Why a connection could not be made matters once: when it was the first of all.
    pub(super) fn on_connect_failed(&mut self, bot: u32, failure: FirstFailure) {
        let nobody_was_there = self.tally.closes.is_empty() && self.ever_opened() == 0;
        if nobody_was_there && self.first_failure.is_none() {
            self.first_failure = Some(failure);
        }
        debug_assert_eq!(self.bots[bot].stage, Stage::Connecting);
    }

    /// Ends a session in an orderly way; its end is then no fault.
    pub(super) fn finish(&mut self, bot: u32, reason: CloseReason) {
        if let Some(session) = self.bots[bot].session {
            self.commands.give(Command::Finish { session, reason });
        }
        self.forget_plans(bot);
        self.set_stage(bot, Stage::Parting);
        self.look_whether_gathered();
    }

    /// Ends a session at once; its end is then no fault.
    pub(super) fn close(&mut self, bot: u32) {
        if let Some(session) = self.bots[bot].session {
            self.commands.give(Command::Close { session });
        }
        self.set_stage(bot, Stage::Parting);
    }

    /// The bot begins the cycle that was due at `began`.
    pub(super) fn begin_cycle(&mut self, bot: u32, began: wharf_base::Instant) {
        let it = &mut self.bots[bot];
        it.cycle_began = began;
        it.name = self.plan.name(it.number, it.begun);
        it.begun += 1;
        it.cycle_whole = false;
        self.waiting.push_back(bot);
        self.connect_some();
    }

    /// A session has ended: a churning bot goes on to its next cycle, every other one is gone.
    fn retire(&mut self, bot: u32) {
        self.bots[bot].session = None;
        self.forget_plans(bot);
        if self.bots[bot].cycle_whole {
            self.tally.cycles += 1;
            let lasted = self.now - self.bots[bot].cycle_began;
            self.tally.latencies.record(lasted);
            self.tally.busy_until(self.started_at, self.now);
        }
        // A churning bot that failed is gone too: a server in trouble is not hammered.
        if self.bots[bot].cycle_whole && self.phase == Phase::Running {
            self.set_stage(bot, Stage::Absent);
            self.act(bot);
        } else {
            self.set_stage(bot, Stage::Gone);
        }
        if !self.bots[bot].sent_at.is_empty() {
            // An idle bot that did not live to prove it makes room for the next.
            self.prove_next();
        }
        self.look_whether_gathered();
        self.look_whether_done();
    }

    fn count_early_end(&mut self, bot: u32) {
        if self.bots[bot].stopped {
            self.tally.slow.cut += 1;
        } else {
            self.tally.faults.closed_early += 1;
        }
    }

    fn starting(&self) -> u32 {
        self.census.between(Stage::Connecting, Stage::LoggingIn)
    }

    /// Whether something has come of the first login, or of its link.
    fn is_anybody_through(&self) -> bool {
        self.tally.ready > 0 || self.census.between(Stage::Entering, Stage::Gone) > 0
    }

    fn ever_opened(&self) -> u32 {
        self.census.between(Stage::LoggingIn, Stage::Gone)
    }
}
