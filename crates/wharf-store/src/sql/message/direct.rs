//! What two people say to each other, in SQL; how far somebody has read; whom they have blocked.

use super::{MESSAGE, find_kept, keep, last_seq, message, set_last};
use crate::database::{SqlError, Value};
use crate::sql::{Db, ROWS_MAX, cut, done, first, number, one_more, places, refused};
use wharf_data::message::{Answer, Ask, Direct, NewMessage};
use wharf_data::{
    self as data, AccountId, ConversationId, PageToken, Part, Refusal, Reply, UnixMs,
};

/// No list of whom somebody has blocked is longer, whatever bound was asked for.
const BLOCKS_MAX: i64 = 10_000;

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Whisper {
            to,
            conversation,
            message,
            waits,
        } => whisper(db, *to, *conversation, message, *waits),
        Ask::TakeWaiting {
            account,
            delivery,
            limit,
        } => take_waiting(db, *account, *delivery, *limit),
        Ask::SetRead {
            account,
            conversation,
            seq,
        } => set_read(db, *account, *conversation, *seq),
        Ask::Directs {
            account,
            page,
            limit,
        } => directs(db, *account, page.as_ref(), *limit),
        Ask::Unread { account } => unread(db, *account),
        Ask::Block {
            account,
            other,
            blocks_max,
            at,
        } => block(db, *account, *other, *blocks_max, *at),
        Ask::Unblock { account, other } => {
            let sql = "DELETE FROM block WHERE account = ? AND other = ?";
            db.execute(sql, &[account.get().into(), other.get().into()])?;
            blocks(db, *account)
        }
        Ask::Blocks { account } => blocks(db, *account),
        Ask::BlocksAmong { account, others } => blocks_among(db, *account, others),
        _ => Err(SqlError::Wrong("no request about two people".into())),
    }
}

/// What two people's conversation is called, if they have one.
pub(super) fn find(
    db: Db<'_>,
    one: AccountId,
    other: AccountId,
) -> Result<Option<ConversationId>, SqlError> {
    let sql = "SELECT conversation FROM direct WHERE low = ? AND high = ?";
    let values = [one.min(other).get().into(), one.max(other).get().into()];
    let row = first(db, sql, &values)?;
    let conversation = row.map(|row| row.integer(0)).transpose()?;
    Ok(conversation.map(ConversationId::new))
}

fn whisper(
    db: Db<'_>,
    to: AccountId,
    new: ConversationId,
    message: &NewMessage,
    waits: bool,
) -> Result<Reply, SqlError> {
    let author = message.author;
    if author == to {
        return refused(Refusal::Invalid);
    }
    if let Some(kept) = find_kept(db, message)? {
        // The author's number for something that was said elsewhere is none for this.
        return match find(db, author, to)? == Some(kept.conversation) {
            true => Ok(Ok(data::Answer::Message(Answer::Kept(vec![kept])))),
            false => refused(Refusal::Conflict),
        };
    }
    let sql = "SELECT 1 FROM account WHERE id = ? AND erased = 0";
    if first(db, sql, &[to.get().into()])?.is_none() {
        return refused(Refusal::NotFound);
    }
    let sql = "SELECT 1 FROM block WHERE account = ? AND other = ?";
    if first(db, sql, &[to.get().into(), author.get().into()])?.is_some() {
        return refused(Refusal::Forbidden);
    }
    let conversation = match find(db, author, to)? {
        Some(conversation) => conversation,
        None => begin(db, author, to, new, message.at)?,
    };
    let last = last_seq(db, conversation)?;
    let unnumbered = NewMessage {
        seq: None,
        ..message.clone()
    };
    let kept = match keep(db, conversation, last, &unnumbered)? {
        Ok(kept) => kept,
        Err(refusal) => return refused(refusal),
    };
    set_last(db, conversation, kept.seq, message.at)?;
    if waits {
        let sql = "INSERT INTO waiting (account, said_at, conversation, seq, delivery) \
                   VALUES (?, ?, ?, ?, NULL)";
        let values = [
            to.get().into(),
            message.at.into(),
            conversation.get().into(),
            kept.seq.into(),
        ];
        db.execute(sql, &values)?;
    }
    Ok(Ok(data::Answer::Message(Answer::Kept(vec![kept]))))
}

fn begin(
    db: Db<'_>,
    one: AccountId,
    other: AccountId,
    conversation: ConversationId,
    at: UnixMs,
) -> Result<ConversationId, SqlError> {
    let id = Value::from(conversation.get());
    let sql = "INSERT INTO direct (low, high, conversation) VALUES (?, ?, ?)";
    let (low, high) = (one.min(other).get(), one.max(other).get());
    db.execute(sql, &[low.into(), high.into(), id.clone()])?;
    let sql = "INSERT INTO conversation (id, last_seq, last_at) VALUES (?, 0, ?)";
    db.execute(sql, &[id, at.into()])?;
    Ok(conversation)
}

