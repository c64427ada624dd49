//! What the log says of sessions: a line when one ends for a reason that somebody may ask about.
//! Never a line per packet, never a frame's body.

use std::net::SocketAddr;
use wharf_base::SessionId;
use wharf_net::{CloseReason, TurnedAway};

pub(crate) fn opened(session: SessionId, peer: SocketAddr) {
    tracing::debug!(%session, %peer, "session opened");
}

pub(crate) fn turned_away(peer: SocketAddr, why: TurnedAway) {
    tracing::debug!(%peer, reason = why.name(), "connection turned away");
}

pub(crate) fn closed(session: SessionId, reason: &CloseReason) {
    if reason.is_ordinary() {
        tracing::debug!(%session, reason = reason.name(), "session closed");
    } else {
        tracing::info!(%session, reason = reason.name(), detail = %reason, "session closed");
    }
}
