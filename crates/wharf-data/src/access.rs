//! What can be asked of those who look after accounts, by whom, and what is answered.

use crate::account::{Found, IdentityKind, Login, Profile};
use crate::{AccountId, Actor, Hidden, LoginId, Secret, UnixMs, Utc};
use core::fmt;
use core::net::IpAddr;
use wharf_base::Duration;

/// Who is logged in, by which login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub account: AccountId,
    /// By which login.
    pub login: LoginId,
}

/// What is asked. The first seven log in and are for those who are not; then come those of
/// whoever is, then those of administrators: that somebody is one has been checked before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Makes an account with a name and a password, and logs it in.
    Register {
        /// A [`crate::DisplayName`].
        name: String,
        /// 8 to 256 bytes.
        password: Hidden,
        /// What the device calls itself; at most 64 bytes.
        device: String,
    },
    /// Logs in by name and password.
    LogIn {
        /// Or what looks like it.
        name: String,
        /// The password.
        password: Hidden,
        /// What the device calls itself.
        device: String,
    },
    /// Logs in by a secret that the device keeps; makes an account of it the first time.
    LogInAsGuest {
        /// 32 bytes.
        secret: Hidden,
        /// What the device calls itself.
        device: String,
    },
    /// Logs in by what the studio's own service gave out: a signed token (a JWT: good until it
    /// expires), or a key for one use.
    LogInByTicket {
        /// Either.
        ticket: Hidden,
        /// What the device calls itself.
        device: String,
    },
    /// Logs in by the token of an earlier login.
    LogInByToken {
        /// 32 bytes.
        token: Hidden,
        /// What the device calls itself; `None` means as before.
        device: Option<String>,
    },
    /// Logs a classic client in, which gets no token.
    LogInClassic {
        /// As it was typed.
        id: String,
        /// As it was typed.
        password: Hidden,
        /// What happens with an id that nobody has.
        unknown: UnknownId,
    },
    /// Sets a new password by a recovery code, and logs in; all other logins end.
    Recover {
        /// Whose.
        name: String,
        /// One of the codes.
        code: Hidden,
        /// 8 to 256 bytes.
        new_password: Hidden,
        /// What the device calls itself.
        device: String,
    },

    /// Ends the caller's login: its token is worth nothing any more.
    LogOut,
    /// Exchanges the token of the caller's login for the next, without logging in again.
    Refresh {
        /// 32 bytes.
        token: Hidden,
    },
    /// All logins of the account.
    ListLogins,
    /// Ends a login; nothing happens if it is none of the account's.
    RevokeLogin {
        /// Which.
        login: LoginId,
    },
    /// Ends all logins but the caller's.
    RevokeOthers,
    /// Sets a new password; all other logins end.
    ChangePassword {
        /// Empty for an account that has none yet.
        old: Hidden,
        /// 8 to 256 bytes.
        new: Hidden,
    },
    /// New recovery codes; older ones are worth nothing any more.
    MakeRecoveryCodes {
        /// If the account has one.
        password: Hidden,
    },
    /// Gives an account that has none a name and a password.
    LinkName {
        /// A [`crate::DisplayName`].
        name: String,
        /// 8 to 256 bytes.
        password: Hidden,
    },
    /// Has the account known by a device's secret as well.
    LinkDevice {
        /// 32 bytes.
        secret: Hidden,
    },
    /// Has the account known by the studio's service as well.
    LinkTicket {
        /// As in [`Request::LogInByTicket`].
        ticket: Hidden,
    },
    /// How the account is known.
    ListIdentities,
    /// Takes a way to log in away; the last cannot be taken.
    Unlink {
        /// Which.
        kind: IdentityKind,
    },
    /// What an account shows; its document to nobody but its owner.
    GetProfile {
        /// Whose; `None` means one's own.
        account: Option<AccountId>,
    },
    /// What the account shows that is called so, whether it logs in by that or not, and whether
    /// anybody is here.
    FindProfile {
        /// The name.
        name: String,
    },
    /// Changes one's own profile; what is not there stays.
    SetProfile {
        /// The version that is changed; `None` means any.
        version: Option<u32>,
        /// A picture, by a number of the game's.
        avatar: Option<u32>,
        /// A tag of BCP 47, or empty.
        language: Option<String>,
        /// The game's own.
        document: Option<Vec<u8>>,
    },
    /// Takes another display name; whoever is known by a name logs in by the new one.
    Rename {
        /// A [`crate::DisplayName`].
        name: String,
    },
    /// Erases the account.
    Erase {
        /// If the account has one.
        password: Hidden,
    },

    /// Ends all logins of an account and forbids new ones.
    Ban {
        /// Whose.
        account: AccountId,
        /// `None` means for ever.
        until: Option<UnixMs>,
        /// Who bans, for the audit log.
        by: Actor,
        /// Why, for the audit log; at most 500 bytes.
        reason: String,
    },
    /// Allows an account to log in again.
    Unban {
        /// Whose.
        account: AccountId,
        /// Who allows it, for the audit log.
        by: Actor,
        /// Why, for the audit log; at most 500 bytes.
        reason: String,
    },
    /// Ends all logins of an account.
    SignOut {
        /// Whose.
        account: AccountId,
        /// Who ends them, for the audit log.
        by: Actor,
        /// Why, for the audit log; at most 500 bytes.
        reason: String,
    },
    /// Gives an account a new password that nobody has chosen, and ends all its logins: for whoever
    /// has forgotten theirs.
    NewPassword {
        /// Whose.
        account: AccountId,
        /// Who gives it, for the audit log.
        by: Actor,
        /// Why, for the audit log; at most 500 bytes.
        reason: String,
    },
    /// Erases an account on behalf of its owner.
    EraseFor {
        /// Which.
        account: AccountId,
        /// Who erases it, for the audit log.
        by: Actor,
        /// Why, for the audit log; at most 500 bytes.
        reason: String,
    },
    /// Who that is.
    LookUp {
        /// By what it is known.
        by: LookUp,
    },
    /// Forgets how often somebody has guessed wrong: they may try again at once.
    Forgive {
        /// Whose failures.
        whom: Guesser,
    },
}

