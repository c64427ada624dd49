//! What passes between the driver and its threads, and how a run begins and ends.

use crate::client::FromServer;
use std::sync::mpsc::{Receiver, SyncSender};

/// Happenings that may wait; whoever has more waits with them.
pub(super) const HAPPENINGS_MAX: usize = 256;

/// What can happen.
pub(super) enum Happening {
    Input(Input),
    /// By which connection; those of an older one mean nothing any more.
    FromServer(u64, FromServer),
    /// Somebody ends the program.
    Stop,
}

/// What comes from whoever types, each when it was wanted.
pub(super) enum Input {
    Line(String),
    /// A line that is none, and why.
    Unreadable(String),
    Secrets(Vec<String>),
    /// Whoever was asked for secrets has thought better of it.
    NoSecrets,
    Ended,
}

/// What is wanted from whoever types.
pub(super) enum Want {
    Line {
        prompt: String,
    },
    /// By name, and whether it is being chosen.
    Secrets(Vec<(&'static str, bool)>),
    /// This line belongs into the history.
    Remember(String),
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// A command of a script failed.
    Failed,
    /// There was no server, or no login.
    CannotStart,
}

/// The ways in which one may want it.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    pub(super) target: String,
    /// Nobody sits there: one command follows the other, and failures count.
    pub(super) is_script: bool,
    /// A lost connection ends it.
    pub(super) is_once: bool,
    pub(super) is_classic: bool,
}

/// The ends of the driver's channels.
pub(super) struct Ends {
    pub(super) happenings: Receiver<Happening>,
    pub(super) tell: SyncSender<Happening>,
    pub(super) wants: SyncSender<Want>,
}
