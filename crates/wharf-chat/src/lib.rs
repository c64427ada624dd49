//! The classic lobby: numbered rooms in which people talk, for the guide's C# client; and beside
//! them rooms that have a name, for clients of the platform. Content only.
//!
//! The [`Foyer`](wharf_content::Foyer) answers echo, login, enter and leave; the room answers
//! chat and tells who comes and goes. `docs/PROTOCOL.md` has every packet and every rule.

mod canary;
mod counting;
mod foyer;
mod hall;
mod lately;
mod lobby;
mod platform;

pub use canary::Canary;
use counting::Counting;
use foyer::ChatFoyer;
use hall::{Hall, PutBy};
use lately::Lately;
use lobby::Lobby;
pub use lobby::{tell_arrival, tell_departure};
pub use platform::{
    Judgement, PlatformFacts, RequestRates, WordList, Words, WordsError, limit_requests,
};
use std::collections::BTreeMap;
use wharf_base::Planted;
use wharf_content::{AppBuilder, FoyerBuilder, RoomKind, RoomOptions};
use wharf_wire::classic::id;

/// How large the lobby is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatLimits {
    /// Rooms, numbered from 0. At most `i32::MAX`: the client sends a signed number.
    pub rooms: u32,
    /// Members of each, and of each that has a name. At most 65,536.
    pub room_members_max: u32,
    /// Rooms that have a name, open at once; 0 where no services look after rooms.
    pub halls_max: u32,
    /// A fault that is planted.
    pub planted: Planted<Canary>,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self {
            rooms: 10,
            room_members_max: 1_000,
            halls_max: 1_024,
            planted: Planted::default(),
        }
    }
}

/// Puts the lobby into `app`, for clients of the guide's packets and of the platform's.
///
/// # Panics
/// If `app` has a foyer already, or a limit is above what the protocol can name.
pub fn classic(app: &mut AppBuilder, limits: ChatLimits, facts: PlatformFacts) {
    assert!(
        limits.rooms <= i32::MAX as u32,
        "the client sends a signed number"
    );
    let (epoch_ms, members_max) = (facts.epoch_ms, limits.room_members_max);
    let words = facts.words.clone();
    let has_lists = limits.halls_max > 0;
    let make = move |_: &RoomOptions| Lobby {
        epoch_ms,
        members_max,
        words: words.clone(),
        counting: Counting::new(has_lists),
        lately: Lately::default(),
        asked: BTreeMap::new(),
        last_asked: 0,
    };
    let lobby = app
        .room_from("lobby", make)
        .rooms(limits.rooms)
        .members_max(limits.room_members_max)
        .on(Lobby::say)
        .on(Lobby::say_modern)
        .on(Lobby::list_members)
        .on(Lobby::report)
        .kind();
    let words = facts.words.clone();
    let planted = limits.planted;
    let put_by = PutBy::default();
    let make = move |_: &RoomOptions| {
        let hall = Hall::new(epoch_ms, words.clone(), put_by.clone());
        hall.with(planted)
    };
    let hall = app
        .room_from("hall", make)
        .rooms(limits.halls_max)
        .members_max(limits.room_members_max)
        .on(Hall::say)
        .on(Hall::list_members)
        .on(Hall::report)
        .on(Hall::history)
        .on(Hall::change)
        .on(Hall::moderate)
        .on(Hall::remove)
        .on(Hall::list_bans)
        .on(Hall::close)
        .kind();
    platform::register(doorway(app, (lobby, hall), facts));
}

/// Has the classic foyer lead into the rooms of `kind`, whatever is played in them: the guide's
/// client, and any other that speaks its packets, logs in, enters by number and leaves. What such a
/// client expects of the rooms themselves is [`tell_arrival`] and [`tell_departure`], and 222 to
/// whoever has said something.
///
/// # Panics
/// If `app` has a foyer already.
pub fn foyer(app: &mut AppBuilder, kind: RoomKind) {
    doorway(app, (kind, kind), PlatformFacts::default());
}

/// A foyer that serves the classic packets.
fn doorway(
    app: &mut AppBuilder,
    (lobby, hall): (RoomKind, RoomKind),
    facts: PlatformFacts,
) -> FoyerBuilder<'_, ChatFoyer> {
    app.foyer(ChatFoyer { lobby, hall, facts })
        .on_run(id::ECHO, ChatFoyer::echo)
        .on(ChatFoyer::log_in)
        .on(ChatFoyer::enter)
        .on(ChatFoyer::leave)
        .on(ChatFoyer::say_outside)
}
