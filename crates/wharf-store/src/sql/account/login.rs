//! Logins in SQL: the tokens of an account, its password and its recovery codes.

use super::{find, find_account, set_password};
use crate::database::{SqlError, Value};
use crate::sql::{Db, ROWS_MAX, done, first, keep, number, places, refused};
use std::collections::BTreeSet;
use wharf_data::account::{
    Answer, Ask, Ended, Identity, IdentityKind, Login, NewLogin, NewToken, Status, TokenHash, Which,
};
use wharf_data::room::Until;
use wharf_data::{self as data, AccountId, LoginId, NameKey, Refusal, Reply, UnixMs};

/// Logins that an owner is shown.
const LOGINS_MAX: i64 = 100;

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::LogIn {
            account,
            identity,
            password,
            login,
            at,
        } => log_in(db, *account, (identity, password.as_deref()), login, *at),
        Ask::Token { token } => look_at(db, token),
        Ask::Exchange {
            token,
            of,
            device,
            next,
            at,
            forgiven_since,
        } => exchange(
            db,
            token,
            (*of, device.as_deref()),
            next,
            *at,
            *forgiven_since,
        ),
        Ask::Logins { account, at } => logins(db, *account, *at),
        Ask::Ended { logins, at } => ended_of(db, logins, *at),
        Ask::Revoke { account, which } => {
            let ended = revoke(db, *account, *which)?;
            match (which, ended) {
                (Which::One(_) | Which::Another(_), 0) => refused(Refusal::NotFound),
                _ => done(),
            }
        }
        Ask::SetPassword {
            account,
            old,
            password,
            keep,
        } => change_password(db, *account, (old.as_deref(), password), *keep),
        Ask::Rehash { account, old, new } => {
            let sql = "UPDATE credential SET password = ? WHERE account = ? AND password = ?";
            let values = [
                new.as_str().into(),
                account.get().into(),
                old.as_str().into(),
            ];
            match db.execute(sql, &values)? {
                0 => refused(Refusal::Conflict),
                _ => done(),
            }
        }
        Ask::SetRecoveryCodes { account, codes } => set_recovery_codes(db, *account, codes),
        Ask::Recover {
            name,
            code,
            password,
            login,
            at,
        } => recover(db, name, code, password, login, *at),
        _ => Err(SqlError::Wrong("no request about logins".into())),
    }
}

/// Begins a login, if what was proven is still true.
fn log_in(
    db: Db<'_>,
    account: AccountId,
    (identity, password): (&Identity, Option<&str>),
    login: &NewLogin,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    // Nobody bans it between the look and the login.
    let sql = "SELECT 1 FROM account WHERE id = ?".to_owned() + db.for_update();
    first(db, &sql, &[account.get().into()])?;
    let found = find(db, identity)?.filter(|found| found.account == account);
    let Some(found) = found else {
        return refused(Refusal::Conflict);
    };
    if password.is_some() && password != found.password.as_deref() {
        return refused(Refusal::Conflict);
    }
    if found.status.is_banned(at) {
        return refused(Refusal::Forbidden);
    }
    begin(db, account, login, at)?;
    done()
}

/// Sets a password over the one that was proven.
fn change_password(
    db: Db<'_>,
    account: AccountId,
    (old, password): (Option<&str>, &str),
    keep: Option<LoginId>,
) -> Result<Reply, SqlError> {
    let Some(found) = find_account(db, account.get())? else {
        return refused(Refusal::NotFound);
    };
    if found.password.as_deref() != old {
        return refused(Refusal::Conflict);
    }
    set_password(db, account, password)?;
    revoke(db, account, keep.map_or(Which::All, Which::AllBut))?;
    match keep {
        Some(_) => done(),
        None => set_recovery_codes(db, account, &[]),
    }
}

fn set_recovery_codes(
    db: Db<'_>,
    account: AccountId,
    codes: &[TokenHash],
) -> Result<Reply, SqlError> {
    if find_account(db, account.get())?.is_none() {
        return refused(Refusal::NotFound);
    }
    let account = Value::from(account.get());
    let sql = "DELETE FROM recovery_code WHERE account = ?";
    db.execute(sql, std::slice::from_ref(&account))?;
    for code in codes {
        let sql = "INSERT INTO recovery_code (account, code_hash) VALUES (?, ?)";
        db.execute(sql, &[account.clone(), code.0.as_slice().into()])?;
    }
    done()
}

