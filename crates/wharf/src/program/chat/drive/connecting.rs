//! How the driver gets its connection, loses it, and leaves one server for another.

use super::super::engine::Return;
use super::super::event::Event;
use super::super::happening::{Happening, Outcome};
use super::super::plan::logs_in;
use super::{Driver, Turn, moment};
use crate::client::Link;
use std::time::{Duration, Instant};

/// Longest time that a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a lost connection is left alone at first, and at the most.
pub(super) const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

impl Driver {
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let sent = self.link.as_mut().map(|link| link.send(bytes));
        if let Some(Err(error)) = sent {
            self.lost(format!("the connection broke: {error}"));
        }
    }

    pub(super) fn connect(&mut self) -> Result<(), String> {
        self.link = None;
        self.retry_at = None;
        self.generation += 1;
        let generation = self.generation;
        let tell = self.ends.tell.clone();
        let told = move |it| tell.send(Happening::FromServer(generation, it)).is_ok();
        let target = &self.manner.target;
        let link = Link::connect(target, CONNECT_TIMEOUT, told)
            .map_err(|error| format!("nobody answers at {target}: {error}"))?;
        self.link = Some(link);
        self.engine.begin(moment());
        Ok(())
    }

    /// There is no connection any more, or there is still none.
    pub(super) fn lost(&mut self, why: String) {
        self.link = None;
        self.generation += 1;
        let back = self.engine.lose();
        let again = match back {
            Return::After(after) if !self.manner.is_once => {
                let delay = self.retry_delay.max(after);
                self.retry_delay = (self.retry_delay * 2).min(RETRY_MAX);
                Some(delay)
            }
            _ => None,
        };
        self.retry_at = again.map(|delay| Instant::now() + delay);
        let again_ms = again.map(|delay| delay.as_millis() as u64);
        let is_typed = match &self.turn {
            Turn::Secrets { call, .. } => logs_in(call.command),
            _ => false,
        };
        self.tell(Event::Lost {
            why,
            again_ms,
            is_typed,
        });
        self.do_all();
        if self.manner.is_once && self.outcome.is_none() {
            self.outcome = Some(Outcome::Failed);
        }
    }

    /// Goes away from the server, for that one: another, or the same again. What has no answer yet
    /// is told so first.
    pub(super) fn leave_for(&mut self, target: &str) {
        self.link = None;
        self.generation += 1;
        self.retry_at = None;
        self.retry_delay = RETRY_MIN;
        self.engine.lose();
        self.do_all();
        if self.manner.target == target {
            return;
        }
        self.manner.target = target.to_owned();
        self.engine = (self.engines)(target);
        if !self.targets.iter().any(|it| it == target) {
            self.targets.push(target.to_owned());
        }
    }
}
