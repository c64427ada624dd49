//! From a call to the packet that asks for it.

mod owning;
mod rooms;
#[cfg(test)]
mod tests;

use super::commands::Command;
use super::parse::{Call, Mistake};
use owning::owning;
use rooms::{moderating, telling};
use wharf_proto::ClientPacket;
use wharf_proto::account;
use wharf_proto::chat::{self, Content, Decision, Item, Scope, content::What};
use wharf_proto::session::Ping;

/// What has to be done for a call.
#[derive(Debug)]
pub(super) enum Plan {
    /// Ask the server.
    Ask(ClientPacket),
    /// First find out whose account that is; then the same with `#N` as that argument.
    FindAccount(&'static str),
    /// First find out which room that is.
    FindRoom(&'static str),
    /// It asks the server for nothing.
    Nothing,
}

/// What a call may refer to.
pub(super) trait Known {
    /// The account with a name, as far as it is known.
    fn account(&self, name: &str) -> Option<i64>;
    /// A number for what is said that was not used for another message.
    fn client_id(&mut self) -> u64;
    /// The secret by which this machine logs in.
    ///
    /// # Errors
    /// If it cannot be kept.
    fn device_secret(&mut self) -> Result<Vec<u8>, String>;
    /// The token of this login.
    fn token(&self) -> Option<Vec<u8>>;
    /// Unix time in milliseconds.
    fn now_ms(&self) -> i64;
}

/// What has to be done for a call, everything that it needs being there.
///
/// # Errors
/// For an argument that cannot be.
pub(super) fn plan(call: &Call, known: &mut dyn Known) -> Result<Plan, Mistake> {
    let families = [entering, saying, telling, moderating, owning, serving];
    for family in families {
        if let Some(plan) = family(call, known)? {
            return Ok(plan);
        }
    }
    Ok(Plan::Nothing)
}

type Planned = Result<Option<Plan>, Mistake>;

fn ask(packet: ClientPacket) -> Planned {
    Ok(Some(Plan::Ask(packet)))
}

/// What logs in, and out.
fn entering(call: &Call, known: &mut dyn Known) -> Planned {
    let (name, password) = (call.text("name"), call.text("password"));
    let device = Some(this_device());
    ask(match call.command.name {
        "login" => ClientPacket::LogIn(account::LogIn {
            name,
            password,
            device,
        }),
        "register" => ClientPacket::Register(account::Register {
            name,
            password,
            device,
        }),
        "guest" => {
            let secret = known.device_secret().map_err(|it| call.mistake(it))?;
            ClientPacket::LogInAsGuest(account::LogInAsGuest { secret, device })
        }
        "ticket" => ClientPacket::LogInByTicket(account::LogInByTicket {
            ticket: call.text("ticket"),
            device,
        }),
        "recover" => ClientPacket::Recover(account::Recover {
            name,
            code: call.text("code"),
            new_password: password,
            device,
        }),
        "logout" => ClientPacket::LogOut(account::LogOut {}),
        "ping" => ClientPacket::Ping(Ping {
            sent_ms: known.now_ms(),
        }),
        _ => return Ok(None),
    })
}

/// What the list of logins shows of this one.
pub(super) fn this_device() -> account::Device {
    account::Device {
        name: format!("wharf chat on {}", std::env::consts::OS),
    }
}

/// What others hear, and what was heard.
fn saying(call: &Call, known: &mut dyn Known) -> Planned {
    let name = call.command.name;
    let what = match name {
        "say" | "w" => What::Text(call.text("text")),
        "emote" => What::Emote(call.text("name")),
        "item" => What::Item(Item {
            item: call.number("item")?.unwrap_or_default(),
            name: call.text("name"),
        }),
        "history" => return history(call, known),
        "remove" => {
            let seq = call.number("seq")?.unwrap_or_default();
            return ask(ClientPacket::Remove(chat::Remove { seq }));
        }
        _ => return Ok(None),
    };
    let content = Some(Content { what: Some(what) });
    let client_id = known.client_id();
    ask(match name {
        "w" => {
            let to = match number_behind(call.get("name"), '#') {
                Some(account) => chat::whisper::To::Account(account),
                None => chat::whisper::To::Name(call.text("name")),
            };
            ClientPacket::Whisper(chat::Whisper {
                to: Some(to),
                content,
                client_id,
            })
        }
        _ => ClientPacket::Say(chat::Say { content, client_id }),
    })
}

fn history(call: &Call, known: &dyn Known) -> Planned {
    let with = match call.get("with") {
        None => 0,
        Some(_) => match account_of(call, "with", known) {
            Some(account) => account,
            None => return Ok(Some(Plan::FindAccount("with"))),
        },
    };
    let before = call.number("before")?.map(chat::get_history::From::Before);
    let after = call.number("after")?.map(chat::get_history::From::After);
    ask(ClientPacket::GetHistory(chat::GetHistory {
        with,
        from: before.or(after),
        limit: call.number("count")?.unwrap_or_default(),
    }))
}

/// What moderators of the server do.
fn serving(call: &Call, _: &mut dyn Known) -> Planned {
    let report = call.number("report")?.unwrap_or_default();
    let text = call.text("text");
    ask(match call.command.name {
        "announce" => {
            let scopes = [
                ("room", Scope::Room),
                ("world", Scope::World),
                ("all", Scope::All),
            ];
            let scope = one_of(call, "to", &scopes)?.into();
            ClientPacket::Announce(chat::Announce { scope, text })
        }
        "take" => ClientPacket::TakeReport(chat::TakeReport { report }),
        "decide" => {
            let decisions = [
                ("release", Decision::Release),
                ("dismiss", Decision::Dismiss),
                ("warn", Decision::Warn),
                ("mute", Decision::Mute),
                ("ban", Decision::Ban),
            ];
            ClientPacket::DecideReport(chat::DecideReport {
                report,
                decision: one_of(call, "decision", &decisions)?.into(),
                seconds: call.seconds("time")?,
                text,
            })
        }
        _ => return Ok(None),
    })
}

/// Whether what a call asks for logs somebody in, so that it may come before anything else.
pub(super) fn logs_in(command: &Command) -> bool {
    ["login", "register", "guest", "ticket", "recover"].contains(&command.name)
}

/// The account that an argument is about: `#N`, or a name that is known.
fn account_of(call: &Call, name: &str, known: &dyn Known) -> Option<i64> {
    let text = call.get(name)?;
    number_behind(Some(text), '#').or_else(|| known.account(text))
}

fn number_behind(text: Option<&str>, mark: char) -> Option<i64> {
    text?.strip_prefix(mark)?.parse().ok()
}

fn one_of<T: Copy>(call: &Call, name: &str, all: &[(&str, T)]) -> Result<T, Mistake> {
    let text = call.text(name);
    let found = all.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|(word, _)| *word).collect();
        let words: Vec<_> = words.into_iter().filter(|it| !it.is_empty()).collect();
        call.mistake(format!("{name} is {}", words.join(", ")))
    })
}

fn yes_or_no(call: &Call, name: &str) -> Result<Option<bool>, Mistake> {
    let answers = [
        ("", None),
        ("yes", Some(true)),
        ("true", Some(true)),
        ("no", Some(false)),
        ("false", Some(false)),
    ];
    one_of(call, name, &answers)
}
