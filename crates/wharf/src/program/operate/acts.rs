//! Each act, and what is told of it.

use super::args::{Act, Maintenance, Moderators, Notice, Reports, word};
use super::lasting::Lasting;
use super::line::{Line, Trouble};
use super::names::Names;
use super::show;
use super::who::{account_id, room_id, session_id};
use serde_json::{Map, Value, json};

/// Entries of a list at the most, where nothing else is said.
pub(super) const LIST_MAX: usize = 1_000;

/// What came of an act, for programs and for people.
pub(super) struct Told {
    pub(super) json: Value,
    pub(super) text: String,
}

impl Told {
    pub(super) fn new(json: Value, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { json, text }
    }
}

pub(super) type Done = Result<Told, Trouble>;

/// Does it.
///
/// # Errors
/// [`Trouble`].
pub(super) fn run(line: &Line, act: &Act) -> Done {
    match act {
        Act::Accounts { command } => super::accounts::run(line, command),
        Act::Kick { who, reason } => {
            let fields = json!({ "account": session_id(line, who)?, "reason": reason });
            let kicked = line.act("accounts.kick", fields).map_err(|trouble| {
                trouble.not_found("there is no such session here, so none was ended")
            });
            told(kicked?, "the session has ended")
        }
        Act::Rooms { command } => super::rooms::run(line, command),
        Act::Notice(notice) => {
            let answer = line
                .act("notice", addressed(line, notice)?)
                .map_err(|trouble| {
                    trouble.not_found("there is no such room, or nobody is in it")
                })?;
            let heard = answer["sessions"].as_u64().unwrap_or_default();
            let text = format!("{} heard it\n", show::counted(heard, "session"));
            Ok(Told::new(answer, text))
        }
        Act::Maintenance { command } => maintenance(line, command),
        Act::Moderators { command } => moderators(line, command),
        Act::Reports { command } => reports(line, command),
        Act::Audit { last, account } => {
            let mut fields = Map::new();
            if let Some(account) = account {
                fields.insert("account".to_owned(), json!(account_id(line, account)?));
            }
            let entries = line.pages("audit", fields, ("entries", *last as usize))?;
            let mut answer = json!({ "entries": entries });
            let names = Names::noted_in(line, &mut answer).with_rooms(line, &entries);
            let text = show::entries(&entries, &names);
            Ok(Told::new(answer, text))
        }
    }
}

pub(super) fn told(answer: Value, text: &str) -> Done {
    Ok(Told::new(answer, format!("{text}\n")))
}

/// A notice's text, and to whom it goes. A number names a room that has none but that.
fn addressed(line: &Line, notice: &Notice) -> Result<Value, Trouble> {
    let text = &notice.text;
    Ok(match (&notice.room, notice.room_id) {
        (None, None) => json!({ "text": text }),
        (None, Some(id)) => json!({ "text": text, "room_id": id }),
        (Some(room), _) => match room.parse::<u32>() {
            Ok(number) => json!({ "text": text, "room": number }),
            Err(_) => json!({ "text": text, "room_id": room_id(line, room)? }),
        },
    })
}

pub(super) fn lasting(lasting: Option<Lasting>) -> Value {
    lasting.map_or(Value::Null, |Lasting(ms)| json!(ms))
}

/// Has the server looked after, or not any more; or shows whether it is.
fn maintenance(line: &Line, command: &Maintenance) -> Done {
    match command {
        Maintenance::On {
            text,
            from,
            lasting: time,
        } => {
            let fields = json!({
                "text": text,
                "in_ms": lasting(*from),
                "for_ms": lasting(*time),
            });
            let answer = line.act("maintenance.on", fields)?;
            match from {
                Some(_) => told(answer, "announced; it begins by itself"),
                None => told(answer, "nobody logs in but moderators; who is in stays"),
            }
        }
        Maintenance::Off => {
            let answer = line.act("maintenance.off", json!({}))?;
            told(answer, "maintenance is over")
        }
        Maintenance::Show => {
            let mut bulletin = line.act("bulletin", json!({}))?;
            let (text, planned) = (bulletin["maintenance"].take(), bulletin["planned"].take());
            let shown = show::maintenance(&text, &planned);
            let json = json!({ "maintenance": text, "planned": planned });
            Ok(Told::new(json, shown))
        }
    }
}

fn moderators(line: &Line, command: &Moderators) -> Done {
    match command {
        Moderators::List => {
            let mut bulletin = line.act("bulletin", json!({}))?;
            let mut answer = json!({ "moderators": bulletin["moderators"].take() });
            let names = Names::noted_in(line, &mut answer);
            let text = show::moderators(&answer, &names);
            Ok(Told::new(answer, text))
        }
        Moderators::Add { who } => {
            let fields = json!({ "account": account_id(line, who)? });
            let answer = line.act("moderators.add", fields)?;
            told(answer, "a moderator of the server from now on")
        }
        Moderators::Remove { who } => {
            let fields = json!({ "account": account_id(line, who)? });
            let answer = line.act("moderators.remove", fields)?;
            told(answer, "no moderator any more")
        }
    }
}

fn reports(line: &Line, command: &Reports) -> Done {
    match command {
        Reports::List { stage } => {
            let mut fields = Map::new();
            fields.insert("stage".to_owned(), json!(word(*stage)));
            let reports = line.pages("reports.list", fields, ("reports", LIST_MAX))?;
            let mut answer = json!({ "reports": reports });
            let names = Names::noted_in(line, &mut answer);
            let text = show::reports(&reports, &names);
            Ok(Told::new(answer, text))
        }
        Reports::Show { id } | Reports::Take { id } => {
            let act = match command {
                Reports::Take { .. } => "reports.take",
                _ => "reports.show",
            };
            let mut answer = line.act(act, json!({ "report": id }))?;
            let names = Names::noted_in(line, &mut answer);
            let text = show::report(&answer, &names);
            Ok(Told::new(answer, text))
        }
        Reports::Decide {
            id,
            action,
            lasting: time,
            text,
        } => {
            let fields = json!({
                "report": id,
                "decision": word(*action),
                "for_ms": lasting(*time),
                "text": text,
            });
            let decided = line.act("reports.decide", fields).map_err(|trouble| {
                trouble.reading(
                    "changed meanwhile",
                    format!(
                        "it is not taken, or is decided: `wharf admin reports take {id}` comes \
                         first"
                    ),
                )
            });
            told(decided?, "decided and done")
        }
    }
}
