//! What to do about a refusal, where that depends on what was asked.

use super::super::event::Problem;
use super::super::parse::Call;
use super::super::plan::logs_in;
use wharf_proto::session::{Code, Error};

/// What is done to a room, or to its ranks.
const OF_OWNERS: &[&str] = &[
    "topic", "lock", "unlock", "slow", "change", "promote", "demote", "handover", "close",
];
/// What is done to those who are in a room.
const OF_MODERATORS: &[&str] = &["kick", "ban", "unban", "bans", "mute", "unmute"];

/// How far whoever asked has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Whether they are logged in.
    pub(super) is_in: bool,
    /// Whether that is by the login that was kept, and not by one that they have typed.
    pub(super) is_kept: bool,
    /// Whether they are in a room.
    pub(super) is_in_room: bool,
    /// Whether that is one of the numbered rooms, which are nobody's.
    pub(super) is_in_numbered: bool,
}

/// A refusal of a command.
pub(super) fn refusal(call: &Call, error: &Error, standing: Standing) -> Problem {
    let problem = Problem::from(error);
    if error.retry_after_ms > 0 {
        return problem;
    }
    if ("enter", Code::Credentials) == (call.command.name, error.code()) {
        return match call.has("password") {
            true => Problem {
                text: "wrong password".to_owned(),
                hint: String::new(),
                ..problem
            },
            false => Problem {
                text: "the room has a password".to_owned(),
                hint: "/enter ROOM PASSWORD".to_owned(),
                ..problem
            },
        };
    }
    match state_hint(call, error, standing).or_else(|| hint(call, error)) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// What has to come first.
fn state_hint(call: &Call, error: &Error, standing: Standing) -> Option<String> {
    let name = call.command.name;
    let is_of_ranks = OF_OWNERS.contains(&name) || OF_MODERATORS.contains(&name);
    let first = match (error.code(), standing.is_in, standing.is_in_room) {
        (Code::WrongState, ..) if logs_in(call.command) && standing.is_kept => {
            "that is the login that was kept: /logout ends it, and `wharf chat --user NAME` \
             begins as somebody else"
        }
        (Code::WrongState, ..) if logs_in(call.command) => "/logout ends this login",
        (Code::WrongState, false, _) => "/login NAME, /register NAME or /guest logs in",
        (Code::WrongState, true, false) => "/enter ROOM enters one; /rooms lists them",
        (Code::WrongState, true, true) if ["enter", "create"].contains(&name) => {
            "/leave leaves it: one is in one room at a time"
        }
        (Code::Forbidden, ..) if standing.is_in_numbered && is_of_ranks => {
            "numbered rooms have no owner; /create NAME makes a room of one's own"
        }
        _ => return None,
    };
    Some(first.to_owned())
}

/// A refusal of the login that goes by itself.
pub(super) fn login_refusal(error: &Error) -> Problem {
    let problem = Problem::from(error);
    match naming_hint(error) {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

/// What to do about a name, or a password, that an account cannot have.
fn naming_hint(error: &Error) -> Option<&'static str> {
    Some(match (error.code(), &*error.field) {
        (Code::Invalid, "password") => A_PASSWORD,
        (Code::Invalid, _) => "/register NAME takes another name",
        (Code::Taken, _) => "/register NAME takes another name; /login NAME is for one's own",
        _ => return None,
    })
}

const A_PASSWORD: &str = "a password has 8 to 256 bytes, and is not the name: \
                          /register NAME asks for another";

fn hint(call: &Call, error: &Error) -> Option<String> {
    let name = call.command.name;
    let of = |commands: &[&str]| commands.contains(&name);
    let told = match (name, error.code()) {
        ("create", Code::Invalid) if error.field == "history" => {
            "add `persistent`: a room that stays keeps its history"
        }
        ("register", Code::Invalid | Code::Taken) => return naming_hint(error).map(str::to_owned),
        ("recovery" | "erase" | "password", Code::Credentials) => {
            let secret = if name == "password" {
                "OLD NEW"
            } else {
                "PASSWORD"
            };
            let sure = if name == "erase" { "forever " } else { "" };
            return Some(format!("the account has one: /{name} {sure}{secret}"));
        }
        ("say" | "w", Code::Invalid) if error.field.ends_with("text") => {
            "a text has up to 2,000 characters, and no control characters"
        }
        ("decide", Code::Conflict) => "/take REPORT comes first; it may be decided already",
        ("recover", Code::Token) => "look at the name and the code, which works only once",
        ("ticket", Code::Token) => "fetch a new ticket",
        ("set", Code::Conflict) => "/profile shows the version that it has now",
        (_, Code::Forbidden) if of(OF_OWNERS) => {
            "only the room's owner may; /members shows who that is"
        }
        (_, Code::Forbidden) if of(OF_MODERATORS) => {
            "only the room's moderators and its owner may, and only to those below them; \
             /members shows who is what"
        }
        ("remove", Code::Forbidden) => {
            "one's own may be removed, and by the room's moderators those of members"
        }
        ("w", Code::NotFound) => "/who lists those who are here; #N is the account N",
        ("kick", Code::NotFound) => "/members lists those who are in the room",
        ("unban", Code::NotFound) => "/bans lists who is kept out",
        ("take" | "decide", Code::NotFound) => "/reports lists those that wait",
        ("revoke", Code::NotFound) => "/logins lists them",
        ("enter", Code::NotFound) => "/rooms lists them; #N enters one by its id",
        ("remove", Code::NotFound) => "/history shows the numbers",
        (_, Code::Invalid) => return Some(format!("typed as {}", call.command.usage())),
        _ => return None,
    };
    Some(told.to_owned())
}
