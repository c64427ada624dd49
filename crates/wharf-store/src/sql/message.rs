//! Messages in SQL: one table for rooms and for two people, numbered by conversation.

mod direct;

use super::room::hold;
use super::{Db, ROWS_MAX, audit, cut, done, first, moderate, one_more, refused};
use crate::database::{Row, SqlError, Value};
use wharf_data::message::{Answer, Ask, From, Kept, Message, NewMessage, Place};
use wharf_data::room::Epoch;
use wharf_data::{
    self as data, AccountId, Act, Actor, ConversationId, Refusal, Reply, RoomId, Target, UnixMs,
};

/// What [`message`] reads.
pub(super) const MESSAGE: &str = "SELECT m.conversation, m.seq, m.author, p.display_name, m.kind, \
                                  m.body, m.said_at, m.removed_by FROM message m \
                                  LEFT JOIN person p ON p.account = m.author ";

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Append { room, messages } => append(db, *room, messages),
        Ask::History { place, from, limit } => history(db, *place, *from, *limit),
        Ask::Remove { place, seq, act } => remove(db, *place, *seq, act),
        Ask::Whisper { .. }
        | Ask::TakeWaiting { .. }
        | Ask::SetRead { .. }
        | Ask::Directs { .. }
        | Ask::Unread { .. }
        | Ask::Block { .. }
        | Ask::Unblock { .. }
        | Ask::Blocks { .. }
        | Ask::BlocksAmong { .. } => direct::run(db, ask),
    }
}

fn append(db: Db<'_>, held: (RoomId, Epoch), messages: &[NewMessage]) -> Result<Reply, SqlError> {
    if messages.len() > ROWS_MAX as usize {
        return refused(Refusal::Invalid);
    }
    if let Err(refusal) = hold(db, held)? {
        return refused(refusal);
    }
    let conversation = held.0.conversation();
    let mut last = last_seq(db, conversation)?;
    let mut newest = None;
    let mut kept = Vec::with_capacity(messages.len());
    for message in messages {
        let before = find_kept(db, message)?;
        let one = match before {
            Some(kept) => kept,
            None => match keep(db, conversation, last, message)? {
                Ok(kept) => kept,
                Err(refusal) => return refused(refusal),
            },
        };
        if !one.is_duplicate {
            last = one.seq;
            newest = Some(message.at);
        }
        kept.push(one);
    }
    if let Some(at) = newest {
        set_last(db, conversation, last, at)?;
    }
    Ok(Ok(data::Answer::Message(Answer::Kept(kept))))
}

/// The number of the last message, which nobody else changes until the commit.
fn last_seq(db: Db<'_>, conversation: ConversationId) -> Result<i64, SqlError> {
    let sql = "SELECT last_seq FROM conversation WHERE id = ?".to_owned() + db.for_update();
    super::number(db, &sql, &[conversation.get().into()])
}

/// Keeps a message behind the last one, unless its number says that it was kept before.
fn keep(
    db: Db<'_>,
    conversation: ConversationId,
    last: i64,
    message: &NewMessage,
) -> Result<Result<Kept, Refusal>, SqlError> {
    let seq = message.seq.unwrap_or(last.saturating_add(1));
    let kept = Kept {
        conversation,
        seq,
        is_duplicate: seq <= last,
    };
    if seq < 1 {
        return Ok(Err(Refusal::Invalid));
    }
    if kept.is_duplicate {
        return Ok(Ok(kept));
    }
    let sql = "INSERT INTO message \
               (conversation, seq, author, client_id, kind, body, said_at, removed_by) \
               VALUES (?, ?, ?, ?, ?, ?, ?, NULL)";
    let values = [
        conversation.get().into(),
        seq.into(),
        message.author.get().into(),
        // All 64 bits are the client's; which number they make here does not matter.
        message.client_id.map(|id| id as i64).into(),
        message.kind.into(),
        message.body.as_slice().into(),
        message.at.into(),
    ];
    db.execute(sql, &values)?;
    Ok(Ok(kept))
}

/// Remembers which message of a conversation is the last.
fn set_last(
    db: Db<'_>,
    conversation: ConversationId,
    seq: i64,
    at: UnixMs,
) -> Result<(), SqlError> {
    let sql = "UPDATE conversation SET last_seq = ?, last_at = ? WHERE id = ?";
    db.execute(sql, &[seq.into(), at.into(), conversation.get().into()])?;
    Ok(())
}

