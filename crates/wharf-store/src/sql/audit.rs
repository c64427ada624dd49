//! The audit log in SQL. Entries are written in the transaction of the act that they tell of.

use super::{Db, cut, done, first, one_more, page_number, refused};
use crate::database::{Row, SqlError, Value};
use wharf_data::audit::{Answer, Ask, Entry};
use wharf_data::{
    self as data, AccountId, Act, Actor, AuditId, ConversationId, PageToken, Part, Refusal, Reply,
    ReportId, RoomId, Target,
};

const COLUMNS: &str = "id, actor_kind, actor, action, target_kind, target, target_part, \
                       old_value, new_value, reason, done_at";

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Write(entry) => match write(db, entry)? {
            Ok(()) => done(),
            Err(refusal) => refused(refusal),
        },
        Ask::List { about, page, limit } => list(db, *about, page.as_ref(), *limit),
    }
}

/// Writes an entry; or says that this act was done before.
pub(super) fn write(db: Db<'_>, entry: &Entry) -> Result<Result<(), Refusal>, SqlError> {
    let (before, after) = (&entry.before, &entry.after);
    record(db, &entry.act, &entry.action, entry.target, (before, after))
}

/// The same, from its parts.
pub(super) fn record(
    db: Db<'_>,
    act: &Act,
    action: &str,
    target: Target,
    (before, after): (&str, &str),
) -> Result<Result<(), Refusal>, SqlError> {
    let id = act.id.get();
    if first(db, "SELECT 1 FROM audit WHERE id = ?", &[id.into()])?.is_some() {
        return Ok(Err(Refusal::Duplicate(id)));
    }
    let (actor_kind, actor) = numbers_of_actor(act.actor);
    let (target_kind, number, part, subject) = numbers_of_target(target);
    let sql = "INSERT INTO audit (id, actor_kind, actor, action, target_kind, target, \
               target_part, subject, old_value, new_value, reason, done_at) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let values: [Value; 12] = [
        id.into(),
        actor_kind.into(),
        actor.into(),
        action.into(),
        target_kind.into(),
        number.into(),
        part.into(),
        subject.into(),
        before.into(),
        after.into(),
        act.reason.as_str().into(),
        act.at.into(),
    ];
    db.execute(sql, &values)?;
    Ok(Ok(()))
}

/// Who did that last to somebody or something, and why.
pub(super) fn latest(
    db: Db<'_>,
    action: &str,
    target: Target,
) -> Result<Option<(Actor, String)>, SqlError> {
    let (kind, number, part, subject) = numbers_of_target(target);
    let sql = format!(
        "SELECT {COLUMNS} FROM audit WHERE subject = ? AND action = ? AND target_kind = ? \
         AND target = ? AND target_part = ? ORDER BY id DESC LIMIT 1"
    );
    let values: [Value; 5] = [
        subject.into(),
        action.into(),
        kind.into(),
        number.into(),
        part.into(),
    ];
    let found = first(db, &sql, &values)?.map(entry).transpose()?;
    Ok(found.map(|entry| (entry.act.actor, entry.act.reason)))
}

fn list(
    db: Db<'_>,
    about: Option<AccountId>,
    page: Option<&PageToken>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let filter = about.map_or(String::new(), |account| account.to_string());
    let Some(below) = page_number(page, "audit", &filter, i64::MAX) else {
        return refused(Refusal::Invalid);
    };
    let rows = match about {
        None => {
            let sql = format!("SELECT {COLUMNS} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?");
            db.query(&sql, &[below.into(), one_more(limit)])?
        }
        Some(account) => {
            let sql = format!(
                "SELECT {COLUMNS} FROM audit \
                 WHERE id < ? AND ((actor_kind = 1 AND actor = ?) OR subject = ?) \
                 ORDER BY id DESC LIMIT ?"
            );
            let account = Value::from(account.get());
            let values = [below.into(), account.clone(), account, one_more(limit)];
            db.query(&sql, &values)?
        }
    };
    let mut entries = rows.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let has_more = cut(&mut entries, limit);
    let last = entries.last().filter(|_| has_more);
    let next =
        last.map(|entry| PageToken::new("audit", &filter, &[Part::Number(entry.act.id.get())]));
    let answer = Answer::Entries { entries, next };
    Ok(Ok(data::Answer::Audit(answer)))
}

fn entry(mut row: Row) -> Result<Entry, SqlError> {
    let actor = match row.integer(1)? {
        1 => Actor::Account(AccountId::new(row.integer(2)?)),
        2 => Actor::Operator,
        _ => Actor::Server,
    };
    let (number, part) = (row.integer(5)?, row.integer(6)?);
    let target = match row.integer(4)? {
        1 => Target::Account(AccountId::new(number)),
        2 => Target::Member(RoomId::new(number), AccountId::new(part)),
        3 => Target::Room(RoomId::new(number)),
        4 => Target::Message(ConversationId::new(number), part),
        5 => Target::Report(ReportId::new(number)),
        _ => Target::Server,
    };
    Ok(Entry {
        act: Act {
            id: AuditId::new(row.integer(0)?),
            actor,
            reason: row.text(9)?,
            at: row.integer(10)?,
        },
        action: row.text(3)?,
        target,
        before: row.text(7)?,
        after: row.text(8)?,
    })
}

fn numbers_of_actor(actor: Actor) -> (i64, i64) {
    match actor {
        Actor::Account(account) => (1, account.get()),
        Actor::Operator => (2, 0),
        Actor::Server => (3, 0),
    }
}

/// Its kind, its two parts, and whose account it concerns.
fn numbers_of_target(target: Target) -> (i64, i64, i64, i64) {
    match target {
        Target::Account(account) => (1, account.get(), 0, account.get()),
        Target::Member(room, account) => (2, room.get(), account.get(), account.get()),
        Target::Room(room) => (3, room.get(), 0, 0),
        Target::Message(conversation, seq) => (4, conversation.get(), seq, 0),
        Target::Report(report) => (5, report.get(), 0, 0),
        Target::Server => (6, 0, 0, 0),
    }
}
