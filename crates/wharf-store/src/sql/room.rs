//! Rooms in SQL: what they are. Who may do what in them has a file of its own.

use super::moderate::{self, Rank};
use super::{
    Db, audit, begins_like, cut, done, first, number, one_more, page_text, places, refused,
};
use crate::database::{Row, SqlError, Value};
use core::slice;
use wharf_data::room::{Answer, Ask, By, Change, Epoch, History, Room, Settings};
use wharf_data::{
    self as data, AccountId, Act, DisplayName, NameKey, PageToken, Part, Refusal, Reply, RoomId,
    Target, UnixMs,
};

const ROOM: &str = "SELECT r.id, r.kind, r.name, r.topic, r.password, r.members_max, r.hidden, \
                    r.locked, r.slow_ms, r.history, r.options, r.epoch, c.last_seq, r.created_at, \
                    r.name_key FROM room r JOIN conversation c ON c.id = r.id \
                    WHERE r.deleted = 0 AND ";

pub(super) fn run(db: Db<'_>, ask: &Ask) -> Result<Reply, SqlError> {
    match ask {
        Ask::Create {
            room,
            kind,
            name,
            owner,
            owned_max,
            settings,
            at,
        } => create(db, (*room, kind, name), (*owner, *owned_max), settings, *at),
        Ask::Find { by } => answer(find(db, by)?),
        Ask::Open { room } => {
            let sql = "UPDATE room SET epoch = epoch + 1 WHERE id = ? AND deleted = 0";
            db.execute(sql, &[room.get().into()])?;
            answer(find(db, &By::Id(*room))?)
        }
        Ask::Change { room, change, act } => self::change(db, *room, change, act),
        Ask::Delete { room, act } => delete(db, *room, act),
        Ask::Moderate {
            room,
            account,
            measure,
            act,
        } => moderate::moderate(db, *room, *account, *measure, act),
        Ask::Standing { room, account, at } => moderate::standing(db, *room, *account, *at),
        Ask::Standings {
            room,
            at,
            page,
            limit,
        } => moderate::standings(db, *room, *at, page.as_ref(), *limit),
        Ask::Bans {
            room,
            at,
            page,
            limit,
        } => moderate::bans(db, *room, *at, page.as_ref(), *limit),
        Ask::BanReason { room, account } => moderate::ban_reason(db, *room, *account),
        Ask::These { rooms } => these(db, rooms),
        Ask::List {
            search,
            with_hidden,
            page,
            limit,
        } => list(db, search, *with_hidden, page.as_ref(), *limit),
    }
}

