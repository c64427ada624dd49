//! Events for scripts: one object a line. The names of events and fields are those of
//! `docs/CHAT.md`, and stay.

#[cfg(test)]
mod tests;

use super::event::{About, Done, Event, Problem, code_name};
use super::parse::Call;
use super::width::harmless_json;
use serde_json::{Map, Value, json};
use wharf_proto::ServerPacket;
use wharf_proto::account::{LoggedIn, Profile};
use wharf_proto::chat::content::What;
use wharf_proto::chat::{Case, Decision, Message, Scope};
use wharf_proto::room::{Entered, History, Info, Member, Rank, Reason};

/// An event as a line.
pub(super) fn line(event: &Event) -> String {
    harmless_json(&Value::Object(object(event)).to_string())
}

/// An event as an object.
pub(super) fn object(event: &Event) -> Map<String, Value> {
    match event {
        Event::Connected {
            target,
            server,
            version,
        } => fields(json!({
            "event": "connected", "target": target, "server": server, "version": version,
        })),
        Event::Lost { why, again_ms, .. } => {
            fields(json!({ "event": "lost", "text": why, "again_ms": again_ms }))
        }
        Event::Hint(text) => fields(json!({ "event": "hint", "text": text })),
        Event::Done { call, done, about } => {
            let mut object = fields(json!({ "event": "ok" }));
            name_call(&mut object, call);
            object.extend(done_fields(done, about));
            object
        }
        Event::Failed { call, problem } => failed(call.as_ref(), problem),
        Event::Notice { packet, about } => {
            let (name, told) = notice(packet, about);
            let mut object = fields(json!({ "event": name }));
            if let Some(room) = &about.room {
                object.extend(fields(
                    json!({ "room": maybe_id(room.id), "room_name": room.name }),
                ));
            }
            object.extend(told);
            object
        }
    }
}

fn name_call(object: &mut Map<String, Value>, call: &Call) {
    object.insert("cmd".to_owned(), json!(call.command.name));
    if let Some(id) = &call.id {
        object.insert("id".to_owned(), id.clone());
    }
}

fn failed(call: Option<&Call>, problem: &Problem) -> Map<String, Value> {
    let mut object = fields(json!({
        "event": "error",
        "code": problem.code,
        "text": problem.text,
        "hint": problem.hint,
        "field": problem.field,
        "retry_after_ms": Some(problem.retry_after_ms).filter(|ms| *ms > 0),
        "details": problem.details,
    }));
    if let Some(cmd) = &problem.cmd {
        object.insert("cmd".to_owned(), json!(cmd));
    }
    if let Some(id) = &problem.id {
        object.insert("id".to_owned(), id.clone());
    }
    if let Some(call) = call {
        name_call(&mut object, call);
    }
    object
}

fn done_fields(done: &Done, about: &About) -> Map<String, Value> {
    match done {
        Done::Packet(packet) => answer(packet, about),
        Done::Lines(lines) => fields(json!({ "lines": lines })),
        Done::Pong(took) => fields(json!({ "took_ms": took.as_millis() as u64 })),
        Done::Heard(event) => fields(json!({ "heard": event })),
        Done::Nothing => Map::new(),
    }
}

/// The fields of an answer, whichever family it is of.
fn answer(packet: &ServerPacket, about: &About) -> Map<String, Value> {
    let of_room = room_answer(packet);
    let of_chat = of_room.or_else(|| chat_answer(packet, about));
    of_chat.unwrap_or_else(|| account_answer(packet))
}

fn account_answer(packet: &ServerPacket) -> Map<String, Value> {
    let value = match packet {
        ServerPacket::LoggedIn(it) => logged_in(it),
        ServerPacket::Logins(it) => {
            let logins = it.logins.iter().map(|it| {
                json!({
                    "login": id(it.id), "device": it.device, "since_ms": it.since_ms,
                    "used_ms": it.used_ms, "is_this": it.is_this,
                })
            });
            json!({ "logins": logins.collect::<Vec<_>>() })
        }
        ServerPacket::Identities(it) => {
            let known = it.identities.iter().map(|it| {
                let kind = word(it.kind().as_str_name(), "IDENTITY_KIND_");
                json!({ "kind": kind, "name": it.name })
            });
            json!({ "identities": known.collect::<Vec<_>>(), "recovery_codes": it.recovery_codes })
        }
        ServerPacket::RecoveryCodes(it) => json!({ "codes": it.codes }),
        ServerPacket::Profile(it) => profile(it),
        ServerPacket::Exported(it) => {
            json!({ "json_lines": it.json_lines, "next_page": it.next_page })
        }
        ServerPacket::Refreshed(it) => json!({ "token_expires_ms": it.token_expires_ms }),
        _ => json!({}),
    };
    fields(value)
}

/// The token is kept in its file, and shown nowhere.
fn logged_in(it: &LoggedIn) -> Value {
    json!({
        "account": id(it.account), "name": it.display_name, "is_new": it.is_new,
        "login": id(it.login), "is_moderator": it.is_moderator,
        "token_expires_ms": it.token_expires_ms,
    })
}

