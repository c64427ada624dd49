//! What the foyer keeps of a session of the platform.

use super::exporting::Exporting;
use wharf_data::access::User;

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
}
