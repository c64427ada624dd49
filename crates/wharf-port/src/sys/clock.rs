//! The monotonic clock, as [`wharf_base::Instant`].

use std::sync::OnceLock;
use wharf_base::Instant;

/// The time now, counted from the first call in this process.
pub fn now() -> Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let elapsed = ORIGIN.get_or_init(std::time::Instant::now).elapsed();
    Instant::from_nanos(u64::try_from(elapsed.as_nanos()).expect("584 years have not passed"))
}
