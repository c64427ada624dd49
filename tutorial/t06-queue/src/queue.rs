//! What waits to be sent to one client: control before bulk, and one send under way at a time.
//!
//! ```text
//!  push ──► control ──┐
//!                     ├──► next_send: whole messages, up to so many bytes ──► the kernel
//!  push ──► bulk    ──┘        again only after handle_sent
//! ```
//!
//! What the kernel has cannot be overtaken any more. So a send is kept short: it is what an urgent
//! message has to wait for, however much waits in here.

use std::collections::VecDeque;

/// How many messages one send has at most. (writev(2) takes 1,024.)
const SEND_MESSAGES_MAX: usize = 64;

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Before all bulk that waits: an answer to a ping, a word that somebody is to leave.
    Control,
    /// In its turn.
    Bulk,
}

/// What holds for each queue.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
pub struct Rules {
    /// How many bytes may wait for one client; who leaves more unread is cut
    #[arg(long, default_value_t = 8 << 20)]
    pub waiting_bytes_max: usize,
    /// How long one send may be, if it is more than one message
    #[arg(long, default_value_t = 16 << 10)]
    pub send_bytes_max: usize,
    /// Send everything in the order in which it came
    #[arg(long)]
    pub no_priorities: bool,
}

/// More would wait than the rules allow.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMuch;

/// The queue of one slot, for one session after another.
///
/// Invariant: `waiting_bytes` is the length of all that waits; and from `next_send` to
/// `handle_sent` one send is under way, and no other.
pub struct Queue {
    rules: Rules,
    control: VecDeque<Box<[u8]>>,
    bulk: VecDeque<Box<[u8]>>,
    waiting_bytes: usize,
    is_sending: bool,
}

impl Queue {
    /// A queue in which nothing waits.
    #[must_use]
    pub fn new(rules: Rules) -> Queue {
        Queue {
            rules,
            control: VecDeque::new(),
            bulk: VecDeque::new(),
            waiting_bytes: 0,
            is_sending: false,
        }
    }

    /// Puts a message behind those of its class.
    ///
    /// # Errors
    /// [`TooMuch`], and the message is not in the queue.
    pub fn push(&mut self, class: Class, message: &[u8]) -> Result<(), TooMuch> {
        let waiting_bytes = self.waiting_bytes + message.len();
        if waiting_bytes > self.rules.waiting_bytes_max {
            return Err(TooMuch);
        }
        self.waiting_bytes = waiting_bytes;
        match class {
            Class::Control if !self.rules.no_priorities => &mut self.control,
            Class::Control | Class::Bulk => &mut self.bulk,
        }
        .push_back(message.into());
        Ok(())
    }

    /// What is to be sent now, if nothing is being sent and something waits: the next message, and
    /// those behind it as far as the send does not become too long. They leave by one call, as in
    /// step 5.
    pub fn next_send(&mut self) -> Option<Vec<Box<[u8]>>> {
        if self.is_sending {
            return None;
        }
        let mut messages = vec![self.pop()?];
        let mut bytes = messages[0].len();
        while let Some(next) = self.first()
            && bytes + next.len() <= self.rules.send_bytes_max
            && messages.len() < SEND_MESSAGES_MAX
        {
            bytes += next.len();
            messages.extend(self.pop());
        }
        self.is_sending = true;
        Some(messages)
    }

    /// All that [`next_send`](Self::next_send) gave has been sent.
    ///
    /// # Panics
    /// If it gave nothing.
    pub fn handle_sent(&mut self) {
        assert!(self.is_sending, "nothing was being sent");
        self.is_sending = false;
    }

    /// The session is over, whatever became of its last send: the next one begins anew.
    pub fn clear(&mut self) {
        self.control.clear();
        self.bulk.clear();
        self.waiting_bytes = 0;
        // The fault: it is the end of a send that takes the mark away, and nothing else. A send
        // that failed leaves it, and whoever has the slot next waits for its end, for ever.
        if !cfg!(feature = "faulty") {
            self.is_sending = false;
        }
    }

    /// Whether nothing waits and nothing is being sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.is_sending && self.first().is_none()
    }

    fn first(&self) -> Option<&[u8]> {
        self.control
            .front()
            .or(self.bulk.front())
            .map(|message| &**message)
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        let message = self.control.pop_front().or_else(|| self.bulk.pop_front())?;
        self.waiting_bytes -= message.len();
        Some(message)
    }
}
