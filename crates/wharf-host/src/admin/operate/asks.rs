//! What each act is.

use super::fields::{Fields, wrong};
use wharf_data::access::{Error, Guesser, LookUp};
use wharf_data::operators::{Decision, Request, RoomAct, Scope};
use wharf_data::report::Stage;
use wharf_data::room::Until;
use wharf_data::{AccountId, Maintenance, PageToken, ReportId, RoomId, UnixMs};

/// Entries of a page where nothing else is said.
const PAGE: i64 = 50;

/// Accounts whose names are asked for at once, at the most.
const NAMES_MAX: usize = 100;

/// What `act` with these fields is, at `at`; `None` if there is no such act.
///
/// # Errors
/// The first field that is wrong.
pub(super) fn request(act: &str, mut fields: Fields, at: UnixMs) -> Result<Option<Request>, Error> {
    let request = match act.split_once('.') {
        Some(("accounts", act)) => accounts(act, &mut fields, at)?,
        Some(("reports", act)) => reports(act, &mut fields, at)?,
        Some(("rooms", act)) => rooms(act, &mut fields)?,
        _ => server(act, &mut fields, at)?,
    };
    let Some(request) = request else {
        return Ok(None);
    };
    fields.end()?;
    Ok(Some(request))
}

fn accounts(act: &str, fields: &mut Fields, at: UnixMs) -> Result<Option<Request>, Error> {
    Ok(Some(match act {
        "find" => Request::Find(match fields.text("name")? {
            Some(name) => LookUp::Name(name),
            None => LookUp::Account(AccountId::new(fields.id("account")?)),
        }),
        "list" => Request::Accounts {
            search: fields.text("search")?.unwrap_or_default(),
            page: page(fields)?,
            limit: limit(fields)?,
        },
        "names" => {
            let accounts = fields.ids("accounts", NAMES_MAX)?;
            Request::Names(accounts.into_iter().map(AccountId::new).collect())
        }
        "forgive" => {
            let whom = guesser(fields)?;
            let reason = fields.text("reason")?.unwrap_or_default();
            Request::Forgive { whom, reason }
        }
        act => return account(act, fields, at),
    }))
}

/// What is done to one account.
fn account(act: &str, fields: &mut Fields, at: UnixMs) -> Result<Option<Request>, Error> {
    if ![
        "ban",
        "unban",
        "mute",
        "unmute",
        "sessions",
        "sign-out",
        "new-password",
        "export",
        "erase",
        "kick",
    ]
    .contains(&act)
    {
        return Ok(None);
    }
    let account = AccountId::new(fields.id("account")?);
    if act == "sessions" {
        return Ok(Some(Request::Logins(account)));
    }
    if act == "export" {
        let page = page(fields)?;
        return Ok(Some(Request::Export { account, page }));
    }
    let until = match act {
        "ban" | "mute" => lasting(fields, at)?,
        _ => Until::TakenBack,
    };
    let reason = match act {
        "ban" | "mute" => fields.needed_text("reason")?,
        _ => fields.text("reason")?.unwrap_or_default(),
    };
    if reason.trim().is_empty() && matches!(act, "ban" | "mute") {
        return Err(wrong("reason", "it says nothing"));
    }
    Ok(Some(match act {
        "ban" => Request::Ban {
            account,
            until,
            reason,
        },
        "unban" => Request::Unban { account, reason },
        "mute" => Request::Mute {
            account,
            until: Some(until),
            reason,
        },
        "unmute" => Request::Mute {
            account,
            until: None,
            reason,
        },
        "sign-out" => Request::SignOut { account, reason },
        "new-password" => Request::NewPassword { account, reason },
        "erase" => Request::Erase { account, reason },
        _ => Request::Kick { account, reason },
    }))
}

/// Whose wrong guesses: those at an account with its name, or those from an address.
fn guesser(fields: &mut Fields) -> Result<Guesser, Error> {
    match fields.text("address")? {
        Some(address) => {
            let address = address.parse().map(Guesser::Address);
            address.map_err(|_| wrong("address", "it is no address of IPv4 or IPv6"))
        }
        None => {
            let account = AccountId::new(fields.id("account")?);
            Ok(Guesser::Account(account, fields.needed_text("name")?))
        }
    }
}

