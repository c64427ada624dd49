//! What waits to be sent to one session is gathered, and leaves together.

use crate::overflow::{Account, Overflow, Sums};
use crate::sys::Gathered;
use std::collections::VecDeque;
use std::sync::Arc;
use t04_logic::outgoing::Outgoing;

/// What may be chosen on the command line.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Limits {
    /// How many bytes may wait for one client
    #[arg(long, default_value_t = 64 * 1024)]
    pub waiting_bytes_max: usize,
    /// How many messages leave together at most
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub parts_max: u16,
    /// What happens when more waits than may
    #[arg(long, value_enum, default_value = "close")]
    pub overflow: Overflow,
}

/// The messages that wait for one session.
///
/// Invariant: `bytes` are those of `messages`, and the account knows of them.
pub struct Gathering {
    limits: Limits,
    account: Arc<Account>,
    messages: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Gathering {
    /// Nothing, for now.
    #[must_use]
    pub fn new(limits: Limits, account: Arc<Account>) -> Gathering {
        Gathering {
            limits,
            account,
            messages: VecDeque::new(),
            bytes: 0,
        }
    }

    fn has_room_for(&self, message: &[u8]) -> bool {
        self.bytes + message.len() <= self.limits.waiting_bytes_max
    }

    fn put(&mut self, message: &[u8]) {
        self.messages.push_back(message.into());
        self.bytes += message.len();
        self.account.note(|sums| sums.bytes += message.len());
    }

    /// Takes the oldest message, and notes what becomes of it.
    fn pop(&mut self, what: fn(&mut Sums)) -> Option<Box<[u8]>> {
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        self.account.note(|sums| {
            sums.bytes -= message.len();
            what(sums);
        });
        Some(message)
    }
}

impl Outgoing for Gathering {
    type Portion = Gathered;

    fn push(&mut self, message: &[u8]) -> bool {
        self.account.note(|sums| sums.given += 1);
        if self.has_room_for(message) {
            self.put(message);
            return true;
        }
        // The fault: whatever is decided, the buffer begins again.
        let overflow = if cfg!(feature = "faulty") {
            Overflow::BeginAgain
        } else {
            self.limits.overflow
        };
        match overflow {
            Overflow::Close => {
                self.account.note(|sums| sums.lost += 1);
                return false;
            }
            Overflow::DropOldest => {
                while !self.has_room_for(message) && self.pop(|sums| sums.lost += 1).is_some() {}
                self.put(message);
            }
            Overflow::DropNewest => self.account.note(|sums| sums.lost += 1),
            // One too many: before the next, whoever says it has to wait.
            Overflow::Block => self.put(message),
            Overflow::BeginAgain => {
                while self.pop(|_| {}).is_some() {}
                self.put(message);
            }
        }
        true
    }

    fn next(&mut self) -> Option<(Gathered, usize)> {
        let count = self.limits.parts_max;
        let take = |_| self.pop(|sums| sums.left += 1);
        let messages: Vec<_> = (0..count).map_while(take).collect();
        if messages.is_empty() {
            return None;
        }
        self.account.note(|sums| sums.sends += 1);
        let bytes = messages.iter().map(|message| message.len()).sum();
        Some((Gathered::new(messages), bytes))
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn clear(&mut self) {
        while self.pop(|sums| sums.lost += 1).is_some() {}
    }
}

/// Each session begins with nothing.
impl Clone for Gathering {
    fn clone(&self) -> Self {
        Gathering::new(self.limits, self.account.clone())
    }
}
