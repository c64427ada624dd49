//! Who is logged in, and in which session: each account in one at a time.

use crate::SessionTag;
use crate::brief::Changes;
use std::collections::{BTreeMap, BTreeSet};
use wharf_data::{AccountId, LoginId, NameKey, UnixMs};

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Online {
    /// In which session.
    pub session: SessionTag,
    /// By which login.
    pub login: LoginId,
    /// What others see.
    pub display_name: String,
    /// Whether others see that they are here.
    pub is_visible: bool,
    /// Since when they are.
    pub since: UnixMs,
    /// In which of the numbered rooms, as it was told last.
    pub lobby: Option<u32>,
}

/// Everybody who is logged in.
///
/// Invariant: `accounts`, `sessions` and `names` have the same people, each once.
#[derive(Debug, Default)]
pub struct Presence {
    accounts: BTreeMap<AccountId, Online>,
    sessions: BTreeMap<SessionTag, AccountId>,
    /// By key of the display name, for lists and look-ups; names may be alike where an account
    /// has none of its own.
    names: BTreeSet<(NameKey, AccountId)>,
    /// Who came, went, or looks different.
    pub(crate) changes: Changes,
}

impl Presence {
    /// `account` is in `online.session` from now on; the session that it was in before, if that is
    /// another one.
    pub fn enter(&mut self, account: AccountId, online: Online) -> Option<SessionTag> {
        let session = online.session;
        self.leave(session);
        self.changes.person(account);
        let before = self.accounts.remove(&account);
        if let Some(before) = &before {
            self.sessions.remove(&before.session);
            self.names.remove(&name_of(account, before));
        }
        self.names.insert(name_of(account, &online));
        self.sessions.insert(session, account);
        self.accounts.insert(account, online);
        before.map(|before| before.session)
    }

    /// A session is over, or logged out; who was in it.
    pub fn leave(&mut self, session: SessionTag) -> Option<AccountId> {
        let account = self.sessions.remove(&session)?;
        self.changes.person(account);
        if let Some(online) = self.accounts.remove(&account) {
            self.names.remove(&name_of(account, &online));
        }
        Some(account)
    }

    /// Where `account` is.
    pub fn find(&self, account: AccountId) -> Option<&Online> {
        self.accounts.get(&account)
    }

    /// Who is in `session`.
    pub fn account(&self, session: SessionTag) -> Option<AccountId> {
        self.sessions.get(&session).copied()
    }

    /// Who is here and looks like `key`; of several the one with the lowest id.
    pub fn find_name(&self, key: &NameKey) -> Option<(AccountId, &Online)> {
        let first = (key.clone(), AccountId::new(i64::MIN));
        let (name, account) = self.names.range(first..).next()?;
        let online = self.accounts.get(account).filter(|_| name == key)?;
        Some((*account, online))
    }

    /// Those whom others see, or all, by name, from behind `after` on; at most `limit` whose names
    /// begin like `search`.
    pub fn list(
        &self,
        search: &NameKey,
        after: Option<&(NameKey, AccountId)>,
        limit: usize,
        with_unseen: bool,
    ) -> Vec<(AccountId, &Online)> {
        let first = (search.clone(), AccountId::new(i64::MIN));
        let from = after.map_or(&first, |after| after.max(&first));
        let all = self.names.range(from.clone()..);
        all.filter(|entry| Some(*entry) != after)
            .take_while(|(name, _)| name.as_str().starts_with(search.as_str()))
            .filter_map(|(_, account)| Some((*account, self.accounts.get(account)?)))
            .filter(|(_, online)| with_unseen || online.is_visible)
            .take(limit)
            .collect()
    }

    /// Says whether others see that the account in `session` is here.
    pub fn set_visible(&mut self, session: SessionTag, is_visible: bool) {
        let account = self.sessions.get(&session);
        if let Some(account) = account
            && let Some(online) = self.accounts.get_mut(account)
        {
            online.is_visible = is_visible;
            self.changes.person(*account);
        }
    }

    /// Somebody has come to one of the numbered rooms, or has gone from it.
    pub fn moved(&mut self, account: AccountId, number: u32, is_there: bool) {
        let online = self.accounts.get_mut(&account);
        match online.map(|online| &mut online.lobby) {
            Some(lobby) if is_there => *lobby = Some(number),
            // They may be in another by now, which has told so before.
            Some(lobby) => drop(lobby.take_if(|there| *there == number)),
            None => {}
        }
    }

