//! Reports about people, and those who look after them.

use crate::audit::Act;
use crate::message::{Message, NewMessage, Place};
use crate::{AccountId, ConversationId, PageToken, ReportId, RoomId, UnixMs};

/// How far a report has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has looked at it.
    Open,
    /// Somebody looks at it.
    Taken {
        /// Who.
        by: AccountId,
    },
    /// It is decided.
    Decided {
        /// By whom.
        by: AccountId,
        /// How.
        decision: String,
    },
}

/// Which reports are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Those that nobody has looked at.
    Open,
    /// Those that somebody looks at.
    Taken,
    /// Those that are decided.
    Decided,
}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub id: ReportId,
    /// Who wrote it.
    pub by: AccountId,
    /// About whom.
    pub about: AccountId,
    /// How they are called now; empty if they are no more.
    pub about_name: String,
    /// What they said.
    pub text: String,
    /// When.
    pub at: UnixMs,
    /// How far it has come.
    pub state: State,
    /// The message that it is about, if it is about one.
    pub message: Option<Subject>,
}

/// The message that a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Where it was said; a room's if it was said in one.
    pub conversation: ConversationId,
    /// Its number there.
    pub seq: i64,
    /// Whether it was said to the one who reports, and not in a room.
    pub is_whisper: bool,
}

/// What a room without a history remembers of what was said there last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Which room.
    pub room: RoomId,
    /// What, oldest first; at most 50 are kept.
    pub said: Vec<NewMessage>,
}

/// One transaction about reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Writes a report; what was said around it is copied, so that it stays whatever becomes of
    /// it. [`crate::Refusal::NotFound`] if there is no such message.
    File {
        /// Its id: asked again, nothing is written twice.
        report: ReportId,
        /// By whom.
        by: AccountId,
        /// About whom.
        about: AccountId,
        /// About which message, if about one.
        message: Option<(Place, i64)>,
        /// So many messages before it and behind it.
        around: u32,
        /// What is kept with it beside that, numbered from 1.
        remembered: Option<Remembered>,
        /// What they say.
        text: String,
        /// When.
        at: UnixMs,
    },
    /// Reports at a stage, oldest first; those that are decided, latest first.
    List {
        /// Which.
        stage: Stage,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// A report with what was said around it.
    Read {
        /// Which.
        report: ReportId,
    },
    /// Looks at a report. [`crate::Refusal::Conflict`] if somebody else does, or has.
    Take {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
    },
    /// Puts a report back. [`crate::Refusal::Conflict`] if it is not theirs.
    PutBack {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
    },
    /// Decides a report. [`crate::Refusal::Conflict`] if it is not theirs.
    Decide {
        /// Which.
        report: ReportId,
        /// Who.
        by: AccountId,
        /// How, in people's words.
        decision: String,
        /// For the log.
        act: Act,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(self, Self::List { .. } | Self::Read { .. })
    }
}

/// What is answered about reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::List`].
    Reports {
        /// In the order of [`Ask::List`].
        reports: Vec<Report>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Ask::Read`].
    Report {
        /// The report.
        report: Report,
        /// What was said around it, oldest first.
        messages: Vec<Message>,
    },
}
