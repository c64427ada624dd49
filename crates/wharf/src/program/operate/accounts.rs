//! Acts about accounts.

use super::acts::{Done, Told, lasting, told};
use super::args::{Accounts, Measure};
use super::lasting::Lasting;
use super::line::{Line, Trouble};
use super::show;
use super::who::{account, account_id};
use serde_json::{Map, Value, json};
use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, BufWriter, IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::path::Path;

/// Accounts that are told where nobody is called what was sought, but some begin like it.
const ALIKE_MAX: usize = 20;

/// Does it.
///
/// # Errors
/// [`Trouble`].
pub(super) fn run(line: &Line, command: &Accounts) -> Done {
    match command {
        Accounts::List {
            search,
            page,
            limit,
        } => list(line, search, page.as_deref(), *limit as usize),
        Accounts::Find { who } => find(line, who),
        Accounts::Ban {
            who,
            lasting: time,
            reason,
        } => {
            let answer = act_for(line, "accounts.ban", (who, reason), *time)?;
            told(answer, "banned; its sessions have ended")
        }
        Accounts::Mute {
            who,
            lasting: time,
            reason,
        } => told(
            act_for(line, "accounts.mute", (who, reason), *time)?,
            "muted",
        ),
        Accounts::Unban(it) => told(act_on(line, "accounts.unban", it)?, "it may log in again"),
        Accounts::Unmute(it) => told(act_on(line, "accounts.unmute", it)?, "it may speak again"),
        Accounts::SignOut(it) => told(
            act_on(line, "accounts.sign-out", it)?,
            "signed out everywhere",
        ),
        Accounts::NewPassword(it) => new_password(line, &it.who, &it.reason),
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

/// Has something done to an account.
fn act_on(line: &Line, act: &str, it: &Measure) -> Result<Value, Trouble> {
    let fields = json!({ "account": account_id(line, &it.who)?, "reason": it.reason });
    line.act(act, fields)
}

/// Has something done to an account that holds for a time.
fn act_for(
    line: &Line,
    act: &str,
    (who, reason): (&str, &str),
    time: Option<Lasting>,
) -> Result<Value, Trouble> {
    let account = account_id(line, who)?;
    let fields = json!({ "account": account, "for_ms": lasting(time), "reason": reason });
    line.act(act, fields)
}

/// So many accounts whose names begin like that, from a page on.
fn list(line: &Line, search: &str, page: Option<&str>, limit: usize) -> Done {
    let mut fields = Map::new();
    fields.insert("search".to_owned(), json!(search));
    if let Some(page) = page {
        fields.insert("page".to_owned(), json!(page));
    }
    let (accounts, next) = line.part("accounts.list", fields, ("accounts", limit))?;
    let text = show::accounts(&accounts, next.as_deref());
    let answer = json!({ "accounts": accounts, "next_page": next });
    Ok(Told::new(answer, text))
}

/// Who is called so; or those whose names begin like it, if there are any.
fn find(line: &Line, who: &str) -> Done {
    let nobody = match account(line, who) {
        Ok(answer) => {
            let text = show::account(&answer);
            return Ok(Told::new(answer, text));
        }
        Err(trouble) => trouble,
    };
    let is_any = |told: &Told| told.json["accounts"] != json!([]);
    let alike = match nobody {
        Trouble::Refused(_) => list(line, who, None, ALIKE_MAX).ok(),
        Trouble::NotAsked(_) => None,
    };
    alike.filter(is_any).ok_or(nobody)
}

fn new_password(line: &Line, who: &str, reason: &str) -> Done {
    let found = account(line, who)?;
    let fields = json!({ "account": found["account"], "reason": reason });
    let answer = line.act("accounts.new-password", fields)?;
    let text = show::new_password(&found, &answer);
    Ok(Told::new(answer, text))
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
