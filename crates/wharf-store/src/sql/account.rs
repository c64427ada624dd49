//! Accounts in SQL: who somebody is and how they are known. Logins and profiles have files
//! of their own.

mod login;
mod profile;

use super::{
    Db, audit, begins_like, cut, done, first, moderate, number, one_more, page_text, refused,
};
use crate::database::{Row, SqlError, Value};
use wharf_data::account::{Answer, Ask, Found, Identity, IdentityKind, NewLogin, Status, Which};
use wharf_data::{
    self as data, AccountId, DisplayName, NameKey, PageToken, Part, Refusal, Reply, Target, UnixMs,
};

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Create {
            account,
            identity,
            name,
            password,
            login,
            at,
        } => create(
            db,
            *account,
            (identity, password.as_deref()),
            name,
            login,
            *at,
        ),
        Ask::Find { identity } => Ok(reply(find(db, identity)?)),
        Ask::Named { name } => Ok(reply(named(db, name)?)),
        Ask::List {
            search,
            page,
            limit,
        } => list(db, search, page.as_ref(), *limit),
        Ask::Get { account } => Ok(reply(find_account(db, account.get())?)),
        Ask::LogIn { .. }
        | Ask::Token { .. }
        | Ask::Exchange { .. }
        | Ask::Logins { .. }
        | Ask::Ended { .. }
        | Ask::Revoke { .. }
        | Ask::SetPassword { .. }
        | Ask::Rehash { .. }
        | Ask::SetRecoveryCodes { .. }
        | Ask::Recover { .. } => login::run(db, ask),
        Ask::Link {
            account,
            identity,
            password,
            name,
            at,
        } => link_more(
            db,
            *account,
            (identity, password.as_deref()),
            name.as_ref(),
            *at,
        ),
        Ask::Identities { account } => identities(db, *account),
        Ask::Unlink { account, kind } => unlink(db, *account, *kind),
        Ask::Names { accounts } => profile::names(db, accounts),
        Ask::Profile { .. } | Ask::SetProfile { .. } | Ask::Rename { .. } => profile::run(db, ask),
        Ask::SetStatus { account, status } => set_status(db, *account, *status),
        Ask::SetMute { account, until } => moderate::mute_everywhere(db, *account, *until),
        Ask::Erase { account } => erase(db, *account),
    }
}

fn create(
    db: Db<'_>,
    account: AccountId,
    (identity, password): (&Identity, Option<&str>),
    name: &DisplayName,
    login: &NewLogin,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    let created = "INSERT INTO account (id, banned, banned_until, created_at, erased) \
                   VALUES (?, 0, NULL, ?, 0)";
    db.execute(created, &[account.get().into(), at.into()])?;
    link(db, account, identity, password)?;
    let person = "INSERT INTO person (account, display_name, avatar, language, document, version) \
                  VALUES (?, ?, 0, '', ?, 1)";
    let none: &[u8] = &[];
    let values = [account.get().into(), name.as_str().into(), none.into()];
    db.execute(person, &values)?;
    if let Err(refusal) = take_name(db, account, name, at)? {
        return refused(refusal);
    }
    login::begin(db, account, login, at)?;
    done()
}

/// Whose the identity or the name is that `ask` wanted.
pub(super) fn owner(db: Db<'_>, ask: &Ask) -> Result<Option<i64>, SqlError> {
    let (identity, name) = match ask {
        Ask::Create { identity, name, .. } => (Some(identity), Some(name)),
        Ask::Link { identity, name, .. } => (Some(identity), name.as_ref()),
        Ask::Rename { name, .. } => (None, Some(name)),
        _ => return Ok(None),
    };
    if let Some(identity) = identity {
        let sql = "SELECT account FROM identity WHERE kind = ? AND subject = ?";
        let values = [
            kind_number(identity.kind).into(),
            identity.subject.as_str().into(),
        ];
        if let Some(row) = db.query(sql, &values)?.first() {
            return row.integer(0).map(Some);
        }
    }
    let Some(name) = name else { return Ok(None) };
    let sql = "SELECT account FROM name WHERE name_key = ?";
    let rows = db.query(sql, &[name.key().as_str().into()])?;
    rows.first().map(|row| row.integer(0)).transpose()
}

pub(super) fn kind_number(kind: IdentityKind) -> i64 {
    match kind {
        IdentityKind::Name => 1,
        IdentityKind::Device => 2,
        IdentityKind::Ticket => 3,
    }
}

fn identity_kinds(db: Db<'_>, account: AccountId) -> Result<Vec<i64>, SqlError> {
    let sql = "SELECT kind FROM identity WHERE account = ?";
    let rows = db.query(sql, &[account.get().into()])?;
    rows.iter().map(|row| row.integer(0)).collect()
}

