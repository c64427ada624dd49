//! What is asked by those who run the server and its moderators, and what is answered.

use crate::access::{Guesser, LookUp, Person};
use crate::account::{Login, Named};
use crate::keep::Record;
use crate::message::{Message, Place};
use crate::report::{Remembered, Report, Stage};
use crate::room::{Room, Until};
use crate::rooms::{Info, Shown};
use crate::{AccountId, Hidden, Maintenance, PageToken, ReportId, RoomId, audit};
use core::fmt;

/// What is asked. All but [`Request::Report`] is for moderators of the server and its operators,
/// and what [`Request::is_for_operators`] for these alone.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// Tells about somebody; what was said around it is copied.
    Report {
        /// About whom.
        about: AccountId,
        /// About which message, if about one.
        message: Option<(Place, i64)>,
        /// What was said last in a room that keeps nothing, if it is about somebody there.
        remembered: Option<Remembered>,
        /// What is wrong.
        text: String,
    },
    /// Who that is.
    Find(LookUp),
    /// Accounts by their names.
    Accounts {
        /// Only names that begin like this, or look as if.
        search: String,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Ends all logins and sessions of an account, and forbids new ones.
    Ban {
        /// Whose.
        account: AccountId,
        /// Until when.
        until: Until,
        /// Why, for the audit log and for the one it is done to.
        reason: String,
    },
    /// Allows an account to log in again.
    Unban {
        /// Whose.
        account: AccountId,
        /// Why, for the audit log.
        reason: String,
    },
    /// Lets an account say nothing anywhere, or speak again.
    Mute {
        /// Whose.
        account: AccountId,
        /// Until when; `None` lets it speak.
        until: Option<Until>,
        /// Why, for the audit log.
        reason: String,
    },
    /// Where an account is logged in.
    Logins(AccountId),
    /// Ends all logins and sessions of an account.
    SignOut {
        /// Whose.
        account: AccountId,
        /// Why, for the audit log.
        reason: String,
    },
    /// Gives an account a new password, and ends all its logins and sessions.
    NewPassword {
        /// Whose.
        account: AccountId,
        /// Why, for the audit log.
        reason: String,
    },
    /// Lets somebody try again at once who has guessed wrong too often.
    Forgive {
        /// Whom.
        whom: Guesser,
        /// Why, for the audit log.
        reason: String,
    },
    /// A part of everything that is kept about an account.
    Export {
        /// Whose.
        account: AccountId,
        /// From an earlier answer.
        page: Option<PageToken>,
    },
    /// Erases an account. There is no way back.
    Erase {
        /// Whose.
        account: AccountId,
        /// Why, for the audit log.
        reason: String,
    },
    /// Ends a session; its login stays, and may come again.
    Kick {
        /// Whose.
        account: AccountId,
        /// Why, for the audit log and for the one it is done to.
        reason: String,
    },
    /// Says something to many.
    Announce {
        /// To whom.
        scope: Scope,
        /// What: up to [`TEXT_CHARS_MAX`] characters.
        text: String,
    },
    /// Begins to look after the server or announces it, says something else about it, or ends it.
    SetMaintenance(Option<Maintenance>),
    /// What holds for the whole server.
    Bulletin,
    /// Makes a moderator of the server of an account, or no longer.
    SetModerator {
        /// Of which.
        account: AccountId,
        /// Whether it is one from now on.
        is_moderator: bool,
    },
    /// Reports at a stage, oldest first; those that are decided, latest first.
    Reports {
        /// Which.
        stage: Stage,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// A report with what was said around it.
    ReadReport(ReportId),
    /// Takes a report, so that no two work on it; and reads it.
    TakeReport(ReportId),
    /// Decides a report that one has taken.
    Decide {
        /// Which.
        report: ReportId,
        /// How.
        decision: Decision,
        /// Why, for the audit log and for the one it is done to.
        text: String,
    },
    /// Rooms that have a name and are kept, hidden ones too.
    Rooms {
        /// Only names that begin like this, or look as if.
        search: String,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// What accounts are called.
    Names(Vec<AccountId>),
    /// Rooms that have a name and are open on this server, kept or not, hidden ones too.
    OpenRooms {
        /// Only names that begin like this, or look as if.
        search: String,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// Shows a room that has a name, or does something to it.
    Room {
        /// Which.
        room: RoomId,
        /// What.
        act: RoomAct,
        /// Why, for the audit log; of one that is closed, for those in it too.
        reason: String,
    },
    /// The audit log, newest first.
    Audit {
        /// Only what that account did or what was done to it.
        about: Option<AccountId>,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
}

/// What whoever runs the server does to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomAct {
    /// Nothing: it is shown.
    Show,
    /// Changes it.
    Change {
        /// Another name.
        name: Option<String>,
        /// Another topic.
        topic: Option<String>,
        /// Whether nobody new may enter.
        is_locked: Option<bool>,
    },
    /// Makes somebody its owner, and whoever was it a moderator.
    HandOver(AccountId),
    /// Closes it for good.
    Close,
}

/// Characters of an announcement or of a text about maintenance at the most.
pub const TEXT_CHARS_MAX: usize = 500;

impl Request {
    /// Whether it is for those who run the server, and not for its moderators.
    pub fn is_for_operators(&self) -> bool {
        matches!(
            self,
            Self::Logins(_)
                | Self::Accounts { .. }
                | Self::NewPassword { .. }
                | Self::Forgive { .. }
                | Self::Export { .. }
                | Self::Erase { .. }
                | Self::SetMaintenance(_)
                | Self::SetModerator { .. }
                | Self::Names(_)
                | Self::Rooms { .. }
                | Self::OpenRooms { .. }
                | Self::Room { .. }
                | Self::Audit { .. }
        )
    }

    /// Whether it is no more than a look. Giving out all that is kept about somebody is more.
    pub fn only_looks(&self) -> bool {
        matches!(
            self,
            Self::Find(_)
                | Self::Accounts { .. }
                | Self::Logins(_)
                | Self::Bulletin
                | Self::Reports { .. }
                | Self::ReadReport(_)
                | Self::Names(_)
                | Self::Rooms { .. }
                | Self::OpenRooms { .. }
                | Self::Audit { .. }
                | Self::Room {
                    act: RoomAct::Show,
                    ..
                }
        )
    }

    /// To what it is done, for logs.
    pub fn target(&self) -> String {
        match self {
            Self::Ban { account, .. }
            | Self::Unban { account, .. }
            | Self::Mute { account, .. }
            | Self::Logins(account)
            | Self::SignOut { account, .. }
            | Self::NewPassword { account, .. }
            | Self::Export { account, .. }
            | Self::Erase { account, .. }
            | Self::Kick { account, .. }
            | Self::SetModerator { account, .. }
            | Self::Forgive {
                whom: Guesser::Account(account, _),
                ..
            } => format!("account {account}"),
            Self::Forgive {
                whom: Guesser::Address(address),
                ..
            } => format!("address {address}"),
            Self::Announce {
                scope: Scope::Numbered(number),
                ..
            } => format!("room number {number}"),
            Self::Announce {
                scope: Scope::Room(room),
                ..
            }
            | Self::Room { room, .. } => format!("room {room}"),
            Self::ReadReport(report) | Self::TakeReport(report) | Self::Decide { report, .. } => {
                format!("report {report}")
            }
            _ => "server".to_owned(),
        }
    }

    /// As a word, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Report { .. } => "report",
            Self::Find(_) => "find",
            Self::Accounts { .. } => "accounts",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Mute { .. } => "mute",
            Self::Logins(_) => "logins",
            Self::SignOut { .. } => "sign-out",
            Self::NewPassword { .. } => "new-password",
            Self::Forgive { .. } => "forgive",
            Self::Export { .. } => "export",
            Self::Erase { .. } => "erase",
            Self::Kick { .. } => "kick",
            Self::Announce { .. } => "announce",
            Self::SetMaintenance(_) => "set-maintenance",
            Self::Bulletin => "bulletin",
            Self::SetModerator { .. } => "set-moderator",
            Self::Reports { .. } => "reports",
            Self::ReadReport(_) => "read-report",
            Self::TakeReport(_) => "take-report",
            Self::Decide { .. } => "decide",
            Self::Names(_) => "names",
            Self::Rooms { .. } => "rooms",
            Self::OpenRooms { .. } => "open-rooms",
            Self::Room { act, .. } => match act {
                RoomAct::Show => "show-room",
                RoomAct::Change { .. } => "change-room",
                RoomAct::HandOver(_) => "hand-room-over",
                RoomAct::Close => "close-room",
            },
            Self::Audit { .. } => "audit",
        }
    }
}

// What people say never reaches a log, so it is not in what is shown for one.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// To whom something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody who is logged in.
    All,
    /// Everybody in the same world: a server is one world.
    World,
    /// Everybody in the room with that number.
    Numbered(u32),
    /// Everybody in a room that has a name.
    Room(RoomId),
}