    /// The account in `session` has another display name.
    pub fn rename(&mut self, account: AccountId, display_name: String) {
        if let Some(online) = self.accounts.get_mut(&account) {
            self.changes.person(account);
            self.names.remove(&name_of(account, online));
            online.display_name = display_name;
            self.names.insert(name_of(account, online));
        }
    }

    /// Everybody, by account.
    pub fn iter(&self) -> impl Iterator<Item = (AccountId, &Online)> {
        self.accounts
            .iter()
            .map(|(account, online)| (*account, online))
    }

    /// How many are logged in.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }
}

fn name_of(account: AccountId, online: &Online) -> (NameKey, AccountId) {
    (NameKey::of(&online.display_name), account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn online(session: u64, name: &str) -> Online {
        Online {
            session: SessionTag(session),
            login: LoginId::new(1),
            display_name: name.into(),
            is_visible: true,
            since: 0,
            lobby: None,
        }
    }

    fn account(number: i64) -> AccountId {
        AccountId::new(number)
    }

    #[test]
    fn an_account_is_in_one_session_and_the_older_is_told() {
        let mut presence = Presence::default();
        assert_eq!(presence.enter(account(1), online(7, "kim")), None);
        let before = presence.enter(account(1), online(8, "kim"));
        assert_eq!(before, Some(SessionTag(7)));
        assert_eq!(presence.leave(SessionTag(7)), None, "it is nobody's now");
        assert_eq!(presence.find(account(1)).unwrap().session, SessionTag(8));
        assert_eq!(presence.leave(SessionTag(8)), Some(account(1)));
        assert!(presence.is_empty());
    }

    #[test]
    fn the_last_numbered_room_that_somebody_came_to_is_where_they_are() {
        let mut presence = Presence::default();
        presence.moved(account(1), 3, true);
        presence.enter(account(1), online(7, "kim"));
        let mut place_after = |number, is_there| {
            presence.moved(account(1), number, is_there);
            presence.find(account(1)).unwrap().lobby
        };
        assert_eq!(place_after(4, true), Some(4));
        assert_eq!(
            place_after(3, false),
            Some(4),
            "told late by the room before"
        );
        assert_eq!(place_after(4, false), None);
    }

    #[test]
    fn people_are_listed_by_name_page_by_page() {
        let mut presence = Presence::default();
        for (number, name) in (1..).zip(["kim", "Kira", "lee", "kimchi", "kappa"]) {
            presence.enter(account(number), online(number as u64, name));
        }
        presence.set_visible(SessionTag(4), false);
        let names = |after: Option<&(NameKey, AccountId)>, limit| {
            let page = presence.list(&NameKey::of("k"), after, limit, false);
            let names = page.iter().map(|(_, online)| online.display_name.clone());
            (names.collect::<Vec<_>>(), page.last().map(|(id, _)| *id))
        };
        let (first, last) = names(None, 2);
        // By their keys: in a skeleton an "m" looks as an "rn" does.
        assert_eq!(first, ["kappa", "Kira"]);
        let after = (NameKey::of("Kira"), last.unwrap());
        assert_eq!(names(Some(&after), 2).0, ["kim"]);
        assert_eq!(
            presence.find_name(&NameKey::of("KIM")).unwrap().0,
            account(1)
        );
        assert!(presence.find_name(&NameKey::of("ki")).is_none());
        let all = presence.list(&NameKey::of("kimchi"), None, 9, true);
        assert_eq!(all.len(), 1, "kimchi hides, but not from all");
    }

    proptest! {
        #[test]
        fn the_three_tables_agree(
            steps in prop::collection::vec((0u8..3, 0i64..5, 0u64..8), 0..60),
        ) {
            let mut presence = Presence::default();
            for (kind, number, session) in steps {
                match kind {
                    0 => {
                        presence.enter(account(number), online(session, "x"));
                    }
                    1 => {
                        presence.leave(SessionTag(session));
                    }
                    _ => presence.rename(account(number), format!("n{session}")),
                }
                prop_assert_eq!(presence.accounts.len(), presence.sessions.len());
                prop_assert_eq!(presence.accounts.len(), presence.names.len());
                for (account, online) in &presence.accounts {
                    prop_assert_eq!(presence.sessions.get(&online.session), Some(account));
                    prop_assert!(presence.names.contains(&name_of(*account, online)));
                }
            }
        }
    }
}
