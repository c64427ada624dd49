//! Who is in most of these tests, and the room that they talk in.

use crate::bench::Bench;
use crate::each_database;
use wharf_data::room::{self, History, Settings};
use wharf_data::{AccountId, Ask, DisplayName, RoomId};

pub(crate) const KIM: AccountId = AccountId::new(1);
pub(crate) const LEE: AccountId = AccountId::new(2);
pub(crate) const PARK: AccountId = AccountId::new(3);

/// Kim's room, as it was opened first.
pub(crate) const ROOM: (RoomId, i64) = (RoomId::new(100), 1);

/// Runs `test` with three people, and a room of Kim's.
pub(crate) fn with_people(test: impl Fn(&mut Bench)) {
    each_database(|bench| {
        for (person, name) in [(KIM, "kim"), (LEE, "lee"), (PARK, "park")] {
            bench.person(person.get(), name);
        }
        bench.ask(create(ROOM.0, "harbour", 1)).unwrap();
        test(bench);
    });
}

/// Asks for a room of Kim's, who may have so many.
pub(crate) fn create(room: RoomId, name: &str, owned_max: u32) -> Ask {
    Ask::Room(room::Ask::Create {
        room,
        kind: "lobby".into(),
        name: DisplayName::new(name).unwrap(),
        owner: KIM,
        owned_max,
        settings: Settings {
            topic: String::new(),
            password: None,
            members_max: 10,
            is_hidden: false,
            is_locked: false,
            slow_ms: 0,
            history: History::Durable,
            options: Vec::new(),
        },
        at: 1,
    })
}
