//! Logins and their tokens.

use super::{Answered, MapStore};
use wharf_data::account::{Answer, Ended, Login, NewLogin, NewToken, Status, TokenHash, Which};
use wharf_data::room::Until;
use wharf_data::{AccountId, LoginId, Refusal, Target, UnixMs, audit};

/// What stands for the time of its exchange in a token whose answer was lost.
const REPLACED: UnixMs = 1;

#[derive(Clone, Debug)]
pub(crate) struct LoginRow {
    pub(crate) account: AccountId,
    pub(crate) device: String,
    pub(crate) since: UnixMs,
    pub(crate) used: UnixMs,
    pub(crate) expires: UnixMs,
}

#[derive(Clone, Debug)]
pub(crate) struct TokenRow {
    pub(crate) login: LoginId,
    pub(crate) expires: UnixMs,
    /// 0 if it was not.
    pub(crate) exchanged: UnixMs,
}

impl MapStore {
    pub(super) fn begin(&mut self, account: AccountId, login: &NewLogin, at: UnixMs) -> Answered {
        let row = LoginRow {
            account,
            device: login.device.clone(),
            since: at,
            used: at,
            expires: login.token.expires,
        };
        assert!(self.logins.insert(login.id, row).is_none(), "an id twice");
        self.add_token(login.id, &login.token);
        Ok(None)
    }

    /// Why somebody was banned last.
    pub(super) fn ban_reason(&self, account: AccountId) -> String {
        let banned = |it: &&audit::Entry| {
            it.action == "account.ban" && it.target == Target::Account(account)
        };
        let last = self.log.iter().rfind(banned);
        last.map(|it| it.act.reason.clone()).unwrap_or_default()
    }

    pub(super) fn ended(&self, logins: &[(AccountId, LoginId)], at: UnixMs) -> Answer {
        let is_over = |(_, login): &&(AccountId, LoginId)| !self.logins.contains_key(login);
        let ended = logins.iter().filter(is_over).map(|(account, login)| {
            let status = self.people.get(account).map(|person| person.status);
            let until = match status.filter(|status| status.is_banned(at)) {
                Some(Status::Banned { until: Some(until) }) => Some(Until::Time(until)),
                Some(_) => Some(Until::TakenBack),
                None => None,
            };
            Ended {
                account: *account,
                login: *login,
                ban: until.map(|until| (until, self.ban_reason(*account))),
            }
        });
        Answer::Ended(ended.collect())
    }

    fn add_token(&mut self, login: LoginId, token: &NewToken) {
        let row = TokenRow {
            login,
            expires: token.expires,
            exchanged: 0,
        };
        assert!(
            self.tokens.insert(token.hash.0, row).is_none(),
            "a token twice"
        );
    }

    pub(super) fn look_at(&self, token: &TokenHash) -> Answered {
        let row = self.tokens.get(&token.0).ok_or(Refusal::NotFound)?;
        let login = &self.logins[&row.login];
        Ok(Some(Answer::Token {
            found: self.get(login.account)?,
            login: row.login,
            device: login.device.clone(),
            expires: row.expires,
            is_exchanged: row.exchanged > 0,
        }))
    }

    pub(super) fn exchange(
        &mut self,
        token: &TokenHash,
        (of, device): (Option<LoginId>, Option<&str>),
        next: &NewToken,
        at: UnixMs,
        forgiven_since: UnixMs,
    ) -> Answered {
        let row = self.tokens.get(&token.0).ok_or(Refusal::NotFound)?.clone();
        if of.is_some_and(|of| of != row.login) {
            return Err(Refusal::NotFound);
        }
        let of_login = self.tokens.values().filter(|it| it.login == row.login);
        let last = of_login
            .map(|it| it.exchanged)
            .max()
            .unwrap_or(0)
            .max(REPLACED);
        let account = self.logins[&row.login].account;
        let is_forgiven =
            row.exchanged >= forgiven_since.max(REPLACED + 1) && row.exchanged == last;
        if row.exchanged > 0 && !is_forgiven {
            self.revoke(account, Which::One(row.login));
            let login = row.login;
            return Ok(Some(Answer::Stolen { account, login }));
        }
        if row.expires <= at {
            return Err(Refusal::NotFound);
        }
        for (hash, other) in &mut self.tokens {
            if is_forgiven && other.login == row.login && other.exchanged == 0 {
                other.exchanged = REPLACED;
            }
            if !is_forgiven && *hash == token.0 {
                other.exchanged = at.max(last + 1);
            }
        }
        self.add_token(row.login, next);
        let login = self.logins.get_mut(&row.login).expect("it has a token");
        (login.used, login.expires) = (at, next.expires);
        if let Some(device) = device {
            login.device = device.to_owned();
        }
        let found = self.get(account)?;
        let login = row.login;
        Ok(Some(Answer::LoggedIn { found, login }))
    }

    /// How many have ended.
    pub(super) fn revoke(&mut self, account: AccountId, which: Which) -> usize {
        let before = self.logins.len();
        self.logins.retain(|login, row| {
            let ends = match which {
                Which::One(one) | Which::Another(one) => *login == one,
                Which::AllBut(kept) => *login != kept,
                Which::All => true,
            };
            row.account != account || !ends
        });
        let logins = &self.logins;
        self.tokens
            .retain(|_, token| logins.contains_key(&token.login));
        before - self.logins.len()
    }

    pub(super) fn list(&self, account: AccountId, at: UnixMs) -> Answer {
        let of = self.logins.iter().rev();
        let of = of.filter(|(_, row)| row.account == account && row.expires > at);
        let login = |(id, row): (&LoginId, &LoginRow)| Login {
            id: *id,
            device: row.device.clone(),
            since: row.since,
            used: row.used,
        };
        Answer::Logins(of.map(login).collect())
    }
}
