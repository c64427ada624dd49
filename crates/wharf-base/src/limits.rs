//! The error of everything that has a fixed size.

use core::fmt;

/// A container that never grows was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError {
    /// How many entries the container holds at the most.
    pub capacity: u32,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all {} entries are in use", self.capacity)
    }
}

impl std::error::Error for CapacityError {}
