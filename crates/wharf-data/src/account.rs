//! Accounts: who somebody is, how they are known, and where they are logged in.

use crate::room::Until;
use crate::{AccountId, DisplayName, LoginId, NameKey, PageToken, UnixMs};

/// How an account is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// By a name and a password. The subject is the name's key.
    Name,
    /// By a secret that a device keeps. The subject is its hash.
    Device,
    /// By the studio's own service. The subject is what that calls it.
    Ticket,
}

/// One way in which an account is known; unique.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Which way.
    pub kind: IdentityKind,
    /// Who, in that way.
    pub subject: String,
}

/// Whether an account may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Active,
    /// Not before then.
    Banned {
        /// `None` means never.
        until: Option<UnixMs>,
    },
}

impl Status {
    /// Whether that keeps somebody out at `at`.
    pub fn is_banned(self, at: UnixMs) -> bool {
        match self {
            Self::Active => false,
            Self::Banned { until } => until.is_none_or(|until| until > at),
        }
    }
}

/// The hash of a secret of 256 bits: nobody who reads the store can log in by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// The first token of a login, or its next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Of the token that the client has.
    pub hash: TokenHash,
    /// When it is worth nothing any more.
    pub expires: UnixMs,
}

/// A login that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLogin {
    /// Its id.
    pub id: LoginId,
    /// What its device calls itself.
    pub device: String,
    /// Its first token.
    pub token: NewToken,
}

