//! What the foyer keeps of a session of the platform.

use super::exporting::Exporting;
use wharf_data::RoomId;
use wharf_data::access::User;
use wharf_data::rooms::EntryId;

/// One session.
#[derive(Debug, Default)]
pub(crate) struct Guest {
    /// Whether it has said Hello.
    pub(crate) has_greeted: bool,
    /// Whether it waits for its turn to log in.
    pub(crate) is_waiting: bool,
    /// Who is logged in, by which login.
    pub(crate) user: Option<User>,
    /// The part of an export that it waits for.
    pub(crate) exporting: Option<Exporting>,
    /// The room that has a name which it is in, or on its way to.
    pub(crate) inside: Option<Inside>,
    /// The entry by which it has left one, and whether that has ended, until the services know.
    pub(crate) left: Option<(EntryId, bool)>,
}

/// A session in a room that has a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside {
    /// By which entry it was let in.
    pub(crate) entry: EntryId,
    /// Which room that is.
    pub(crate) room: RoomId,
}