/// Where a message is that its author has sent before.
fn find_kept(db: Db<'_>, message: &NewMessage) -> Result<Option<Kept>, SqlError> {
    let Some(id) = message.client_id else {
        return Ok(None);
    };
    let sql = "SELECT conversation, seq FROM message WHERE author = ? AND client_id = ?";
    let Some(row) = first(db, sql, &[message.author.get().into(), (id as i64).into()])? else {
        return Ok(None);
    };
    Ok(Some(Kept {
        conversation: ConversationId::new(row.integer(0)?),
        seq: row.integer(1)?,
        is_duplicate: true,
    }))
}

/// Which conversation that is; `None` for two people who have not talked yet.
pub(super) fn conversation(db: Db<'_>, place: Place) -> Result<Option<ConversationId>, SqlError> {
    match place {
        Place::Room(room) => Ok(Some(room.conversation())),
        Place::Direct(one, other) => direct::find(db, one, other),
    }
}

fn history(db: Db<'_>, place: Place, from: From, limit: u32) -> Result<Reply, SqlError> {
    let (mut messages, mut has_more) = (Vec::new(), false);
    if let Some(conversation) = conversation(db, place)? {
        let (condition, seq) = match from {
            From::End => ("m.seq <= ? ORDER BY m.seq DESC", i64::MAX),
            From::Before(seq) => ("m.seq < ? ORDER BY m.seq DESC", seq),
            From::After(seq) => ("m.seq > ? ORDER BY m.seq", seq),
        };
        let sql = format!("{MESSAGE}WHERE m.conversation = ? AND {condition} LIMIT ?");
        let values = [conversation.get().into(), seq.into(), one_more(limit)];
        let rows = db.query(&sql, &values)?;
        messages = rows.into_iter().map(message).collect::<Result<_, _>>()?;
        has_more = cut(&mut messages, limit);
    }
    Ok(Ok(data::Answer::Message(Answer::Messages {
        messages,
        has_more,
    })))
}

/// A message as others read it: without its words, if it was removed.
pub(super) fn message(row: Row) -> Result<Message, SqlError> {
    let mut message = whole_message(row)?;
    if message.removed_by.is_some() {
        message.body.clear();
    }
    Ok(message)
}

/// A message as moderators read it.
pub(super) fn whole_message(mut row: Row) -> Result<Message, SqlError> {
    Ok(Message {
        conversation: ConversationId::new(row.integer(0)?),
        seq: row.integer(1)?,
        author: AccountId::new(row.integer(2)?),
        author_name: row.maybe_text(3)?.unwrap_or_default(),
        kind: row.integer(4)? as u32,
        body: row.bytes(5)?,
        at: row.integer(6)?,
        removed_by: row.maybe_integer(7)?.map(AccountId::new),
    })
}

fn remove(db: Db<'_>, place: Place, seq: i64, act: &Act) -> Result<Reply, SqlError> {
    let Some(conversation) = conversation(db, place)? else {
        return refused(Refusal::NotFound);
    };
    let key = [conversation.get().into(), seq.into()];
    let sql = "SELECT author, removed_by FROM message WHERE conversation = ? AND seq = ?"
        .to_owned()
        + db.for_update();
    let Some(row) = first(db, &sql, &key)? else {
        return refused(Refusal::NotFound);
    };
    let author = AccountId::new(row.integer(0)?);
    let (is_own, by) = match act.actor {
        Actor::Account(account) => (account == author, account.get()),
        Actor::Operator | Actor::Server => (false, 0),
    };
    let is_allowed = is_own
        || match place {
            Place::Room(room) => moderate::may_remove(db, room, act.actor, author)?,
            Place::Direct(..) => !matches!(act.actor, Actor::Account(_)),
        };
    if !is_allowed {
        return refused(Refusal::Forbidden);
    }
    if row.maybe_integer(1)?.is_some() {
        return done();
    }
    let [conversation_value, seq_value] = key;
    let sql = "UPDATE message SET removed_by = ? WHERE conversation = ? AND seq = ?";
    let values: [Value; 3] = [by.into(), conversation_value, seq_value];
    db.execute(sql, &values)?;
    if !is_own {
        let target = Target::Message(conversation, seq);
        let before = format!("said by {author}");
        let told = (before.as_str(), "removed");
        if let Err(refusal) = audit::record(db, act, "message.remove", target, told)? {
            return refused(refusal);
        }
    }
    done()
}
