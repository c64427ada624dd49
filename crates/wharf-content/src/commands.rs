//! What a logic shard asks of an I/O shard.

mod sending;
mod spread;

pub(crate) use sending::Sending;
pub(crate) use spread::{Audience, Spread};

use crate::{Query, arena};
use bytes::Bytes;
use sending::Stored;
use spread::{Kept, Receivers, Scratch};
use std::collections::BTreeSet;
use wharf_base::{Batch, SessionId};
use wharf_wire::{Extensions, FIRST_MODERN_ID, FrameRun, Headers, Packet, SendClass, Violation};

/// One thing that the world must do.
#[derive(Debug)]
pub enum ContentCommand<'a> {
    /// Send whole frames, headers included.
    Send {
        /// To whom; a session that is over gets nothing.
        session: SessionId,
        /// How they leave.
        class: SendClass,
        /// Who caused them.
        origin: Origin,
        /// The frames.
        payload: Payload<'a>,
    },
    /// Ask the authenticator; answered by [`crate::ContentEvent::Verdict`], now or later. Ignored
    /// for a session that is over: it would keep the user logged in for ever.
    Authenticate {
        /// Who wants in.
        session: SessionId,
        /// As whom.
        request: LoginRequest<'a>,
    },
    /// Ask the services; answered by [`crate::ContentEvent::Reply`]. Ignored for a session that is
    /// over, as nobody would hear the reply.
    Query(Box<Query>),
    /// The session is logged in.
    LogIn {
        /// Which.
        session: SessionId,
    },
    /// The session waits for a place, to log in: until it waits no longer it has all the time.
    Wait {
        /// Which.
        session: SessionId,
        /// Whether it does.
        waits: bool,
    },
    /// Frames were served: give their credit back.
    Credit {
        /// Whose.
        session: SessionId,
        /// How many; at least 1.
        frames: u32,
    },
    /// From here on the session's events go to another logic shard; answered by
    /// [`crate::ContentEvent::Switched`] in band.
    SetHome {
        /// Which.
        session: SessionId,
        /// The new home.
        logic: u8,
    },
    /// Everything was answered: flush, then close.
    Finish {
        /// Which.
        session: SessionId,
    },
    /// The session is over and nothing of it waits here any more: its place may be given to the
    /// next. Said once, after [`crate::ContentEvent::Closed`].
    Release {
        /// Which.
        session: SessionId,
    },
    /// Close; what was sent before still leaves if it can.
    Close {
        /// Which.
        session: SessionId,
        /// Why.
        reason: Dismissal,
    },
}

/// Who asked for the login, and with what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LoginRequest<'a> {
    /// The user's id as typed.
    pub user: &'a str,
    /// The password as typed. Not to be logged or kept.
    pub password: &'a str,
}

impl core::fmt::Debug for LoginRequest<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("LoginRequest")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Who caused a frame to be sent: a session that floods itself is made to wait, one that is
/// flooded by others is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The receiver's own request.
    Own,
    /// Somebody else, or the room itself.
    Others,
}

/// Frames to be sent to one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Short ones, or such that are for this session alone: to be copied. Answers that follow one
    /// another go together.
    Run(FrameRun<'a>),
    /// One frame, in one memory for many sessions.
    Shared(Bytes),
}

impl Payload<'_> {
    /// The frames, in order.
    pub fn frames(&self) -> FrameRun<'_> {
        match self {
            Self::Run(frames) => frames.clone(),
            Self::Shared(frame) => FrameRun::known(frame, 1),
        }
    }
}

/// Why content ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dismissal {
    /// It broke a rule of the protocol.
    Violation(Violation),
    /// The game sent it away, with a code of the game's own.
    Kicked(u16),
    /// The foyer's handler panicked while it served this session.
    Panicked,
    /// It sent more than is held while it cannot be served, or asked for too much at once.
    Overloaded,
}

impl Dismissal {
    /// A short, stable name for counters and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Violation(violation) => violation.name(),
            Self::Kicked(_) => "kicked",
            Self::Panicked => "panicked",
            Self::Overloaded => "overloaded",
        }
    }
}

/// An arena of [`ContentCommand`]s in the order in which they are to be done, session by session.
///
/// Invariant: every range lies in its arena, every index in its table; `shared_bytes` is the sum
/// of the frames in `shared`, `told` of the audiences in `spreads`; there is one query for each
/// record that says so.
#[derive(Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    shared: Vec<Bytes>,
    shared_bytes: usize,
    dismissals: Vec<Dismissal>,
    /// In order, one for each record that says so.
    queries: Vec<Query>,
    spreads: Vec<Kept>,
    receivers: Vec<SessionId>,
    /// Who was told something last, and where they are in `receivers`.
    audience: Option<(Audience, Receivers)>,
    told: usize,
    records: Vec<Record>,
    scratch: Scratch,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    session: SessionId,
    verb: Verb,
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Send(Sending),
    /// To everybody in a room.
    Spread(u32),
    Authenticate {
        start: usize,
        user_bytes: u16,
        password_bytes: u16,
    },
    Query,
    LogIn,
    Wait(bool),
    Credit(u32),
    SetHome(u8),
    Finish,
    Release,
    Close(u32),
}

