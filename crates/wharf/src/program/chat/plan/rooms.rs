//! Rooms: finding them, being in them, and looking after them.

use super::super::parse::{Call, Mistake};
use super::{Known, Plan, Planned, account_of, ask, number_behind, one_of, yes_or_no};
use wharf_proto::ClientPacket;
use wharf_proto::account;
use wharf_proto::chat;
use wharf_proto::room::{self, History, Measure};

const ORDERS: &[(&str, room::Order)] = &[
    ("", room::Order::Unspecified),
    ("busiest", room::Order::Busiest),
];

/// Rooms, and what only reads.
pub(super) fn telling(call: &Call, _: &mut dyn Known) -> Planned {
    let (search, page) = (call.text("search"), call.text("page"));
    let limit = call.number("limit")?.unwrap_or_default();
    ask(match call.command.name {
        "rooms" => ClientPacket::List(room::List {
            search,
            page,
            limit,
            order: one_of(call, "order", ORDERS)?.into(),
        }),
        "who" => ClientPacket::ListUsers(room::ListUsers {
            search,
            page,
            limit,
        }),
        "members" => ClientPacket::ListMembers(room::ListMembers { page, limit }),
        "enter" => return enter(call),
        "create" => ClientPacket::Create(room::Create {
            name: call.text("name"),
            topic: call.text("topic"),
            password: call.text("password"),
            members_max: call.number("max")?.unwrap_or_default(),
            is_hidden: call.has("hidden"),
            is_persistent: call.has("persistent"),
            history: history_kind(call)?.into(),
            slow_seconds: call.number("slow")?.unwrap_or_default(),
        }),
        "leave" => ClientPacket::Leave(room::Leave {}),
        "bans" => ClientPacket::ListBans(room::ListBans { page }),
        "blocks" => ClientPacket::ListBlocks(chat::ListBlocks {}),
        "logins" => ClientPacket::ListLogins(account::ListLogins {}),
        "identities" => ClientPacket::ListIdentities(account::ListIdentities {}),
        "export" => ClientPacket::Export(account::Export { page }),
        "reports" => ClientPacket::ListReports(chat::ListReports {
            page,
            limit,
            decided: call.has("decided"),
        }),
        _ => return Ok(None),
    })
}

fn enter(call: &Call) -> Planned {
    let by = match call.get("room") {
        Some(digits) if number_behind(Some(digits), '#').is_some() => {
            number_behind(Some(digits), '#').map(room::enter::By::Room)
        }
        Some(digits) => digits.parse().ok().map(room::enter::By::Number),
        None => None,
    };
    if by.is_none() {
        return Ok(Some(Plan::FindRoom("room")));
    }
    let password = call.text("password");
    ask(ClientPacket::Enter(room::Enter { by, password }))
}

fn history_kind(call: &Call) -> Result<History, Mistake> {
    one_of(
        call,
        "history",
        &[
            ("", History::Unspecified),
            ("off", History::Off),
            ("buffered", History::Buffered),
            ("durable", History::Durable),
        ],
    )
}

/// What is done to a room, and to others.
pub(super) fn moderating(call: &Call, known: &mut dyn Known) -> Planned {
    let measure = match call.command.name {
        "kick" => Measure::Kick,
        "ban" => Measure::Ban,
        "unban" => Measure::Unban,
        "mute" => Measure::Mute,
        "unmute" => Measure::Unmute,
        "promote" => Measure::Promote,
        "demote" => Measure::Demote,
        "handover" => Measure::HandOver,
        "block" | "unblock" | "report" => Measure::Unspecified,
        _ => return change(call),
    };
    let Some(account) = account_of(call, "name", known) else {
        return Ok(Some(Plan::FindAccount("name")));
    };
    let text = call.text("text");
    ask(match call.command.name {
        "block" | "unblock" => ClientPacket::Block(chat::Block {
            account,
            is_blocked: call.command.name == "block",
        }),
        "report" => ClientPacket::Report(chat::Report {
            account,
            seq: call.number("seq")?.unwrap_or_default(),
            is_whisper: call.has("whisper"),
            text,
        }),
        _ => ClientPacket::Moderate(room::Moderate {
            account,
            measure: measure.into(),
            seconds: call.seconds("time")?,
            text,
        }),
    })
}

/// The room's own.
fn change(call: &Call) -> Planned {
    let mut change = room::Change::default();
    match call.command.name {
        "topic" => change.topic = Some(call.text("text")),
        "lock" => change.is_locked = Some(true),
        "unlock" => change.is_locked = Some(false),
        "slow" => change.slow_seconds = call.number("seconds")?,
        "change" => {
            let text = |name| call.get(name).map(str::to_owned);
            change.name = text("name");
            change.topic = text("topic");
            change.password = text("password");
            change.members_max = call.number("max")?;
            change.slow_seconds = call.number("slow")?;
            change.is_locked = yes_or_no(call, "locked")?;
            change.is_hidden = yes_or_no(call, "hidden")?;
            if change == room::Change::default() {
                return Err(call.mistake("nothing is to change"));
            }
        }
        "close" => return ask(ClientPacket::Close(room::Close {})),
        _ => return Ok(None),
    }
    ask(ClientPacket::Change(change))
}
