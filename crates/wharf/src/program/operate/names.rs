//! What accounts and rooms are called, for whoever reads an answer with their ids.

use super::line::Line;
use super::show::clean;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The setting with the ids of the moderators, as the audit log names it.
pub(super) const MODERATORS: &str = "accounts.administrators";
/// Fields that hold an account's id.
const FIELDS: [&str; 4] = ["account", "by", "moderator", "author"];
/// Names that are asked for at once.
const AT_ONCE: usize = 100;
/// Rooms whose names are asked for, one by one.
const ROOMS_MAX: usize = 50;
/// Whoever runs the server, where an account could be.
const SERVER: &str = "0";

/// Names by id; `null` for an account that is erased. Whoever has no account is not in it, nor a
/// room that has no name or is no more.
#[derive(Default)]
pub(super) struct Names {
    accounts: Map<String, Value>,
    rooms: BTreeMap<String, String>,
}

impl Names {
    /// Of all accounts that an answer tells of. It is shown without names, if there are none.
    pub(super) fn of(line: &Line, answer: &Value) -> Self {
        let mut ids = BTreeSet::new();
        collect(answer, &mut ids);
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut names = Map::new();
        for some in ids.chunks(AT_ONCE) {
            let told = line.act("accounts.names", json!({ "accounts": some }));
            match told.map(|mut told| told["names"].take()) {
                Ok(Value::Object(some)) => names.extend(some),
                // An older server does not know the act, and a store may be away for a moment.
                _ => break,
            }
        }
        let rooms = BTreeMap::new();
        Self {
            accounts: names,
            rooms,
        }
    }

    /// The same, noted in the answer.
    pub(super) fn noted_in(line: &Line, answer: &mut Value) -> Self {
        let names = Self::of(line, answer);
        answer["names"] = Value::Object(names.accounts.clone());
        names
    }

    /// With what the rooms are called to which something was done.
    pub(super) fn with_rooms(mut self, line: &Line, entries: &[Value]) -> Self {
        let rooms = entries
            .iter()
            .filter_map(|it| it["target"]["room"].as_str());
        let rooms: BTreeSet<&str> = rooms.collect();
        for room in rooms.into_iter().take(ROOMS_MAX) {
            let shown = line.act("rooms.show", json!({ "room": room }));
            if let Ok(shown) = shown
                && let Some(name) = shown["name"].as_str()
            {
                self.rooms.insert(room.to_owned(), name.to_owned());
            }
        }
        self
    }

    /// A room, as people read it: by name, with the id.
    pub(super) fn room(&self, id: &Value) -> String {
        let id = id.as_str().unwrap_or("-");
        match self.rooms.get(id) {
            Some(name) => format!("{} ({})", clean(name), clean(id)),
            None => clean(id),
        }
    }

    /// Somebody, as people read it: by name, with the id.
    pub(super) fn who(&self, id: &Value) -> String {
        let Some(id) = id.as_str() else {
            return "-".to_owned();
        };
        match self.accounts.get(id) {
            _ if id == SERVER => "an operator".to_owned(),
            Some(Value::String(name)) => format!("{} ({})", clean(name), clean(id)),
            Some(_) => format!("erased ({})", clean(id)),
            None => clean(id),
        }
    }
}

/// The ids in a setting that lists moderators.
pub(super) fn moderators_in(setting: &str) -> Option<BTreeSet<&str>> {
    let listed = setting.strip_prefix(MODERATORS)?.strip_prefix('=')?;
    Some(listed.split_whitespace().collect())
}

fn collect<'a>(value: &'a Value, ids: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, ids)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (&**name, value) {
                    ("moderators", Value::Array(moderators)) => {
                        ids.extend(moderators.iter().filter_map(Value::as_str));
                    }
                    ("before" | "after", Value::String(setting)) => {
                        ids.extend(moderators_in(setting).unwrap_or_default());
                    }
                    (name, Value::String(id)) if FIELDS.contains(&name) && id != SERVER => {
                        ids.insert(id);
                    }
                    _ => collect(value, ids),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_in_an_answer_is_asked_about_once() {
        let answer = json!({
            "moderators": ["3", "4"],
            "entries": [
                { "by": "5", "target": { "room": "9", "account": "3" }, "after": "muted" },
                { "by": null, "target": {}, "before": "accounts.administrators=6 3",
                  "after": "accounts.administrators=" },
            ],
            "messages": [{ "author": "0", "text": "7" }, { "author": "8" }],
        });
        let mut ids = BTreeSet::new();
        collect(&answer, &mut ids);
        assert_eq!(ids.into_iter().collect::<String>(), "34568");
    }

    #[test]
    fn somebody_is_shown_by_name_and_id_and_whoever_is_gone_as_erased() {
        let named = json!({ "7": "kim\u{1b}[2J", "8": null });
        let names = Names {
            accounts: named.as_object().expect("an object").clone(),
            rooms: [("5".to_owned(), "Tea\u{1b}[2J".to_owned())].into(),
        };
        let who = ["7", "8", "9", "0"].map(|id| names.who(&json!(id)));
        assert_eq!(who, ["kim [2J (7)", "erased (8)", "9", "an operator"]);
        assert_eq!(names.who(&Value::Null), "-");
        let rooms = ["5", "6"].map(|id| names.room(&json!(id)));
        assert_eq!(rooms, ["Tea [2J (5)", "6"]);
    }
}
