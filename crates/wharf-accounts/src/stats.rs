//! What was answered so far, counted: for metrics.

use crate::request::{Error, Outcome};

/// What was answered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountStats {
    /// Requests that were answered, in any way.
    pub answered: u64,
    /// Logins, of whatever kind.
    pub logged_in: u64,
    /// Accounts that were made; each is a login too.
    pub created: u64,
    /// Wrong names, passwords, tokens, tickets and codes.
    pub wrong: u64,
    /// Refused because of many wrong ones.
    pub delayed: u64,
    /// Refused because too much was waiting.
    pub busy: u64,
    /// Went on without knowing of earlier failures: the store did not say in time.
    pub unrecalled: u64,
    /// Ended without knowing: the store or the hash workers did not answer.
    pub unavailable: u64,
    /// Passwords that the hash workers were not given, because too many were with them.
    pub hashes_refused: u64,
}

impl AccountStats {
    pub(crate) fn count(&mut self, result: &Result<Outcome, Error>) {
        self.answered += 1;
        match result {
            Ok(Outcome::LoggedIn(who)) => {
                self.logged_in += 1;
                self.created += u64::from(who.is_new);
            }
            Err(Error::Credentials | Error::Token) => self.wrong += 1,
            Err(Error::Rate { .. }) => self.delayed += 1,
            Err(Error::Busy { .. }) => self.busy += 1,
            Err(Error::Unavailable) => self.unavailable += 1,
            _ => {}
        }
    }
}