fn take_waiting(
    db: Db<'_>,
    account: AccountId,
    delivery: i64,
    limit: u32,
) -> Result<Reply, SqlError> {
    let (account, delivery) = (Value::from(account.get()), Value::from(delivery));
    // An earlier delivery has been answered, or this one would not be asked.
    let sql = "DELETE FROM waiting WHERE account = ? AND delivery <> ?";
    db.execute(sql, &[account.clone(), delivery.clone()])?;
    // What has been thrown away meanwhile waits no more.
    let sql = "DELETE FROM waiting WHERE account = ? AND NOT EXISTS (SELECT 1 FROM message m \
               WHERE m.conversation = waiting.conversation AND m.seq = waiting.seq)";
    db.execute(sql, std::slice::from_ref(&account))?;
    let columns = "SELECT said_at, conversation, seq FROM waiting WHERE account = ? AND";
    let order = "ORDER BY said_at, conversation, seq";
    let sql = format!("{columns} delivery = ? {order}");
    let mut rows = db.query(&sql, &[account.clone(), delivery.clone()])?;
    if rows.is_empty() {
        let sql = format!(
            "{columns} delivery IS NULL {order} LIMIT ?{}",
            db.for_update()
        );
        let rest = one_more(limit);
        rows = db.query(&sql, &[account.clone(), rest])?;
        cut(&mut rows, limit);
        for row in &rows {
            let sql = "UPDATE waiting SET delivery = ? \
                       WHERE account = ? AND said_at = ? AND conversation = ? AND seq = ?";
            let (said_at, conversation, seq) = (row.integer(0)?, row.integer(1)?, row.integer(2)?);
            let values = [
                delivery.clone(),
                account.clone(),
                said_at.into(),
                conversation.into(),
                seq.into(),
            ];
            db.execute(sql, &values)?;
        }
    }
    let mut messages = Vec::with_capacity(rows.len());
    for row in rows {
        let sql = format!("{MESSAGE}WHERE m.conversation = ? AND m.seq = ?");
        let values = [row.integer(1)?.into(), row.integer(2)?.into()];
        messages.extend(first(db, &sql, &values)?.map(message).transpose()?);
    }
    let sql = "SELECT 1 FROM waiting WHERE account = ? AND delivery IS NULL LIMIT 1";
    let has_more = first(db, sql, &[account])?.is_some();
    Ok(Ok(data::Answer::Message(Answer::Messages {
        messages,
        has_more,
    })))
}

fn set_read(
    db: Db<'_>,
    account: AccountId,
    conversation: ConversationId,
    seq: i64,
) -> Result<Reply, SqlError> {
    let sql = "SELECT last_seq FROM conversation WHERE id = ?";
    let Some(row) = first(db, sql, &[conversation.get().into()])? else {
        return refused(Refusal::NotFound);
    };
    let seq = seq.min(row.integer(0)?);
    let (account, conversation) = (Value::from(account.get()), Value::from(conversation.get()));
    let sql = "SELECT seq FROM read_mark WHERE account = ? AND conversation = ?".to_owned()
        + db.for_update();
    match first(db, &sql, &[account.clone(), conversation.clone()])? {
        None => {
            let sql = "INSERT INTO read_mark (account, conversation, seq) VALUES (?, ?, ?)";
            db.execute(sql, &[account, conversation, seq.into()])?;
        }
        Some(row) if row.integer(0)? < seq => {
            let sql = "UPDATE read_mark SET seq = ? WHERE account = ? AND conversation = ?";
            db.execute(sql, &[seq.into(), account, conversation])?;
        }
        Some(_) => {}
    }
    done()
}

