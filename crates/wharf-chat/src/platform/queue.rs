//! Waiting for a place on a server that is full.

use super::Guest;
use core::time::Duration;
use wharf_content::FoyerCx;
use wharf_proto::session::QueuePlace;

/// Tells whoever waits where they stand. Until their login is answered, they may ask what a guest
/// may.
pub(crate) fn tell_place(cx: &mut FoyerCx<'_>, before: u32, wait: Option<Duration>) {
    let wait_ms = wait.map_or(0, |wait| {
        u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)
    });
    cx.notify(&QueuePlace { before, wait_ms });
    let guest = cx.data::<Guest>();
    if !guest.is_waiting {
        guest.is_waiting = true;
        cx.set_waiting(true);
    }
}

/// The login of whoever waits has its answer, whatever that is.
pub(crate) fn end_wait(cx: &mut FoyerCx<'_>) {
    let guest = cx.data::<Guest>();
    if guest.is_waiting {
        guest.is_waiting = false;
        cx.set_waiting(false);
    }
}
