//! What was counted of logins, and who and what is here: for metrics.

use wharf_data::access::{Error, Outcome, Request};
use wharf_data::service::{Given, Reply};

/// By what somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginWay {
    /// A new account with a name and a password.
    Register,
    /// Name and password.
    Password,
    /// A secret that the device keeps.
    Device,
    /// What the studio's own service gave out.
    Ticket,
    /// The token of an earlier login.
    Token,
    /// The classic packets.
    Classic,
    /// A recovery code.
    Recovery,
}

impl LoginWay {
    const COUNT: usize = 7;
    const NAMES: [&str; Self::COUNT] = [
        "register", "password", "device", "ticket", "token", "classic", "recovery",
    ];

    /// How `request` logs in, if it does.
    pub fn of(request: &Request) -> Option<Self> {
        match request {
            Request::Register { .. } => Some(Self::Register),
            Request::LogIn { .. } => Some(Self::Password),
            Request::LogInAsGuest { .. } => Some(Self::Device),
            Request::LogInByTicket { .. } => Some(Self::Ticket),
            Request::LogInByToken { .. } => Some(Self::Token),
            Request::LogInClassic { .. } => Some(Self::Classic),
            Request::Recover { .. } => Some(Self::Recovery),
            _ => None,
        }
    }
}

/// What came of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginEnd {
    /// They are in.
    Ok,
    /// A wrong name, password, token, ticket or code.
    Wrong,
    /// Too many wrong ones before.
    Delayed,
    /// Too much waits.
    Busy,
    /// The store or the hash workers did not answer.
    Unavailable,
    /// No place, not even to wait.
    Full,
    /// The server is being looked after.
    Maintenance,
    /// The account may not log in.
    Banned,
    /// The account is logged in elsewhere, or the name is somebody else's.
    Taken,
    /// Anything else, such as a name that none may have, or that they went while they waited.
    Other,
}

impl LoginEnd {
    const COUNT: usize = 10;
    const NAMES: [&str; Self::COUNT] = [
        "ok",
        "wrong",
        "delayed",
        "busy",
        "unavailable",
        "full",
        "maintenance",
        "banned",
        "taken",
        "other",
    ];

    fn of(reply: &Reply) -> Self {
        match reply {
            Ok(Given::Access(Outcome::LoggedIn(_))) => Self::Ok,
            Err(Error::Credentials | Error::Token) => Self::Wrong,
            Err(Error::Rate { .. }) => Self::Delayed,
            Err(Error::Busy { .. }) => Self::Busy,
            Err(Error::Unavailable) => Self::Unavailable,
            Err(Error::Full) => Self::Full,
            Err(Error::Maintenance(_)) => Self::Maintenance,
            Err(Error::Banned { .. }) => Self::Banned,
            Err(Error::InUse | Error::Taken) => Self::Taken,
            _ => Self::Other,
        }
    }
}

/// Logins that have ended, by how and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoginStats {
    ends: [[u64; LoginEnd::COUNT]; LoginWay::COUNT],
    /// Accounts that were made by them.
    pub accounts_made: u64,
}

impl LoginStats {
    pub(crate) fn count(&mut self, way: LoginWay, reply: &Reply) {
        self.ends[way as usize][LoginEnd::of(reply) as usize] += 1;
        if let Ok(Given::Access(Outcome::LoggedIn(who))) = reply {
            self.accounts_made += u64::from(who.is_new);
        }
    }

    /// How many ended so.
    pub fn of(&self, way: LoginWay, end: LoginEnd) -> u64 {
        self.ends[way as usize][end as usize]
    }

    /// Every way and every end, with how many there were.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let ways = LoginWay::NAMES.into_iter().zip(self.ends);
        ways.flat_map(|(way, ends)| {
            let ends = LoginEnd::NAMES.into_iter().zip(ends);
            ends.map(move |(end, count)| (way, end, count))
        })
    }
}

/// Who and what is here now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlatformStats {
    /// Accounts that are logged in.
    pub online: usize,
    /// Logins that wait for a place.
    pub queued: usize,
    /// How many may.
    pub queued_max: usize,
    /// Rooms that have a name and are open.
    pub halls: usize,
    /// How many may be.
    pub halls_max: usize,
    /// Members in them.
    pub hall_members: usize,
    /// Passwords of accounts that are with the hash workers.
    pub hashing: usize,
    /// Passwords of accounts and rooms that were not taken, because too many were with them.
    pub hashes_refused: u64,
    /// Waits for what the store knows of earlier failures that ended without it.
    pub unrecalled: u64,
    /// What was written of who and what is here for others to see, or taken away.
    pub shown: u64,
    /// The same that the store did not do.
    pub unshown: u64,
    /// Requests of accounts in progress.
    pub requests: usize,
    /// How logins ended.
    pub logins: LoginStats,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_way_and_every_end_has_a_name_of_its_own() {
        let mut stats = LoginStats::default();
        stats.count(LoginWay::Recovery, &Err(Error::Forbidden));
        stats.count(LoginWay::Register, &Err(Error::Token));
        let counted: Vec<_> = stats.iter().filter(|(.., count)| *count > 0).collect();
        let expected = [("register", "wrong", 1), ("recovery", "other", 1)];
        assert_eq!(
            counted, expected,
            "the last way and end have the last names"
        );
        assert_eq!(stats.of(LoginWay::Recovery, LoginEnd::Other), 1);
        let names: BTreeSet<_> = stats.iter().map(|(way, end, _)| (way, end)).collect();
        assert_eq!(names.len(), LoginWay::COUNT * LoginEnd::COUNT);
    }
}
