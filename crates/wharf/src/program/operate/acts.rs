//! Each act, and what is told of it.

use super::args::{Accounts, Act, Maintenance, Moderators, Reports, word};
use super::lasting::Lasting;
use super::line::{Line, Trouble};
use super::show;
use serde_json::{Map, Value, json};
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufWriter, Write as _};
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
        Act::Kick { id, reason } => {
            let fields = json!({ "account": id, "reason": reason });
            told(line.act("accounts.kick", fields)?, "the session has ended")
        }
        Act::Rooms { command } => super::rooms::run(line, command),
        Act::Notice(notice) => {
            let (room, room_id) = (notice.room, notice.room_id);
            let fields = json!({ "text": notice.text, "room": room, "room_id": room_id });
            let answer = line.act("notice", fields)?;
            let text = format!("{} sessions heard it\n", answer["sessions"]);
            Ok(Told::new(answer, text))
        }
        Act::Maintenance { command } => maintenance(line, command),
        Act::Moderators { command } => moderators(line, command),
        Act::Reports { command } => reports(line, command),
        Act::Audit { last, account } => {
            let mut fields = Map::new();
            if let Some(account) = account {
                fields.insert("account".to_owned(), json!(account));
            }
            let entries = line.pages("audit", fields, ("entries", *last as usize))?;
            let text = show::entries(&entries);
            Ok(Told::new(json!({ "entries": entries }), text))
        }
    }
}

pub(super) fn told(answer: Value, text: &str) -> Done {
    Ok(Told::new(answer, format!("{text}\n")))
}

fn lasting(lasting: Option<Lasting>) -> Value {
    lasting.map_or(Value::Null, |Lasting(ms)| json!(ms))
}

fn accounts(line: &Line, command: &Accounts) -> Done {
    match command {
        Accounts::Find { who } => {
            let answer = find(line, who)?;
            let text = show::account(&answer);
            Ok(Told::new(answer, text))
        }
        Accounts::Ban {
            id,
            lasting: time,
            reason,
        } => {
            let fields = json!({ "account": id, "for_ms": lasting(*time), "reason": reason });
            told(
                line.act("accounts.ban", fields)?,
                "banned; its sessions have ended",
            )
        }
        Accounts::Mute {
            id,
            lasting: time,
            reason,
        } => {
            let fields = json!({ "account": id, "for_ms": lasting(*time), "reason": reason });
            told(line.act("accounts.mute", fields)?, "muted")
        }
        Accounts::Unban(it) => {
            let fields = json!({ "account": it.id, "reason": it.reason });
            told(line.act("accounts.unban", fields)?, "it may log in again")
        }
        Accounts::Unmute(it) => {
            let fields = json!({ "account": it.id, "reason": it.reason });
            told(line.act("accounts.unmute", fields)?, "it may speak again")
        }
        Accounts::SignOut(it) => {
            let fields = json!({ "account": it.id, "reason": it.reason });
            told(
                line.act("accounts.sign-out", fields)?,
                "signed out everywhere",
            )
        }
        Accounts::Sessions { id } => {
            let answer = line.act("accounts.sessions", json!({ "account": id }))?;
            let text = show::logins(&answer);
            Ok(Told::new(answer, text))
        }
        Accounts::Export { id, file } => export(line, *id, file),
        Accounts::Erase { id, yes, reason } => {
            if !yes {
                confirm(*id)?;
            }
            let fields = json!({ "account": id, "reason": reason });
            told(line.act("accounts.erase", fields)?, "erased")
        }
    }
}

/// By the id, if it may be one; by the name, if there is no such account.
fn find(line: &Line, who: &str) -> Result<Value, Trouble> {
    if let Ok(id) = who.parse::<i64>()
        && id > 0
    {
        let found = line.act("accounts.find", json!({ "account": id }));
        if !matches!(found, Err(Trouble::Refused(_))) {
            return found;
        }
    }
    line.act("accounts.find", json!({ "name": who }))
}

/// Has the id typed once more.
fn confirm(id: i64) -> Result<(), Trouble> {
    eprint!("There is no way back. Type the account's id to erase it: ");
    let mut typed = String::new();
    // What cannot be read is no yes.
    let _ = io::stdin().lock().read_line(&mut typed);
    match typed.trim().parse() == Ok(id) {
        true => Ok(()),
        false => Err(Trouble::Refused("nothing was erased".to_owned())),
    }
}

fn export(line: &Line, id: i64, file: &Path) -> Done {
    let wrong = |error: io::Error| Trouble::NotAsked(format!("{}: {error}", file.display()));
    // Whether there is such an account is found out before a file is made.
    let mut page = line.act("accounts.export", json!({ "account": id }))?;
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let mut writer = BufWriter::new(opened.map_err(wrong)?);
    let mut records = 0;
    let written = loop {
        let lines = page["lines"].as_array().cloned().unwrap_or_default();
        let mut lines = lines.iter().filter_map(Value::as_str);
        records += lines.clone().count();
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
    let text = format!("{}: {records} records\n", file.display());
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
            let moderators = bulletin["moderators"].take();
            let all = moderators.as_array().cloned().unwrap_or_default();
            let ids = all.iter().filter_map(Value::as_str);
            let text = ids.map(|id| format!("{id}\n")).collect::<String>();
            let json = json!({ "moderators": moderators });
            Ok(Told::new(json, text))
        }
        Moderators::Add { id } => {
            let answer = line.act("moderators.add", json!({ "account": id }))?;
            told(answer, "a moderator of the server from now on")
        }
        Moderators::Remove { id } => {
            let answer = line.act("moderators.remove", json!({ "account": id }))?;
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
            let text = show::reports(&reports);
            Ok(Told::new(json!({ "reports": reports }), text))
        }
        Reports::Show { id } => {
            let answer = line.act("reports.show", json!({ "report": id }))?;
            let text = show::report(&answer);
            Ok(Told::new(answer, text))
        }
        Reports::Take { id } => {
            let answer = line.act("reports.take", json!({ "report": id }))?;
            let text = show::report(&answer);
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
            told(line.act("reports.decide", fields)?, "decided and done")
        }
    }
}
