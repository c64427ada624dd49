//! The events of step 3, for an application that several threads run at once.

use crate::SessionId;

/// What an application does when something happens.
///
/// Of each session it hears [`on_connect`](Self::on_connect) first, once; then anything else, in
/// order, one after another; [`on_close`](Self::on_close) last, once. Of *different* sessions it
/// may hear at the same time, from different threads: that is why there is `&self` where step 3 had
/// `&mut self`, and what the sessions share needs a lock.
///
/// A handler may take its time: it holds up the sessions of its own thread, and no others, and the
/// network not at all.
pub trait Application: Send + Sync + 'static {
    /// Somebody is here.
    fn on_connect(&self, sessions: &dyn Sessions, session: SessionId) {
        let _ = (sessions, session);
    }

    /// Somebody has said something: any part of a stream of bytes.
    fn on_receive(&self, sessions: &dyn Sessions, session: SessionId, bytes: &[u8]);

    /// Somebody was listened to for as long as the settings allow, and has said nothing, whatever
    /// was said to them meanwhile; who waits for a handler is not silent. Unless an application
    /// knows better, the session ends.
    fn on_timeout(&self, sessions: &dyn Sessions, session: SessionId) {
        sessions.close(session, "it was silent for too long");
    }

    /// Somebody is gone.
    fn on_close(&self, sessions: &dyn Sessions, session: SessionId) {
        let _ = (sessions, session);
    }
}

/// What an application may ask of the network, on any thread and at any time.
pub trait Sessions: Send + Sync {
    /// Sends the message, behind those given before. Who leaves too much unread is cut; for who is
    /// gone nothing happens.
    fn send(&self, id: SessionId, message: &[u8]);

    /// Ends the session, once all that waits has been sent.
    fn close(&self, id: SessionId, why: &str);
}
