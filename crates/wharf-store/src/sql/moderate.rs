//! Who may do what in a room, in SQL. Every rank is looked up in the transaction that acts on it,
//! so that a rank that was lost a moment ago is worth nothing.

use super::room::hold;
use super::{Db, audit, cut, done, first, keep, one_more, page_number, refused};
use crate::database::{SqlError, Value};
use wharf_data::Utc;
use wharf_data::room::{Answer, Ban, Epoch, Measure, Role, Standing, Until};
use wharf_data::{
    self as data, AccountId, Act, Actor, PageToken, Part, Refusal, Reply, RoomId, Target, UnixMs,
};

/// A role, or more than any: whoever runs the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(i64);

impl Rank {
    const MEMBER: Self = Self(1);
    const MODERATOR: Self = Self(2);
    pub(super) const OWNER: Self = Self(3);
    const SERVER: Self = Self(4);

    pub(super) fn number(self) -> i64 {
        self.0
    }

    fn of(role: Role) -> Self {
        match role {
            Role::Member => Self::MEMBER,
            Role::Moderator => Self::MODERATOR,
            Role::Owner => Self::OWNER,
        }
    }

    fn role(self) -> Role {
        match self {
            Self::MODERATOR => Role::Moderator,
            Self::OWNER => Role::Owner,
            _ => Role::Member,
        }
    }
}

/// Holds a room, if whoever acts has at least that rank in it.
pub(super) fn hold_as(
    db: Db<'_>,
    held: (RoomId, Epoch),
    actor: Actor,
    least: Rank,
) -> Result<Result<(), Refusal>, SqlError> {
    if let Err(refusal) = hold(db, held)? {
        return Ok(Err(refusal));
    }
    Ok(match rank_of_actor(db, held.0, actor)? >= least {
        true => Ok(()),
        false => Err(Refusal::Forbidden),
    })
}

/// Whether whoever acts may remove what `author` said in a room.
pub(super) fn may_remove(
    db: Db<'_>,
    room: RoomId,
    actor: Actor,
    author: AccountId,
) -> Result<bool, SqlError> {
    let rank = rank_of_actor(db, room, actor)?;
    Ok(rank >= Rank::MODERATOR && rank > rank_of(db, room, author)?)
}

fn rank_of_actor(db: Db<'_>, room: RoomId, actor: Actor) -> Result<Rank, SqlError> {
    match actor {
        Actor::Account(account) => rank_of(db, room, account),
        Actor::Operator | Actor::Server => Ok(Rank::SERVER),
    }
}

fn rank_of(db: Db<'_>, room: RoomId, account: AccountId) -> Result<Rank, SqlError> {
    let sql = "SELECT role FROM room_role WHERE room = ? AND account = ?";
    let row = first(db, sql, &[room.get().into(), account.get().into()])?;
    row.map_or(Ok(Rank::MEMBER), |row| row.integer(0).map(Rank))
}

/// Gives somebody a role; a member's is the one without a row.
pub(super) fn set_role(
    db: Db<'_>,
    room: RoomId,
    account: AccountId,
    rank: Rank,
) -> Result<(), SqlError> {
    let (room, account) = (Value::from(room.get()), Value::from(account.get()));
    let sql = "DELETE FROM room_role WHERE room = ? AND account = ?";
    db.execute(sql, &[room.clone(), account.clone()])?;
    if rank > Rank::MEMBER {
        let sql = "INSERT INTO room_role (room, account, role) VALUES (?, ?, ?)";
        db.execute(sql, &[room, account, rank.0.into()])?;
    }
    Ok(())
}

pub(super) fn moderate(
    db: Db<'_>,
    held: (RoomId, Epoch),
    account: AccountId,
    measure: Measure,
    act: &Act,
) -> Result<Reply, SqlError> {
    if let Err(refusal) = hold(db, held)? {
        return refused(refusal);
    }
    let room = held.0;
    if let Err(refusal) = is_allowed(db, room, account, measure, act)? {
        return refused(refusal);
    }
    let before = read_standing(db, room, account, act.at)?;
    let action = match measure {
        Measure::Ban(until) => {
            set_role(db, room, account, Rank::MEMBER)?;
            set_until(db, "room_ban", room, account, Some(until))?;
            "room.ban"
        }
        Measure::Unban => {
            set_until(db, "room_ban", room, account, None)?;
            "room.unban"
        }
        Measure::Mute(until) => {
            set_until(db, "room_mute", room, account, Some(until))?;
            "room.mute"
        }
        Measure::Unmute => {
            set_until(db, "room_mute", room, account, None)?;
            "room.unmute"
        }
        Measure::Rank(role) => {
            // One that has ended already.
            set_until(db, "room_ban", room, account, None)?;
            set_role(db, room, account, Rank::of(role))?;
            "room.rank"
        }
        Measure::HandOver => {
            let sql = "UPDATE room_role SET role = ? WHERE room = ? AND role = ?";
            let (moderator, owner) = (Rank::MODERATOR.0, Rank::OWNER.0);
            db.execute(sql, &[moderator.into(), room.get().into(), owner.into()])?;
            set_until(db, "room_ban", room, account, None)?;
            set_role(db, room, account, Rank::OWNER)?;
            "room.hand_over"
        }
    };
    let after = read_standing(db, room, account, act.at)?;
    let told = (told(before), told(after));
    let told = (told.0.as_str(), told.1.as_str());
    let target = Target::Member(room, account);
    match audit::record(db, act, action, target, told)? {
        Ok(()) => Ok(Ok(data::Answer::Room(Answer::Standing(after)))),
        Err(refusal) => refused(refusal),
    }
}