fn directs(
    db: Db<'_>,
    account: AccountId,
    page: Option<&PageToken>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let filter = account.to_string();
    let (at, id) = match page.map(|page| page.position("directs", &filter)) {
        None => (i64::MAX, i64::MAX),
        Some(Some(parts)) => match parts.as_slice() {
            [Part::Number(at), Part::Number(id)] => (*at, *id),
            _ => return refused(Refusal::Invalid),
        },
        Some(None) => return refused(Refusal::Invalid),
    };
    let sql = "SELECT d.conversation, d.low, d.high, p.display_name, c.last_seq, c.last_at, r.seq \
               FROM direct d JOIN conversation c ON c.id = d.conversation \
               LEFT JOIN read_mark r ON r.account = ? AND r.conversation = d.conversation \
               LEFT JOIN person p ON p.account = CASE WHEN d.low = ? THEN d.high ELSE d.low END \
               WHERE (d.low = ? OR d.high = ?) \
               AND (c.last_at < ? OR (c.last_at = ? AND d.conversation < ?)) \
               ORDER BY c.last_at DESC, d.conversation DESC LIMIT ?";
    let me = Value::from(account.get());
    let values = [
        me.clone(),
        me.clone(),
        me.clone(),
        me,
        at.into(),
        at.into(),
        id.into(),
        one_more(limit),
    ];
    let mut rows = db.query(sql, &values)?;
    let has_more = cut(&mut rows, limit);
    let mut directs = Vec::with_capacity(rows.len());
    for mut row in rows {
        let (low, high) = (row.integer(1)?, row.integer(2)?);
        directs.push(Direct {
            conversation: ConversationId::new(row.integer(0)?),
            with: AccountId::new(if low == account.get() { high } else { low }),
            name: row.maybe_text(3)?.unwrap_or_default(),
            last_seq: row.integer(4)?,
            last_at: row.integer(5)?,
            read_seq: row.maybe_integer(6)?.unwrap_or(0),
        });
    }
    let next = directs.last().filter(|_| has_more).map(|last| {
        let position = [last.last_at, last.conversation.get()].map(Part::Number);
        PageToken::new("directs", &filter, &position)
    });
    let answer = Answer::Directs { directs, next };
    Ok(Ok(data::Answer::Message(answer)))
}

fn unread(db: Db<'_>, account: AccountId) -> Result<Reply, SqlError> {
    let sql = "SELECT COUNT(*) FROM direct d \
               LEFT JOIN read_mark r ON r.account = ? AND r.conversation = d.conversation \
               JOIN message m ON m.conversation = d.conversation AND m.seq > COALESCE(r.seq, 0) \
               WHERE (d.low = ? OR d.high = ?) AND m.author <> ? AND m.removed_by IS NULL";
    let me = Value::from(account.get());
    let count = number(db, sql, &[me.clone(), me.clone(), me.clone(), me])?;
    let answer = Answer::Unread(count.unsigned_abs());
    Ok(Ok(data::Answer::Message(answer)))
}

fn block(
    db: Db<'_>,
    account: AccountId,
    other: AccountId,
    blocks_max: u32,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    if account == other {
        return refused(Refusal::Invalid);
    }
    let values = [account.get().into(), other.get().into()];
    let sql = "SELECT 1 FROM block WHERE account = ? AND other = ?";
    if first(db, sql, &values)?.is_none() {
        let sql = "SELECT COUNT(*) FROM block WHERE account = ?";
        let count = number(db, sql, &[account.get().into()])?;
        if count >= i64::from(blocks_max).min(BLOCKS_MAX) {
            return refused(Refusal::Full);
        }
        let sql = "INSERT INTO block (account, other, since) VALUES (?, ?, ?)";
        let [account, other] = values;
        db.execute(sql, &[account, other, at.into()])?;
    }
    blocks(db, account)
}

fn blocks(db: Db<'_>, account: AccountId) -> Result<Reply, SqlError> {
    let sql = "SELECT other FROM block WHERE account = ? ORDER BY other LIMIT ?";
    let rows = db.query(sql, &[account.get().into(), BLOCKS_MAX.into()])?;
    let other = |row: &crate::database::Row| row.integer(0).map(AccountId::new);
    let blocked = rows.iter().map(other).collect::<Result<_, _>>()?;
    Ok(Ok(data::Answer::Message(Answer::Blocks(blocked))))
}

/// Those of `others` who hear nothing from `account`, or from whom it hears nothing.
fn blocks_among(db: Db<'_>, account: AccountId, others: &[AccountId]) -> Result<Reply, SqlError> {
    if others.len() > ROWS_MAX as usize {
        return refused(Refusal::Invalid);
    }
    let mut blocked = Vec::new();
    if !others.is_empty() {
        let places = places(others.len());
        let sql = format!(
            "SELECT other FROM block WHERE account = ? AND other IN ({places}) \
             UNION SELECT account FROM block WHERE other = ? AND account IN ({places})"
        );
        let me = core::iter::once(account);
        let once = me.chain(others.iter().copied());
        let twice = once.clone().chain(once);
        let values: Vec<Value> = twice.map(|id| id.get().into()).collect();
        for row in db.query(&sql, &values)? {
            blocked.push(AccountId::new(row.integer(0)?));
        }
        blocked.sort_unstable();
    }
    Ok(Ok(data::Answer::Message(Answer::Blocks(blocked))))
}
