//! What is said and what is heard, and whether it was right.

use super::bot::{Bot, Stage};
use super::{Fleet, Phase};
use crate::Workload;
use crate::checker::Delivery;
use crate::commands::Command;
use crate::message::Stamp;
use wharf_base::{Instant, SessionId};
use wharf_wire::classic::{
    LeaveUserNotify, NewUserNotify, Response, ResultCode, UserListNotify, UserName, id,
};
use wharf_wire::{Frame, HEADER_BYTES, Header, Packet};

/// Bytes of the name in a 223; the text follows.
const NAME_BYTES: usize = 33;
/// Bytes of the text array in a 221 and a 223.
const TEXT_BYTES: usize = 257;

impl Fleet {
    /// The running phase has begun for this bot.
    pub(super) fn start_bot(&mut self, bot: u32) {
        let workload = self.plan.options.workload;
        if workload == Workload::Churn {
            self.act(bot);
            return;
        }
        if self.bots[bot].stage != Stage::Ready {
            self.bots[bot].cadence = None;
            return;
        }
        if self.plan.stops_reading(self.bots[bot].number) {
            self.stop_reading(bot);
        } else if workload != Workload::Idle {
            self.unsaid += self.bots[bot].left();
            self.act(bot);
        }
    }

    /// A bot's time has come, or it has become free to do what was due earlier.
    pub(super) fn act(&mut self, bot: u32) {
        match self.plan.options.workload {
            Workload::Churn => self.churn_on(bot),
            Workload::Idle => self.prove_next(),
            _ if self.bots[bot].cadence.is_some() => self.speak_on(bot),
            _ => self.fill_up(bot),
        }
    }

    /// Idle: the next bot says something, to prove that it lives.
    pub(super) fn prove_next(&mut self) {
        while let Some(bot) = self.unproven.pop_front() {
            if self.bots[bot].stage == Stage::Ready {
                self.say(bot);
                return;
            }
        }
    }

    /// Churn: begins the next cycle if it is due, else remembers when it will be.
    fn churn_on(&mut self, bot: u32) {
        if self.bots[bot].stage != Stage::Absent || self.phase != Phase::Running {
            return;
        }
        if self.bots[bot].cadence.is_none() {
            self.begin_cycle(bot, self.now);
        } else if let Some(due) = self.bots[bot].next_due(self.started_at) {
            if due <= self.now {
                self.begin_cycle(bot, due);
            } else {
                self.due.set(bot, due);
            }
        }
    }

    /// Open loop: says everything that is due and that may be under way, then sets the next time.
    /// What is due and may not leave yet leaves when an answer comes; its latency counts from when
    /// it was due.
    fn speak_on(&mut self, bot: u32) {
        while let Some(due) = self.bots[bot].next_due(self.started_at) {
            if due > self.now {
                self.due.set(bot, due);
                return;
            }
            if self.bots[bot].stage != Stage::Ready || !self.may_say(bot) {
                return;
            }
            self.bots[bot].begun += 1;
            self.unsaid -= 1;
            self.say(bot);
        }
    }

    /// Closed loop: keeps as many messages under way as may be.
    fn fill_up(&mut self, bot: u32) {
        while self.phase == Phase::Running
            && self.now < self.ends_at()
            && self.bots[bot].stage == Stage::Ready
            && self.may_say(bot)
        {
            self.say(bot);
        }
    }

    fn may_say(&self, bot: u32) -> bool {
        let place = self.bots[bot].place;
        let checker = &self.rooms[place.room].checker;
        let under_way = if self.plan.options.workload.chats() {
            checker.unanswered(place.seat)
        } else {
            checker.unheard_by_self(place.seat)
        };
        under_way < self.plan.options.in_flight
    }