/// What becomes of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is given back for others to take.
    Release,
    /// Nothing is wrong.
    Dismiss,
    /// The account is warned.
    Warn,
    /// The message is removed.
    Remove,
    /// The account may say nothing anywhere.
    Mute(Until),
    /// The account may no longer log in.
    Ban(Until),
}

impl Decision {
    /// As a word, for the log and for lists.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dismiss => "dismiss",
            Self::Warn => "warn",
            Self::Remove => "remove",
            Self::Mute(_) => "mute",
            Self::Ban(_) => "ban",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, and there is nothing to tell.
    Done,
    /// To [`Request::Report`].
    Reported(ReportId),
    /// To [`Request::Find`].
    Found(Known),
    /// To [`Request::Accounts`].
    Accounts {
        /// In the order of what their names look like.
        accounts: Vec<Person>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Request::NewPassword`]: told once, and kept nowhere.
    NewPassword(Hidden),
    /// To [`Request::Logins`], newest first.
    Logins(Vec<Login>),
    /// To [`Request::Export`].
    Exported {
        /// A part of the records.
        records: Vec<Record>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Request::Announce`]: how many sessions heard it.
    Announced(u32),
    /// To [`Request::Bulletin`].
    Bulletin(crate::Bulletin),
    /// To [`Request::Reports`].
    Reports {
        /// In the order of the request.
        reports: Vec<Report>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Request::ReadReport`] and [`Request::TakeReport`].
    Report {
        /// The report.
        report: Report,
        /// What was said around it, oldest first.
        messages: Vec<Message>,
    },
    /// To [`Request::Rooms`].
    Rooms {
        /// By name.
        rooms: Vec<Room>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Request::Names`]: of those that there are or were.
    Names(Vec<Named>),
    /// To [`Request::OpenRooms`].
    OpenRooms {
        /// Those that were opened first come first.
        rooms: Vec<Info>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`RoomAct::Show`].
    Room(Box<Shown>),
    /// To [`Request::Audit`].
    Audit {
        /// Newest first.
        entries: Vec<audit::Entry>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
}

/// An account, and how it is with it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub person: Person,
    /// Whether it is logged in on this server.
    pub is_here: bool,
    /// Whether it may do what only moderators of the server may.
    pub is_moderator: bool,
    /// Until when it may say nothing, if it may not.
    pub muted: Option<Until>,
}
