//! Bugs on purpose, which the simulator must find.

use crate::PortOptions;

#[cfg_attr(
    not(feature = "canary"),
    expect(unreachable_pub, reason = "public with the feature")
)]
/// A bug that can be planted in a simulated port through [`PortOptions`]; compiled in by the
/// feature `canary` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// A send that took a part says that it took all.
    ShortSendIsWhole,
    /// `Closed` comes before the operations in flight have ended.
    ClosedEarly,
    /// A receive that found no buffer is forgotten.
    StarvedForgotten,
    /// A cancel that comes late ends whatever is in the operation's slot by then: its generation
    /// is not checked.
    StaleCancel,
}

#[cfg(feature = "canary")]
impl Canary {
    /// Every one of them.
    pub const ALL: [Self; 4] = [
        Self::ShortSendIsWhole,
        Self::ClosedEarly,
        Self::StarvedForgotten,
        Self::StaleCancel,
    ];
}

impl PortOptions {
    /// Whether this bug is planted; known to be false without the feature.
    #[cfg(feature = "canary")]
    pub(super) fn has(&self, canary: Canary) -> bool {
        self.canary == Some(canary)
    }

    /// Whether this bug is planted; known to be false without the feature.
    #[cfg(not(feature = "canary"))]
    pub(super) const fn has(&self, _canary: Canary) -> bool {
        false
    }
}