/// Whether somebody may do that to somebody.
fn is_allowed(
    db: Db<'_>,
    room: RoomId,
    account: AccountId,
    measure: Measure,
    act: &Act,
) -> Result<Result<(), Refusal>, SqlError> {
    let (rank, of_target) = (
        rank_of_actor(db, room, act.actor)?,
        rank_of(db, room, account)?,
    );
    let least = match measure {
        Measure::Ban(_) | Measure::Unban | Measure::Mute(_) | Measure::Unmute => Rank::MODERATOR,
        Measure::Rank(_) | Measure::HandOver => Rank::OWNER,
    };
    if rank < least || rank <= of_target {
        return Ok(Err(Refusal::Forbidden));
    }
    if measure == Measure::Rank(Role::Owner) {
        // There is one owner: a room is handed over.
        return Ok(Err(Refusal::Invalid));
    }
    if least == Rank::OWNER {
        let sql = "SELECT 1 FROM account WHERE id = ? AND erased = 0";
        if first(db, sql, &[account.get().into()])?.is_none() {
            return Ok(Err(Refusal::NotFound));
        }
        // Whoever is kept out cannot look after a room.
        if read_until(db, "room_ban", room, account, act.at)?.is_some() {
            return Ok(Err(Refusal::Conflict));
        }
    }
    Ok(Ok(()))
}

/// Sets how long a ban or a mute lasts, or ends it.
fn set_until(
    db: Db<'_>,
    table: &str,
    room: RoomId,
    account: AccountId,
    until: Option<Until>,
) -> Result<(), SqlError> {
    let (room, account) = (Value::from(room.get()), Value::from(account.get()));
    let sql = format!("DELETE FROM {table} WHERE room = ? AND account = ?");
    db.execute(&sql, &[room.clone(), account.clone()])?;
    let Some(until) = until else { return Ok(()) };
    let until = until.ends().map_or(Value::Null, Value::from);
    let sql = format!("INSERT INTO {table} (room, account, until) VALUES (?, ?, ?)");
    db.execute(&sql, &[room, account, until])?;
    Ok(())
}

/// Lets somebody say nothing in any room, nor in whispers; or speak again.
pub(super) fn mute_everywhere(
    db: Db<'_>,
    account: AccountId,
    until: Option<Until>,
) -> Result<Reply, SqlError> {
    let sql = "SELECT 1 FROM account WHERE id = ? AND erased = 0".to_owned() + db.for_update();
    if first(db, &sql, &[account.get().into()])?.is_none() {
        return refused(Refusal::NotFound);
    }
    set_until(db, "room_mute", RoomId::EVERYWHERE, account, until)?;
    keep::note_change(db)?;
    done()
}

pub(super) fn standing(
    db: Db<'_>,
    room: RoomId,
    account: AccountId,
    at: UnixMs,
) -> Result<Reply, SqlError> {
    let sql = "SELECT 1 FROM room WHERE id = ? AND deleted = 0";
    if first(db, sql, &[room.get().into()])?.is_none() {
        return refused(Refusal::NotFound);
    }
    let standing = read_standing(db, room, account, at)?;
    Ok(Ok(data::Answer::Room(Answer::Standing(standing))))
}

fn read_standing(
    db: Db<'_>,
    room: RoomId,
    account: AccountId,
    at: UnixMs,
) -> Result<Standing, SqlError> {
    Ok(Standing {
        role: rank_of(db, room, account)?.role(),
        ban: read_until(db, "room_ban", room, account, at)?,
        mute: read_until(db, "room_mute", room, account, at)?,
    })
}

