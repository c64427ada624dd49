//! What the services say to a session, unasked.

use crate::message::Message;

/// Something that a session is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Its account has logged in elsewhere: this session ends.
    TakenOver,
    /// Its login is over (signed out elsewhere, a new password, a ban): this session ends.
    LoginEnded,
    /// Somebody has said something to its account alone.
    Whispered(Box<Message>),
}
