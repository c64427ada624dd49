//! What was typed, or stands in a line of JSON, as a call of a command.

#[cfg(test)]
mod tests;

use super::commands::{Command, Kind, Param, find, nearest};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// A command with what it takes. What it shows of itself has no secrets.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) command: &'static Command,
    /// What a script called it, to know its answer by.
    pub(super) id: Option<Value>,
    /// Which call of the run this is; 0 for one that nobody waits for.
    pub(super) serial: u64,
    arguments: BTreeMap<&'static str, String>,
    /// What `wait` compares with fields of events.
    pub(super) others: BTreeMap<String, String>,
}

/// What is wrong with what was typed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) text: String,
    pub(super) hint: String,
    /// The command, as far as one was named.
    pub(super) cmd: Option<String>,
    /// What a script called it.
    pub(super) id: Option<Value>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.command.name)
    }
}

impl Call {
    /// A call without arguments.
    pub(super) fn of(command: &'static Command) -> Self {
        Self {
            command,
            id: None,
            serial: 0,
            arguments: BTreeMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// A text that is said in the room.
    pub(super) fn say(text: &str) -> Self {
        let mut call = Self::of(find("say").expect("it is in the table"));
        call.set("text", text.to_owned());
        call
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).map(String::as_str)
    }

    /// An argument, or an empty text.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.arguments.contains_key(name)
    }

    pub(super) fn set(&mut self, name: &'static str, value: String) {
        self.arguments.insert(name, value);
    }

    /// A number, if it is there.
    ///
    /// # Errors
    /// For what is no such number.
    pub(super) fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Mistake> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let number = text.parse();
        number
            .map(Some)
            .map_err(|_| self.mistake(format!("{name} is no such number: {text}")))
    }

    /// A time in seconds; 0 without one.
    ///
    /// # Errors
    /// For what is no time, or longer than 136 years.
    pub(super) fn seconds(&self, name: &str) -> Result<u32, Mistake> {
        let Some(text) = self.get(name) else {
            return Ok(0);
        };
        seconds_of(text)
            .or_else(|| text.parse().ok())
            .ok_or_else(|| {
                self.mistake({
                    format!("{name} is no time: {text}; one is 90s, 30m, 12h, 7d, 4w or 1h30m")
                })
            })
    }

    pub(super) fn mistake(&self, text: impl Into<String>) -> Mistake {
        Mistake {
            text: text.into(),
            hint: self.command.usage(),
            cmd: Some(self.command.name.to_owned()),
            id: self.id.clone(),
        }
    }

    /// Whether it bears something that must not be kept in a history.
    pub(super) fn has_secret(&self) -> bool {
        let takes = self.command.takes.iter();
        let mut secrets = takes.filter(|it| it.kind.is_secret() || it.name == "password");
        // Behind `/link` a ticket may stand in place of a name.
        let is_link = self.command.name == "link" && self.has("name");
        is_link || secrets.any(|param| self.has(param.name))
    }

    /// The secrets that are not there, and are asked for where somebody can type them.
    pub(super) fn missing_secrets(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let takes = self.command.takes.iter();
        // `/link` alone takes something by which.
        let is_needed = match self.get("by") {
            None => self.command.name != "link",
            Some("name") => self.has("name"),
            Some("ticket") => !self.has("name"),
            Some(_) => false,
        };
        takes.filter_map(move |param| match param.kind {
            _ if !is_needed => None,
            Kind::Secret if !self.has(param.name) => Some((param.name, false)),
            Kind::NewSecret if !self.has(param.name) => Some((param.name, true)),
            _ => None,
        })
    }

    /// Whether everything is there that it needs.
    ///
    /// # Errors
    /// With what is missing.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        self.check_those(|_| true)
    }

    /// The same but for the secrets, which may be asked for when all else is right.
    ///
    /// # Errors
    /// With what is missing.
    pub(super) fn check_open(&self) -> Result<(), Mistake> {
        self.check_those(|param| !param.kind.is_secret())
    }

    fn check_those(&self, is_looked_at: impl Fn(&Param) -> bool) -> Result<(), Mistake> {
        if self.command.name == "erase" && self.get("sure") != Some("forever") {
            let text = "there is no way back, so it is typed as /erase forever";
            return Err(Mistake {
                hint: "/help erase says more".to_owned(),
                ..self.mistake(text)
            });
        }
        let takes = self
            .command
            .takes
            .iter()
            .filter(|param| is_looked_at(param));
        // Only a topic may be empty: the room is about nothing then.
        let is_empty = |param: &&Param| {
            self.command.name != "topic"
                && self.get(param.name).is_some_and(|it| it.trim().is_empty())
        };
        let mut missing =
            takes.filter(|param| param.is_needed && (!self.has(param.name) || is_empty(param)));
        match missing.next() {
            None => Ok(()),
            Some(param) => Err(self.mistake(format!("{} is missing", param.name))),
        }
    }
}

