//! Bugs on purpose: each must be found by the tests that claim to find its like.

#[cfg_attr(
    not(feature = "canary"),
    expect(unreachable_pub, reason = "public with the feature")
)]
/// A bug that can be planted in a [`crate::Net`] through [`crate::NetLimits`]; compiled in by the
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

#[cfg(feature = "canary")]
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

impl crate::NetLimits {
    /// Whether this bug is planted; known to be false without the feature.
    #[cfg(feature = "canary")]
    pub(crate) fn has(&self, canary: Canary) -> bool {
        self.canary == Some(canary)
    }

    /// Whether this bug is planted; known to be false without the feature.
    #[cfg(not(feature = "canary"))]
    pub(crate) const fn has(&self, _canary: Canary) -> bool {
        false
    }
}