fn profile(it: &Profile) -> Value {
    json!({
        "account": id(it.account), "name": it.display_name, "avatar": it.avatar,
        "language": it.language, "document": String::from_utf8_lossy(&it.document),
        "version": it.version,
    })
}

fn room_answer(packet: &ServerPacket) -> Option<Map<String, Value>> {
    Some(fields(match packet {
        ServerPacket::Rooms(it) => {
            let rooms: Vec<_> = it.rooms.iter().map(room).collect();
            json!({ "rooms": rooms, "next_page": it.next_page })
        }
        ServerPacket::Entered(it) => entered(it),
        ServerPacket::Members(it) => json!({
            "members": it.members.iter().map(member).collect::<Vec<_>>(),
            "next_page": it.next_page,
        }),
        ServerPacket::Changed(it) => room_and_info(it.info.as_ref()),
        ServerPacket::Users(it) => {
            let users = it.users.iter().map(|it| {
                json!({
                    "account": id(it.account), "name": it.display_name,
                    "room": maybe_id(it.room),
                })
            });
            json!({ "users": users.collect::<Vec<_>>(), "next_page": it.next_page })
        }
        ServerPacket::Bans(it) => {
            let bans = it.bans.iter().map(|it| {
                json!({
                    "account": id(it.account), "name": it.display_name, "by": maybe_id(it.by),
                    "text": it.text, "until_ms": maybe_time(it.until_ms),
                })
            });
            json!({ "bans": bans.collect::<Vec<_>>(), "next_page": it.next_page })
        }
        _ => return None,
    }))
}

fn chat_answer(packet: &ServerPacket, about: &About) -> Option<Map<String, Value>> {
    Some(fields(match packet {
        ServerPacket::SaidSo(it) => json!({
            "seq": it.seq, "stored": it.stored, "is_duplicate": it.is_duplicate,
            "waits": it.waits,
        }),
        ServerPacket::History(it) => {
            let messages: Vec<_> = it.messages.iter().map(message).collect();
            json!({ "messages": messages, "has_more": it.has_more })
        }
        ServerPacket::Blocked(it) => {
            let blocked = it
                .accounts
                .iter()
                .map(|it| json!({ "account": id(*it), "name": about.names.get(it) }));
            json!({ "blocked": blocked.collect::<Vec<_>>() })
        }
        ServerPacket::Reported(it) => json!({ "report": id(it.report) }),
        ServerPacket::Announced(it) => json!({ "sessions": it.sessions }),
        ServerPacket::Reports(it) => json!({
            "reports": it.cases.iter().map(case).collect::<Vec<_>>(),
            "next_page": it.next_page,
        }),
        ServerPacket::ReportTaken(it) => json!({
            "report": it.case.as_ref().map(case),
            "messages": it.messages.iter().map(message).collect::<Vec<_>>(),
        }),
        _ => return None,
    }))
}

/// A notice's name and fields.
fn notice(packet: &ServerPacket, about: &About) -> (&'static str, Map<String, Value>) {
    let (name, value) = match packet {
        ServerPacket::Said(it) => ("message", it.message.as_ref().map(message)),
        ServerPacket::Whispered(it) => {
            let mut told = it.message.as_ref().map(message).unwrap_or_default();
            told["was_kept"] = json!(it.was_kept);
            ("whisper", Some(told))
        }
        ServerPacket::WasRemoved(it) => {
            let mut told = json!({ "seq": it.seq });
            if it.with > 0 {
                told["with"] = id(it.with);
            }
            ("message_removed", Some(told))
        }
        ServerPacket::Announcement(it) => {
            let scope = word(
                Scope::try_from(it.scope).unwrap_or_default().as_str_name(),
                "SCOPE_",
            );
            let told = json!({ "text": it.text, "scope": scope, "at_ms": it.at_ms });
            ("announcement", Some(told))
        }
        ServerPacket::Joined(it) => ("joined", it.member.as_ref().map(member)),
        ServerPacket::Parted(it) => {
            let reason = reason(it.reason());
            let name = about.names.get(&it.account);
            let told = json!({ "account": id(it.account), "name": name, "reason": reason });
            ("parted", Some(told))
        }
        ServerPacket::Removed(it) => {
            let reason = reason(it.reason());
            let until_ms = maybe_time(it.until_ms);
            let told = json!({ "reason": reason, "text": it.text, "until_ms": until_ms });
            ("removed", Some(told))
        }
        ServerPacket::Muted(it) => ("muted", Some(muted(it.is_muted, &it.text, it.until_ms))),
        ServerPacket::MutedHere(it) => ("muted", Some(muted(it.is_muted, &it.text, it.until_ms))),
        ServerPacket::NowChanged(it) => ("room_changed", Some(room_and_info(it.info.as_ref()))),
        ServerPacket::MemberChanged(it) => ("member_changed", it.member.as_ref().map(member)),
        ServerPacket::Goodbye(it) => {
            let told = json!({
                "code": code_name(it.code), "text": it.text,
                "retry_after_ms": maybe_time(it.retry_after_ms),
            });
            ("goodbye", Some(told))
        }
        ServerPacket::QueuePlace(it) => {
            let told = json!({ "before": it.before, "wait_ms": maybe_time(it.wait_ms) });
            ("queue_place", Some(told))
        }
        ServerPacket::Maintenance(it) => {
            let told = json!({
                "is_on": it.is_on, "text": it.text,
                "begins_ms": maybe_time(it.begins_ms), "ends_ms": maybe_time(it.ends_ms),
            });
            ("maintenance", Some(told))
        }
        // A login that goes by itself, and a room that is entered again.
        ServerPacket::LoggedIn(it) => ("logged_in", Some(logged_in(it))),
        ServerPacket::Entered(it) => ("entered", Some(entered(it))),
        _ => ("notice", None),
    };
    (name, value.map(fields).unwrap_or_default())
}