    /// Says the bot's next message.
    pub(super) fn say(&mut self, bot: u32) {
        let Some(session) = self.bots[bot].session else {
            return;
        };
        let place = self.bots[bot].place;
        let checker = &mut self.rooms[place.room].checker;
        let stamp = Stamp {
            sender: self.bots[bot].number,
            sequence: checker.say(place.seat),
        };
        self.tally.said += 1;
        if self.bots[bot].cadence.is_none() {
            self.bots[bot].sent_at.push_back(self.now);
        }
        let book = &self.plan.book;
        if self.plan.options.workload.chats() {
            self.commands.send(session, |out| {
                out.extend_from_slice(&Header::new(id::CHAT_REQUEST, TEXT_BYTES).to_bytes());
                let text_at = out.len();
                book.compose(stamp, out);
                out.resize(text_at + TEXT_BYTES, 0);
            });
        } else {
            // An echo is accepted and delivered in one.
            checker.answer(place.seat, true);
            self.tally.accepted += 1;
            let text_bytes = usize::from(self.plan.options.size);
            self.commands.send(session, |out| {
                out.reserve(HEADER_BYTES + text_bytes);
                out.extend_from_slice(&Header::new(id::ECHO, text_bytes).to_bytes());
                book.compose(stamp, out);
            });
        }
    }

    /// A frame has arrived.
    pub(super) fn on_frame(&mut self, bot: u32, session: SessionId, frame: Frame<'_>) {
        if self.bots[bot].stage >= Stage::Parting {
            return;
        }
        match frame.id {
            id::CHAT_NOTIFY => self.on_chat(bot, frame.body),
            id::CHAT_RESPONSE => self.on_result(frame, |fleet, code| fleet.on_answer(bot, code)),
            id::ECHO => self.on_echo(bot, frame.body),
            id::LOGIN_RESPONSE => self.on_result(frame, |fleet, code| {
                fleet.on_login_result(bot, session, code);
            }),
            id::ENTER_RESPONSE => {
                self.on_result(frame, |fleet, code| fleet.on_enter_result(bot, code));
            }
            id::LEAVE_RESPONSE => {
                self.on_result(frame, |fleet, code| fleet.on_leave_result(bot, code));
            }
            id::NEW_USER_NOTIFY => self.on_packet(frame, |fleet, news: NewUserNotify| {
                fleet.on_member(bot, &news.user.name);
            }),
            id::USER_LIST_NOTIFY => self.on_packet(frame, |fleet, list: UserListNotify| {
                list.users
                    .iter()
                    .for_each(|user| fleet.on_member(bot, &user.name));
            }),
            id::LEAVE_USER_NOTIFY => self.on_packet(frame, |_, _: LeaveUserNotify| {}),
            _ => self.tally.faults.unexpected += 1,
        }
    }

    fn on_result(&mut self, frame: Frame<'_>, then: impl FnOnce(&mut Self, ResultCode)) {
        // The number in the type plays no part in decoding: all results are alike.
        match Response::<{ id::LOGIN_RESPONSE }>::decode(frame.body) {
            Ok(response) => then(self, response.result),
            Err(_) => self.tally.faults.corrupted += 1,
        }
    }

    fn on_packet<P: Packet>(&mut self, frame: Frame<'_>, then: impl FnOnce(&mut Self, P)) {
        match P::decode(frame.body) {
            Ok(packet) => then(self, packet),
            Err(_) => self.tally.faults.corrupted += 1,
        }
    }

    /// 208 and 209: somebody is in the bot's room.
    fn on_member(&mut self, bot: u32, name: &UserName) {
        if let Some(number) = self.plan.number_in(name) {
            self.bots[bot].roster += Bot::weight(number);
            self.progress();
        }
    }

    /// 222, the answer to the bot's oldest unanswered message.
    fn on_answer(&mut self, bot: u32, result: ResultCode) {
        let place = self.bots[bot].place;
        let accepted = result == ResultCode::None;
        if !self.rooms[place.room].checker.answer(place.seat, accepted) {
            self.tally.faults.unexpected += 1;
            return;
        }
        self.progress();
        if accepted {
            self.tally.accepted += 1;
        } else {
            self.tally.refuse("chat", result);
        }
        self.act(bot);
    }