/// What a line calls: a command behind `/`, an object behind `{` where scripts speak, or else a
/// text that is said. `None` for an empty line. What is missing is found by [`Call::check`].
///
/// # Errors
/// For what cannot be understood.
pub(super) fn parse(line: &str, is_script: bool) -> Result<Option<Call>, Mistake> {
    let line = line.trim_end_matches(['\r', '\n']);
    let trimmed = line.trim_start();
    if trimmed.is_empty() {
        return Ok(None);
    }
    if is_script && trimmed.starts_with('{') {
        return parse_json(trimmed).map(Some);
    }
    match trimmed.strip_prefix('/') {
        // Two of them say one.
        Some(said) if said.starts_with('/') => Ok(Some(Call::say(said))),
        Some(typed) => parse_typed(typed).map(Some),
        None => Ok(Some(Call::say(line))),
    }
}

fn parse_typed(typed: &str) -> Result<Call, Mistake> {
    let name_ends = typed.find(char::is_whitespace).unwrap_or(typed.len());
    let (name, mut left) = typed.split_at(name_ends);
    let hint = || format!("/help lists what there is; //{name} says it as it is");
    let mut call = Call::of(command_of(&name.to_lowercase(), None, hint)?);
    let takes = call.command.takes;
    let mut positional = takes
        .iter()
        .filter(|param| !matches!(param.kind, Kind::Option | Kind::Flag))
        .peekable();
    loop {
        left = left.trim_start();
        if left.is_empty() {
            return Ok(call);
        }
        let (token, behind) = token_of(left);
        let is_due = positional.peek().is_some_and(|param| {
            param.is_needed && !matches!(param.kind, Kind::Rest | Kind::Last | Kind::Number)
        });
        if !is_due && take_option(&mut call, &token) {
            left = behind;
            continue;
        }
        let Some(param) = positional.next() else {
            return Err(call.mistake(format!("too much: {}", left.trim_end())));
        };
        match param.kind {
            Kind::Rest => {
                call.set(param.name, left.trim_end().to_owned());
                return Ok(call);
            }
            Kind::Last => {
                call.set(param.name, last_of(left.trim_end()));
                return Ok(call);
            }
            Kind::Time if seconds_of(&token.text).is_none() => {}
            Kind::Number if !token.text.bytes().all(|it| it.is_ascii_digit()) => {
                if param.is_needed {
                    return Err(call.mistake(format!("{} is a number", param.name)));
                }
            }
            _ => {
                call.set(param.name, token.text);
                left = behind;
            }
        }
    }
}

/// Takes `name=value` or a flag, if the command knows one that is called so.
fn take_option(call: &mut Call, token: &Token) -> bool {
    let takes = call.command.takes;
    if let Some((name, value)) = token.option() {
        if let Some(param) = takes
            .iter()
            .find(|it| it.kind == Kind::Option && it.name == name)
        {
            call.set(param.name, value.to_owned());
            return true;
        }
        if call.command.name == "wait" {
            call.others.insert(name.to_owned(), value.to_owned());
            return true;
        }
    }
    let flag = takes
        .iter()
        .find(|it| it.kind == Kind::Flag && it.name == token.text);
    if let Some(param) = flag {
        call.set(param.name, "yes".to_owned());
    }
    flag.is_some()
}

