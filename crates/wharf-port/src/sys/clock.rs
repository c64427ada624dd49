//! The monotonic clock, as [`wharf_base::Instant`].

use std::sync::OnceLock;
use wharf_base::Instant;

/// The time now, counted from the first call in this process.
pub fn now() -> Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(std::time::Instant::now).elapsed();
    // Wraps after 584 years.
    Instant::from_nanos(elapsed.as_nanos() as u64)
}
