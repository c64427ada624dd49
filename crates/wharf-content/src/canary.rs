//! Planted faults, to prove that the tests and the simulator would find real ones.

/// A fault that can be planted into a game, by `AppBuilder::plant`; with the feature `canary` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// A verdict reaches whoever is in the session's slot now: its generation is not checked.
    StaleVerdict,
    /// Whoever leaves a room takes somebody else's seat along.
    WrongSeat,
    /// The last receiver of a broadcast is forgotten.
    ShortBroadcast,
    /// The first frame that was held during a move is lost.
    LostAtMove,
    /// A frame that is held while the outbox is full gives its credit back at once, and again when
    /// it is served.
    DoubleCredit,
    /// A room is not told that a member's link is gone for good.
    UntoldLeave,
    /// A room counts as full as soon as two are in it.
    FullAtTwo,
}

impl Canary {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::StaleVerdict,
        Self::WrongSeat,
        Self::ShortBroadcast,
        Self::LostAtMove,
        Self::DoubleCredit,
        Self::UntoldLeave,
        Self::FullAtTwo,
    ];
}