/// One transaction about accounts, at `at` (what it needs of time is in it).
#[derive(Clone, PartialEq, Eq)]
pub enum Ask {
    /// Makes an account with one identity and its first login. [`crate::Refusal::Duplicate`] if
    /// the identity or the name is somebody's.
    Create {
        /// Its id.
        account: AccountId,
        /// How it is known.
        identity: Identity,
        /// What others see.
        name: DisplayName,
        /// The password's hash (PHC string), if it has one.
        password: Option<String>,
        /// Where it is logged in now.
        login: NewLogin,
        /// When.
        at: UnixMs,
    },
    /// Who that is, and what to compare a password with. [`crate::Refusal::NotFound`] if nobody.
    Find {
        /// How it is known.
        identity: Identity,
    },
    /// The same by the name that others see, whether it logs in by that or not: nobody else has it.
    /// [`crate::Refusal::NotFound`] if it is nobody's now.
    Named {
        /// The name.
        name: NameKey,
    },
    /// The same by its id. [`crate::Refusal::NotFound`] if it is nobody's, or of an erased one.
    Get {
        /// Which.
        account: AccountId,
    },
    /// Begins a login of an account that has proven who it is. [`crate::Refusal::Forbidden`] if
    /// it has been banned meanwhile, [`crate::Refusal::Conflict`] if it is not known that way any
    /// more or has another password: whoever changes a password need not fear who came before.
    LogIn {
        /// Whose.
        account: AccountId,
        /// By what it was found.
        identity: Identity,
        /// The password's hash that was compared, if one was.
        password: Option<String>,
        /// Which.
        login: NewLogin,
        /// When.
        at: UnixMs,
    },
    /// What a token is good for: [`Answer::Token`]. [`crate::Refusal::NotFound`] if it is none.
    Token {
        /// Of the token that was shown.
        token: TokenHash,
    },
    /// Exchanges a token for the next. A token that was exchanged before has been stolen, from
    /// whom cannot be told: its login ends, and that is the answer ([`Answer::Stolen`]). But if it
    /// was exchanged at `forgiven_since` or later, and what it was exchanged for was never shown,
    /// its owner has lost the answer: it is exchanged once more, and the token of that answer
    /// counts as exchanged from then on.
    Exchange {
        /// Of the token that was shown.
        token: TokenHash,
        /// Only a token of that login is exchanged; [`crate::Refusal::NotFound`] for others.
        of: Option<LoginId>,
        /// What its device calls itself from now on; `None` means as before.
        device: Option<String>,
        /// What takes its place.
        next: NewToken,
        /// When.
        at: UnixMs,
        /// A token that was exchanged then or later may be so again.
        forgiven_since: UnixMs,
    },
    /// All logins that have not ended, newest first.
    Logins {
        /// Whose.
        account: AccountId,
        /// When: those that have expired are left out.
        at: UnixMs,
    },
    /// Accounts by their names, each by the one that it has now: [`Answer::List`].
    List {
        /// Only names that begin like this, or look as if.
        search: String,
        /// From an earlier answer.
        page: Option<PageToken>,
        /// At most so many.
        limit: u32,
    },
    /// What these accounts are called: [`Answer::Names`].
    Names {
        /// Which; a thousand at the most.
        accounts: Vec<AccountId>,
    },
    /// Which of these logins the store has no more, and why: [`Answer::Ended`].
    Ended {
        /// Whose, and which; a thousand at the most.
        logins: Vec<(AccountId, LoginId)>,
        /// When.
        at: UnixMs,
    },
    /// Ends logins.
    Revoke {
        /// Whose.
        account: AccountId,
        /// Which; of [`Which::One`] and [`Which::Another`] that is none,
        /// [`crate::Refusal::NotFound`].
        which: Which,
    },
    /// Sets a password; every other login ends. [`crate::Refusal::Conflict`] if the present one is
    /// another than `old`: somebody has changed it meanwhile. If no login stays, its owner has not
    /// asked for it: recovery codes, which whoever was in may have made, are worth nothing then.
    SetPassword {
        /// Whose.
        account: AccountId,
        /// The present hash (PHC string), if it has one.
        old: Option<String>,
        /// Its hash (PHC string).
        password: String,
        /// The login that stays: whose session has asked for it.
        keep: Option<LoginId>,
    },
    /// Replaces the hash of a password that stays the same. [`crate::Refusal::Conflict`] if it was
    /// changed meanwhile.
    Rehash {
        /// Whose.
        account: AccountId,
        /// The hash until now (PHC string).
        old: String,
        /// The hash from now on.
        new: String,
    },
    /// Replaces the recovery codes.
    SetRecoveryCodes {
        /// Whose.
        account: AccountId,
        /// Of each code.
        codes: Vec<TokenHash>,
    },
    /// Uses a recovery code up: sets a password, ends every login, begins one.
    Recover {
        /// Whose name.
        name: NameKey,
        /// Of the code.
        code: TokenHash,
        /// The new password's hash.
        password: String,
        /// The login that begins.
        login: NewLogin,
        /// When.
        at: UnixMs,
    },
    /// Has the account known in one more way. [`crate::Refusal::Duplicate`] if that is somebody
    /// else's, [`crate::Refusal::Conflict`] if it has one of that kind.
    Link {
        /// Which.
        account: AccountId,
        /// How.
        identity: Identity,
        /// With which password's hash, for a name.
        password: Option<String>,
        /// The display name that it takes with it, for a name.
        name: Option<DisplayName>,
        /// When.
        at: UnixMs,
    },
    /// Takes a way away. [`crate::Refusal::Conflict`] if it is the last.
    Unlink {
        /// Whose.
        account: AccountId,
        /// Which.
        kind: IdentityKind,
    },
    /// How an account is known.
    Identities {
        /// Which.
        account: AccountId,
    },
    /// What an account shows.
    Profile {
        /// Whose.
        account: AccountId,
    },
    /// Changes a profile. [`crate::Refusal::Conflict`] if it has another version.
    SetProfile {
        /// Whose.
        account: AccountId,
        /// The version that is changed; `None` means any.
        version: Option<u32>,
        /// The new picture, if it changes.
        avatar: Option<u32>,
        /// The new language, if it changes.
        language: Option<String>,
        /// The new document, if it changes.
        document: Option<Vec<u8>>,
    },
    /// Takes another display name; an account that is known by a name is known by this from now
    /// on. [`crate::Refusal::Duplicate`] if it is somebody else's, or was until not long ago;
    /// [`Answer::TooSoon`] if its own last one was given up not long ago.
    Rename {
        /// Who.
        account: AccountId,
        /// The name.
        name: DisplayName,
        /// When.
        at: UnixMs,
        /// Until when nobody else may have the old name.
        release: UnixMs,
        /// It is too soon if an old name of this account is kept for longer than until then.
        cooled: UnixMs,
    },
    /// Forbids logging in, and ends every login; or allows it again.
    SetStatus {
        /// Who.
        account: AccountId,
        /// From now on.
        status: Status,
    },
    /// Lets an account say nothing anywhere, or speak again (`None`). It is told from the bans of
    /// rooms by [`crate::RoomId::EVERYWHERE`].
    SetMute {
        /// Whose.
        account: AccountId,
        /// Until when.
        until: Option<Until>,
    },
    /// Erases an account: what is personal goes, its bare id stays where others refer to it.
    Erase {
        /// Which.
        account: AccountId,
    },
}

