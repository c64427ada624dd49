//! The guide's protocol, as the driver uses it.

use super::super::engine::{Engine, Moment, Output, Return, away_from};
use super::super::event::{Event, Problem};
use super::super::parse::Call;
use super::{Classic, Want, name_of};
use crate::client::OwnedFrame;
use std::time::{Duration, Instant};
use wharf_wire::classic::{
    ChatNotify, LeaveUserNotify, NewUserNotify, ResultCode, UserListNotify, id,
};
use wharf_wire::{Packet as _, Violation};

impl Engine for Classic {
    fn begin(&mut self, now: Moment) {
        self.now = now;
        self.is_here = true;
        let (target, server) = (self.target.clone(), "classic".to_owned());
        let version = 0;
        self.tell(Event::Connected {
            target,
            server,
            version,
        });
        let held = self.held.take();
        match (held, self.wish.user.clone()) {
            (Some(call), _) if call.command.name == "login" => {
                self.do_call(call);
                self.ready(false);
            }
            (held, user) => {
                held.into_iter().for_each(|call| self.do_call(call));
                let Some(user) = user else {
                    self.tell(Event::Hint("not logged in: /login NAME".to_owned()));
                    return self.ready(true);
                };
                let password = self.wish.password.clone().unwrap_or_default();
                self.log_in(None, user, password);
            }
        }
    }

    fn call(&mut self, call: Call, now: Moment) {
        self.now = now;
        // A classic server may let anybody in without a password.
        if let Err(mistake) = call.check_open() {
            return self.fail(Some(call), mistake.into());
        }
        if self.is_here {
            return self.do_call(call);
        }
        if !["connect", "login"].contains(&call.command.name) {
            return self.fail(Some(call), Problem::not_connected());
        }
        if let Some(before) = self.held.replace(call) {
            self.fail(Some(before), Problem::not_connected());
        }
        self.outputs.push_back(Output::Connect);
    }

    fn hear(&mut self, frame: &OwnedFrame, now: Moment) -> Result<(), Violation> {
        self.now = now;
        let body = &frame.body[..];
        if let Some(asked) = self.asked.pop_front_if(|it| it.reply == frame.id) {
            let result = match asked.what {
                Want::Ping(_) => ResultCode::None,
                _ => {
                    let wrong = Violation::BodyLength {
                        id: frame.id,
                        body_bytes: body.len() as u16,
                    };
                    let code = body.try_into().map_err(|_| wrong)?;
                    ResultCode::from_wire(u16::from_le_bytes(code))
                }
            };
            self.answered(asked, result);
            return Ok(());
        }
        match frame.id {
            id::USER_LIST_NOTIFY => self.listed(&UserListNotify::decode(body)?),
            id::NEW_USER_NOTIFY => self.came(&NewUserNotify::decode(body)?.user),
            id::LEAVE_USER_NOTIFY => self.went(LeaveUserNotify::decode(body)?.unique_id),
            id::CHAT_NOTIFY => self.said(&ChatNotify::decode(body)?),
            _ => {}
        }
        Ok(())
    }

    fn lose(&mut self) -> Return {
        if let Some(place) = self.place() {
            self.was = place;
        }
        self.is_here = false;
        self.me = None;
        for asked in std::mem::take(&mut self.asked) {
            if let Some(call) = asked.call {
                let problem = Problem::unconfirmed(&call);
                self.fail(Some(call), problem);
            }
        }
        if let Some(call) = self.held.take() {
            self.fail(Some(call), Problem::not_connected());
        }
        if let Some(room) = self.room.take() {
            self.rejoin = Some(room.number);
            if let Some((Some(call), _)) = room.entering {
                let problem = Problem::unconfirmed(&call);
                self.fail(Some(call), problem);
            }
        }
        self.ready(false);
        match self.comes_back {
            true => Return::After(Duration::ZERO),
            false => Return::Never,
        }
    }

    /// A classic session may be silent for ever, but not about what it was asked.
    fn wake_at(&self) -> Option<Instant> {
        let room = self.room.as_ref();
        let list = room.and_then(|room| Some(room.entering.as_ref()?.1));
        let answer = self.asked.front().map(|asked| asked.until);
        list.into_iter().chain(answer).min()
    }

