//! The classic lobby: numbered rooms in which people talk, for the guide's C# client. Content
//! only.
//!
//! The [`Foyer`](wharf_content::Foyer) answers echo, login, enter and leave; the room answers
//! chat and tells who comes and goes. `docs/PROTOCOL.md` has every packet and every rule.

mod foyer;
mod lobby;

use foyer::ClassicFoyer;
use lobby::Lobby;
use wharf_content::AppBuilder;
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
    app.foyer(ClassicFoyer { lobby })
        .on_frame(id::ECHO, ClassicFoyer::echo)
        .on(ClassicFoyer::log_in)
        .on(ClassicFoyer::enter)
        .on(ClassicFoyer::leave)
        .on(ClassicFoyer::say_outside);
}
