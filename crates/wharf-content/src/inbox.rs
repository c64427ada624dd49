//! What a logic shard receives.

use crate::{Asker, Letter, QueryId, UserId, arena};
use std::sync::Arc;
use wharf_base::{Batch, SessionId};
use wharf_data::service::Reply;
use wharf_data::{Bulletin, Notice};
use wharf_wire::{FrameRun, Headers};

/// One thing that the world did.
#[derive(Debug)]
pub enum ContentEvent<'a> {
    /// A session began; this shard is its home.
    Opened {
        /// Which.
        session: SessionId,
    },
    /// A session sent frames, at least one. Each costs one credit, returned by
    /// [`crate::ContentCommand::Credit`] once it was served.
    Frames {
        /// Whose.
        session: SessionId,
        /// What, in the order in which it was sent.
        frames: FrameRun<'a>,
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
    /// What the services say to [`crate::ContentCommand::Query`]; each gets exactly one.
    Reply {
        /// Who waits for it.
        asker: Asker,
        /// To what.
        query: QueryId,
        /// What came of it; in a box, as all events are as long as the longest.
        reply: Box<Reply>,
    },
    /// The services have something to say to a session, unasked.
    Notice {
        /// To whom.
        session: SessionId,
        /// What.
        notice: Box<Notice>,
    },
    /// What holds for the whole server from now on.
    Bulletin(Arc<Bulletin>),
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
    /// No more users may log in now: there is no place, or the server is being looked after.
    Full,
    /// Whoever knows cannot be asked now.
    Unavailable,
}

/// An arena of [`ContentEvent`]s in the order in which they happened.
///
/// Invariant: every run's range lies in `bytes`; `letters` and `words` have one entry for each
/// record that says so, in their order, and `letter_bytes` is what the letters occupy.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    records: Vec<Record>,
    letters: Vec<Letter>,
    letter_bytes: usize,
    words: Vec<Word>,
}

/// What the services said.
#[derive(Debug)]
enum Word {
    Reply(Asker, QueryId, Box<Reply>),
    Notice(Box<Notice>),
    Bulletin(Arc<Bulletin>),
}

#[inline(never)]
fn of_word(session: SessionId, word: Word) -> ContentEvent<'static> {
    match word {
        Word::Reply(asker, query, reply) => ContentEvent::Reply {
            asker,
            query,
            reply,
        },
        Word::Notice(notice) => ContentEvent::Notice { session, notice },
        Word::Bulletin(bulletin) => ContentEvent::Bulletin(bulletin),
    }
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
    Frames {
        count: u32,
        run_bytes: u32,
        start: usize,
        headers: Headers,
    },
    InputEnded,
    Closed,
    Switched,
    Verdict(Result<UserId, LoginRefusal>),
    Word,
    Letter,
}