    fn wake(&mut self, now: Moment) {
        self.now = now;
        self.give_up();
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn prompt(&self) -> String {
        let was = if self.comes_back { &*self.was } else { "" };
        match (self.place(), self.is_here) {
            (Some(place), _) => place + "> ",
            (None, true) if was.is_empty() => "> ".to_owned(),
            (None, _) => away_from(was),
        }
    }

    fn names(&self) -> Vec<String> {
        let members = self.members().into_iter();
        members.map(|it| it.display_name).collect()
    }
}

impl Classic {
    /// Who is logged in, and in which room.
    fn place(&self) -> Option<String> {
        let name = self.me.as_ref()?;
        Some(match &self.room {
            Some(room) => format!("{name} in {}", name_of(room.number)),
            None => name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::talk::Wish;
    use super::*;
    use wharf_wire::HEADER_BYTES;
    use wharf_wire::classic::{enter_response, login_response};

    fn now() -> Moment {
        let at = Instant::now();
        Moment { at, unix_ms: 1_000 }
    }

    fn hear(classic: &mut Classic, result: ResultCode) {
        hear_frame(classic, id::LOGIN_RESPONSE, &login_response(result));
    }

    fn hear_frame(classic: &mut Classic, id: u16, packet: &impl wharf_wire::Packet) {
        let frame = packet.to_frame();
        let frame = OwnedFrame {
            id,
            flags: 0,
            body: frame[HEADER_BYTES..].to_vec(),
        };
        classic.hear(&frame, now()).unwrap();
    }

    fn told(classic: &mut Classic) -> Vec<String> {
        let outputs = std::iter::from_fn(|| classic.poll());
        let events = outputs.filter_map(|it| match it {
            Output::Tell(event) => Some(super::super::super::json::line(&event)),
            _ => None,
        });
        events.collect()
    }

    #[test]
    fn what_no_content_answers_is_told_and_holds_up_nothing() {
        let wish = Wish {
            user: Some("kim".to_owned()),
            ..Wish::default()
        };
        let mut classic = Classic::new("a:1", wish, now());
        classic.begin(now());
        hear(&mut classic, ResultCode::None);
        assert_eq!(classic.wake_at(), None);
        let call = |line: &str| {
            super::super::super::parse::parse(line, true)
                .unwrap()
                .unwrap()
        };
        classic.call(call("/enter 7"), now());
        told(&mut classic);
        let until = classic.wake_at().expect("an answer is awaited");
        let late = Moment {
            at: until,
            unix_ms: 1_000,
        };
        classic.wake(Moment {
            at: until - Duration::from_millis(1),
            ..late
        });
        assert_eq!(told(&mut classic), Vec::<String>::new());
        classic.wake(late);
        let lines = told(&mut classic);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains("\"timeout\"") && lines[0].contains("/enter 7"),
            "{lines:?}"
        );
        assert_eq!(classic.wake_at(), None);
        classic.call(call("/enter 0"), now());
        hear_frame(
            &mut classic,
            id::ENTER_RESPONSE,
            &enter_response(ResultCode::None),
        );
        let until = classic.wake_at().expect("a list is awaited");
        told(&mut classic);
        classic.wake(Moment {
            at: until,
            unix_ms: 1_000,
        });
        let lines = told(&mut classic);
        assert!(
            lines[0].contains("\"Room 0\"") && lines[0].contains("\"kim\""),
            "{lines:?}"
        );
    }

    #[test]
    fn a_password_is_asked_for_when_the_server_has_refused_none() {
        for (can_be_asked, refused, asks) in [
            (true, ResultCode::LoginUserInvalid, true),
            (true, ResultCode::LoginUserAlready, false),
            (false, ResultCode::LoginUserInvalid, false),
        ] {
            let wish = Wish {
                user: Some("kim".to_owned()),
                can_be_asked,
                ..Wish::default()
            };
            let mut classic = Classic::new("a:1", wish, now());
            classic.begin(now());
            hear(&mut classic, refused);
            let outputs: Vec<_> = std::iter::from_fn(|| classic.poll()).collect();
            let asked = outputs.iter().any(|it| matches!(it, Output::Ask(_)));
            assert_eq!(asked, asks, "{outputs:?}");
            let told = |it: &Output| match it {
                Output::Tell(event) => matches!(**event, Event::Failed { .. }),
                _ => false,
            };
            assert_eq!(outputs.iter().any(told), !asks, "{outputs:?}");
        }
    }

    #[test]
    fn whoever_was_in_comes_back_until_the_server_wants_them_no_more() {
        let wish = Wish {
            user: Some("kim".to_owned()),
            ..Wish::default()
        };
        let mut classic = Classic::new("a:1", wish, now());
        classic.begin(now());
        assert_eq!(classic.lose(), Return::Never, "nobody was in yet");
        classic.begin(now());
        hear(&mut classic, ResultCode::None);
        for _ in 0..3 {
            assert_eq!(classic.lose(), Return::After(Duration::ZERO));
        }
        classic.begin(now());
        hear(&mut classic, ResultCode::LoginUserAlready);
        assert_eq!(classic.lose(), Return::Never);
    }
}
