//! The events, and who they are for.

use crate::{Network, SessionId};

/// What an application does when something happens.
///
/// Of each session it hears: [`on_connect`](Self::on_connect) first, once; then anything else;
/// [`on_close`](Self::on_close) last, once. An id that was closed is never used again, and what is
/// received is told under the id of the session that sent it.
///
/// All events come on one thread, one after another. Until a handler returns, nothing else happens
/// on the network, so it must not wait for anything. (Step 4 is about that.)
pub trait Application {
    /// Somebody is here.
    fn on_connect(&mut self, network: &mut Network, session: SessionId) {
        let _ = (network, session);
    }

    /// Somebody has said something: any part of a stream of bytes, be it half a word or ten lines.
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]);

    /// All that was to be sent to the session has left, and there is room for more.
    fn on_sent(&mut self, network: &mut Network, session: SessionId) {
        let _ = (network, session);
    }

    /// Somebody was listened to for as long as the settings allow, and has said nothing, whatever
    /// was said to them meanwhile; who says nothing after that either is told of again. Unless an
    /// application knows better, the session ends.
    fn on_timeout(&mut self, network: &mut Network, session: SessionId) {
        network.close(session, "it was silent for too long");
    }

    /// Somebody is gone.
    fn on_close(&mut self, network: &mut Network, session: SessionId) {
        let _ = (network, session);
    }
}