    /// 223: who said it and what, every byte of which is known beforehand.
    fn on_chat(&mut self, receiver: u32, body: &[u8]) {
        let Some((name, text)) = body.split_at_checked(NAME_BYTES) else {
            self.tally.faults.corrupted += 1;
            return;
        };
        if !self.plan.is_ours(name) {
            self.tally.foreign += 1;
            return;
        }
        let (text, filling) = text.split_at(usize::from(self.plan.options.size).min(text.len()));
        let Some(stamp) = self.plan.book.recognize(text) else {
            self.tally.faults.corrupted += 1;
            return;
        };
        let here = self.bots[receiver].place;
        let Some(place) = self
            .plan
            .place(stamp.sender)
            .filter(|place| place.room == here.room)
        else {
            self.tally.faults.strayed += 1;
            return;
        };
        let sender = self.rooms[place.room].bots[place.seat];
        let signed = self.bots[sender].name.wire_bytes() == name;
        if signed && filling.iter().all(|&byte| byte == 0) {
            self.hear(receiver, sender, stamp.sequence);
        } else {
            self.tally.faults.corrupted += 1;
        }
    }

    /// 1: the bot's own text, as it was said.
    fn on_echo(&mut self, bot: u32, body: &[u8]) {
        match self.plan.book.recognize(body) {
            None => self.tally.faults.corrupted += 1,
            Some(stamp) if stamp.sender != self.bots[bot].number => {
                self.tally.faults.strayed += 1;
            }
            Some(stamp) => {
                self.hear(bot, bot, stamp.sequence);
                self.act(bot);
            }
        }
    }

    fn hear(&mut self, receiver: u32, sender: u32, sequence: u32) {
        let here = self.bots[receiver].place;
        let seat = self.bots[sender].place.seat;
        let checker = &mut self.rooms[here.room].checker;
        match checker.hear(here.seat, seat, sequence) {
            Delivery::Impossible => {
                self.tally.faults.corrupted += 1;
                return;
            }
            Delivery::Duplicate => {
                self.tally.faults.duplicated += 1;
                return;
            }
            Delivery::Late => self.tally.faults.out_of_order += 1,
            Delivery::Fresh => {}
        }
        self.tally.delivered += 1;
        self.progress();
        self.tally.busy_until(self.started_at, self.now);
        let intended = self.intended(receiver, sender, sequence);
        if let Some(intended) = intended.filter(|_| !self.bots[receiver].stopped) {
            self.tally.latencies.record(self.now - intended);
        }
    }

    /// When a message was to leave: by its sender's cadence, or in a closed loop when it did, which
    /// its sender alone knows.
    fn intended(&mut self, receiver: u32, sender: u32, sequence: u32) -> Option<Instant> {
        let bot = &mut self.bots[sender];
        match bot.cadence {
            Some(cadence) => Some(self.started_at + cadence.offset(sequence)?),
            None if receiver == sender => bot.sent_at.pop_front(),
            None => None,
        }
    }

    fn stop_reading(&mut self, bot: u32) {
        let session = self.bots[bot].session.expect("a bot that is ready has one");
        self.bots[bot].stopped = true;
        self.tally.slow.stopped += 1;
        self.commands.give(Command::PauseReading { session });
    }

    pub(super) fn resume_reading(&mut self, bot: u32) {
        let session = self.bots[bot].session.expect("a bot that is ready has one");
        self.commands.give(Command::ResumeReading { session });
    }

    /// What a bot that is leaving had planned to say is not waited for.
    pub(super) fn forget_plans(&mut self, bot: u32) {
        self.due.clear(bot);
        let talks = self.phase == Phase::Running || self.phase == Phase::Settling;
        let it = &mut self.bots[bot];
        if talks && self.plan.options.workload != Workload::Churn {
            self.unsaid -= it.left();
            it.cadence = it.cadence.map(|cadence| cadence.cut_at(it.begun));
        }
    }
}
