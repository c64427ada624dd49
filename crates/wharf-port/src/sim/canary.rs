//! Bugs on purpose, which the simulator must find.

/// A bug that can be planted in a simulated port through [`crate::PortOptions`]; with the
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

impl Canary {
    /// Every one of them.
    pub const ALL: [Self; 4] = [
        Self::ShortSendIsWhole,
        Self::ClosedEarly,
        Self::StarvedForgotten,
        Self::StaleCancel,
    ];
}
