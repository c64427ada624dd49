//! Planted faults, to prove that the simulator would find real ones.

#[cfg_attr(
    not(feature = "canary"),
    expect(unreachable_pub, reason = "public with the feature")
)]
/// A fault that can be planted in what looks after rooms, through [`crate::RoomOptions`]; compiled
/// in by the feature `canary` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Whoever is on the way into a room comes in as what they were, whatever was done to them.
    StaleStanding,
    /// What somebody does in a room is judged by its owner's rank: theirs was looked at before.
    OwnersName,
}

#[cfg(feature = "canary")]
impl Canary {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::StaleStanding, Self::OwnersName];
}

impl crate::RoomOptions {
    /// Whether this fault is planted; known to be false without the feature.
    #[cfg(feature = "canary")]
    pub(crate) fn has(&self, canary: Canary) -> bool {
        self.canary == Some(canary)
    }

    /// Whether this fault is planted; known to be false without the feature.
    #[cfg(not(feature = "canary"))]
    pub(crate) const fn has(&self, _canary: Canary) -> bool {
        false
    }
}
