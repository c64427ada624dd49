//! Settings of accounts, and what they have to do with each other.

use crate::password::Cost;
use crate::throttle::ThrottleLimits;
use wharf_base::{Duration, UniqueIds};

/// How accounts are looked after.
#[derive(Clone, Copy, Debug)]
pub struct AccountOptions {
    /// This process among those that make ids; below [`UniqueIds::NODES`].
    pub node: u16,
    /// What a hash costs. Hashes that were cheaper are made anew at the next login.
    pub cost: Cost,
    /// Threads that hash.
    pub hash_workers: u32,
    /// Passwords that wait to be hashed at the most. More are answered "busy".
    pub hash_jobs_max: usize,
    /// How long a hash is taken to take until one was measured.
    pub hash_time: Duration,
    /// Requests in progress, those that wait included. More are answered "busy".
    pub requests_max: usize,
    /// Requests of one session that wait for its first.
    pub session_requests_max: usize,
    /// By when a request is answered, whatever happens; unless a password is hashed for it.
    pub deadline: Duration,
    /// By when one is answered for which a password is hashed: its turn may be far off. Not before
    /// `deadline`.
    pub hash_deadline: Duration,
    /// How long a token is good for.
    pub token_life: Duration,
    /// How long a login without a token (a classic one) stays in the list, if nobody ends it.
    pub classic_life: Duration,
    /// Whether no other process writes to the store. Then what it has said of tokens and of earlier
    /// failures is remembered; otherwise it is asked each time.
    pub is_alone: bool,
    /// How long a token is kept by those who log in with it; one that is older is exchanged.
    pub token_exchange_after: Duration,
    /// For how long a client that lost the answer may show its last token again.
    pub token_grace: Duration,
    /// Time between two renames.
    pub rename_cooldown: Duration,
    /// How long nobody else may have a name that was given up. Not shorter than
    /// `rename_cooldown`, which is told from it.
    pub name_hold: Duration,
    /// Recovery codes that are made at once.
    pub recovery_codes: usize,
    /// Bytes of a profile's document.
    pub document_bytes_max: usize,
    /// How long whoever guesses waits for what the store says of earlier failures, the first time;
    /// with nothing it is not asked, and failures are forgotten when the process ends.
    pub recall: Duration,
    /// Delays of those who guess at one account.
    pub account_delays: ThrottleLimits,
    /// Delays of those who guess from one address.
    pub address_delays: ThrottleLimits,
}

const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Default for AccountOptions {
    fn default() -> Self {
        Self {
            node: 0,
            cost: Cost::FLOOR,
            hash_workers: 1,
            hash_jobs_max: 1_024,
            hash_time: Duration::from_millis(50),
            requests_max: 4_096,
            session_requests_max: 8,
            deadline: Duration::from_secs(30),
            hash_deadline: Duration::from_secs(30),
            token_life: DAY * 30,
            classic_life: DAY,
            is_alone: true,
            token_exchange_after: Duration::from_secs(3_600),
            token_grace: Duration::from_secs(60),
            rename_cooldown: DAY * 7,
            name_hold: DAY * 30,
            recovery_codes: 8,
            document_bytes_max: 4_096,
            recall: Duration::from_millis(500),
            account_delays: ThrottleLimits::default(),
            // Many people may share one.
            address_delays: ThrottleLimits {
                free: 20,
                ..ThrottleLimits::default()
            },
        }
    }
}

impl AccountOptions {
    /// Whether the settings fit each other.
    ///
    /// # Errors
    /// What does not, in words for the operator.
    pub fn check(&self) -> Result<(), &'static str> {
        let rules = [
            (self.node < UniqueIds::NODES, "a node is below 1024"),
            (self.hash_workers > 0, "at least one thread hashes"),
            (self.hash_jobs_max > 0, "at least one password may wait"),
            (self.requests_max > 0, "at least one request may be made"),
            (self.deadline > Duration::ZERO, "a request takes some time"),
            (
                self.hash_deadline >= self.deadline,
                "a request for which a password is hashed may take as long as any other",
            ),
            (
                self.token_life > Duration::ZERO && self.classic_life > Duration::ZERO,
                "a login lasts some time",
            ),
            (
                self.rename_cooldown <= self.name_hold,
                "a name is kept for as long as the next rename takes, at least",
            ),
            (
                (1..=32).contains(&self.recovery_codes),
                "between 1 and 32 recovery codes are made",
            ),
        ];
        match rules.iter().find(|(is_kept, _)| !is_kept) {
            Some((_, rule)) => Err(rule),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_fit_are_named() {
        assert_eq!(AccountOptions::default().check(), Ok(()));
        let hasty = AccountOptions {
            name_hold: DAY,
            ..AccountOptions::default()
        };
        assert!(hasty.check().unwrap_err().contains("name is kept"));
    }
}
