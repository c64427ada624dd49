//! Planted faults, to prove that the simulator would find real ones.

/// A fault that can be planted in what looks after rooms, through [`crate::RoomOptions`]; with
/// the feature `canary` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Whoever is on the way into a room comes in as what they were, whatever was done to them.
    StaleStanding,
    /// What somebody does in a room is judged by its owner's rank: theirs was looked at before.
    OwnersName,
}

impl Canary {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::StaleStanding, Self::OwnersName];
}
