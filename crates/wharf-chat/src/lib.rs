//! The classic lobby: numbered rooms in which people talk, for the guide's C# client. Content
//! only.
//!
//! The [`Foyer`](wharf_content::Foyer) answers echo, login, enter and leave; the room answers
//! chat and tells who comes and goes. `docs/PROTOCOL.md` has every packet and every rule.

mod foyer;
mod lobby;

use foyer::ClassicFoyer;
use lobby::Lobby;
pub use lobby::{tell_arrival, tell_departure};
use wharf_content::{AppBuilder, RoomKind};
use wharf_wire::classic::id;

/// How large the lobby is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatLimits {
    /// Rooms, numbered from 0. At most `i32::MAX`: the client sends a signed number.
    pub rooms: u32,
    /// Members of each. At most 65,536.
    pub room_members_max: u32,
}

impl Default for ChatLimits {
    fn default() -> Self {
        Self {
            rooms: 10,
            room_members_max: 1_000,
        }
    }
}

/// Puts the classic lobby into `app`.
///
/// # Panics
/// If `app` has a foyer already, or a limit is above what the protocol can name.
pub fn classic(app: &mut AppBuilder, limits: ChatLimits) {
    assert!(
        limits.rooms <= i32::MAX as u32,
        "the client sends a signed number"
    );
    let lobby = app
        .room::<Lobby>("lobby")
        .rooms(limits.rooms)
        .members_max(limits.room_members_max)
        .on(Lobby::say)
        .kind();
    foyer(app, lobby);
}

/// Has the classic foyer lead into the rooms of `kind`, whatever is played in them: the guide's
/// client, and any other that speaks its packets, logs in, enters by number and leaves. What such a
/// client expects of the rooms themselves is [`tell_arrival`] and [`tell_departure`], and 222 to
/// whoever has said something.
///
/// # Panics
/// If `app` has a foyer already.
pub fn foyer(app: &mut AppBuilder, kind: RoomKind) {
    app.foyer(ClassicFoyer { lobby: kind })
        .on_frame(id::ECHO, ClassicFoyer::echo)
        .on(ClassicFoyer::log_in)
        .on(ClassicFoyer::enter)
        .on(ClassicFoyer::leave)
        .on(ClassicFoyer::say_outside);
}