const RECORD_BYTES: usize = size_of::<Record>();
const _: () = assert!(RECORD_BYTES <= 32, "two commands share a cache line");

impl Commands {
    /// Frames above this many bytes that go to several sessions are shared, not copied.
    pub const SHARED_BYTES_MIN: usize = 512;
    /// Frames for one session that follow one another are one command up to this many bytes.
    pub const RUN_BYTES_MAX: u32 = 4_096;

    /// No command yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `command` behind the others; what it borrows is copied into the arena.
    ///
    /// # Panics
    /// If a user's id or a password is longer than 65,535 bytes, or a run has more frames.
    pub fn push(&mut self, command: ContentCommand<'_>) {
        let (session, verb) = match command {
            ContentCommand::Send {
                session,
                class,
                origin,
                payload,
            } => {
                let sending = match payload {
                    Payload::Run(frames) => self.store_run(class, &frames),
                    Payload::Shared(frame) => self.share(class, frame),
                };
                return self.send_alone(session, origin, sending);
            }
            ContentCommand::Authenticate { session, request } => {
                (session, self.store_login(request))
            }
            ContentCommand::Query(query) => {
                self.queries.push(*query);
                (SessionId::from_bits(0), Verb::Query)
            }
            ContentCommand::LogIn { session } => (session, Verb::LogIn),
            ContentCommand::Wait { session, waits } => (session, Verb::Wait(waits)),
            ContentCommand::Credit { session, frames } => (session, Verb::Credit(frames)),
            ContentCommand::SetHome { session, logic } => (session, Verb::SetHome(logic)),
            ContentCommand::Finish { session } => (session, Verb::Finish),
            ContentCommand::Release { session } => (session, Verb::Release),
            ContentCommand::Close { session, reason } => {
                self.dismissals.push(reason);
                (session, Verb::Close(self.dismissals.len() as u32 - 1))
            }
        };
        self.records.push(Record { session, verb });
    }

    /// Gives every command to `f`, those of each session in order, and leaves the arena empty with
    /// its memory kept.
    #[expect(clippy::missing_panics_doc, reason = "the invariant forbids it")]
    pub fn drain(&mut self, mut f: impl FnMut(ContentCommand<'_>)) {
        let mut scratch = core::mem::take(&mut self.scratch);
        let mut queries = core::mem::take(&mut self.queries).into_iter();
        let mut at = 0;
        while at < self.records.len() {
            let block = self.block_at(at);
            if block > 0 {
                self.give_block(&self.records[at..at + block], &mut scratch, &mut f);
                at += block;
                continue;
            }
            let Record { session, verb } = self.records[at];
            at += 1;
            f(match verb {
                Verb::Spread(_) => unreachable!("a spread begins a block"),
                Verb::Send(sending) => {
                    sending.to(session, sending.origin, &self.bytes, &self.shared)
                }
                Verb::Authenticate {
                    start,
                    user_bytes,
                    password_bytes,
                } => {
                    let request = self.login(start, user_bytes, password_bytes);
                    ContentCommand::Authenticate { session, request }
                }
                Verb::Query => {
                    let query = queries.next().expect("one for each such record");
                    ContentCommand::Query(Box::new(query))
                }
                Verb::LogIn => ContentCommand::LogIn { session },
                Verb::Wait(waits) => ContentCommand::Wait { session, waits },
                Verb::Credit(frames) => ContentCommand::Credit { session, frames },
                Verb::SetHome(logic) => ContentCommand::SetHome { session, logic },
                Verb::Finish => ContentCommand::Finish { session },
                Verb::Release => ContentCommand::Release { session },
                Verb::Close(index) => ContentCommand::Close {
                    session,
                    reason: self.dismissals[index as usize],
                },
            });
        }
        scratch.clear();
        self.scratch = scratch;
        self.audience = None;
        self.told = 0;
        arena::clear(&mut self.spreads);
        arena::clear(&mut self.receivers);
        arena::clear(&mut self.records);
        arena::clear(&mut self.bytes);
        arena::clear(&mut self.shared);
        self.shared_bytes = 0;
        arena::clear(&mut self.dismissals);
    }

    /// Drops what is sent to sessions on account of others and ends each of these sessions instead,
    /// once: whoever is in `cut` has been ended before. Their own answers stay.
    pub fn cut_receivers(&mut self, cut: &mut BTreeSet<SessionId>) {
        let mut kept = Self::new();
        self.drain(|command| match command {
            ContentCommand::Send {
                session,
                origin: Origin::Others,
                ..
            } => {
                if cut.insert(session) {
                    let reason = Dismissal::Overloaded;
                    kept.push(ContentCommand::Close { session, reason });
                }
            }
            command => kept.push(command),
        });
        *self = kept;
    }

    /// How many commands wait; one to everybody in a room is one.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no command waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Memory that the waiting commands occupy; a shared frame counts once, whoever else has it,
    /// and each receiver of what is said to everybody as a command of its own: that is the work
    /// which they are.
    pub fn size_bytes(&self) -> usize {
        let records = self.records.len() + self.told;
        let queries = self.queries.len() * size_of::<Query>();
        self.bytes.len() + self.shared_bytes + records * RECORD_BYTES + queries
    }

    /// Encodes `packet` into the arena, a modern one as the answer to `request` if there is one.
    pub(crate) fn encode<P: Packet>(&mut self, request: Option<u32>, packet: &P) -> Sending {
        let start = self.bytes.len();
        match request {
            Some(request) if P::ID >= FIRST_MODERN_ID => {
                packet.encode_frame_with(&Extensions::reply(request), &mut self.bytes);
            }
            _ => packet.encode_frame(&mut self.bytes),
        }
        self.sending(P::CLASS, start, 1, Headers::Alike)
    }

    /// Copies frames into the arena.
    ///
    /// # Panics
    /// If they are more than 65,535.
    pub(crate) fn store_run(&mut self, class: SendClass, frames: &FrameRun<'_>) -> Sending {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frames.as_bytes());
        let count = u16::try_from(frames.frame_count()).expect("a run of at most 65,535 frames");
        self.sending(class, start, count, frames.headers())
    }

    /// Copies a whole frame into the arena.
    pub(crate) fn store(&mut self, class: SendClass, frame: &[u8]) -> Sending {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame);
        self.sending(class, start, 1, Headers::Alike)
    }

