//! Who asks; what can be asked and what is answered is [`wharf_data::access`].

use core::fmt;
use core::net::IpAddr;
pub use wharf_data::access::{
    Error, Identities, LoggedIn, LookUp, Outcome, Person, RecoveryCodes, Request, Token, UnknownId,
    User,
};

/// What comes back with an answer. Requests with the same `session` are done one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerTag {
    /// The session, as the caller numbers them.
    pub session: u64,
    /// The request, as the caller numbers them.
    pub request: u64,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Comes back with the answer.
    pub tag: CallerTag,
    /// Where from.
    pub address: IpAddr,
    /// As whom, once logged in.
    pub user: Option<User>,
}

pub(crate) fn invalid(field: &'static str, text: impl fmt::Display) -> Error {
    Error::Invalid {
        field,
        text: text.to_string(),
    }
}
