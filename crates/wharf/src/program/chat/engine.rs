//! What speaks one of the two protocols: machines without I/O. The driver gives them what was
//! typed and what came, and does what they put out.

use super::event::{Event, Problem};
use super::parse::Call;
use crate::client::OwnedFrame;
use std::time::{Duration, Instant};
use wharf_wire::Violation;

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) at: Instant,
    /// Unix time in milliseconds.
    pub(super) unix_ms: i64,
}

/// What the driver has to do.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Show this.
    Tell(Box<Event>),
    /// Connect now.
    Connect,
    /// Ask whoever types.
    Ask(Box<Question>),
    /// The connection is of no use any more.
    HangUp(String),
    /// What goes by itself at the start is over; whether somebody is logged in then.
    Ready { is_in: bool },
}

/// What the server wants to know for a call, which is made again with it.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) call: Call,
    /// By name, and whether each is being chosen.
    pub(super) secrets: Vec<(&'static str, bool)>,
    /// What is told where nobody can be asked.
    pub(super) problem: Problem,
}

/// What is worth doing when the connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Return {
    /// Trying again, after so long at least.
    After(Duration),
    /// Nothing, until somebody wants it.
    Never,
}

/// The prompt of somebody who wants to be there again. It begins like that of whoever never was.
pub(super) fn away_from(place: &str) -> String {
    match place.is_empty() {
        true => "(away)> ".to_owned(),
        false => format!("(away) {place}> "),
    }
}

/// One side of a conversation with a server.
///
/// First [`Engine::begin`] when there is a connection; then `call`, `hear` and `wake` in whatever
/// order things happen, until [`Engine::lose`]. [`Engine::poll`] is asked behind each of them
/// until it has no more. Each call is told done or failed exactly once.
pub(super) trait Engine {
    /// There is a connection.
    fn begin(&mut self, now: Moment);

    /// Somebody wants something.
    fn call(&mut self, call: Call, now: Moment);

    /// A frame came.
    ///
    /// # Errors
    /// What the server did wrong; the connection is of no use any more then.
    fn hear(&mut self, frame: &OwnedFrame, now: Moment) -> Result<(), Violation>;

    /// The connection is gone: what has no answer is told to be unconfirmed.
    fn lose(&mut self) -> Return;

    /// When [`Engine::wake`] wants to be called.
    fn wake_at(&self) -> Option<Instant>;

    /// That time has come.
    fn wake(&mut self, now: Moment);

    /// The next thing to do.
    fn poll(&mut self) -> Option<Output>;

    /// What stands before what is typed.
    fn prompt(&self) -> String;

    /// Names that may be completed.
    fn names(&self) -> Vec<String>;
}
