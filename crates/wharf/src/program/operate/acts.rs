//! Each act, and what is told of it.

use super::args::{Accounts, Act, Maintenance, Moderators, Notice, Reports, word};
use super::lasting::Lasting;
use super::line::{Line, Trouble};
use super::names::Names;
use super::show;
use super::who::{account, account_id, room_id, session_id};
use serde_json::{Map, Value, json};
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufWriter, IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::path::Path;

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
        Act::Accounts { command } => accounts(line, command),
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

fn lasting(lasting: Option<Lasting>) -> Value {
    lasting.map_or(Value::Null, |Lasting(ms)| json!(ms))
}

fn accounts(line: &Line, command: &Accounts) -> Done {
    match command {
        Accounts::Find { who } => {
            let answer = account(line, who)?;
            let text = show::account(&answer);
            Ok(Told::new(answer, text))
        }
        Accounts::Ban {
            who,
            lasting: time,
            reason,
        } => {
            let account = account_id(line, who)?;
            let fields = json!({
                "account": account, "for_ms": lasting(*time), "reason": reason,
            });
            told(
                line.act("accounts.ban", fields)?,
                "banned; its sessions have ended",
            )
        }
        Accounts::Mute {
            who,
            lasting: time,
            reason,
        } => {
            let account = account_id(line, who)?;
            let fields = json!({
                "account": account, "for_ms": lasting(*time), "reason": reason,
            });
            told(line.act("accounts.mute", fields)?, "muted")
        }
        Accounts::Unban(it) => {
            let fields = json!({ "account": account_id(line, &it.who)?, "reason": it.reason });
            told(line.act("accounts.unban", fields)?, "it may log in again")
        }
        Accounts::Unmute(it) => {
            let fields = json!({ "account": account_id(line, &it.who)?, "reason": it.reason });
            told(line.act("accounts.unmute", fields)?, "it may speak again")
        }
        Accounts::SignOut(it) => {
            let fields = json!({ "account": account_id(line, &it.who)?, "reason": it.reason });
            told(
                line.act("accounts.sign-out", fields)?,
                "signed out everywhere",
            )
        }
        Accounts::Forgive { who, reason } => forgive(line, who, reason),
        Accounts::Sessions { who } => {
            let fields = json!({ "account": account_id(line, who)? });
            let answer = line.act("accounts.sessions", fields)?;
            let text = show::logins(&answer);
            Ok(Told::new(answer, text))
        }
        Accounts::Export { who, file } => export(line, &account_id(line, who)?, file),
        Accounts::Erase { who, yes, reason } => {
            let found = account(line, who)?;
            if !yes {
                confirm(&found)?;
            }
            let fields = json!({ "account": found["account"], "reason": reason });
            told(line.act("accounts.erase", fields)?, "erased")
        }
    }
}

/// Lifts the delay of whoever guesses at an account, or of an address.
fn forgive(line: &Line, who: &str, reason: &str) -> Done {
    let fields = match who.parse::<IpAddr>() {
        Ok(address) => json!({ "address": address, "reason": reason }),
        Err(_) => {
            let found = account(line, who)?;
            json!({
                "account": found["account"], "name": found["display_name"], "reason": reason,
            })
        }
    };
    let answer = line.act("accounts.forgive", fields)?;
    told(
        answer,
        "what was wrong is forgotten; the next try is at once",
    )
}

/// Has the id typed.
fn confirm(account: &Value) -> Result<(), Trouble> {
    let field = |name: &str| account[name].as_str().unwrap_or_default();
    let (id, name) = (field("account"), show::clean(field("display_name")));
    eprint!("{name} is account {id}. There is no way back. Type that number to erase it: ");
    if !io::stdin().is_terminal() {
        // Nobody's Enter ends the line.
        eprintln!();
    }
    let mut typed = String::new();
    // What cannot be read is no yes.
    let _ = io::stdin().lock().read_line(&mut typed);
    match typed.trim() == id {
        true => Ok(()),
        false => Err(Trouble::Refused("nothing was erased".to_owned())),
    }
}

fn export(line: &Line, id: &str, file: &Path) -> Done {
    let wrong = |error: io::Error| {
        let file = file.display();
        Trouble::NotAsked(match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{file} is there already: name another file; nothing is overwritten")
            }
            _ => format!("{file}: {error}"),
        })
    };
    // Whether there is such an account is found out before a file is made.
    let mut page = line.act("accounts.export", json!({ "account": id }))?;
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut writer = BufWriter::new(opened.map_err(wrong)?);
    let mut records = 0_u64;
    let written = loop {
        let lines = page["lines"].as_array().cloned().unwrap_or_default();
        let mut lines = lines.iter().filter_map(Value::as_str);
        records += lines.clone().count() as u64;
        if let Err(error) = lines.try_for_each(|line| writeln!(writer, "{line}")) {
            break Err(wrong(error));
        }
        let next = page["next_page"].take();
        if !next.is_string() {
            break writer.flush().map_err(wrong);
        }
        match line.act("accounts.export", json!({ "account": id, "page": next })) {
            Ok(next) => page = next,
            Err(trouble) => break Err(trouble),
        }
    };
    if let Err(trouble) = written {
        // A part would be taken for all of it.
        let _ = fs::remove_file(file);
        return Err(trouble);
    }
    let counted = show::counted(records, "record");
    let text = format!("{}: {counted}\n", file.display());
    Ok(Told::new(json!({ "records": records }), text))
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
