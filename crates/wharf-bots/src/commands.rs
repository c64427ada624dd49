//! What the bots want done: the fleet writes it down, the driver carries it out.

use core::ops::Range;
use std::net::IpAddr;
use wharf_base::SessionId;
use wharf_net::CloseReason;

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// Connect a bot, from this address if one is given.
    Connect { bot: u32, local: Option<IpAddr> },
    /// Send a whole frame.
    Send { session: SessionId, frame: &'a [u8] },
    /// The login was answered well: its deadline is over.
    LogIn { session: SessionId },
    /// Stop taking bytes from the link.
    PauseReading { session: SessionId },
    /// Take them again.
    ResumeReading { session: SessionId },
    /// Close in an orderly way, for this reason.
    Finish {
        session: SessionId,
        reason: CloseReason,
    },
    /// Close at once.
    Close { session: SessionId },
}

/// Commands in the order in which they were given; frames lie in one arena that is used again.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
enum Entry {
    Plain(Command<'static>),
    Send {
        session: SessionId,
        frame: Range<usize>,
    },
}

impl Commands {
    /// Gives a command that carries no bytes.
    pub(crate) fn give(&mut self, command: Command<'static>) {
        self.entries.push(Entry::Plain(command));
    }

    /// Sends the frame that `write` appends.
    pub(crate) fn send(&mut self, session: SessionId, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let frame = start..self.bytes.len();
        self.entries.push(Entry::Send { session, frame });
    }

    /// Hands out all commands, first given first; memory is kept for the next turn.
    pub(crate) fn drain(&mut self, mut carry_out: impl FnMut(Command<'_>)) {
        for entry in self.entries.drain(..) {
            carry_out(match entry {
                Entry::Plain(command) => command,
                Entry::Send { session, frame } => Command::Send {
                    session,
                    frame: &self.bytes[frame],
                },
            });
        }
        self.bytes.clear();
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_out_as_they_went_in() {
        let mut commands = Commands::default();
        let session = SessionId::from_bits(7);
        commands.give(Command::LogIn { session });
        commands.send(session, |out| out.extend_from_slice(b"one"));
        commands.send(session, |out| out.extend_from_slice(b"two"));
        commands.give(Command::Close { session });
        let mut seen = Vec::new();
        commands.drain(|command| seen.push(format!("{command:?}")));
        assert_eq!(
            seen,
            [
                "LogIn { session: s0.0.7 }",
                "Send { session: s0.0.7, frame: [111, 110, 101] }",
                "Send { session: s0.0.7, frame: [116, 119, 111] }",
                "Close { session: s0.0.7 }",
            ]
        );
        assert!(commands.is_empty());
    }
}
