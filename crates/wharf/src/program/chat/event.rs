//! What happens, for people and for scripts.

use super::parse::{Call, Mistake};
use std::collections::BTreeMap;
use std::time::Duration;
use wharf_proto::ServerPacket;
use wharf_proto::session::{self, Code};

/// Something that is shown.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// The server greeted.
    Connected {
        target: String,
        server: String,
        version: u32,
    },
    /// The connection is gone; whether it is tried again, and when.
    Lost {
        why: String,
        again_ms: Option<u64>,
        /// A secret is being typed that connects again.
        is_typed: bool,
    },
    /// A command was done.
    Done {
        call: Call,
        done: Done,
        about: About,
    },
    /// Something was not done: a command, or what goes by itself.
    Failed {
        call: Option<Call>,
        problem: Problem,
    },
    /// Something that nobody asked for.
    Notice { packet: ServerPacket, about: About },
    /// A word of the client's own, for people.
    Hint(String),
}

/// What a command gave.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// The server's answer.
    Packet(ServerPacket),
    /// Lines of a text.
    Lines(Vec<String>),
    /// A ping took so long.
    Pong(Duration),
    /// What was waited for.
    Heard(serde_json::Map<String, serde_json::Value>),
    /// Nothing beyond that it is done.
    Nothing,
}

impl Done {
    /// The connection that was wanted is there already.
    pub(super) fn is_there(target: &str) -> Self {
        let line = format!("connected to {target} already; /connect ADDR leaves it for another");
        Self::Lines(vec![line])
    }
}

/// What a packet is about, beyond what stands in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// The room.
    pub(super) room: Option<InRoom>,
    /// Names of accounts of which it has the number alone.
    pub(super) names: BTreeMap<i64, String>,
    /// Whether it is oneself who did it.
    pub(super) is_own: bool,
    /// Whether nobody is logged in.
    pub(super) is_out: bool,
}

/// A room that something is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InRoom {
    /// Its id; 0 where the protocol knows none.
    pub(super) id: i64,
    pub(super) name: String,
}

impl About {
    /// Somebody's name, or the account's number.
    pub(super) fn name(&self, account: i64) -> String {
        let name = self.names.get(&account).cloned();
        name.unwrap_or_else(|| format!("#{account}"))
    }
}

/// Why something was not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// The server's code, or one of the client's own: `usage`, `not_connected`, `unconfirmed`,
    /// `timeout`, `not_found`, `no_platform`.
    pub(super) code: String,
    pub(super) text: String,
    /// What to do; may be empty.
    pub(super) hint: String,
    pub(super) field: String,
    pub(super) retry_after_ms: u32,
    pub(super) details: BTreeMap<String, String>,
    /// The command of a line that could not be understood, as it was named there.
    pub(super) cmd: Option<String>,
    /// What a script called that line.
    pub(super) id: Option<serde_json::Value>,
}

impl Problem {
    pub(super) fn new(code: &str, text: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            text: text.into(),
            ..Self::default()
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// What there is without a connection.
    pub(super) fn not_connected() -> Self {
        Self::new(
            "not_connected",
            "there is no connection, so it was not sent",
        )
        .hint("/connect tries again now")
    }

    /// The connection went before the answer came.
    pub(super) fn unconfirmed(call: &Call) -> Self {
        let what = match call.get("text") {
            Some(text) => format!("not confirmed: {text}"),
            None => format!("not confirmed: /{}", call.command.name),
        };
        Self::new("unconfirmed", what)
            .hint("the connection went before the answer came: it may have been done or not")
    }
}

impl From<Mistake> for Problem {
    fn from(mistake: Mistake) -> Self {
        let Mistake {
            text,
            hint,
            cmd,
            id,
        } = mistake;
        let problem = Self::new("usage", text).hint(hint);
        Self { cmd, id, ..problem }
    }
}

impl From<&session::Error> for Problem {
    fn from(error: &session::Error) -> Self {
        let details = error.details.iter();
        Self {
            code: code_name(error.code),
            text: as_typed(&error.text).to_owned(),
            hint: what_to_do(error),
            field: as_typed(&error.field).to_owned(),
            retry_after_ms: error.retry_after_ms,
            details: details
                .map(|it| (it.name.clone(), it.value.clone()))
                .collect(),
            cmd: None,
            id: None,
        }
    }
}

/// A code as scripts know it, such as `wrong_state`.
pub(super) fn code_name(code: i32) -> String {
    match Code::try_from(code) {
        Ok(code) => code
            .as_str_name()
            .trim_start_matches("CODE_")
            .to_lowercase(),
        Err(_) => format!("code_{code}"),
    }
}

/// A field, or what is told of it, by the name by which a command takes it.
fn as_typed(field: &str) -> &str {
    field.strip_prefix("content.").unwrap_or(field)
}

fn what_to_do(error: &session::Error) -> String {
    if error.retry_after_ms > 0 {
        return match error.retry_after_ms {
            short @ ..1_000 => format!("try again in {short} ms"),
            long => format!("try again in {} s", long.div_ceil(1_000)),
        };
    }
    let hint = match error.code() {
        Code::Invalid => "/help and the command's name says how it is typed",
        Code::Version => "one of both has to be updated",
        Code::Maintenance => "come back later; moderators log in by name and password",
        Code::Stopping => "come back later",
        Code::Unavailable => "it may have been done or not: look before you try again",
        Code::Credentials => {
            "type it again; /register NAME makes a new account, /recover sets a new password \
             by a recovery code"
        }
        Code::Token | Code::Revoked => "log in with a password: /login NAME",
        Code::Taken => "choose another name",
        Code::Conflict => "look at it again before you change it",
        Code::Full => "try again when somebody has left",
        _ => "",
    };
    hint.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_code_and_what_to_do() {
        let error = session::Error::new(Code::WrongState, "logging in comes first");
        let problem = Problem::from(&error);
        assert_eq!(problem.code, "wrong_state");
        assert_eq!(problem.text, "logging in comes first");
        let error = session::Error::new(Code::Busy, "later")
            .retry_after(Duration::from_millis(1_200))
            .with("until_ms", 5);
        let problem = Problem::from(&error);
        assert_eq!(problem.hint, "try again in 2 s");
        assert_eq!(problem.details["until_ms"], "5");
        let soon = session::Error::new(Code::Rate, "too fast: again in 49 ms");
        let problem = Problem::from(&soon.retry_after(Duration::from_millis(49)));
        assert_eq!(problem.hint, "try again in 49 ms");
        let error = session::Error {
            code: 777,
            ..session::Error::default()
        };
        assert_eq!(Problem::from(&error).code, "code_777");
        let error = session::Error::new(Code::Invalid, "content.text is needed");
        let problem = Problem::from(&error.in_field("content.text"));
        assert_eq!(
            (&*problem.text, &*problem.field),
            ("text is needed", "text")
        );
    }
}
