//! An application that has a lot to send: what one says, everybody in the room hears.

use crate::outgoing::Limits;
use crate::overflow::{Account, Overflow};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use t04_logic::{Application, SessionId, Sessions};

/// The room.
pub struct Room {
    people: Mutex<BTreeSet<SessionId>>,
    /// How often each is told, oneself included.
    times: usize,
    is_echo: bool,
    limits: Limits,
    account: Arc<Account>,
}

impl Room {
    /// An empty one.
    #[must_use]
    pub fn new(times: usize, limits: Limits, account: Arc<Account>) -> Room {
        Room {
            people: Mutex::default(),
            times,
            is_echo: false,
            limits,
            account,
        }
    }

    /// The same, in which one hears oneself, and nobody else.
    #[must_use]
    pub fn echo(self) -> Room {
        Room {
            is_echo: true,
            ..self
        }
    }

    fn people(&self) -> MutexGuard<'_, BTreeSet<SessionId>> {
        self.people.lock().expect("nothing panics with this lock")
    }
}

impl Application for Room {
    fn on_connect(&self, _: &dyn Sessions, session: SessionId) {
        self.people().insert(session);
    }

    fn on_receive(&self, sessions: &dyn Sessions, session: SessionId, bytes: &[u8]) {
        // Not under the lock: who waits for room would keep the next from coming in.
        let people = match self.is_echo {
            true => BTreeSet::from([session]),
            false => self.people().clone(),
        };
        for _ in 0..self.times {
            if self.limits.overflow == Overflow::Block {
                self.account.wait_for_room(self.limits.waiting_bytes_max);
            }
            for &listener in &people {
                sessions.send(listener, bytes);
            }
        }
    }

    fn on_close(&self, _: &dyn Sessions, session: SessionId) {
        self.people().remove(&session);
    }
}
