//! Where memory goes that the kernel would not let go of (C12).

use std::sync::{Mutex, PoisonError};

/// Keeps a value for ever, at the place where what it owns lies now.
///
/// Its address is noted, so that a leak checker finds it in use: what it reports is then a leak by
/// mistake.
pub(crate) fn keep_for_ever<T: 'static>(value: T) {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let address = Box::into_raw(Box::new(value)).expose_provenance();
    KEPT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(address);
}
