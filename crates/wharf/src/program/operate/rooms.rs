//! Acts about rooms that have a name.

use super::acts::{Done, LIST_MAX, Told, told};
use super::args::Rooms;
use super::line::Line;
use super::names::Names;
use super::show;
use super::who::{account_id, room_id};
use serde_json::{Map, json};

/// Does it.
///
/// # Errors
/// [`super::line::Trouble`].
pub(super) fn run(line: &Line, command: &Rooms) -> Done {
    match command {
        Rooms::List { search } => list(line, search),
        Rooms::Show { room } => {
            let fields = json!({ "room": room_id(line, room)? });
            let mut answer = line.act("rooms.show", fields)?;
            let names = Names::noted_in(line, &mut answer);
            let text = show::room(&answer, &names);
            Ok(Told::new(answer, text))
        }
        Rooms::Change {
            room,
            name,
            topic,
            lock,
            unlock,
            reason,
        } => {
            let is_locked = (*lock || *unlock).then_some(*lock);
            let fields = json!({
                "room": room_id(line, room)?,
                "name": name,
                "topic": topic,
                "is_locked": is_locked,
                "reason": reason,
            });
            told(line.act("rooms.change", fields)?, "changed")
        }
        Rooms::HandOver { room, who, reason } => {
            let (room, account) = (room_id(line, room)?, account_id(line, who)?);
            let fields = json!({ "room": room, "account": account, "reason": reason });
            told(line.act("rooms.hand-over", fields)?, "it has another owner")
        }
        Rooms::Close { room, reason } => {
            let fields = json!({ "room": room_id(line, room)?, "reason": reason });
            told(line.act("rooms.close", fields)?, "the room is closed")
        }
    }
}

fn list(line: &Line, search: &str) -> Done {
    let snapshot = line.snapshot()?;
    let sum = |field: &str| -> u64 {
        let shards = snapshot.shards.iter();
        shards.filter_map(|shard| shard.logic.get(field)).sum()
    };
    let mut fields = Map::new();
    fields.insert("search".to_owned(), json!(search));
    let rooms = |act: &str| line.pages(act, fields.clone(), ("rooms", LIST_MAX));
    let (open_now, named) = (rooms("open-rooms")?, rooms("rooms")?);
    let (open, members) = (sum("rooms"), sum("members"));
    let text = format!(
        "open now, with or without a name: {} of {} that can be, with {} in all\n\
         rooms with a name that are open:\n{}rooms that are kept, open or not:\n{}",
        show::counted(open, "room"),
        snapshot.limits.rooms,
        show::counted(members, "member"),
        show::rooms(&open_now),
        show::rooms(&named)
    );
    let json = json!({
        "open": open,
        "members": members,
        "open_max": snapshot.limits.rooms,
        "open_rooms": open_now,
        "rooms": named,
    });
    Ok(Told::new(json, text))
}
