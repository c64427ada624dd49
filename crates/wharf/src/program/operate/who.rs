//! Whom and which room somebody means, who types a name or an id.

use super::line::{Line, Trouble};
use serde_json::{Map, Value, json};

/// Rooms whose names begin alike, at the most, among which one is sought.
const ALIKE_MAX: usize = 1_000;

/// An account: by the id, if it may be one; by the name, if there is no such account.
///
/// # Errors
/// [`Trouble`]; also if there is none.
pub(super) fn account(line: &Line, who: &str) -> Result<Value, Trouble> {
    if let Some(id) = id(who) {
        let found = line.act("accounts.find", json!({ "account": id }));
        if !matches!(found, Err(Trouble::Refused(_))) {
            return found;
        }
    }
    let found = line.act("accounts.find", json!({ "name": who }));
    found.map_err(|trouble| {
        trouble.not_found(format!(
            "there is no such account: nobody is called {:?}, and none has that id",
            super::show::clean(who)
        ))
    })
}

/// An account's id.
///
/// # Errors
/// As [`account`].
pub(super) fn account_id(line: &Line, who: &str) -> Result<String, Trouble> {
    let account = account(line, who)?;
    Ok(account["account"].as_str().unwrap_or_default().to_owned())
}

/// The id of somebody who may be here without an account, as classic clients may: theirs is known
/// to whoever is in a room with them.
///
/// # Errors
/// As [`account`].
pub(super) fn session_id(line: &Line, who: &str) -> Result<String, Trouble> {
    match (account_id(line, who), id(who)) {
        (Err(Trouble::Refused(_)), Some(id)) => Ok(id.to_string()),
        (found, _) => found,
    }
}

/// A room's id: a number is an id, if there is such a room; else it is looked for by its name,
/// among those that are open, then among those that are kept.
///
/// # Errors
/// [`Trouble`]; also if there is none, or more than one that could be meant.
pub(super) fn room_id(line: &Line, room: &str) -> Result<String, Trouble> {
    if let Some(id) = id(room) {
        match line.act("rooms.show", json!({ "room": id })) {
            Ok(_) => return Ok(id.to_string()),
            Err(Trouble::Refused(_)) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    let mut fields = Map::new();
    fields.insert("search".to_owned(), json!(room));
    let mut rooms = line.pages("open-rooms", fields.clone(), ("rooms", ALIKE_MAX))?;
    rooms.extend(line.pages("rooms", fields, ("rooms", ALIKE_MAX))?);
    of_name(&rooms, room).map_err(Trouble::Refused)
}

/// The id of the one that is called so.
fn of_name(rooms: &[Value], name: &str) -> Result<String, String> {
    let called = |same: &dyn Fn(&str) -> bool| -> Vec<&str> {
        let those = rooms
            .iter()
            .filter(|it| it["name"].as_str().is_some_and(same));
        let mut ids: Vec<&str> = those.filter_map(|it| it["room"].as_str()).collect();
        // One that is kept and open is in both lists.
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let exactly = called(&|it| it == name);
    let alike = || called(&|it| it.to_lowercase() == name.to_lowercase());
    let found = if exactly.is_empty() { alike() } else { exactly };
    match found[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(format!(
            "there is no such room: none that is open or kept is called {:?}, and none has that id; \
             `wharf admin rooms list` tells them",
            super::show::clean(name)
        )),
        _ => Err(format!(
            "more than one could be meant, name its id: {}",
            found.join(", ")
        )),
    }
}

fn id(text: &str) -> Option<i64> {
    text.parse().ok().filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_found_by_its_name_if_one_alone_can_be_meant() {
        let room = |id: &str, name: &str| json!({ "room": id, "name": name });
        let rooms = [
            room("7", "Tea"),
            room("8", "tea"),
            room("9", "Teatime"),
            room("10", "Duck Pond"),
        ];
        assert_eq!(of_name(&rooms, "Tea").as_deref(), Ok("7"));
        assert_eq!(of_name(&rooms, "duck pond").as_deref(), Ok("10"));
        let several = of_name(&rooms, "TEA").unwrap_err();
        assert!(several.contains("7, 8"), "{several}");
        let none = of_name(&rooms, "Teat").unwrap_err();
        assert!(none.contains("\"Teat\""), "{none}");
    }
}
