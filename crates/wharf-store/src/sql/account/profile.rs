//! Profiles in SQL: what an account shows, and how it is called.

use super::{kind_number, take_name};
use crate::database::{SqlError, Value};
use crate::sql::{Db, ROWS_MAX, first, places, refused};
use wharf_data::account::{Answer, Ask, IdentityKind, Named, Profile};
use wharf_data::{self as data, AccountId, DisplayName, Refusal, Reply, UnixMs};

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Profile { account } => profile(db, *account),
        Ask::SetProfile {
            account,
            version,
            avatar,
            language,
            document,
        } => {
            let change = Change {
                version: *version,
                avatar: *avatar,
                language: language.as_deref(),
                document: document.as_deref(),
            };
            set_profile(db, *account, &change)
        }
        Ask::Rename {
            account,
            name,
            at,
            release,
            cooled,
        } => rename(db, *account, name, *at, (*release, *cooled)),
        _ => Err(SqlError::Wrong("no request about profiles".into())),
    }
}

/// What accounts are called, those that are erased too.
pub(super) fn names(db: Db<'_>, accounts: &[AccountId]) -> Result<Reply, SqlError> {
    if accounts.len() > ROWS_MAX as usize {
        return refused(Refusal::Invalid);
    }
    let mut names = Vec::new();
    if !accounts.is_empty() {
        let places = places(accounts.len());
        let sql = format!(
            "SELECT a.id, p.display_name FROM account a LEFT JOIN person p ON p.account = a.id \
             WHERE a.id IN ({places}) ORDER BY a.id"
        );
        let ids: Vec<Value> = accounts.iter().map(|id| id.get().into()).collect();
        for mut row in db.query(&sql, &ids)? {
            names.push(Named {
                account: AccountId::new(row.integer(0)?),
                display_name: row.maybe_text(1)?,
            });
        }
    }
    Ok(Ok(data::Answer::Account(Answer::Names(names))))
}

fn read_profile(db: Db<'_>, account: AccountId) -> Result<Option<Profile>, SqlError> {
    let sql = "SELECT display_name, avatar, language, document, version \
               FROM person WHERE account = ?";
    let Some(mut row) = first(db, sql, &[account.get().into()])? else {
        return Ok(None);
    };
    Ok(Some(Profile {
        account,
        display_name: row.text(0)?,
        avatar: row.integer(1)? as u32,
        language: row.text(2)?,
        document: row.bytes(3)?,
        version: row.integer(4)? as u32,
    }))
}

fn profile(db: Db<'_>, account: AccountId) -> Result<Reply, SqlError> {
    let profile = read_profile(db, account)?.ok_or(Refusal::NotFound);
    Ok(profile.map(|it| data::Answer::Account(Answer::Profile(it))))
}

/// What of a profile changes.
struct Change<'a> {
    version: Option<u32>,
    avatar: Option<u32>,
    language: Option<&'a str>,
    document: Option<&'a [u8]>,
}

fn set_profile(db: Db<'_>, account: AccountId, change: &Change<'_>) -> Result<Reply, SqlError> {
    let Some(mut profile) = read_profile(db, account)? else {
        return Ok(Err(Refusal::NotFound));
    };
    if change
        .version
        .is_some_and(|version| version != profile.version)
    {
        return Ok(Err(Refusal::Conflict));
    }
    let before = profile.version;
    profile.version += 1;
    profile.avatar = change.avatar.unwrap_or(profile.avatar);
    if let Some(language) = change.language {
        profile.language = language.to_owned();
    }
    if let Some(document) = change.document {
        profile.document = document.to_vec();
    }
    // The version again: another process may write to the same database.
    let sql = "UPDATE person SET avatar = ?, language = ?, document = ?, version = ? \
               WHERE account = ? AND version = ?";
    let values = [
        profile.avatar.into(),
        profile.language.as_str().into(),
        profile.document.as_slice().into(),
        profile.version.into(),
        account.get().into(),
        before.into(),
    ];
    if db.execute(sql, &values)? == 0 {
        return Ok(Err(Refusal::Conflict));
    }
    Ok(Ok(data::Answer::Account(Answer::Profile(profile))))
}

fn rename(
    db: Db<'_>,
    account: AccountId,
    name: &DisplayName,
    at: UnixMs,
    (release, cooled): (UnixMs, UnixMs),
) -> Result<Reply, SqlError> {
    let sql = "SELECT MAX(until) FROM name WHERE account = ?";
    let row = first(db, sql, &[account.get().into()])?;
    let kept_until = row.map_or(Ok(None), |row| row.maybe_integer(0))?;
    if let Some(kept_until) = kept_until.filter(|until| *until > cooled) {
        let answer = Answer::TooSoon { kept_until };
        return Ok(Ok(data::Answer::Account(answer)));
    }
    let sql = "UPDATE name SET until = ? WHERE account = ? AND until IS NULL";
    db.execute(sql, &[release.into(), account.get().into()])?;
    if let Err(refusal) = take_name(db, account, name, at)? {
        return refused(refusal);
    }
    let sql = "UPDATE identity SET subject = ? WHERE account = ? AND kind = ?";
    let values = [
        name.key().as_str().into(),
        account.get().into(),
        kind_number(IdentityKind::Name).into(),
    ];
    db.execute(sql, &values)?;
    match show_name(db, account, name)? {
        true => profile(db, account),
        false => refused(Refusal::NotFound),
    }
}

/// Sets what others see; whether there is such an account.
pub(super) fn show_name(
    db: Db<'_>,
    account: AccountId,
    name: &DisplayName,
) -> Result<bool, SqlError> {
    let sql = "UPDATE person SET display_name = ?, version = version + 1 WHERE account = ?";
    let touched = db.execute(sql, &[name.as_str().into(), account.get().into()])?;
    Ok(touched > 0)
}
