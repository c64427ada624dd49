//! Bugs on purpose: each must be found by the tests that claim to find its like.

/// A bug that can be planted in a [`crate::Net`] through [`crate::NetLimits`]; with the
/// feature `canary` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// A frame goes to whoever is in the slot, though it was meant for an earlier session.
    StaleSession,
    /// The slot is free as soon as the close was submitted, while operations are in flight.
    FreedBeforeClosed,
    /// A send that took a part is believed to have taken all.
    ShortSendIsWhole,
    /// What is left of a receive behind its last whole frame is forgotten.
    TailForgotten,
    /// The first frame of a receive is handled twice.
    FrameTwice,
}

impl Canary {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::StaleSession,
        Self::FreedBeforeClosed,
        Self::ShortSendIsWhole,
        Self::TailForgotten,
        Self::FrameTwice,
    ];
}
