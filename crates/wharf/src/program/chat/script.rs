//! What a script waits for.

use super::event::Event;
use super::json;
use super::parse::{Call, Mistake, text_of};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Events that are kept for the next wait; of more the oldest are gone.
const HEARD_MAX: usize = 1_024;
/// How long a wait takes at the most, unless it says.
const TIMEOUT_SECONDS: f64 = 30.0;
/// The longest that it may say: a day.
const TIMEOUT_SECONDS_MAX: f64 = 86_400.0;

type Object = Map<String, Value>;

/// The events that no wait has taken yet, and the wait that is going on.
#[derive(Debug, Default)]
pub(super) struct Waits {
    heard: VecDeque<Object>,
    going: Option<(Call, Instant)>,
}

impl Waits {
    /// Keeps an event that somebody may wait for: all but the answers to commands.
    pub(super) fn heard(&mut self, event: &Event) {
        let is_answer = match event {
            Event::Done { .. } | Event::Hint(_) => true,
            Event::Failed { call, .. } => call.is_some(),
            _ => false,
        };
        if is_answer {
            return;
        }
        if self.heard.len() >= HEARD_MAX {
            self.heard.pop_front();
        }
        self.heard.push_back(json::object(event));
    }

    /// Begins a wait.
    ///
    /// # Errors
    /// For one that says no event, or a time that is none.
    pub(super) fn begin(&mut self, call: Call, now: Instant) -> Result<(), Mistake> {
        call.check()?;
        let seconds = call.number("timeout")?.unwrap_or(TIMEOUT_SECONDS);
        if !(0.0..=TIMEOUT_SECONDS_MAX).contains(&seconds) {
            return Err(call.mistake("timeout is in seconds, a day at the most"));
        }
        self.going = Some((call, now + Duration::from_secs_f64(seconds)));
        Ok(())
    }

    /// When the wait is over without what it waits for.
    pub(super) fn until(&self) -> Option<Instant> {
        self.going.as_ref().map(|(_, until)| *until)
    }

    /// What was waited for, if it has come. It and those before it are no other wait's any more.
    pub(super) fn look(&mut self) -> Option<(Call, Object)> {
        let (call, _) = self.going.as_ref()?;
        let place = self.heard.iter().position(|event| is_it(call, event))?;
        let event = self.heard.drain(..=place).next_back()?;
        let (call, _) = self.going.take()?;
        Some((call, event))
    }

    /// Ends the wait.
    pub(super) fn give_up(&mut self) -> Option<Call> {
        self.going.take().map(|(call, _)| call)
    }
}

fn is_it(call: &Call, event: &Object) -> bool {
    let has = |name: &str, value: &str| event.get(name).is_some_and(|it| text_of(it) == value);
    let mut fields = call.others.iter();
    has("event", &call.text("for")) && fields.all(|(name, value)| has(name, value))
}

#[cfg(test)]
mod tests {
    use super::super::event::{About, Problem};
    use super::super::parse::parse;
    use super::*;
    use wharf_proto::ServerPacket;
    use wharf_proto::chat::{Content, Message, Said, content::What};

    fn said(from: &str, text: &str) -> Event {
        let what = Some(What::Text(text.to_owned()));
        let message = Message {
            author_name: from.to_owned(),
            content: Some(Content { what }),
            ..Message::default()
        };
        let message = Some(message);
        let packet = ServerPacket::Said(Said { message });
        let about = About::default();
        Event::Notice { packet, about }
    }

    fn wait(waits: &mut Waits, line: &str) -> Option<String> {
        let call = parse(line, true).unwrap().unwrap();
        waits.begin(call, Instant::now()).unwrap();
        let found = waits.look();
        waits.give_up();
        found.map(|(_, event)| text_of(&event["text"]))
    }

    #[test]
    fn a_wait_finds_what_came_before_it_once() {
        let mut waits = Waits::default();
        for (from, text) in [("kim", "one"), ("lee", "two"), ("kim", "three")] {
            waits.heard(&said(from, text));
        }
        let line = r#"{"cmd":"wait","for":"message","text":"two","from":"lee"}"#;
        assert_eq!(wait(&mut waits, line).as_deref(), Some("two"));
        assert_eq!(wait(&mut waits, line), None, "each event is for one wait");
        assert_eq!(
            wait(&mut waits, "/wait message text=one"),
            None,
            "it was before"
        );
        assert_eq!(wait(&mut waits, "/wait joined"), None);
        let three = wait(&mut waits, "/wait message from=kim");
        assert_eq!(three.as_deref(), Some("three"));
    }

    #[test]
    fn answers_are_not_waited_for_but_failures_of_what_goes_by_itself_are() {
        let mut waits = Waits::default();
        let problem = Problem::new("credentials", "wrong");
        let call = parse("hello", true).unwrap();
        waits.heard(&Event::Failed {
            call,
            problem: problem.clone(),
        });
        assert_eq!(wait(&mut waits, "/wait error"), None);
        let call = None;
        waits.heard(&Event::Failed { call, problem });
        let failed = wait(&mut waits, "/wait error code=credentials");
        assert_eq!(failed.as_deref(), Some("wrong"));
    }

    #[test]
    fn what_is_kept_is_bounded_and_times_are_sensible() {
        let mut waits = Waits::default();
        (0..2 * HEARD_MAX).for_each(|_| waits.heard(&said("kim", "hi")));
        assert_eq!(waits.heard.len(), HEARD_MAX);
        for line in [
            "/wait",
            "/wait message timeout=-1",
            "/wait message timeout=NaN",
        ] {
            let call = parse(line, true).unwrap().unwrap();
            waits.begin(call, Instant::now()).unwrap_err();
        }
    }
}