pub(super) fn begin(
    db: Db<'_>,
    account: AccountId,
    login: &NewLogin,
    at: UnixMs,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO login (id, account, device, since, used, expires) \
               VALUES (?, ?, ?, ?, ?, ?)";
    let values = [
        login.id.get().into(),
        account.get().into(),
        login.device.as_str().into(),
        at.into(),
        at.into(),
        login.token.expires.into(),
    ];
    db.execute(sql, &values)?;
    add_token(db, login.id.get(), &login.token)
}

fn add_token(db: Db<'_>, login: i64, token: &NewToken) -> Result<(), SqlError> {
    let sql = "INSERT INTO token (token_hash, login, expires, exchanged) VALUES (?, ?, ?, 0)";
    let hash = token.hash.0.as_slice().into();
    db.execute(sql, &[hash, login.into(), token.expires.into()])?;
    Ok(())
}

fn look_at(db: Db<'_>, token: &TokenHash) -> Result<Reply, SqlError> {
    let sql = "SELECT t.login, t.expires, t.exchanged, l.account, l.device \
               FROM token t JOIN login l ON l.id = t.login WHERE t.token_hash = ?";
    let Some(mut row) = first(db, sql, &[token.0.as_slice().into()])? else {
        return refused(Refusal::NotFound);
    };
    let Some(found) = find_account(db, row.integer(3)?)? else {
        return refused(Refusal::NotFound);
    };
    Ok(Ok(data::Answer::Account(Answer::Token {
        found,
        login: LoginId::new(row.integer(0)?),
        device: row.text(4)?,
        expires: row.integer(1)?,
        is_exchanged: row.integer(2)? > 0,
    })))
}

fn exchange(
    db: Db<'_>,
    token: &TokenHash,
    (of, device): (Option<LoginId>, Option<&str>),
    next: &NewToken,
    at: UnixMs,
    forgiven_since: UnixMs,
) -> Result<Reply, SqlError> {
    let hash = Value::from(token.0.as_slice());
    let sql = "SELECT t.login, t.expires, t.exchanged, l.account \
               FROM token t JOIN login l ON l.id = t.login WHERE t.token_hash = ?"
        .to_owned()
        + db.for_update();
    let Some(row) = first(db, &sql, std::slice::from_ref(&hash))? else {
        return refused(Refusal::NotFound);
    };
    let (login, expires) = (row.integer(0)?, row.integer(1)?);
    let (exchanged, account) = (row.integer(2)?, row.integer(3)?);
    if of.is_some_and(|of| of.get() != login) {
        return refused(Refusal::NotFound);
    }
    let last = last_exchange(db, login)?;
    // Nothing was exchanged behind it: as far as can be told here, its answer was lost.
    let is_forgiven = exchanged >= forgiven_since.max(REPLACED + 1) && exchanged == last;
    if exchanged > 0 && !is_forgiven {
        // Shown twice: by its owner and by a thief.
        end_login(db, login)?;
        keep::note_change(db)?;
        return Ok(Ok(data::Answer::Account(Answer::Stolen {
            account: AccountId::new(account),
            login: LoginId::new(login),
        })));
    }
    if expires <= at {
        return refused(Refusal::NotFound);
    }
    if is_forgiven {
        // The answer that was lost may be in a thief's hands.
        let sql = "UPDATE token SET exchanged = ? WHERE login = ? AND exchanged = 0";
        db.execute(sql, &[REPLACED.into(), login.into()])?;
    } else {
        let sql = "UPDATE token SET exchanged = ? WHERE token_hash = ?";
        db.execute(sql, &[at.max(last + 1).into(), hash])?;
    }
    add_token(db, login, next)?;
    let sql = "UPDATE login SET used = ?, expires = ? WHERE id = ?";
    db.execute(sql, &[at.into(), next.expires.into(), login.into()])?;
    if let Some(device) = device {
        let sql = "UPDATE login SET device = ? WHERE id = ?";
        db.execute(sql, &[device.into(), login.into()])?;
    }
    Ok(match find_account(db, account)? {
        Some(found) => Ok(data::Answer::Account(Answer::LoggedIn {
            found,
            login: LoginId::new(login),
        })),
        None => Err(Refusal::NotFound),
    })
}

/// What stands for the time of its exchange in a token whose answer was lost.
const REPLACED: i64 = 1;

