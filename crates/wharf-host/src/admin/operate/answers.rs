//! What came of an act, as JSON. Ids are texts: many who read JSON round numbers beyond 2^53.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use wharf_data::access::{Error, Person};
use wharf_data::account::{Named, Status};
use wharf_data::message::Message;
use wharf_data::operators::{Known, Outcome};
use wharf_data::report::{Report, State};
use wharf_data::room::{History, Role, Room, Standing, Until};
use wharf_data::rooms::{Info, Shown};
use wharf_data::{Actor, Bulletin, PageToken, Target, audit};

/// What is told.
pub(super) struct Told(pub(super) Value);

impl Told {
    pub(super) fn error(code: &str, text: &str) -> Self {
        Self(json!({ "error": { "code": code, "text": text } }))
    }

    /// Why something was not done.
    pub(super) fn refusal(error: &Error) -> Self {
        let mut told = json!({ "code": code_of(error), "text": error.to_string() });
        match error {
            Error::Invalid { field, text } => {
                told["field"] = json!(field);
                told["text"] = json!(text);
            }
            Error::Busy { retry_after } | Error::Rate { retry_after } => {
                let ms = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
                told["retry_after_ms"] = json!(ms.max(1));
            }
            _ => {}
        }
        Self(json!({ "error": told }))
    }

    /// What came of what was done.
    pub(super) fn outcome(outcome: Outcome) -> Self {
        Self(match outcome {
            Outcome::Done => json!({ "done": true }),
            Outcome::Reported(report) => json!({ "report": report.to_string() }),
            Outcome::Found(known) => account(&known),
            Outcome::Accounts { accounts, next } => {
                let accounts: Vec<Value> = accounts.iter().map(person).collect();
                json!({ "accounts": accounts, "next_page": page(next) })
            }
            Outcome::NewPassword(password) => json!({ "password": password.as_text() }),
            Outcome::Logins(logins) => {
                let login = |login: &wharf_data::account::Login| {
                    json!({
                        "login": login.id.to_string(),
                        "device": login.device,
                        "since_ms": login.since,
                        "used_ms": login.used,
                    })
                };
                json!({ "logins": logins.iter().map(login).collect::<Vec<_>>() })
            }
            Outcome::Exported { records, next } => {
                let line = |record: &wharf_data::keep::Record| record.to_json();
                let lines: Vec<String> = records.iter().map(line).collect();
                json!({ "lines": lines, "next_page": page(next) })
            }
            Outcome::Announced(sessions) => json!({ "sessions": sessions }),
            Outcome::Bulletin(bulletin) => holds(&bulletin),
            Outcome::Reports { reports, next } => {
                let reports: Vec<Value> = reports.iter().map(report).collect();
                json!({ "reports": reports, "next_page": page(next) })
            }
            Outcome::Report {
                report: about,
                messages,
            } => {
                let mut told = report(&about);
                told["messages"] = messages.iter().map(message).collect();
                told
            }
            Outcome::Audit { entries, next } => {
                let entries: Vec<Value> = entries.iter().map(entry).collect();
                json!({ "entries": entries, "next_page": page(next) })
            }
            Outcome::Room(shown) => shown_room(&shown),
            Outcome::Names(names) => {
                let name = |it: Named| (it.account.to_string(), json!(it.display_name));
                json!({ "names": names.into_iter().map(name).collect::<Map<_, _>>() })
            }
            Outcome::OpenRooms { rooms, next } => {
                let rooms: Vec<Value> = rooms.iter().map(open_room).collect();
                json!({ "rooms": rooms, "next_page": page(next) })
            }
            Outcome::Rooms { rooms, next } => {
                let rooms: Vec<Value> = rooms.iter().map(room).collect();
                json!({ "rooms": rooms, "next_page": page(next) })
            }
        })
    }
}

/// What holds for the whole server.
fn holds(bulletin: &Bulletin) -> Value {
    let moderators = bulletin.moderators.iter().map(ToString::to_string);
    let muted = bulletin.muted.iter().map(
        |(account, until)| json!({ "account": account.to_string(), "until_ms": until.ends() }),
    );
    let planned = bulletin.planned.as_ref().map(|planned| {
        json!({
            "text": planned.text,
            "begins_ms": planned.begins,
            "ends_ms": planned.ends,
        })
    });
    json!({
        "maintenance": bulletin.maintenance,
        "planned": planned,
        "moderators": moderators.collect::<Vec<_>>(),
        "muted": muted.collect::<Vec<_>>(),
    })
}

fn account(known: &Known) -> Value {
    let mut told = person(&known.person);
    told["is_here"] = json!(known.is_here);
    told["is_moderator"] = json!(known.is_moderator);
    let muted = known.muted.map(|until| json!({ "until_ms": until.ends() }));
    told["muted"] = json!(muted);
    told
}

fn person(person: &Person) -> Value {
    let banned = match person.status {
        Status::Active => Value::Null,
        Status::Banned { until } => json!({ "until_ms": until, "reason": person.ban_reason }),
    };
    json!({
        "account": person.account.to_string(),
        "display_name": person.display_name,
        "has_password": person.has_password,
        "banned": banned,
    })
}