fn identities(db: Db<'_>, account: AccountId) -> Result<Reply, SqlError> {
    let Some(found) = find_account(db, account.get())? else {
        return refused(Refusal::NotFound);
    };
    let numbers = identity_kinds(db, account)?;
    let all = [
        IdentityKind::Name,
        IdentityKind::Device,
        IdentityKind::Ticket,
    ];
    let sql = "SELECT COUNT(*) FROM recovery_code WHERE account = ?";
    let codes = number(db, sql, &[account.get().into()])?;
    Ok(Ok(data::Answer::Account(Answer::Identities {
        kinds: all
            .into_iter()
            .filter(|kind| numbers.contains(&kind_number(*kind)))
            .collect(),
        display_name: found.display_name,
        recovery_codes: u32::try_from(codes).unwrap_or(0),
    })))
}

fn link(
    db: Db<'_>,
    account: AccountId,
    identity: &Identity,
    password: Option<&str>,
) -> Result<(), SqlError> {
    let sql = "INSERT INTO identity (kind, subject, account) VALUES (?, ?, ?)";
    let kind = kind_number(identity.kind);
    db.execute(
        sql,
        &[
            kind.into(),
            identity.subject.as_str().into(),
            account.get().into(),
        ],
    )?;
    match password {
        Some(password) => set_password(db, account, password),
        None => Ok(()),
    }
}

/// Links an identity to an account that is there, and gives it the name that goes with it.
fn link_more(
    db: Db<'_>,
    account: AccountId,
    (identity, password): (&Identity, Option<&str>),
    name: Option<&DisplayName>,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    if find_account(db, account.get())?.is_none() {
        return refused(Refusal::NotFound);
    }
    if identity_kinds(db, account)?.contains(&kind_number(identity.kind)) {
        return refused(Refusal::Conflict);
    }
    link(db, account, identity, password)?;
    let Some(name) = name else { return done() };
    // The name until now was given by the server: nobody else is kept from it.
    let sql = "DELETE FROM name WHERE account = ? AND until IS NULL";
    db.execute(sql, &[account.get().into()])?;
    if let Err(refusal) = take_name(db, account, name, at)? {
        return refused(refusal);
    }
    match profile::show_name(db, account, name)? {
        true => done(),
        false => refused(Refusal::NotFound),
    }
}

fn unlink(db: Db<'_>, account: AccountId, kind: IdentityKind) -> Result<Reply, SqlError> {
    let kinds = identity_kinds(db, account)?;
    if !kinds.contains(&kind_number(kind)) {
        return Ok(Err(Refusal::NotFound));
    }
    if kinds.len() == 1 {
        return Ok(Err(Refusal::Conflict));
    }
    let sql = "DELETE FROM identity WHERE account = ? AND kind = ?";
    db.execute(sql, &[account.get().into(), kind_number(kind).into()])?;
    if kind == IdentityKind::Name {
        let sql = "DELETE FROM credential WHERE account = ?";
        db.execute(sql, &[account.get().into()])?;
    }
    done()
}

pub(super) fn set_password(db: Db<'_>, account: AccountId, password: &str) -> Result<(), SqlError> {
    let account = Value::from(account.get());
    let sql = "DELETE FROM credential WHERE account = ?";
    db.execute(sql, std::slice::from_ref(&account))?;
    let sql = "INSERT INTO credential (account, password) VALUES (?, ?)";
    db.execute(sql, &[account, password.into()])?;
    Ok(())
}

/// Gives a name to an account, if nobody else has it, or had it until not long ago.
fn take_name(
    db: Db<'_>,
    account: AccountId,
    name: &DisplayName,
    at: UnixMs,
) -> Result<Result<(), Refusal>, SqlError> {
    let key = Value::from(name.key().as_str());
    let sql = "SELECT account, until FROM name WHERE name_key = ?";
    let rows = db.query(sql, std::slice::from_ref(&key))?;
    if let Some(row) = rows.first() {
        let (owner, until) = (row.integer(0)?, row.maybe_integer(1)?);
        let is_free = owner == account.get() || until.is_some_and(|until| until <= at);
        if !is_free {
            return Ok(Err(Refusal::Duplicate(owner)));
        }
        let sql = "DELETE FROM name WHERE name_key = ?";
        db.execute(sql, std::slice::from_ref(&key))?;
    }
    let sql = "INSERT INTO name (name_key, account, until) VALUES (?, ?, NULL)";
    db.execute(sql, &[key, account.get().into()])?;
    Ok(Ok(()))
}

const COLUMNS: &str = "a.id, p.display_name, a.banned, a.banned_until, c.password";
const FOUND: &str = "FROM account a JOIN person p ON p.account = a.id \
                     LEFT JOIN credential c ON c.account = a.id ";
/// The same of whoever is called something.
const NAMED: &str = "FROM name n JOIN account a ON a.id = n.account \
                     JOIN person p ON p.account = a.id \
                     LEFT JOIN credential c ON c.account = a.id WHERE n.until IS NULL AND ";