fn reports(act: &str, fields: &mut Fields, at: UnixMs) -> Result<Option<Request>, Error> {
    if act == "list" {
        let stage = match fields.text("stage")?.as_deref() {
            None | Some("open") => Stage::Open,
            Some("taken") => Stage::Taken,
            Some("decided") => Stage::Decided,
            Some(_) => return Err(wrong("stage", "it is none of open, taken and decided")),
        };
        let (page, limit) = (page(fields)?, limit(fields)?);
        return Ok(Some(Request::Reports { stage, page, limit }));
    }
    if !["show", "take", "decide"].contains(&act) {
        return Ok(None);
    }
    let report = ReportId::new(fields.id("report")?);
    Ok(Some(match act {
        "show" => Request::ReadReport(report),
        "take" => Request::TakeReport(report),
        _ => {
            let until = lasting(fields, at)?;
            let decision = match &*fields.needed_text("decision")? {
                "release" => Decision::Release,
                "dismiss" => Decision::Dismiss,
                "warn" => Decision::Warn,
                "remove" => Decision::Remove,
                "mute" => Decision::Mute(until),
                "ban" => Decision::Ban(until),
                _ => {
                    let text = "it is none of release, dismiss, warn, remove, mute and ban";
                    return Err(wrong("decision", text));
                }
            };
            Request::Decide {
                report,
                decision,
                text: fields.text("text")?.unwrap_or_default(),
            }
        }
    }))
}

fn rooms(act: &str, fields: &mut Fields) -> Result<Option<Request>, Error> {
    if !["show", "change", "hand-over", "close"].contains(&act) {
        return Ok(None);
    }
    let room = RoomId::new(fields.id("room")?);
    let reason = fields.text("reason")?.unwrap_or_default();
    let act = match act {
        "show" => RoomAct::Show,
        "change" => RoomAct::Change {
            name: fields.text("name")?,
            topic: fields.text("topic")?,
            is_locked: fields.flag("is_locked")?,
        },
        "hand-over" => RoomAct::HandOver(AccountId::new(fields.id("account")?)),
        _ => RoomAct::Close,
    };
    Ok(Some(Request::Room { room, act, reason }))
}

/// What is planned, by how long it takes until it begins and how long it lasts.
fn maintenance(fields: &mut Fields, at: UnixMs) -> Result<Maintenance, Error> {
    let text = fields.needed_text("text")?;
    let in_ms = fields.number("in_ms", 0)?.filter(|ms| *ms > 0);
    let begins = in_ms.map(|ms| at.saturating_add(ms));
    let for_ms = fields.number("for_ms", 1)?;
    let ends = for_ms.map(|ms| begins.unwrap_or(at).saturating_add(ms));
    Ok(Maintenance { text, begins, ends })
}

fn server(act: &str, fields: &mut Fields, at: UnixMs) -> Result<Option<Request>, Error> {
    Ok(Some(match act {
        "notice" => {
            let scope = scope(fields)?;
            let text = fields.needed_text("text")?;
            Request::Announce { scope, text }
        }
        "maintenance.on" => Request::SetMaintenance(Some(maintenance(fields, at)?)),
        "maintenance.off" => Request::SetMaintenance(None),
        "bulletin" => Request::Bulletin,
        "moderators.add" | "moderators.remove" => Request::SetModerator {
            account: AccountId::new(fields.id("account")?),
            is_moderator: act == "moderators.add",
        },
        "rooms" => Request::Rooms {
            search: fields.text("search")?.unwrap_or_default(),
            page: page(fields)?,
            limit: limit(fields)?,
        },
        "open-rooms" => Request::OpenRooms {
            search: fields.text("search")?.unwrap_or_default(),
            page: page(fields)?,
            limit: limit(fields)?,
        },
        "audit" => Request::Audit {
            about: fields.maybe_id("account")?.map(AccountId::new),
            page: page(fields)?,
            limit: limit(fields)?,
        },
        _ => return Ok(None),
    }))
}

/// Everybody, or who is in one room: by the number of a room that has none but that, or by the id
/// of one that has a name.
fn scope(fields: &mut Fields) -> Result<Scope, Error> {
    let number = fields.number("room", 0)?.map(u32::try_from);
    let id = fields.maybe_id("room_id")?.map(RoomId::new);
    match (number, id) {
        (None, None) => Ok(Scope::All),
        (Some(Ok(number)), None) => Ok(Scope::Numbered(number)),
        (None, Some(id)) => Ok(Scope::Room(id)),
        (Some(Err(_)), _) => Err(wrong("room", "no room has such a number")),
        (Some(_), Some(_)) => Err(wrong("room_id", "it is one room: room or room_id")),
    }
}

fn lasting(fields: &mut Fields, at: UnixMs) -> Result<Until, Error> {
    Ok(Until::after(at, fields.number("for_ms", 1)?))
}

fn page(fields: &mut Fields) -> Result<Option<PageToken>, Error> {
    Ok(fields.text("page")?.map(PageToken::received))
}

fn limit(fields: &mut Fields) -> Result<u32, Error> {
    let limit = fields.number("limit", 1)?.unwrap_or(PAGE);
    Ok(u32::try_from(limit).unwrap_or(u32::MAX))
}
