//! What accounts are called, for whoever reads an answer with their ids.

use super::line::Line;
use super::show::clean;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The setting with the ids of the moderators, as the audit log names it.
pub(super) const MODERATORS: &str = "accounts.administrators";
/// Fields that hold an account's id.
const FIELDS: [&str; 4] = ["account", "by", "moderator", "author"];
/// Names that are asked for at once.
const AT_ONCE: usize = 100;
/// Whoever runs the server, where an account could be.
const SERVER: &str = "0";

/// Names by id; `null` for an account that is erased. Whoever has no account is not in it.
#[derive(Default)]
pub(super) struct Names(Map<String, Value>);

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
        Self(names)
    }

    /// The same, noted in the answer.
    pub(super) fn noted_in(line: &Line, answer: &mut Value) -> Self {
        let names = Self::of(line, answer);
        answer["names"] = Value::Object(names.0.clone());
        names
    }

    /// Somebody, as people read it: by name, with the id.
    pub(super) fn who(&self, id: &Value) -> String {
        let Some(id) = id.as_str() else {
            return "-".to_owned();
        };
        match self.0.get(id) {
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
        let names = Names(named.as_object().expect("an object").clone());
        let who = ["7", "8", "9", "0"].map(|id| names.who(&json!(id)));
        assert_eq!(who, ["kim [2J (7)", "erased (8)", "9", "an operator"]);
        assert_eq!(names.who(&Value::Null), "-");
    }
}