/// A mute, or the end of one.
fn muted(is_muted: bool, text: &str, until_ms: i64) -> Value {
    json!({ "is_muted": is_muted, "text": text, "until_ms": maybe_time(until_ms) })
}

/// One message. What was said is in `text`, `item` or `emote`.
fn message(it: &Message) -> Value {
    let has_name = !it.author_name.is_empty();
    let mut value = json!({
        "seq": it.seq, "from": has_name.then_some(&it.author_name), "at_ms": it.at_ms,
        // A classic client has no number of its own.
        "account": if has_name { id(it.author) } else { maybe_id(it.author) },
    });
    if is_erased(it) {
        value["is_erased"] = json!(true);
    }
    if it.is_removed {
        value["is_removed"] = json!(true);
    }
    match it.content.as_ref().and_then(|it| it.what.as_ref()) {
        Some(What::Text(text)) => value["text"] = json!(text),
        Some(What::Item(item)) => {
            value["item"] = json!({ "item": id(item.item), "name": item.name })
        }
        Some(What::Emote(emote)) => value["emote"] = json!(emote),
        None => {}
    }
    value
}

fn member(it: &Member) -> Value {
    json!({
        "account": id(it.account), "name": it.display_name, "rank": rank(it.rank()),
        "is_muted": it.is_muted, "is_classic": it.is_classic,
    })
}

/// What a room is, and of which it is said.
fn room_and_info(info: Option<&Info>) -> Value {
    json!({
        "room": info.map(|info| maybe_id(info.room)),
        "room_name": info.map(|info| &info.name),
        "info": info.map(room),
    })
}

fn entered(it: &Entered) -> Value {
    let mut value = room_and_info(it.info.as_ref());
    value["rank"] = json!(rank(it.rank()));
    value["members"] = it.members.iter().map(member).collect();
    value["last_seq"] = json!(it.last_seq);
    value
}

fn room(it: &Info) -> Value {
    json!({
        "room": maybe_id(it.room), "name": it.name, "topic": it.topic, "members": it.members,
        "members_max": it.members_max, "has_password": it.has_password,
        "is_locked": it.is_locked, "is_persistent": it.is_persistent,
        "is_hidden": it.is_hidden, "slow_seconds": it.slow_seconds, "number": it.number,
        "history": word(History::try_from(it.history).unwrap_or_default().as_str_name(), "HISTORY_"),
    })
}

fn case(it: &Case) -> Value {
    let decision = Decision::try_from(it.decision).unwrap_or_default();
    json!({
        "report": id(it.report), "by": maybe_id(it.by), "account": id(it.account),
        "name": it.display_name, "room": maybe_id(it.room), "seq": it.seq, "text": it.text, "at_ms": it.at_ms,
        "taken_by": maybe_id(it.taken_by), "decision": word(decision.as_str_name(), "DECISION_"),
    })
}

/// An id. A text: many who read JSON round numbers beyond 2^53.
fn id(id: i64) -> Value {
    Value::String(id.to_string())
}

/// The same where 0 stands for nobody, or nowhere.
fn maybe_id(it: i64) -> Value {
    match it {
        0 => Value::Null,
        it => id(it),
    }
}

/// A time, or a duration, where 0 stands for none.
fn maybe_time(ms: impl Into<i64>) -> Value {
    match ms.into() {
        0 => Value::Null,
        ms => json!(ms),
    }
}

/// Whether whoever said it has erased the account; what has no author at all is the server's.
pub(super) fn is_erased(message: &Message) -> bool {
    message.author != 0 && message.author_name.is_empty()
}

/// A rank, as scripts know it.
pub(super) fn rank(rank: Rank) -> String {
    word(rank.as_str_name(), "RANK_")
}

/// Why somebody left, as scripts know it.
pub(super) fn reason(reason: Reason) -> String {
    word(reason.as_str_name(), "REASON_")
}

/// The name of a value of the schema, such as `moderator`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