const _: () = assert!(size_of::<Record>() <= 32, "two events share a cache line");

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `event` behind the others; frames are copied into the arena.
    pub fn push(&mut self, event: ContentEvent<'_>) {
        // Of a thousand events nearly all are frames: the way of those is short, and what is noted
        // of them is written where it stays.
        if let ContentEvent::Frames { session, frames } = event {
            let kind = self.store(&frames);
            self.records.push(Record { session, kind });
        } else {
            let (session, kind) = self.note(event);
            self.records.push(Record { session, kind });
        }
    }

    #[inline(never)]
    fn note(&mut self, event: ContentEvent<'_>) -> (SessionId, Kind) {
        match event {
            ContentEvent::Opened { session } => (session, Kind::Opened),
            ContentEvent::Frames { session, frames } => (session, self.store(&frames)),
            ContentEvent::InputEnded { session } => (session, Kind::InputEnded),
            ContentEvent::Closed { session } => (session, Kind::Closed),
            ContentEvent::Switched { session } => (session, Kind::Switched),
            ContentEvent::Verdict { session, verdict } => (session, Kind::Verdict(verdict)),
            ContentEvent::Reply {
                asker,
                query,
                reply,
            } => {
                self.words.push(Word::Reply(asker, query, reply));
                (SessionId::from_bits(0), Kind::Word)
            }
            ContentEvent::Notice { session, notice } => {
                self.words.push(Word::Notice(notice));
                (session, Kind::Word)
            }
            ContentEvent::Bulletin(bulletin) => {
                self.words.push(Word::Bulletin(bulletin));
                (SessionId::from_bits(0), Kind::Word)
            }
            ContentEvent::Letter(letter) => {
                self.letter_bytes += letter.size_bytes();
                self.letters.push(letter);
                (SessionId::from_bits(0), Kind::Letter)
            }
        }
    }

    /// Gives every event to `f`, in order, and leaves the inbox empty with its memory kept.
    #[expect(clippy::missing_panics_doc, reason = "the invariant forbids it")]
    pub fn drain(&mut self, mut f: impl FnMut(ContentEvent<'_>)) {
        let mut letters = self.letters.drain(..);
        let mut words = core::mem::take(&mut self.words).into_iter();
        for record in &self.records {
            f(match record.kind {
                Kind::Frames {
                    count,
                    run_bytes,
                    start,
                    headers,
                } => {
                    let (session, run) = (record.session, start..start + run_bytes as usize);
                    let frames = FrameRun::known_with(&self.bytes[run], count, headers);
                    ContentEvent::Frames { session, frames }
                }
                Kind::Word => of_word(
                    record.session,
                    words.next().expect("one word for each such record"),
                ),
                Kind::Letter => {
                    ContentEvent::Letter(letters.next().expect("one letter for each such record"))
                }
                Kind::Opened => ContentEvent::Opened {
                    session: record.session,
                },
                Kind::InputEnded => ContentEvent::InputEnded {
                    session: record.session,
                },
                Kind::Closed => ContentEvent::Closed {
                    session: record.session,
                },
                Kind::Switched => ContentEvent::Switched {
                    session: record.session,
                },
                Kind::Verdict(verdict) => ContentEvent::Verdict {
                    session: record.session,
                    verdict,
                },
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
        let records = self.records.len() * size_of::<Record>();
        let words = self.words.len() * size_of::<Word>();
        self.bytes.len() + records + words + self.letter_bytes
    }

    /// The letters among the events.
    pub fn mail_load(&self) -> MailLoad {
        MailLoad {
            letters: self.letters.len(),
            bytes: self.letter_bytes,
        }
    }

    fn store(&mut self, frames: &FrameRun<'_>) -> Kind {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frames.as_bytes());
        Kind::Frames {
            count: frames.frame_count(),
            run_bytes: frames.as_bytes().len() as u32,
            start,
            headers: frames.headers(),
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
        self.words.append(&mut later.words);
        self.letter_bytes += core::mem::take(&mut later.letter_bytes);
        self.records
            .extend(later.records.drain(..).map(|mut record| {
                if let Kind::Frames { start, .. } = &mut record.kind {
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
    use wharf_wire::Frame;

    fn session(index: u32) -> SessionId {
        SessionId::new(0, Key::from_parts(index, 0))
    }

    fn say(inbox: &mut Inbox, session: SessionId, bodies: &[&str]) {
        let frame = |body: &&str| {
            let (id, flags, body) = (1, 0, body.as_bytes());
            Frame { id, flags, body }.to_vec()
        };
        let bytes: Vec<u8> = bodies.iter().flat_map(frame).collect();
        let frames = FrameRun::of(&bytes).unwrap();
        inbox.push(ContentEvent::Frames { session, frames });
    }

    fn drained(inbox: &mut Inbox) -> Vec<String> {
        let mut log = Vec::new();
        inbox.drain(|event| match event {
            ContentEvent::Frames { session, frames } => log.extend(
                frames.map(|frame| format!("{session} {}", String::from_utf8_lossy(frame.body))),
            ),
            other => log.push(format!("{other:?}")),
        });
        log
    }

    #[test]
    fn what_is_known_of_headers_goes_with_the_frames() {
        let mut inbox = Inbox::new();
        let alike = Frame {
            id: 1,
            flags: 0,
            body: b"same",
        };
        let bytes = alike.to_vec().repeat(2);
        for headers in [Headers::Alike, Headers::Various] {
            let (session, frames) = (session(1), FrameRun::known_with(&bytes, 2, headers));
            inbox.push(ContentEvent::Frames { session, frames });
        }
        let mut known = Vec::new();
        inbox.drain(|event| {
            let ContentEvent::Frames { frames, .. } = event else {
                unreachable!("nothing else was pushed")
            };
            known.push(frames.headers());
        });
        assert_eq!(known, [Headers::Alike, Headers::Various]);
    }

    #[test]
    fn appended_events_keep_their_order_and_their_bytes() {
        let (mut first, mut later) = (Inbox::new(), Inbox::new());
        say(&mut first, session(1), &["one"]);
        say(&mut later, session(2), &["two", "three"]);
        later.push(ContentEvent::Closed {
            session: session(2),
        });
        first.append(&mut later);
        assert!(later.is_empty());
        assert_eq!(
            drained(&mut first),
            [
                "s0.1.0 one",
                "s0.2.0 two",
                "s0.2.0 three",
                "Closed { session: s0.2.0 }"
            ]
        );
        assert!(first.is_empty());
    }
}