impl Ask {
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Find { .. }
                | Self::Named { .. }
                | Self::Get { .. }
                | Self::Identities { .. }
                | Self::Logins { .. }
                | Self::Ended { .. }
                | Self::List { .. }
                | Self::Names { .. }
                | Self::Token { .. }
                | Self::Profile { .. }
        )
    }
}

/// Which logins end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// That one, by whoever is in by it.
    One(LoginId),
    /// That one, by whoever is in by another: if a session is in by it, that may be at another
    /// server.
    Another(LoginId),
    /// All but that one.
    AllBut(LoginId),
    /// All.
    All,
}

/// What is answered about accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Find`], [`Ask::Named`] and [`Ask::Get`].
    Found(Found),
    /// To [`Ask::Exchange`] and [`Ask::Recover`].
    LoggedIn {
        /// Who.
        found: Found,
        /// Which login.
        login: LoginId,
    },
    /// To [`Ask::Token`].
    Token {
        /// Who.
        found: Found,
        /// Which login.
        login: LoginId,
        /// What its device calls itself.
        device: String,
        /// When the token is worth nothing any more.
        expires: UnixMs,
        /// Whether it was exchanged for another.
        is_exchanged: bool,
    },
    /// To [`Ask::Exchange`], of a token that was exchanged before: its login has ended.
    Stolen {
        /// Whose.
        account: AccountId,
        /// Which login has ended.
        login: LoginId,
    },
    /// To [`Ask::Rename`]: not before this is over.
    TooSoon {
        /// Until when the name that was given up last is kept.
        kept_until: UnixMs,
    },
    /// To [`Ask::Logins`].
    Logins(Vec<Login>),
    /// To [`Ask::List`].
    List {
        /// In the order of what their names look like.
        accounts: Vec<Found>,
        /// For the next part, if there is one.
        next: Option<PageToken>,
    },
    /// To [`Ask::Names`]: of those accounts that there are or were, by their ids.
    Names(Vec<Named>),
    /// To [`Ask::Ended`]: those that have, in the order in which they were asked about.
    Ended(Vec<Ended>),
    /// To [`Ask::Identities`].
    Identities {
        /// At most one of each.
        kinds: Vec<IdentityKind>,
        /// What others see; whoever is known by a name logs in by this one.
        display_name: String,
        /// Recovery codes that were not used.
        recovery_codes: u32,
    },
    /// To [`Ask::Profile`] and [`Ask::SetProfile`].
    Profile(Profile),
}

/// An account that was found.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub account: AccountId,
    /// What others see.
    pub display_name: String,
    /// Whether it may log in.
    pub status: Status,
    /// Why it was banned, for people; empty if it is not, or if nobody said why.
    pub ban_reason: String,
    /// Its password's hash (PHC string), if it has one.
    pub password: Option<String>,
}

/// A login, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Which.
    pub id: LoginId,
    /// What its device calls itself.
    pub device: String,
    /// When it began.
    pub since: UnixMs,
    /// When it was last used.
    pub used: UnixMs,
}

/// What an account is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which.
    pub account: AccountId,
    /// What others see; `None` if it is erased.
    pub display_name: Option<String>,
}

/// A login that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whose it was.
    pub account: AccountId,
    /// Which.
    pub login: LoginId,
    /// If they may not log in: until when, and why.
    pub ban: Option<(Until, String)>,
}

/// What an account shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Whose.
    pub account: AccountId,
    /// What others see.
    pub display_name: String,
    /// Its picture, by a number of the game's.
    pub avatar: u32,
    /// A tag of BCP 47, or empty.
    pub language: String,
    /// The game's own.
    pub document: Vec<u8>,
    /// Goes up with every change.
    pub version: u32,
}