fn page(next: Option<PageToken>) -> Option<String> {
    next.map(|next| next.as_str().to_owned())
}

fn report(report: &Report) -> Value {
    let (state, by, decision) = match &report.state {
        State::Open => ("open", None, None),
        State::Taken { by } => ("taken", Some(by), None),
        State::Decided { by, decision } => ("decided", Some(by), Some(decision)),
    };
    let message = report.message.map(|message| {
        json!({
            "conversation": message.conversation.to_string(),
            "seq": message.seq,
            "is_whisper": message.is_whisper,
        })
    });
    json!({
        "report": report.id.to_string(),
        "by": report.by.to_string(),
        "account": report.about.to_string(),
        "display_name": report.about_name,
        "text": report.text,
        "at_ms": report.at,
        "state": state,
        "moderator": by.map(ToString::to_string),
        "decision": decision,
        "message": message,
    })
}

/// What somebody said; without a text if it cannot be read any more.
fn message(message: &Message) -> Value {
    json!({
        "conversation": message.conversation.to_string(),
        "seq": message.seq,
        "author": message.author.to_string(),
        "author_name": message.author_name,
        "text": wharf_platform::shown(message.kind, &message.body),
        "at_ms": message.at,
        "is_removed": message.removed_by.is_some(),
    })
}

fn room(room: &Room) -> Value {
    json!({
        "room": room.id.to_string(),
        "name": room.name,
        "kind": room.kind,
        "topic": room.settings.topic,
        "members_max": room.settings.members_max,
        "has_password": room.settings.password.is_some(),
        "is_hidden": room.settings.is_hidden,
        "is_locked": room.settings.is_locked,
        "last_seq": room.last_seq,
        "created_ms": room.created_at,
    })
}

fn open_room(info: &Info) -> Value {
    json!({
        "room": info.room.to_string(),
        "name": info.name,
        "topic": info.topic,
        "members": info.members,
        "members_max": info.members_max,
        "has_password": info.has_password,
        "is_hidden": info.is_hidden,
        "is_locked": info.is_locked,
        "is_persistent": info.is_persistent,
    })
}

fn shown_room(shown: &Shown) -> Value {
    let info = &shown.info;
    let people = shown.people.iter().map(|insider| {
        let Standing { role, ban, mute } = insider.standing;
        let until = |until: Option<Until>| until.map(|until| json!({ "until_ms": until.ends() }));
        json!({
            "account": insider.account.to_string(),
            "display_name": insider.display_name,
            "role": match role {
                Role::Member => "member",
                Role::Moderator => "moderator",
                Role::Owner => "owner",
            },
            "is_here": insider.is_here,
            "banned": until(ban),
            "muted": until(mute),
        })
    });
    let mut told = open_room(info);
    told["is_open"] = json!(shown.is_open);
    told["history"] = json!(match info.history {
        History::Off => "off",
        History::Buffered => "buffered",
        History::Durable => "durable",
    });
    told["slow_ms"] = json!(info.slow_ms);
    told["last_seq"] = json!(shown.last_seq);
    told["people"] = people.collect();
    told
}

fn entry(entry: &audit::Entry) -> Value {
    let (actor, by) = match entry.act.actor {
        Actor::Account(account) => ("account", Some(account.to_string())),
        Actor::Operator => ("operator", None),
        Actor::Server => ("server", None),
    };
    let target = match entry.target {
        Target::Account(account) => json!({ "account": account.to_string() }),
        Target::Member(room, account) => {
            json!({ "room": room.to_string(), "account": account.to_string() })
        }
        Target::Room(room) => json!({ "room": room.to_string() }),
        Target::Message(conversation, seq) => {
            json!({ "conversation": conversation.to_string(), "seq": seq })
        }
        Target::Report(report) => json!({ "report": report.to_string() }),
        Target::Server => json!({}),
    };
    json!({
        "id": entry.act.id.to_string(),
        "at_ms": entry.act.at,
        "actor": actor,
        "by": by,
        "action": entry.action,
        "target": target,
        "before": entry.before,
        "after": entry.after,
        "reason": entry.act.reason,
    })
}

fn code_of(error: &Error) -> &'static str {
    match error {
        Error::Invalid { .. } => "invalid",
        Error::WrongState => "wrong-state",
        Error::Busy { .. } => "busy",
        Error::Rate { .. } => "rate",
        Error::Unavailable => "unavailable",
        Error::Credentials => "credentials",
        Error::Token => "token",
        Error::Banned { .. } => "banned",
        Error::Taken => "taken",
        Error::NotFound => "not-found",
        Error::Forbidden => "forbidden",
        Error::Conflict => "conflict",
        Error::Full => "full",
        Error::InUse => "in-use",
        Error::Maintenance(_) => "maintenance",
        Error::Muted { .. } => "muted",
    }
}

pub(super) fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::Forbidden | Error::Credentials | Error::Token => StatusCode::FORBIDDEN,
        Error::Busy { .. } | Error::Rate { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::CONFLICT,
    }
}