    /// Keeps a share of a whole frame.
    pub(crate) fn share(&mut self, class: SendClass, frame: Bytes) -> Sending {
        self.shared_bytes += frame.len();
        self.shared.push(frame);
        Sending {
            class,
            origin: Origin::Others,
            stored: Stored::Shared(self.shared.len() as u32 - 1),
        }
    }

    /// One more receiver of what `sending` names.
    pub(crate) fn send(&mut self, session: SessionId, origin: Origin, sending: Sending) {
        let verb = Verb::Send(Sending { origin, ..sending });
        self.records.push(Record { session, verb });
    }

    /// As [`Commands::send`], for what only this session gets: behind something else for the same
    /// session it becomes one with that.
    pub(crate) fn send_alone(&mut self, session: SessionId, origin: Origin, sending: Sending) {
        if let Some(last) = self.records.last_mut()
            && last.session == session
            && let Verb::Send(before) = &mut last.verb
            && before.absorb(&Sending { origin, ..sending })
        {
            return;
        }
        self.send(session, origin, sending);
    }

    fn sending(&self, class: SendClass, start: usize, count: u16, headers: Headers) -> Sending {
        Sending {
            class,
            origin: Origin::Others,
            stored: Stored::Run {
                count,
                headers,
                run_bytes: (self.bytes.len() - start) as u32,
                start,
            },
        }
    }

    fn store_login(&mut self, request: LoginRequest<'_>) -> Verb {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(request.user.as_bytes());
        self.bytes.extend_from_slice(request.password.as_bytes());
        let short = |text: &str| u16::try_from(text.len()).expect("a login fits a frame");
        Verb::Authenticate {
            start,
            user_bytes: short(request.user),
            password_bytes: short(request.password),
        }
    }

    fn login(&self, start: usize, user_bytes: u16, password_bytes: u16) -> LoginRequest<'_> {
        let middle = start + usize::from(user_bytes);
        let text = |bytes| str::from_utf8(bytes).expect("stored from text");
        LoginRequest {
            user: text(&self.bytes[start..middle]),
            password: text(&self.bytes[middle..middle + usize::from(password_bytes)]),
        }
    }
}

impl Batch for Commands {
    fn is_empty(&self) -> bool {
        Commands::is_empty(self)
    }

    fn append(&mut self, later: &mut Self) {
        let bytes = self.bytes.len();
        let (shared, dismissals) = (self.shared.len() as u32, self.dismissals.len() as u32);
        let (spreads, receivers) = (self.spreads.len() as u32, self.receivers.len() as u32);
        let shifted = |kept: Kept| kept.shifted(bytes, shared, receivers);
        self.spreads.extend(later.spreads.drain(..).map(shifted));
        self.receivers.append(&mut later.receivers);
        self.told += core::mem::take(&mut later.told);
        // Its places have changed.
        (self.audience, later.audience) = (None, None);
        self.bytes.append(&mut later.bytes);
        self.shared.append(&mut later.shared);
        self.shared_bytes += core::mem::take(&mut later.shared_bytes);
        self.dismissals.append(&mut later.dismissals);
        self.queries.append(&mut later.queries);
        self.records
            .extend(later.records.drain(..).map(|mut record| {
                match &mut record.verb {
                    Verb::Send(sending) => sending.shift(bytes, shared),
                    Verb::Spread(index) => *index += spreads,
                    Verb::Authenticate { start, .. } => *start += bytes,
                    Verb::Close(index) => *index += dismissals,
                    Verb::Query
                    | Verb::LogIn
                    | Verb::Wait(_)
                    | Verb::Credit(_)
                    | Verb::SetHome(_)
                    | Verb::Finish
                    | Verb::Release => {}
                }
                record
            }));
    }
}

#[cfg(test)]
mod tests;