impl Request {
    /// Whether it is for those who are not logged in.
    pub fn logs_in(&self) -> bool {
        matches!(
            self,
            Self::Register { .. }
                | Self::LogIn { .. }
                | Self::LogInAsGuest { .. }
                | Self::LogInByTicket { .. }
                | Self::LogInByToken { .. }
                | Self::LogInClassic { .. }
                | Self::Recover { .. }
        )
    }
}

/// What happens with a classic id that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownId {
    /// It is refused.
    Refused,
    /// It becomes an account, with that password.
    Registered,
}

/// By what an administrator looks for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookUp {
    /// Its id.
    Account(AccountId),
    /// The name that it logs in by.
    Name(String),
}

/// Whose wrong guesses are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guesser {
    /// Whoever guesses at an account, which is called so.
    Account(AccountId, String),
    /// Whoever comes from there; of IPv6 from the same link.
    Address(IpAddr),
}

/// What came of a request that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To every way to log in.
    LoggedIn(LoggedIn),
    /// Done, and there is nothing to tell.
    Done,
    /// To [`Request::Refresh`].
    Refreshed(Token),
    /// To [`Request::ListLogins`], newest first.
    Logins(Vec<Login>),
    /// To [`Request::ListIdentities`].
    Identities(Identities),
    /// To [`Request::MakeRecoveryCodes`].
    RecoveryCodes(RecoveryCodes),
    /// To [`Request::GetProfile`], [`Request::FindProfile`], [`Request::SetProfile`] and
    /// [`Request::Rename`].
    Profile(Profile),
    /// To [`Request::LookUp`].
    Found(Person),
    /// To [`Request::NewPassword`]: told once, and kept nowhere.
    NewPassword(Hidden),
}

/// Somebody is logged in now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// Who, by which login.
    pub user: User,
    /// What others see.
    pub display_name: String,
    /// For the next time; a classic client gets none.
    pub token: Option<Token>,
    /// Whether the account was made just now.
    pub is_new: bool,
}

/// What a client logs in by the next time, until it is given another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the client keeps.
    pub secret: Secret,
    /// When it is worth nothing any more.
    pub expires: UnixMs,
}

