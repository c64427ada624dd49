//! The line to a server: an act, its fields, and what came of it.

use super::super::top::explain;
use serde_json::{Map, Value, json};
use wharf_host::admin::{AdminClient, AskError, Snapshot};
use wharf_host::config::Secret;

/// Asks one server.
pub(super) struct Line(AdminClient);

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server says no.
    Refused(String),
    /// It could not be asked.
    NotAsked(String),
}

/// What the server says of what is not there.
pub(super) const NOT_FOUND: &str = "there is no such thing";

impl Trouble {
    /// In words of what was asked, if it is that there is no such thing.
    pub(super) fn not_found(self, text: impl Into<String>) -> Self {
        self.reading(NOT_FOUND, text)
    }

    /// In other words, if the server said these.
    pub(super) fn reading(self, said: &str, text: impl Into<String>) -> Self {
        match self {
            Self::Refused(told) if told == said => Self::Refused(text.into()),
            other => other,
        }
    }
}

impl Line {
    pub(super) fn open(admin: &str, token: Option<Secret>) -> Result<Self, Trouble> {
        let client = AdminClient::new(admin, token);
        client
            .map(Self)
            .map_err(|error| Trouble::NotAsked(explain(&error)))
    }

    /// Has the server do something.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn act(&self, act: &str, fields: Value) -> Result<Value, Trouble> {
        let not_asked = |error: AskError| Trouble::NotAsked(explain(&error));
        let asked = self.0.operate(act, &fields.to_string());
        let (status, text) = asked.map_err(not_asked)?;
        match serde_json::from_str::<Value>(&text) {
            Ok(answer) if status == 200 => Ok(answer),
            Ok(answer) if answer["error"].is_object() => Err(refusal(&answer["error"])),
            _ if status == 404 => Err(Trouble::NotAsked(
                "the server knows nothing of such acts: it is older than this program".to_owned(),
            )),
            _ => Err(not_asked(AskError::Refused(status, text))),
        }
    }

    /// All pages of a list, up to so many items of `list`.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn pages(
        &self,
        act: &str,
        fields: Map<String, Value>,
        list: (&str, usize),
    ) -> Result<Vec<Value>, Trouble> {
        self.part(act, fields, list).map(|(items, _)| items)
    }

    /// The same, and the page where the list goes on, if it does.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn part(
        &self,
        act: &str,
        mut fields: Map<String, Value>,
        (list, items_max): (&str, usize),
    ) -> Result<(Vec<Value>, Option<String>), Trouble> {
        let (mut items, mut next) = (Vec::new(), None);
        while items.len() < items_max {
            let limit = (items_max - items.len()).min(100);
            fields.insert("limit".to_owned(), limit.into());
            let mut page = self.act(act, Value::Object(fields.clone()))?;
            if let Value::Array(some) = page[list].take() {
                items.extend(some);
            }
            next = page["next_page"].as_str().map(str::to_owned);
            match &next {
                Some(next) => drop(fields.insert("page".to_owned(), json!(next))),
                None => break,
            }
        }
        items.truncate(items_max);
        Ok((items, next))
    }

    /// How the server is now.
    ///
    /// # Errors
    /// [`Trouble`].
    pub(super) fn snapshot(&self) -> Result<Snapshot, Trouble> {
        let asked = self.0.snapshot();
        asked.map_err(|error| Trouble::NotAsked(explain(&error)))
    }
}

/// What the server says against it.
fn refusal(error: &Value) -> Trouble {
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    let told = match text("field") {
        "" => text("text").to_owned(),
        field => format!("{field}: {}", text("text")),
    };
    let told = super::show::clean(&told);
    match text("code") {
        // It says nothing about what was asked.
        "unavailable" => Trouble::Refused(format!(
            "{told}: the store or the services do not answer; whether it was done is not known"
        )),
        _ => Trouble::Refused(told),
    }
}
