//! The names of sockets and operations, and the caller's own mark on a completion.

use core::fmt;
use wharf_base::Key;

/// The caller's mark: handed in with an operation, handed back with each of its completions.
/// The port never looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Token(pub u64);

/// Names a socket of one port, from `listen`, `adopt` or `Connected` until `Closed`.
/// A later socket in the same slot has another generation (C6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(crate) Key);

/// Names an operation of one port, from its submission until its last completion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub(crate) Key);

impl OpId {
    /// What [`crate::Event::Woken`] and [`crate::Event::Closed`] carry: they end no operation
    /// that could be cancelled.
    pub const NONE: Self = Self(Key::from_parts(u32::MAX, u32::MAX));
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {:?}", self.0)
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            f.write_str("op none")
        } else {
            write!(f, "op {:?}", self.0)
        }
    }
}
