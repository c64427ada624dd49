//! The events, and who they are for.

use crate::{Class, Network, SessionId};

/// What an application does when something happens; all of it on one thread, one after another.
///
/// As in step 3 it hears of a session's beginning first, once, and of its end last, once.
pub trait Application {
    /// Somebody is here.
    fn on_connect(&mut self, network: &mut Network, session: SessionId) {
        let _ = (network, session);
    }

    /// Somebody has said something: any part of a stream of bytes.
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]);

    /// Somebody is to leave, and something is still under way: what waits for it, say. Comes once
    /// or not at all.
    fn on_leave(&mut self, network: &mut Network, session: SessionId) {
        let _ = (network, session);
    }

    /// Somebody is gone.
    fn on_close(&mut self, network: &mut Network, session: SessionId) {
        let _ = (network, session);
    }
}

/// The smallest application: it says back what it hears.
pub struct Echo;

impl Application for Echo {
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        network.send(session, Class::Bulk, bytes);
    }
}
