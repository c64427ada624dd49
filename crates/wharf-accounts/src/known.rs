//! Tokens that were shown lately: who comes back soon needs no look into the store.

use crate::options::AccountOptions;
use crate::request::User;
use crate::revocation::{Revocation, Revocations};
use crate::world::millis;
use std::collections::{BTreeMap, BTreeSet};
use wharf_base::{Instant, Latest};
use wharf_data::account::{TokenHash, Which};
use wharf_data::{AccountId, UnixMs};

/// Tokens that are remembered at the most, some 200 bytes each; the oldest are forgotten.
const KNOWN_MAX: usize = 65_536;

/// What the store has said of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) user: User,
    pub(crate) display_name: String,
    /// What its device calls itself.
    pub(crate) device: String,
    pub(crate) expires: UnixMs,
    /// Whether somebody has come by it, and not only got it.
    pub(crate) is_shown: bool,
}

impl Known {
    /// Whether somebody who logs in by it keeps it: it is young, and nothing is new.
    pub(crate) fn stays(&self, at: UnixMs, options: &AccountOptions, device: Option<&str>) -> bool {
        let life = options.token_life;
        let young = millis(life.saturating_sub(options.token_exchange_after));
        let is_young = self.expires.saturating_sub(at) > young;
        let is_new = device.is_some_and(|device| device != self.device);
        self.expires > at && is_young && !is_new
    }
}

/// The tokens that are known to be good.
///
/// The store remains the truth: what somebody asks that changes their account makes their tokens
/// forgotten at once, before it is done, and so does the end of a login. An answer that is older
/// than that is not remembered; nor is one that was read beside a change that may not be done yet.
///
/// Invariant: `order` and `of_accounts` have each token of `tokens` once.
pub(crate) struct KnownTokens {
    tokens: BTreeMap<[u8; 32], Known>,
    order: Latest<[u8; 32]>,
    of_accounts: BTreeSet<(AccountId, [u8; 32])>,
    /// Whose tokens were forgotten since which question.
    changes: Revocations,
    is_alone: bool,
}

impl KnownTokens {
    /// Knows nothing. At most so many questions are under way at once. Whoever is not alone on the
    /// store never will know anything.
    pub(crate) fn new(questions_max: usize, is_alone: bool) -> Self {
        Self {
            tokens: BTreeMap::new(),
            order: Latest::new(KNOWN_MAX),
            of_accounts: BTreeSet::new(),
            changes: Revocations::new(questions_max),
            is_alone,
        }
    }

    /// What is known of a token.
    pub(crate) fn find(&self, token: &TokenHash) -> Option<&Known> {
        self.tokens.get(&token.0)
    }

    /// Somebody shows a token.
    pub(crate) fn show(&mut self, token: &TokenHash) -> Option<&Known> {
        let known = self.tokens.get_mut(&token.0)?;
        known.is_shown = true;
        self.order.add(token.0);
        Some(known)
    }

    /// Whether a token of that login was shown since it is known.
    pub(crate) fn was_shown(&self, user: User) -> bool {
        self.of(user.account).any(|token| {
            let known = self.tokens.get(&token);
            known.is_some_and(|known| known.user == user && known.is_shown)
        })
    }

    /// How many changes there were; for [`Self::remember`].
    pub(crate) fn changes(&self) -> u64 {
        self.changes.count()
    }

    /// The store has said so, when it was asked after `changes`.
    pub(crate) fn remember(&mut self, token: TokenHash, known: Known, changes: u64) {
        let (account, login) = (known.user.account, known.user.login);
        // What was shown was read, and reads do not wait for writes; what is new was written.
        let is_old = match known.is_shown {
            true => self.changes.may_be_under_way(account, login),
            false => self.changes.may_cover(account, login, changes),
        };
        if is_old || !self.is_alone {
            return;
        }
        self.of_accounts.insert((account, token.0));
        self.tokens.insert(token.0, known);
        if let Some(oldest) = self.order.add(token.0) {
            self.forget(&oldest);
        }
    }

    /// The store is about to be asked for something that changes an account. At `over` nothing is
    /// under way any more that was asked before.
    pub(crate) fn touch(&mut self, account: AccountId, over: Instant) {
        let which = Which::All;
        self.end(Revocation { account, which }, over);
    }

    /// Logins have ended.
    pub(crate) fn end(&mut self, revocation: Revocation, over: Instant) {
        self.drop_ended(&revocation);
        self.changes.note(revocation, over);
    }