fn read_until(
    db: Db<'_>,
    table: &str,
    room: RoomId,
    account: AccountId,
    at: UnixMs,
) -> Result<Option<Until>, SqlError> {
    let sql = format!("SELECT until FROM {table} WHERE room = ? AND account = ?");
    let Some(row) = first(db, &sql, &[room.get().into(), account.get().into()])? else {
        return Ok(None);
    };
    let until = until_of(row.maybe_integer(0)?);
    Ok(Some(until).filter(|until| until.lasts(at)))
}

fn until_of(kept: Option<i64>) -> Until {
    kept.map_or(Until::TakenBack, Until::Time)
}

/// What somebody is, for the log.
fn told(standing: Standing) -> String {
    let role = match standing.role {
        Role::Member => "member",
        Role::Moderator => "moderator",
        Role::Owner => "owner",
    };
    let until = |name: &str, until: Option<Until>| match until {
        None => String::new(),
        Some(Until::TakenBack) => format!(", {name}"),
        Some(Until::Time(at)) => format!(", {name} until {}", Utc(at)),
    };
    let (ban, mute) = (until("banned", standing.ban), until("muted", standing.mute));
    format!("{role}{ban}{mute}")
}

pub(super) fn standings(
    db: Db<'_>,
    room: RoomId,
    at: UnixMs,
    page: Option<&PageToken>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let filter = room.to_string();
    let Some(behind) = page_number(page, "standings", &filter, i64::MIN) else {
        return refused(Refusal::Invalid);
    };
    let of = "WHERE room = ? AND account > ?";
    let lasting = "AND (until IS NULL OR until > ?)";
    let sql = format!(
        "SELECT account FROM room_role {of} \
         UNION SELECT account FROM room_ban {of} {lasting} \
         UNION SELECT account FROM room_mute {of} {lasting} \
         ORDER BY account LIMIT ?"
    );
    let (room_value, behind) = (Value::from(room.get()), Value::from(behind));
    let values = [
        room_value.clone(),
        behind.clone(),
        room_value.clone(),
        behind.clone(),
        at.into(),
        room_value,
        behind,
        at.into(),
        one_more(limit),
    ];
    let mut rows = db.query(&sql, &values)?;
    let has_more = cut(&mut rows, limit);
    let mut standings = Vec::with_capacity(rows.len());
    for row in rows {
        let account = AccountId::new(row.integer(0)?);
        standings.push((account, read_standing(db, room, account, at)?));
    }
    let last = standings.last().filter(|_| has_more);
    let next = last
        .map(|(account, _)| PageToken::new("standings", &filter, &[Part::Number(account.get())]));
    let answer = Answer::Standings { standings, next };
    Ok(Ok(data::Answer::Room(answer)))
}

pub(super) fn ban_reason(db: Db<'_>, room: RoomId, account: AccountId) -> Result<Reply, SqlError> {
    let why = audit::latest(db, "room.ban", Target::Member(room, account))?;
    let reason = why.map(|(_, reason)| reason).unwrap_or_default();
    Ok(Ok(data::Answer::Room(Answer::BanReason(reason))))
}

pub(super) fn bans(
    db: Db<'_>,
    room: RoomId,
    at: UnixMs,
    page: Option<&PageToken>,
    limit: u32,
) -> Result<Reply, SqlError> {
    let filter = room.to_string();
    let Some(behind) = page_number(page, "bans", &filter, i64::MIN) else {
        return refused(Refusal::Invalid);
    };
    let sql = "SELECT b.account, b.until, p.display_name FROM room_ban b \
               LEFT JOIN person p ON p.account = b.account \
               WHERE b.room = ? AND b.account > ? AND (b.until IS NULL OR b.until > ?) \
               ORDER BY b.account LIMIT ?";
    let values = [room.get().into(), behind.into(), at.into(), one_more(limit)];
    let mut rows = db.query(sql, &values)?;
    let has_more = cut(&mut rows, limit);
    let mut bans = Vec::with_capacity(rows.len());
    for mut row in rows {
        let account = AccountId::new(row.integer(0)?);
        let act = audit::latest(db, "room.ban", Target::Member(room, account))?;
        let (by, reason) = match act {
            Some((Actor::Account(by), reason)) => (by, reason),
            Some((_, reason)) => (AccountId::new(0), reason),
            None => (AccountId::new(0), String::new()),
        };
        bans.push(Ban {
            account,
            name: row.maybe_text(2)?.unwrap_or_default(),
            by,
            reason,
            until: until_of(row.maybe_integer(1)?),
        });
    }
    let last = bans.last().filter(|_| has_more);
    let position = |ban: &Ban| [Part::Number(ban.account.get())];
    let next = last.map(|ban| PageToken::new("bans", &filter, &position(ban)));
    Ok(Ok(data::Answer::Room(Answer::Bans { bans, next })))
}