fn parse_json(line: &str) -> Result<Call, Mistake> {
    let told = |text: String, id: Option<Value>| Mistake {
        text,
        hint: r#"such as {"cmd":"say","text":"hello"}"#.to_owned(),
        cmd: None,
        id,
    };
    let object: Map<String, Value> =
        serde_json::from_str(line).map_err(|error| told(format!("no such JSON: {error}"), None))?;
    let id = object.get("id").cloned();
    let Some(name) = object.get("cmd").and_then(Value::as_str) else {
        return Err(told("cmd is missing".to_owned(), id));
    };
    let hint = || "/help lists what there is".to_owned();
    let mut call = Call::of(command_of(name, id.clone(), hint)?);
    call.id = id;
    for (key, value) in &object {
        if key == "cmd" || key == "id" {
            continue;
        }
        match call.command.takes.iter().find(|param| param.name == key) {
            Some(param) => {
                if let Some(text) = argument_of(param.kind, value) {
                    call.set(param.name, text);
                }
            }
            None if call.command.name == "wait" => {
                call.others.insert(key.clone(), text_of(value));
            }
            None => return Err(call.mistake(format!("it takes no {key}"))),
        }
    }
    Ok(call)
}

/// A value as it would be typed; `None` for what is not there.
fn argument_of(kind: Kind, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(false) if kind == Kind::Flag => None,
        Value::Bool(is_so) => Some(if *is_so { "yes" } else { "no" }.to_owned()),
        other => Some(text_of(other)),
    }
}

/// A value as it is compared with what was typed.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The command of that name. The hint is for a name that is like none.
fn command_of(
    name: &str,
    id: Option<Value>,
    hint: impl FnOnce() -> String,
) -> Result<&'static Command, Mistake> {
    find(name).ok_or_else(|| Mistake {
        text: format!("there is no /{name}"),
        hint: match nearest(name) {
            Some(near) => format!("did you mean /{near}?"),
            None => hint(),
        },
        cmd: Some(name.to_owned()),
        id,
    })
}

/// A word of a line.
struct Token {
    text: String,
    /// Where `=` stands that is not in quotes.
    equals: Option<usize>,
}

impl Token {
    fn option(&self) -> Option<(&str, &str)> {
        let (name, value) = self.text.split_at(self.equals?);
        Some((name, &value[1..]))
    }
}

/// The first word of a line that begins with one, and what is behind it. Double quotes hold words
/// together, a backslash in them takes the next letter as it is.
fn token_of(line: &str) -> (Token, &str) {
    let mut token = Token {
        text: String::new(),
        equals: None,
    };
    let mut is_quoted = false;
    let mut letters = line.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\\' if is_quoted => token.text.extend(letters.next().map(|(_, next)| next)),
            '=' if !is_quoted && token.equals.is_none() => {
                token.equals = Some(token.text.len());
                token.text.push('=');
            }
            other if other.is_whitespace() && !is_quoted => return (token, &line[place..]),
            other => token.text.push(other),
        }
    }
    (token, "")
}

/// What is left of a line, without the double quotes that may stand around all of it.
fn last_of(left: &str) -> String {
    let is_quoted = left.len() > 1 && left.starts_with('"') && left.ends_with('"');
    match token_of(left) {
        (token, "") if is_quoted => token.text,
        _ => left.to_owned(),
    }
}

/// A value as it is typed: in double quotes if it is more than a word.
pub(super) fn quoted(value: &str) -> String {
    match value.contains(|it: char| it.is_whitespace() || it == '"') {
        true => format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\"")),
        false => value.to_owned(),
    }
}

/// The seconds of a time such as `1h30m`.
fn seconds_of(text: &str) -> Option<u32> {
    let mut sum = 0_u32;
    let mut number = String::new();
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        let part: u32 = number.parse().ok()?;
        sum = sum.checked_add(part.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && !text.is_empty()).then_some(sum)
}