/// Whose the name is that `ask` wanted.
pub(super) fn owner(db: Db<'_>, ask: &Ask) -> Result<Option<i64>, SqlError> {
    let (room, name) = match ask {
        Ask::Create { room, name, .. } => (room, name),
        Ask::Change { room, change, .. } => match &change.name {
            Some(name) => (&room.0, name),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let key = name.key().as_str();
    let rows = db.query("SELECT id FROM room WHERE name_key = ?", &[key.into()])?;
    let sql = "SELECT id FROM room WHERE id = ?";
    let row = match rows.into_iter().next() {
        Some(row) => Some(row),
        None => first(db, sql, &[room.get().into()])?,
    };
    row.map(|row| row.integer(0)).transpose()
}

/// Holds a room until the commit, if it is there and `epoch` is its present one.
pub(super) fn hold(
    db: Db<'_>,
    (room, epoch): (RoomId, Epoch),
) -> Result<Result<(), Refusal>, SqlError> {
    let sql = "SELECT epoch FROM room WHERE id = ? AND deleted = 0".to_owned() + db.for_update();
    let Some(row) = first(db, &sql, &[room.get().into()])? else {
        return Ok(Err(Refusal::NotFound));
    };
    Ok(match row.integer(0)? == epoch {
        true => Ok(()),
        false => Err(Refusal::Fenced),
    })
}

fn these(db: Db<'_>, rooms: &[RoomId]) -> Result<Reply, SqlError> {
    if rooms.len() > super::ROWS_MAX as usize {
        return refused(Refusal::Invalid);
    }
    let mut found = Vec::new();
    if !rooms.is_empty() {
        let places = places(rooms.len());
        let values: Vec<Value> = rooms.iter().map(|room| room.get().into()).collect();
        for mut row in db.query(&format!("{ROOM}r.id IN ({places})"), &values)? {
            found.push(room(&mut row)?);
        }
    }
    let answer = Answer::Rooms {
        rooms: found,
        next: None,
    };
    Ok(Ok(data::Answer::Room(answer)))
}

fn create(
    db: Db<'_>,
    (room, kind, name): (RoomId, &str, &DisplayName),
    (owner, owned_max): (AccountId, u32),
    settings: &Settings,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    // Whoever owns rooms is held, so that two rooms at once do not pass the bound together.
    let sql = "SELECT 1 FROM account WHERE id = ? AND erased = 0".to_owned() + db.for_update();
    if first(db, &sql, &[owner.get().into()])?.is_none() {
        return refused(Refusal::NotFound);
    }
    let values: [Value; 13] = [
        room.get().into(),
        kind.into(),
        name.as_str().into(),
        name.key().as_str().into(),
        settings.topic.as_str().into(),
        settings.password.as_deref().into(),
        settings.members_max.into(),
        settings.is_hidden.into(),
        settings.is_locked.into(),
        settings.slow_ms.into(),
        history_number(settings.history).into(),
        settings.options.as_slice().into(),
        at.into(),
    ];
    let sql = "INSERT INTO room (id, kind, name, name_key, topic, password, members_max, hidden, \
               locked, slow_ms, history, options, epoch, created_at, deleted) \
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, 0)";
    db.execute(sql, &values)?;
    let sql = "SELECT COUNT(*) FROM room_role WHERE account = ? AND role = ?";
    let values = [owner.get().into(), Rank::OWNER.number().into()];
    if number(db, sql, &values)? >= i64::from(owned_max) {
        return refused(Refusal::Full);
    }
    let sql = "INSERT INTO conversation (id, last_seq, last_at) VALUES (?, 0, ?)";
    db.execute(sql, &[room.get().into(), at.into()])?;
    moderate::set_role(db, room, owner, Rank::OWNER)?;
    answer(find(db, &By::Id(room))?)
}

fn find(db: Db<'_>, by: &By) -> Result<Option<Room>, SqlError> {
    let (column, value) = match by {
        By::Id(room) => ("r.id = ?", room.get().into()),
        By::Name(key) => ("r.name_key = ?", key.as_str().into()),
    };
    let row = first(db, &format!("{ROOM}{column}"), &[value])?;
    row.map(|mut row| room(&mut row)).transpose()
}

fn answer(room: Option<Room>) -> Result<Reply, SqlError> {
    let room = room.ok_or(Refusal::NotFound);
    Ok(room.map(|room| data::Answer::Room(Answer::Room(room))))
}

fn room(row: &mut Row) -> Result<Room, SqlError> {
    Ok(Room {
        id: RoomId::new(row.integer(0)?),
        kind: row.text(1)?,
        name: row.text(2)?,
        settings: Settings {
            topic: row.text(3)?,
            password: row.maybe_text(4)?,
            members_max: row.integer(5)? as u32,
            is_hidden: row.integer(6)? != 0,
            is_locked: row.integer(7)? != 0,
            slow_ms: row.integer(8)? as u32,
            history: match row.integer(9)? {
                1 => History::Off,
                2 => History::Buffered,
                _ => History::Durable,
            },
            options: row.bytes(10)?,
        },
        epoch: row.integer(11)?,
        last_seq: row.integer(12)?,
        created_at: row.integer(13)?,
    })
}

fn history_number(history: History) -> i64 {
    match history {
        History::Off => 1,
        History::Buffered => 2,
        History::Durable => 3,
    }
}

fn change(
    db: Db<'_>,
    held: (RoomId, Epoch),
    change: &Change,
    act: &Act,
) -> Result<Reply, SqlError> {
    if let Err(refusal) = moderate::hold_as(db, held, act.actor, Rank::OWNER)? {
        return refused(refusal);
    }
    let Some(mut room) = find(db, &By::Id(held.0))? else {
        return refused(Refusal::NotFound);
    };
    let told = apply(&mut room, change);
    let target = Target::Room(held.0);
    let told = (told.0.as_str(), told.1.as_str());
    if let Err(refusal) = audit::record(db, act, "room.change", target, told)? {
        return refused(refusal);
    }
    let settings = &room.settings;
    let sql = "UPDATE room SET name = ?, name_key = ?, topic = ?, password = ?, members_max = ?, \
               hidden = ?, locked = ?, slow_ms = ?, options = ? WHERE id = ?";
    let key = NameKey::of(&room.name);
    let values: [Value; 10] = [
        room.name.as_str().into(),
        key.as_str().into(),
        settings.topic.as_str().into(),
        settings.password.as_deref().into(),
        settings.members_max.into(),
        settings.is_hidden.into(),
        settings.is_locked.into(),
        settings.slow_ms.into(),
        settings.options.as_slice().into(),
        held.0.get().into(),
    ];
    db.execute(sql, &values)?;
    answer(Some(room))
}

/// Changes a room; tells what was and what is, for the log, but no password.
fn apply(room: &mut Room, change: &Change) -> (String, String) {
    let (mut before, mut after) = (String::new(), String::new());
    let mut tell = |name: &str, was: String, is: String| {
        before += &format!("{name}={was}\n");
        after += &format!("{name}={is}\n");
    };
    if let Some(name) = &change.name {
        tell("name", room.name.clone(), name.as_str().to_owned());
        name.as_str().clone_into(&mut room.name);
    }
    let settings = &mut room.settings;
    if let Some(topic) = &change.topic {
        tell("topic", settings.topic.clone(), topic.clone());
        settings.topic.clone_from(topic);
    }
    if let Some(password) = &change.password {
        let has = |password: &Option<String>| password.is_some().to_string();
        tell("has_password", has(&settings.password), has(password));
        settings.password.clone_from(password);
    }
    if let Some(is_hidden) = change.is_hidden {
        tell(
            "is_hidden",
            settings.is_hidden.to_string(),
            is_hidden.to_string(),
        );
        settings.is_hidden = is_hidden;
    }
    if let Some(is_locked) = change.is_locked {
        tell(
            "is_locked",
            settings.is_locked.to_string(),
            is_locked.to_string(),
        );
        settings.is_locked = is_locked;
    }
    if let Some(members_max) = change.members_max {
        let was = settings.members_max.to_string();
        tell("members_max", was, members_max.to_string());
        settings.members_max = members_max;
    }
    if let Some(slow_ms) = change.slow_ms {
        tell("slow_ms", settings.slow_ms.to_string(), slow_ms.to_string());
        settings.slow_ms = slow_ms;
    }
    if let Some(options) = &change.options {
        let bytes = |options: &[u8]| format!("{} bytes", options.len());
        tell("options", bytes(&settings.options), bytes(options));
        settings.options.clone_from(options);
    }
    (before, after)
}

fn delete(db: Db<'_>, held: (RoomId, Epoch), act: &Act) -> Result<Reply, SqlError> {
    if let Err(refusal) = moderate::hold_as(db, held, act.actor, Rank::OWNER)? {
        return refused(refusal);
    }
    let id = Value::from(held.0.get());
    let name = first(
        db,
        "SELECT name FROM room WHERE id = ?",
        slice::from_ref(&id),
    )?;
    let name = name.map_or(Ok(String::new()), |mut row| row.text(0))?;
    let target = Target::Room(held.0);
    if let Err(refusal) = audit::record(db, act, "room.delete", target, (&name, ""))? {
        return refused(refusal);
    }
    let sql = "UPDATE room SET deleted = 1, name_key = NULL, password = NULL, epoch = epoch + 1 \
               WHERE id = ?";
    db.execute(sql, slice::from_ref(&id))?;
    for table in ["room_role", "room_ban", "room_mute"] {
        let sql = format!("DELETE FROM {table} WHERE room = ?");
        db.execute(&sql, slice::from_ref(&id))?;
    }
    done()
}

fn list(
    db: Db<'_>,
    search: &str,
    with_hidden: bool,
    page: Option<&PageToken>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let key = NameKey::of(search);
    let filter = format!("{with_hidden} {}", key.as_str());
    let Some(behind) = page_text(page, "rooms", &filter) else {
        return refused(Refusal::Invalid);
    };
    let hidden = if with_hidden { "" } else { "r.hidden = 0 AND " };
    let (those, [from, end]) = begins_like("r.name_key", &key, &behind);
    let sql = format!("{ROOM}{hidden}{those} ORDER BY r.name_key LIMIT ?");
    let mut rows = db.query(&sql, &[from, end, one_more(limit)])?;
    let has_more = cut(&mut rows, limit);
    let (mut rooms, mut last) = (Vec::with_capacity(rows.len()), None);
    for mut row in rows {
        rooms.push(room(&mut row)?);
        last = Some(row.text(14)?);
    }
    let last = last.filter(|_| has_more);
    let next = last.map(|key| PageToken::new("rooms", &filter, &[Part::Text(key)]));
    let answer = Answer::Rooms { rooms, next };
    Ok(Ok(data::Answer::Room(answer)))
}
