//! How many rooms there may be, and how long what about them may take.

use wharf_base::{Duration, Planted};

/// How rooms that have a name are looked after. Beside each limit: what happens there.
#[derive(Clone, Copy, Debug)]
pub struct RoomOptions {
    /// This process among those that make ids; below [`wharf_base::UniqueIds::NODES`], and another
    /// than that of whoever else makes ids here.
    pub node: u16,
    /// Rooms open at once. One more takes the place of one that nobody has been in for a while, or
    /// is answered "busy".
    pub halls_max: u32,
    /// Members of a room at the most. Who asks for more gets so many.
    pub members_max: u32,
    /// Numbered rooms beside them; the first thousand are in lists.
    pub lobbies: u32,
    /// Rooms that stay which somebody may own, and as many that do not. One more is "full".
    pub owned_max: u32,
    /// Passwords of rooms with the hash workers. One more is answered "busy".
    pub hashes_max: u32,
    /// Requests that wait for the store or the hash workers. One more is answered "busy".
    pub requests_max: usize,
    /// Acts that wait for their turn in one room. One more is answered "busy".
    pub acts_max: usize,
    /// People who are more or less than a member in a room that does not stay. One more is "full".
    pub standings_max: usize,
    /// How long a room that stays is kept open when everybody has left.
    pub linger: Duration,
    /// How long at least, when others want its place: what was said last has been kept by then.
    pub linger_min: Duration,
    /// How long whoever guesses at a password waits for what the store says of earlier failures;
    /// with nothing it is not asked, and failures are forgotten when the process ends.
    pub recall: Duration,
    /// When what the store or a worker has not answered is given up. Both answer much earlier.
    pub patience: Duration,
    /// A fault that is planted.
    pub planted: Planted<crate::Canary>,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            node: 512,
            halls_max: 1_024,
            members_max: 1_000,
            lobbies: 10,
            owned_max: 10,
            hashes_max: 16,
            requests_max: 4_096,
            acts_max: 64,
            standings_max: 1_000,
            linger: Duration::from_secs(60),
            linger_min: Duration::from_secs(15),
            recall: Duration::from_millis(500),
            patience: Duration::from_secs(60),
            planted: Planted::default(),
        }
    }
}
