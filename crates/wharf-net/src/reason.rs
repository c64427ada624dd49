//! Why sessions end. Each reason has one stable name, for logs and counters.

use core::fmt;
use wharf_port::{CloseHow, ConnectError, OsCode};
use wharf_wire::Violation;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer ended its direction and everything it asked for was answered.
    PeerClosed,
    /// The peer reset the connection.
    PeerReset,
    /// The peer stopped answering (TCP keepalive or user timeout).
    PeerTimedOut,
    /// The peer broke the protocol.
    Protocol(Violation),
    /// The peer ended its direction in the middle of a frame.
    TruncatedFrame,
    /// A frame was begun and not completed in time (slowloris).
    PartialFrameTimeout,
    /// Its unfinished frame was the oldest when the shard's memory for them ran out.
    ReassemblyBudget,
    /// It did not log in in time.
    LoginTimeout,
    /// It was silent for too long (sessions with a heartbeat only).
    IdleTimeout,
    /// Its link took no byte for too long.
    SendStall,
    /// It reads too slowly: its link took nothing for a while with more than its budget waiting, or
    /// more came than any budget, or than the memory of the shard, has room for.
    SlowReader,
    /// It sent more than it may for too long, although its input was paused again and again.
    Flood,
    /// There was no seat for it.
    Refused(Refusal),
    /// Content or an operator removed it.
    Kicked,
    /// The handler of one of its packets panicked.
    HandlerPanicked,
    /// Content sent it a frame that breaks the protocol: an error of the server's own.
    BadOutboundFrame,
    /// The server stops.
    Shutdown,
    /// The connection could not be made.
    ConnectFailed(ConnectError),
    /// The port had no room for an operation of this session.
    Overloaded,
    /// The system reported something that has no name here.
    Network(OsCode),
}

/// Why there was no seat for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `sessions_max` are seated.
    Full,
    /// `sessions_not_logged_in` are waiting to log in.
    LoginQueueFull,
}

/// Names of the reasons that are not violations, in the order of [`CloseReason::index`].
const OWN_NAMES: [&str; 20] = [
    "peer-closed",
    "peer-reset",
    "peer-timed-out",
    "truncated-frame",
    "partial-frame-timeout",
    "reassembly-budget",
    "login-timeout",
    "idle-timeout",
    "send-stall",
    "slow-reader",
    "flood",
    "refused-full",
    "refused-login-queue",
    "kicked",
    "handler-panicked",
    "bad-outbound-frame",
    "shutdown",
    "connect-failed",
    "overloaded",
    "network",
];

impl CloseReason {
    /// How many names there are.
    pub const COUNT: usize = OWN_NAMES.len() + Violation::NAMES.len();

    /// Every name, in the order of [`CloseReason::index`].
    pub fn names() -> impl Iterator<Item = &'static str> {
        OWN_NAMES.into_iter().chain(Violation::NAMES)
    }

    /// A short, stable name for counters and logs; a violation gives its own.
    pub fn name(self) -> &'static str {
        match self {
            Self::Protocol(violation) => violation.name(),
            _ => OWN_NAMES[self.index()],
        }
    }

    /// The place of the reason's counter, below [`CloseReason::COUNT`].
    pub fn index(self) -> usize {
        match self {
            Self::PeerClosed => 0,
            Self::PeerReset => 1,
            Self::PeerTimedOut => 2,
            Self::TruncatedFrame => 3,
            Self::PartialFrameTimeout => 4,
            Self::ReassemblyBudget => 5,
            Self::LoginTimeout => 6,
            Self::IdleTimeout => 7,
            Self::SendStall => 8,
            Self::SlowReader => 9,
            Self::Flood => 10,
            Self::Refused(Refusal::Full) => 11,
            Self::Refused(Refusal::LoginQueueFull) => 12,
            Self::Kicked => 13,
            Self::HandlerPanicked => 14,
            Self::BadOutboundFrame => 15,
            Self::Shutdown => 16,
            Self::ConnectFailed(_) => 17,
            Self::Overloaded => 18,
            Self::Network(_) => 19,
            Self::Protocol(violation) => {
                let names = Violation::NAMES.iter();
                OWN_NAMES.len() + names.take_while(|name| **name != violation.name()).count()
            }
        }
    }

    /// Whether this is how sessions end every day, so that nobody will ask about it.
    pub fn is_ordinary(self) -> bool {
        matches!(self, Self::PeerClosed | Self::PeerReset | Self::Shutdown)
    }

    /// How the socket is closed. In order where the peer may still want to read; at once where it
    /// does not read, or where the kernel should keep nothing for it.
    pub(crate) fn how(self) -> CloseHow {
        match self {
            Self::SendStall | Self::SlowReader | Self::Flood => CloseHow::Reset,
            Self::PartialFrameTimeout | Self::ReassemblyBudget => CloseHow::Reset,
            _ => CloseHow::Fin,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::PeerClosed => "the peer closed",
            Self::PeerReset => "the peer reset the connection",
            Self::PeerTimedOut => "the peer stopped answering",
            Self::Protocol(violation) => return violation.fmt(f),
            Self::TruncatedFrame => "the peer closed in the middle of a frame",
            Self::PartialFrameTimeout => "a frame was not completed in time",
            Self::ReassemblyBudget => "no memory left for its unfinished frame",
            Self::LoginTimeout => "no login in time",
            Self::IdleTimeout => "silent for too long",
            Self::SendStall => "the link took no byte for too long",
            Self::SlowReader => "it reads too slowly for what others send",
            Self::Flood => "it kept sending more than it may",
            Self::Refused(Refusal::Full) => "the server is full",
            Self::Refused(Refusal::LoginQueueFull) => "too many wait to log in",
            Self::Kicked => "removed",
            Self::HandlerPanicked => "the handler of its packet panicked",
            Self::BadOutboundFrame => "content sent it a frame that is not one",
            Self::Shutdown => "the server stops",
            Self::ConnectFailed(error) => return write!(f, "no connection: {error:?}"),
            Self::Overloaded => "the port had no room for it",
            Self::Network(code) => return code.fmt(f),
        };
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_and_a_counter_of_its_own() {
        let names: Vec<_> = CloseReason::names().collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(
            (unique.len(), names.len()),
            (CloseReason::COUNT, CloseReason::COUNT)
        );
        for reason in [
            CloseReason::PeerClosed,
            CloseReason::Refused(Refusal::LoginQueueFull),
            CloseReason::ConnectFailed(ConnectError::Refused),
            CloseReason::Network(OsCode(5)),
            CloseReason::Protocol(Violation::FrameTooShort { frame_bytes: 0 }),
            CloseReason::Protocol(Violation::InvalidField { id: 1, field: "x" }),
        ] {
            assert_eq!(names[reason.index()], reason.name());
        }
    }
}