pub(super) fn find(db: Db<'_>, identity: &Identity) -> Result<Option<Found>, SqlError> {
    let sql = format!(
        "SELECT {COLUMNS} {FOUND}JOIN identity i ON i.account = a.id \
         WHERE i.kind = ? AND i.subject = ?"
    );
    let kind = kind_number(identity.kind);
    let rows = db.query(&sql, &[kind.into(), identity.subject.as_str().into()])?;
    rows.into_iter()
        .next()
        .map(|row| found(db, row))
        .transpose()
}

fn reply(found: Option<Found>) -> Reply {
    let found = found.ok_or(Refusal::NotFound)?;
    Ok(data::Answer::Account(Answer::Found(found)))
}

fn named(db: Db<'_>, name: &NameKey) -> Result<Option<Found>, SqlError> {
    let sql = format!("SELECT {COLUMNS} {NAMED}n.name_key = ?");
    let rows = db.query(&sql, &[name.as_str().into()])?;
    rows.into_iter()
        .next()
        .map(|row| found(db, row))
        .transpose()
}

fn list(db: Db<'_>, search: &str, page: Option<&PageToken>, limit: u32) -> Result<Reply, SqlError> {
    let key = NameKey::of(search);
    let Some(behind) = page_text(page, "accounts", key.as_str()) else {
        return refused(Refusal::Invalid);
    };
    let (those, [from, end]) = begins_like("n.name_key", &key, &behind);
    let sql = format!("SELECT {COLUMNS}, n.name_key {NAMED}{those} ORDER BY n.name_key LIMIT ?");
    let mut rows = db.query(&sql, &[from, end, one_more(limit)])?;
    let has_more = cut(&mut rows, limit);
    let (mut accounts, mut last) = (Vec::with_capacity(rows.len()), None);
    for mut row in rows {
        last = Some(row.text(5)?);
        accounts.push(found(db, row)?);
    }
    let last = last.filter(|_| has_more);
    let next = last.map(|last| PageToken::new("accounts", key.as_str(), &[Part::Text(last)]));
    Ok(Ok(data::Answer::Account(Answer::List { accounts, next })))
}

pub(super) fn find_account(db: Db<'_>, account: i64) -> Result<Option<Found>, SqlError> {
    let sql = format!("SELECT {COLUMNS} {FOUND}WHERE a.id = ?");
    let rows = db.query(&sql, &[account.into()])?;
    rows.into_iter()
        .next()
        .map(|row| found(db, row))
        .transpose()
}

fn found(db: Db<'_>, mut row: Row) -> Result<Found, SqlError> {
    let account = AccountId::new(row.integer(0)?);
    let (status, ban) = match row.integer(2)? {
        0 => (Status::Active, None),
        _ => {
            let until = row.maybe_integer(3)?;
            let ban = audit::latest(db, "account.ban", Target::Account(account))?;
            (Status::Banned { until }, ban)
        }
    };
    Ok(Found {
        account,
        display_name: row.text(1)?,
        status,
        ban_reason: ban.map(|(_, reason)| reason).unwrap_or_default(),
        password: row.maybe_text(4)?,
    })
}

fn set_status(db: Db<'_>, account: AccountId, status: Status) -> Result<Reply, SqlError> {
    let sql = "SELECT 1 FROM account WHERE id = ? AND erased = 0".to_owned() + db.for_update();
    if first(db, &sql, &[account.get().into()])?.is_none() {
        return refused(Refusal::NotFound);
    }
    let (banned, until) = match status {
        Status::Active => (false, None),
        Status::Banned { until } => (true, until),
    };
    let sql = "UPDATE account SET banned = ?, banned_until = ? WHERE id = ?";
    db.execute(sql, &[banned.into(), until.into(), account.get().into()])?;
    if banned {
        login::revoke(db, account, Which::All)?;
    }
    done()
}

/// What is personal goes. The bare id stays: as the author of messages, in reports and in the
/// audit log.
fn erase(db: Db<'_>, account: AccountId) -> Result<Reply, SqlError> {
    let sql = "UPDATE account SET erased = 1 WHERE id = ? AND erased = 0";
    let id = Value::from(account.get());
    if db.execute(sql, std::slice::from_ref(&id))? == 0 {
        return refused(Refusal::NotFound);
    }
    login::revoke(db, account, Which::All)?;
    for table in [
        "person",
        "name",
        "identity",
        "credential",
        "recovery_code",
        "read_mark",
        "waiting",
        "block",
        "room_role",
        "room_mute",
    ] {
        let sql = format!("DELETE FROM {table} WHERE account = ?");
        db.execute(&sql, std::slice::from_ref(&id))?;
    }
    db.execute("DELETE FROM block WHERE other = ?", &[id])?;
    done()
}
