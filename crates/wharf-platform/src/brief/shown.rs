//! What is written: small JSON that tools read, and that other servers know a room by.
//!
//! ```text
//!  Space::Presence   NODE:ACCOUNT   score: since when
//!    {"kind":"online","account":"7","name":"Kim","room":"9","room_name":"Tea",
//!     "since":1796000000000,"node":0}
//!  Space::BusyRooms  NODE:ROOM      score: how many are inside
//!    {"kind":"room","room":"9","name":"Tea","node":0}
//! ```
//!
//! Ids are texts: readers of JSON round large numbers. Who is in no room that has a name and is
//! shown has `null` for both.

use wharf_data::keep::{Field, Record};
use wharf_data::{AccountId, RoomId, UnixMs};

/// Somebody who is online.
pub(crate) fn of_person(
    account: AccountId,
    name: &str,
    room: Option<(RoomId, &str)>,
    since: UnixMs,
    node: u16,
) -> Vec<u8> {
    let (room, room_name) = match room {
        Some((room, name)) => (id(room.get()), Field::Text(name.to_owned())),
        None => (Field::None, Field::None),
    };
    let fields = vec![
        ("account", id(account.get())),
        ("name", Field::Text(name.to_owned())),
        ("room", room),
        ("room_name", room_name),
        ("since", Field::Number(since)),
        ("node", Field::Number(node.into())),
    ];
    json("online", fields)
}

/// A room that somebody is in.
pub(crate) fn of_room(room: RoomId, name: &str, node: u16) -> Vec<u8> {
    let fields = vec![
        ("room", id(room.get())),
        ("name", Field::Text(name.to_owned())),
        ("node", Field::Number(node.into())),
    ];
    json("room", fields)
}

/// The room that a key of [`of_room`] names, whichever process has written it.
pub(crate) fn room_in(key: &str) -> Option<RoomId> {
    let (node, room) = key.split_once(':')?;
    node.parse::<u16>().ok()?;
    let room = room.parse().ok().filter(|room| *room > 0)?;
    Some(RoomId::new(room))
}

fn id(number: i64) -> Field {
    Field::Text(number.to_string())
}

fn json(kind: &'static str, fields: Vec<(&'static str, Field)>) -> Vec<u8> {
    Record { kind, fields }.to_json().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_as_it_is_documented() {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (kim, tea) = (AccountId::new(7), RoomId::new(9));
        assert_eq!(
            text(of_person(kim, "Kim \"K\"", Some((tea, "Tea")), 1_796, 3)),
            r#"{"kind":"online","account":"7","name":"Kim \"K\"","room":"9","room_name":"Tea","since":1796,"node":3}"#
        );
        assert_eq!(
            text(of_person(kim, "Kim", None, 1_796, 3)),
            r#"{"kind":"online","account":"7","name":"Kim","room":null,"room_name":null,"since":1796,"node":3}"#
        );
        assert_eq!(
            text(of_room(tea, "Tea", 3)),
            r#"{"kind":"room","room":"9","name":"Tea","node":3}"#
        );
    }

    #[test]
    fn a_room_is_read_off_its_key_and_rubbish_is_none() {
        assert_eq!(room_in("3:9"), Some(RoomId::new(9)));
        for rubbish in [
            "", "9", "3:", "3:x", ":9", "3:-9", "3:0", "70000:9", "3:9:1",
        ] {
            assert_eq!(room_in(rubbish), None, "{rubbish}");
        }
    }
}
