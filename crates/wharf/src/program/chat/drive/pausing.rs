//! A script that is too fast for the server waits as long as it is told, and asks again: nobody is
//! there to do it, and what it says next would be as much too fast.

use super::super::engine::Moment;
use super::super::event::Event;
use super::super::parse::Call;
use super::{Driver, Turn};
use std::time::{Duration, Instant};

/// The longest that a command waits to be asked again. What takes longer is told.
const PAUSE_MAX: Duration = Duration::from_secs(60);

impl Driver {
    /// Whether the command of a script that is running was only too fast. It is not told then.
    pub(super) fn pauses(&mut self, event: &Event) -> bool {
        let (Event::Failed { call, problem }, true) = (event, self.manner.is_script) else {
            return false;
        };
        let (Turn::Running { serial, .. }, Some(call)) = (&self.turn, call) else {
            return false;
        };
        let pause = Duration::from_millis(problem.retry_after_ms.into());
        let is_short = !pause.is_zero() && pause <= PAUSE_MAX;
        let pauses = call.serial == *serial && problem.code == "rate" && is_short;
        if pauses {
            let (call, until) = (call.clone(), Instant::now() + pause);
            self.turn = Turn::Pausing { call, until };
        }
        pauses
    }

    /// Asks again what was too fast. Without a connection that fails as it would the first time.
    pub(super) fn go_on(&mut self, call: Call, now: Moment) {
        let serial = call.serial;
        self.turn = Turn::Running {
            serial,
            until: None,
        };
        self.engine.call(call, now);
    }
}
