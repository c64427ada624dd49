//! How a peer can break the protocol. Each ends that session, with this name in log and counter.

use core::fmt;

/// What was wrong with what a peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A length below the header's own five bytes.
    FrameTooShort {
        /// What the length field said.
        frame_bytes: u16,
    },
    /// A length above the limit; most often not our protocol at all (an HTTP request, say).
    FrameTooLong {
        /// What the length field said.
        frame_bytes: u16,
        /// The limit, header included.
        limit: u16,
    },
    /// An id that nobody may send in this direction: unknown, reserved, or for the other side.
    UnknownId {
        /// The id.
        id: u16,
    },
    /// Flags that mean nothing yet, that make no sense for this packet or not together, or one that
    /// is missing.
    UnknownFlags {
        /// The packet.
        id: u16,
        /// All its flags.
        flags: u8,
    },
    /// A body that is shorter or longer than this packet's.
    BodyLength {
        /// The packet.
        id: u16,
        /// Bytes of the body that the header announced.
        body_bytes: u16,
    },
    /// Text that is not UTF-8.
    InvalidText {
        /// The packet.
        id: u16,
    },
    /// A field with a value that its packet does not allow (a negative count, say).
    InvalidField {
        /// The packet.
        id: u16,
        /// The field.
        field: &'static str,
    },
    /// A body that cannot be read: not what its packet's schema says.
    InvalidBody {
        /// The packet.
        id: u16,
    },
    /// A fragment that does not go on with the unfinished message.
    StrayFragment {
        /// The packet.
        id: u16,
    },
    /// Fragments that together are more than a message may have.
    MessageTooLong {
        /// The packet.
        id: u16,
        /// The limit of the whole message.
        limit: u32,
    },
}

impl Violation {
    /// Every name that [`Violation::name`] gives, for counters.
    pub const NAMES: [&'static str; 10] = [
        "frame-too-short",
        "frame-too-long",
        "unknown-id",
        "unknown-flags",
        "body-length",
        "invalid-text",
        "invalid-field",
        "invalid-body",
        "stray-fragment",
        "message-too-long",
    ];

    /// A short, stable name for counters and logs.
    pub fn name(self) -> &'static str {
        Self::NAMES[match self {
            Self::FrameTooShort { .. } => 0,
            Self::FrameTooLong { .. } => 1,
            Self::UnknownId { .. } => 2,
            Self::UnknownFlags { .. } => 3,
            Self::BodyLength { .. } => 4,
            Self::InvalidText { .. } => 5,
            Self::InvalidField { .. } => 6,
            Self::InvalidBody { .. } => 7,
            Self::StrayFragment { .. } => 8,
            Self::MessageTooLong { .. } => 9,
        }]
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrameTooShort { frame_bytes } => {
                write!(
                    f,
                    "a frame of {frame_bytes} bytes is shorter than its header"
                )
            }
            Self::FrameTooLong { frame_bytes, limit } => {
                write!(
                    f,
                    "a frame of {frame_bytes} bytes is above the limit of {limit}"
                )
            }
            Self::UnknownId { id } => write!(f, "packet id {id} may not be sent here"),
            Self::UnknownFlags { id, flags } => {
                write!(f, "packet {id} may not have just the flags {flags:#010b}")
            }
            Self::BodyLength { id, body_bytes } => {
                write!(
                    f,
                    "packet {id} has a body of another length than {body_bytes} bytes"
                )
            }
            Self::InvalidText { id } => write!(f, "packet {id} has text that is not UTF-8"),
            Self::InvalidField { id, field } => {
                write!(f, "packet {id} has a {field} that is not allowed")
            }
            Self::InvalidBody { id } => write!(f, "packet {id} has a body that cannot be read"),
            Self::StrayFragment { id } => {
                write!(f, "packet {id} has a fragment that goes on with nothing")
            }
            Self::MessageTooLong { id, limit } => {
                write!(f, "packet {id} has fragments of more than {limit} bytes")
            }
        }
    }
}

impl std::error::Error for Violation {}
