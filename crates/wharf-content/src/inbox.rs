//! What a logic shard receives.

use crate::{Letter, UserId, arena};
use wharf_base::{Batch, SessionId};
use wharf_wire::Frame;

/// One thing that the world did.
#[derive(Debug)]
pub enum ContentEvent<'a> {
    /// A session began; this shard is its home.
    Opened {
        /// Which.
        session: SessionId,
    },
    /// A session sent a frame. It costs one credit, returned by
    /// [`crate::ContentCommand::Credit`] once it was served.
    Frame {
        /// Whose.
        session: SessionId,
        /// What.
        frame: Frame<'a>,
    },
    /// The session's input ended, behind all its frames; answered by
    /// [`crate::ContentCommand::Finish`].
    InputEnded {
        /// Whose.
        session: SessionId,
    },
    /// The session is over. Its last event; answered by [`crate::ContentCommand::Release`].
    Closed {
        /// Which.
        session: SessionId,
    },
    /// The I/O shard did what [`crate::ContentCommand::SetHome`] said: this is the session's last
    /// event here.
    Switched {
        /// Which.
        session: SessionId,
    },
    /// What the authenticator says to [`crate::ContentCommand::Authenticate`].
    Verdict {
        /// Whose login.
        session: SessionId,
        /// The user, or why not.
        verdict: Result<UserId, LoginRefusal>,
    },
    /// From another logic shard.
    Letter(Letter),
}

/// Why a login was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// That user is logged in already.
    InUse,
    /// No such user, or a wrong password.
    Invalid,
    /// No more users may log in now.
    Full,
    /// Whoever knows cannot be asked now.
    Unavailable,
}

/// An arena of [`ContentEvent`]s in the order in which they happened.
///
/// Invariant: every frame's range lies in `bytes`; `letters` has one entry for each record that
/// says so, in their order, and `letter_bytes` is what they occupy.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    records: Vec<Record>,
    letters: Vec<Letter>,
    letter_bytes: usize,
}

/// Letters that wait somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailLoad {
    /// How many.
    pub letters: usize,
    /// Memory that they occupy.
    pub bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    session: SessionId,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Opened,
    Frame {
        id: u16,
        flags: u8,
        body_bytes: u32,
        start: usize,
    },
    InputEnded,
    Closed,
    Switched,
    Verdict(Result<UserId, LoginRefusal>),
    Letter,
}

const _: () = assert!(size_of::<Record>() <= 32, "two events share a cache line");

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `event` behind the others; a frame's body is copied into the arena.
    pub fn push(&mut self, event: ContentEvent<'_>) {
        let (session, kind) = match event {
            ContentEvent::Opened { session } => (session, Kind::Opened),
            ContentEvent::Frame { session, frame } => (session, self.store(frame)),
            ContentEvent::InputEnded { session } => (session, Kind::InputEnded),
            ContentEvent::Closed { session } => (session, Kind::Closed),
            ContentEvent::Switched { session } => (session, Kind::Switched),
            ContentEvent::Verdict { session, verdict } => (session, Kind::Verdict(verdict)),
            ContentEvent::Letter(letter) => {
                self.letter_bytes += letter.size_bytes();
                self.letters.push(letter);
                (SessionId::from_bits(0), Kind::Letter)
            }
        };
        self.records.push(Record { session, kind });
    }

    /// Gives every event to `f`, in order, and leaves the inbox empty with its memory kept.
    #[expect(clippy::missing_panics_doc, reason = "the invariant forbids it")]
    pub fn drain(&mut self, mut f: impl FnMut(ContentEvent<'_>)) {
        let mut letters = self.letters.drain(..);
        for &Record { session, kind } in &self.records {
            f(match kind {
                Kind::Opened => ContentEvent::Opened { session },
                Kind::Frame {
                    id,
                    flags,
                    body_bytes,
                    start,
                } => {
                    let body = &self.bytes[start..start + body_bytes as usize];
                    let frame = Frame { id, flags, body };
                    ContentEvent::Frame { session, frame }
                }
                Kind::InputEnded => ContentEvent::InputEnded { session },
                Kind::Closed => ContentEvent::Closed { session },
                Kind::Switched => ContentEvent::Switched { session },
                Kind::Verdict(verdict) => ContentEvent::Verdict { session, verdict },
                Kind::Letter => {
                    ContentEvent::Letter(letters.next().expect("one letter for each such record"))
                }
            });
        }
        drop(letters);
        arena::clear(&mut self.records);
        arena::clear(&mut self.bytes);
        arena::clear(&mut self.letters);
        self.letter_bytes = 0;
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Memory that the waiting events occupy.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len() + self.records.len() * size_of::<Record>() + self.letter_bytes
    }

    /// The letters among the events.
    pub fn mail_load(&self) -> MailLoad {
        MailLoad {
            letters: self.letters.len(),
            bytes: self.letter_bytes,
        }
    }

    fn store(&mut self, frame: Frame<'_>) -> Kind {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.body);
        Kind::Frame {
            id: frame.id,
            flags: frame.flags,
            body_bytes: frame.body.len() as u32,
            start,
        }
    }
}

impl Batch for Inbox {
    fn is_empty(&self) -> bool {
        Inbox::is_empty(self)
    }

    fn append(&mut self, later: &mut Self) {
        let base = self.bytes.len();
        self.bytes.append(&mut later.bytes);
        self.letters.append(&mut later.letters);
        self.letter_bytes += core::mem::take(&mut later.letter_bytes);
        self.records
            .extend(later.records.drain(..).map(|mut record| {
                if let Kind::Frame { start, .. } = &mut record.kind {
                    *start += base;
                }
                record
            }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_base::Key;

    fn session(index: u32) -> SessionId {
        SessionId::new(0, Key::from_parts(index, 0))
    }

    fn frame(session: SessionId, body: &[u8]) -> ContentEvent<'_> {
        let frame = Frame {
            id: 1,
            flags: 0,
            body,
        };
        ContentEvent::Frame { session, frame }
    }

    fn drained(inbox: &mut Inbox) -> Vec<String> {
        let mut log = Vec::new();
        inbox.drain(|event| {
            log.push(match event {
                ContentEvent::Frame { session, frame } => {
                    format!("{session} {}", String::from_utf8_lossy(frame.body))
                }
                other => format!("{other:?}"),
            });
        });
        log
    }

    #[test]
    fn appended_events_keep_their_order_and_their_bytes() {
        let (mut first, mut later) = (Inbox::new(), Inbox::new());
        first.push(frame(session(1), b"one"));
        later.push(frame(session(2), b"two"));
        later.push(ContentEvent::Closed {
            session: session(2),
        });
        first.append(&mut later);
        assert!(later.is_empty());
        assert_eq!(
            drained(&mut first),
            ["s0.1.0 one", "s0.2.0 two", "Closed { session: s0.2.0 }"]
        );
        assert!(first.is_empty());
    }
}
