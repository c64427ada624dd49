//! Planted faults, to prove that the simulator would find real ones.

/// A fault that can be planted in rooms that have a name, through [`crate::ChatLimits`]; with the
/// feature `canary` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// What is said in a durable room is acknowledged before the store has it.
    EarlyAcknowledgement,
    /// A message that comes again is another.
    KeptTwice,
    /// Whoever is muted is heard.
    HeardMuted,
    /// What was decided about somebody who has not come yet is forgotten.
    ForgottenVerdict,
    /// Nobody waits where a room is slow.
    NobodyWaits,
}

impl Canary {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::EarlyAcknowledgement,
        Self::KeptTwice,
        Self::HeardMuted,
        Self::ForgottenVerdict,
        Self::NobodyWaits,
    ];
}