/// How an account is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identities {
    /// At most one of each.
    pub kinds: Vec<IdentityKind>,
    /// What others see; if it is known by a name, it logs in by this one.
    pub display_name: String,
    /// Recovery codes that were not used.
    pub recovery_codes: u32,
}

/// Codes for one use each, for people to write down. They are never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCodes(pub Vec<String>);

impl fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryCodes({} of them)", self.0.len())
    }
}

/// An account, as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Which.
    pub account: AccountId,
    /// What others see.
    pub display_name: String,
    /// Whether it may log in.
    pub status: crate::account::Status,
    /// Why it was banned; empty if it is not, or if nobody said why.
    pub ban_reason: String,
    /// Whether it has a password.
    pub has_password: bool,
}

impl From<Found> for Person {
    fn from(found: Found) -> Self {
        Self {
            account: found.account,
            display_name: found.display_name,
            status: found.status,
            ban_reason: found.ban_reason,
            has_password: found.password.is_some(),
        }
    }
}

/// Why a request was not done: each is one code of the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A field has a value that it must not have.
    Invalid {
        /// The field, as the protocol calls it.
        field: &'static str,
        /// What is wrong with it.
        text: String,
    },
    /// Not now: another request has to come first, or may not come again.
    WrongState,
    /// Too much is waiting.
    Busy {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// Too often.
    Rate {
        /// When it is worth asking again.
        retry_after: Duration,
    },
    /// The store or the hash workers do not answer. Whether it was done is not known.
    Unavailable,
    /// Name or password is wrong; which of both is not said.
    Credentials,
    /// The token, ticket or code is not valid, or not any more.
    Token,
    /// The account may not log in.
    Banned {
        /// `None` means never.
        until: Option<UnixMs>,
        /// Why, for people; empty if nobody said.
        reason: String,
    },
    /// The name or the identity is somebody else's, or too like one that is.
    Taken,
    /// There is no such thing.
    NotFound,
    /// The user may not do that.
    Forbidden,
    /// Somebody has changed it meanwhile.
    Conflict,
    /// There are as many as there may be.
    Full,
    /// The account is logged in elsewhere, and stays there.
    InUse,
    /// The server is being looked after, and lets nobody in but its moderators.
    Maintenance(String),
    /// The account may say nothing.
    Muted {
        /// `None` means until it is taken back.
        until: Option<UnixMs>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, text } => write!(f, "{field}: {text}"),
            Self::WrongState => f.write_str("not now: something else has to come first"),
            Self::Busy { retry_after } => {
                write!(f, "too much is waiting: again in {}", seconds(*retry_after))
            }
            Self::Rate { retry_after } => {
                write!(f, "too often: again in {}", seconds(*retry_after))
            }
            Self::Unavailable => f.write_str("not available at the moment"),
            Self::Credentials => f.write_str("the name or the password is wrong"),
            Self::Token => f.write_str("not valid, or not any more"),
            Self::Banned { until, reason } => {
                write!(f, "the account is banned{}", until_and_why(*until, reason))
            }
            Self::Taken => f.write_str("taken, or too like one that is"),
            Self::NotFound => f.write_str("there is no such thing"),
            Self::Forbidden => f.write_str("not allowed"),
            Self::Conflict => f.write_str("changed meanwhile"),
            Self::Full => f.write_str("as many as there may be"),
            Self::InUse => f.write_str("the account is logged in elsewhere"),
            Self::Maintenance(text) => f.write_str(text),
            Self::Muted { until: None } => {
                f.write_str("the account may say nothing until that is taken back")
            }
            Self::Muted { until: Some(at) } => {
                write!(f, "the account may say nothing until {}", Utc(*at))
            }
        }
    }
}

impl core::error::Error for Error {}

/// What stands behind "banned": until when, if that ends, and why, if somebody said.
pub fn until_and_why(until: Option<UnixMs>, reason: &str) -> String {
    let until = until.map_or_else(String::new, |at| format!(" until {}", Utc(at)));
    match reason {
        "" => until,
        reason => format!("{until}: {reason}"),
    }
}

/// How many seconds: rounded up, so that nobody comes back too early.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_millis().div_ceil(1_000);
    format!("{seconds} s")
}