    /// Logins have ended, by what was asked of the store elsewhere.
    pub(crate) fn drop_ended(&mut self, revocation: &Revocation) {
        let account = revocation.account;
        let ended: Vec<[u8; 32]> = self
            .of(account)
            .filter(|token| {
                let known = self.tokens.get(token);
                known.is_some_and(|known| revocation.covers(account, known.user.login))
            })
            .collect();
        for token in ended {
            self.forget(&token);
        }
    }

    /// Time has passed.
    pub(crate) fn pass(&mut self, now: Instant) {
        self.changes.forget(now);
    }

    fn of(&self, account: AccountId) -> impl Iterator<Item = [u8; 32]> + '_ {
        self.of_accounts
            .range((account, [0; 32])..=(account, [u8::MAX; 32]))
            .map(|(_, token)| *token)
    }

    fn forget(&mut self, token: &[u8; 32]) {
        if let Some(known) = self.tokens.remove(token) {
            self.order.remove(token);
            self.of_accounts.remove(&(known.user.account, *token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_data::LoginId;

    fn known(account: i64, login: i64) -> Known {
        Known {
            user: User {
                account: AccountId::new(account),
                login: LoginId::new(login),
            },
            display_name: "kim".into(),
            device: String::new(),
            expires: 1,
            is_shown: true,
        }
    }

    fn token(number: u32) -> TokenHash {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        TokenHash(hash)
    }

    #[test]
    fn what_changes_an_account_makes_its_tokens_forgotten_and_no_others() {
        let mut tokens = KnownTokens::new(8, true);
        tokens.remember(token(1), known(1, 11), 0);
        tokens.remember(token(2), known(1, 12), 0);
        tokens.remember(token(3), known(2, 21), 0);
        let which = Which::One(LoginId::new(11));
        let account = AccountId::new(1);
        tokens.end(Revocation { account, which }, Instant::ZERO);
        assert_eq!(tokens.show(&token(1)), None);
        assert_eq!(tokens.show(&token(2)), Some(&known(1, 12)));
        tokens.touch(account, Instant::ZERO);
        assert_eq!(tokens.show(&token(2)), None);
        assert_eq!(tokens.show(&token(3)), Some(&known(2, 21)));
    }

    #[test]
    fn an_answer_that_is_older_than_a_change_is_not_remembered() {
        let mut tokens = KnownTokens::new(8, true);
        let asked = tokens.changes();
        tokens.touch(AccountId::new(1), Instant::ZERO);
        let written = |account, login| Known {
            is_shown: false,
            ..known(account, login)
        };
        tokens.remember(token(1), written(1, 11), asked);
        tokens.remember(token(2), written(2, 21), asked);
        assert_eq!(tokens.show(&token(1)), None);
        assert!(tokens.show(&token(2)).is_some());
        tokens.remember(token(1), written(1, 11), tokens.changes());
        assert!(tokens.show(&token(1)).is_some());
    }

    #[test]
    fn what_was_read_is_not_remembered_while_a_change_may_be_under_way() {
        let mut tokens = KnownTokens::new(8, true);
        let over = Instant::ZERO + wharf_base::Duration::from_secs(30);
        tokens.touch(AccountId::new(1), over);
        let asked = tokens.changes();
        tokens.remember(token(1), known(1, 11), asked);
        tokens.remember(token(2), known(2, 21), asked);
        assert_eq!(tokens.show(&token(1)), None);
        assert!(tokens.show(&token(2)).is_some());
        tokens.pass(over);
        tokens.remember(token(1), known(1, 11), asked);
        assert!(tokens.show(&token(1)).is_some());
    }

    #[test]
    fn whoever_is_not_alone_on_the_store_remembers_nothing() {
        let mut tokens = KnownTokens::new(8, false);
        tokens.remember(token(1), known(1, 11), 0);
        assert_eq!(tokens.show(&token(1)), None);
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let mut tokens = KnownTokens::new(8, true);
        for number in 0..=KNOWN_MAX as u32 {
            tokens.remember(token(number), known(i64::from(number) + 1, 1), 0);
        }
        assert_eq!(tokens.tokens.len(), KNOWN_MAX);
        assert_eq!(tokens.of_accounts.len(), KNOWN_MAX);
        assert_eq!(tokens.order.len(), KNOWN_MAX);
        assert!(tokens.tokens.keys().all(|token| tokens.order.has(token)));
        assert_eq!(tokens.show(&token(0)), None);
        assert!(tokens.show(&token(1)).is_some());
    }
}