/// When a token of a login was last exchanged; later ones have a later time, whatever the clock.
fn last_exchange(db: Db<'_>, login: i64) -> Result<i64, SqlError> {
    let sql = "SELECT MAX(exchanged) FROM token WHERE login = ?";
    Ok(number(db, sql, &[login.into()])?.max(REPLACED))
}

fn end_login(db: Db<'_>, login: i64) -> Result<(), SqlError> {
    db.execute("DELETE FROM token WHERE login = ?", &[login.into()])?;
    db.execute("DELETE FROM login WHERE id = ?", &[login.into()])?;
    Ok(())
}

/// Ends logins; how many.
pub(super) fn revoke(db: Db<'_>, account: AccountId, which: Which) -> Result<usize, SqlError> {
    let mut ended = 0;
    let rows = db.query(
        "SELECT id FROM login WHERE account = ?",
        &[account.get().into()],
    )?;
    for row in rows {
        let login = LoginId::new(row.integer(0)?);
        let ends = match which {
            Which::One(one) | Which::Another(one) => login == one,
            Which::AllBut(kept) => login != kept,
            Which::All => true,
        };
        if ends {
            end_login(db, login.get())?;
            ended += 1;
        }
    }
    // Its sessions may be at another server, which looks for that.
    if ended > 0 && !matches!(which, Which::One(_)) {
        keep::note_change(db)?;
    }
    Ok(ended)
}

/// Which logins are no more.
fn ended_of(db: Db<'_>, logins: &[(AccountId, LoginId)], at: UnixMs) -> Result<Reply, SqlError> {
    if logins.len() > ROWS_MAX as usize {
        return refused(Refusal::Invalid);
    }
    let mut ended = Vec::new();
    if !logins.is_empty() {
        let places = places(logins.len());
        let sql = format!("SELECT id FROM login WHERE id IN ({places})");
        let ids: Vec<Value> = logins.iter().map(|(_, id)| id.get().into()).collect();
        let left = db.query(&sql, &ids)?;
        let left = left.iter().map(|row| row.integer(0));
        let left: BTreeSet<i64> = left.collect::<Result<_, _>>()?;
        let is_over = |(_, login): &&(AccountId, LoginId)| !left.contains(&login.get());
        for (account, login) in logins.iter().filter(is_over) {
            ended.push(Ended {
                account: *account,
                login: *login,
                ban: ban_of(db, *account, at)?,
            });
        }
    }
    Ok(Ok(data::Answer::Account(Answer::Ended(ended))))
}

/// Until when an account is banned and why, if it is.
fn ban_of(db: Db<'_>, account: AccountId, at: UnixMs) -> Result<Option<(Until, String)>, SqlError> {
    let found = find_account(db, account.get())?;
    let Some(found) = found.filter(|found| found.status.is_banned(at)) else {
        return Ok(None);
    };
    let until = match found.status {
        Status::Banned { until: Some(until) } => Until::Time(until),
        _ => Until::TakenBack,
    };
    Ok(Some((until, found.ban_reason)))
}

fn logins(db: Db<'_>, account: AccountId, at: UnixMs) -> Result<Reply, SqlError> {
    let sql = "SELECT id, device, since, used FROM login \
               WHERE account = ? AND expires > ? ORDER BY since DESC, id DESC LIMIT ?";
    let rows = db.query(sql, &[account.get().into(), at.into(), LOGINS_MAX.into()])?;
    let mut logins = Vec::with_capacity(rows.len());
    for mut row in rows {
        logins.push(Login {
            id: LoginId::new(row.integer(0)?),
            device: row.text(1)?,
            since: row.integer(2)?,
            used: row.integer(3)?,
        });
    }
    Ok(Ok(data::Answer::Account(Answer::Logins(logins))))
}

fn recover(
    db: Db<'_>,
    name: &NameKey,
    code: &TokenHash,
    password: &str,
    login: &NewLogin,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    let identity = Identity {
        kind: IdentityKind::Name,
        subject: name.as_str().to_owned(),
    };
    let Some(found) = find(db, &identity)? else {
        return refused(Refusal::NotFound);
    };
    let sql = "DELETE FROM recovery_code WHERE account = ? AND code_hash = ?";
    let account = found.account;
    if db.execute(sql, &[account.get().into(), code.0.as_slice().into()])? == 0 {
        return refused(Refusal::NotFound);
    }
    set_password(db, account, password)?;
    revoke(db, account, Which::All)?;
    begin(db, account, login, at)?;
    Ok(Ok(data::Answer::Account(Answer::LoggedIn {
        found,
        login: login.id,
    })))
}
