//! The platform's protocol, as the driver uses it.

use super::super::engine::{Engine, Moment, Output, Return, away_from};
use super::super::event::{Done, Problem};
use super::super::parse::Call;
use super::super::plan::logs_in;
use super::{Asked, Stage, Talk};
use crate::client::{Heard, OwnedFrame};
use std::time::Instant;
use wharf_proto::account;
use wharf_proto::session::{Hello, Ping};
use wharf_proto::{ClientPacket, VERSION, VERSION_MIN};
use wharf_wire::Violation;

impl Engine for Talk {
    fn begin(&mut self, now: Moment) {
        self.now = now;
        self.stage = Stage::Greeting;
        let hello = Hello {
            version: VERSION,
            version_min: VERSION_MIN,
            client: concat!("wharf chat ", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Hello::default()
        };
        self.ask(&ClientPacket::Hello(hello), None, Asked::Hello);
        self.has_heard = false;
        self.pulse.begin(0, now.at);
        self.pulse.asked(now.at);
    }

    fn call(&mut self, call: Call, now: Moment) {
        self.now = now;
        if let Err(mistake) = call.check() {
            return self.fail(call, mistake.into());
        }
        match (call.command.name, self.stage) {
            ("room", _) => self.choose_room(call),
            ("connect", Stage::Here) => self.done(call, Done::is_there(&self.target)),
            (name, Stage::Away) if name == "connect" || logs_in(call.command) => {
                if let Some(before) = self.held.replace(call) {
                    self.fail(before, Problem::not_connected());
                }
                self.outputs.push_back(Output::Connect);
            }
            (_, Stage::Here) => self.do_call(call),
            _ => self.fail(call, Problem::not_connected()),
        }
    }

    fn hear(&mut self, frame: &OwnedFrame, now: Moment) -> Result<(), Violation> {
        self.now = now;
        self.has_heard = true;
        match self.requests.hear(frame.as_frame())? {
            Heard::Reply { note, room, packet } => self.answered(note, room, packet),
            Heard::Refused { note, error } => self.refused(note, &error),
            Heard::Notice { room, packet } => self.noticed(room, packet),
            Heard::Unknown => {}
        }
        Ok(())
    }

    fn lose(&mut self) -> Return {
        if self.stage == Stage::Greeting && !self.has_heard && self.back == Return::Never {
            let text = "the server has not answered Hello: \
                        it does not speak the platform's protocol, or is about to end";
            let hint =
                "a game of one's own may speak the guide's: wharf chat --classic --user NAME";
            self.fail(None, Problem::new("no_platform", text).hint(hint));
        }
        if let Some(place) = self.place() {
            self.was = place;
        }
        self.stage = Stage::Away;
        self.me = None;
        self.pulse.end();
        for asked in self.requests.lose_all() {
            match asked {
                Asked::Call { call, .. } => {
                    let problem = Problem::unconfirmed(&call);
                    self.fail(call, problem);
                }
                Asked::Find { call, .. } => self.fail(call, Problem::not_connected()),
                Asked::Rejoin(again) => self.rejoins.push(again),
                Asked::Hello
                | Asked::LogIn { .. }
                | Asked::Pulse
                | Asked::Refresh
                | Asked::Presence => {}
            }
        }
        if let Some(call) = self.held.take() {
            self.fail(call, Problem::not_connected());
        }
        self.rejoins.extend(self.places.lose_all());
        if self.back == Return::Never {
            self.rejoins.clear();
            self.was.clear();
        }
        self.ready(false);
        self.back
    }

    fn wake_at(&self) -> Option<Instant> {
        self.pulse.due_at()
    }

    fn wake(&mut self, now: Moment) {
        self.now = now;
        if self.pulse.is_gone(now.at) {
            let why = "the server does not answer any more".to_owned();
            return self.outputs.push_back(Output::HangUp(why));
        }
        if self.pulse.wants_ping(now.at) {
            let sent_ms = now.unix_ms;
            self.ask(&ClientPacket::Ping(Ping { sent_ms }), None, Asked::Pulse);
            self.pulse.asked(now.at);
        }
        if self.pulse.wants_refresh(now.at)
            && let Some(token) = self.token.as_ref().filter(|_| self.me.is_some())
        {
            let token = token.bytes();
            let refresh = ClientPacket::Refresh(account::Refresh { token });
            self.ask(&refresh, None, Asked::Refresh);
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn prompt(&self) -> String {
        match (self.stage, self.place()) {
            (Stage::Here, Some(place)) => place + "> ",
            (Stage::Here, None) if self.was.is_empty() => "> ".to_owned(),
            _ => away_from(&self.was),
        }
    }

    fn names(&self) -> Vec<String> {
        self.places.names()
    }
}

impl Talk {
    /// Who is logged in, and in which room.
    fn place(&self) -> Option<String> {
        let name = &self.me.as_ref()?.display_name;
        Some(match self.places.current_name() {
            Some(room) => format!("{name} in {room}"),
            None => name.clone(),
        })
    }
}
