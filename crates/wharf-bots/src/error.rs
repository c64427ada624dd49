//! Why a run could not be made. Each is written for the person at the terminal.

use core::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use wharf_port::{OpenError, WishError};

/// The run did not happen, or could not be finished. Exit code 2.
///
/// Wrong deliveries are no error of the run: they are its result ([`crate::Report`]).
#[derive(Debug)]
pub enum BotsError {
    /// Nothing listens at the target.
    NobodyListens {
        /// Where the bots tried.
        target: SocketAddr,
    },
    /// Not a single session could be connected, for another reason.
    Unreachable {
        /// Where the bots tried.
        target: SocketAddr,
        /// Why it failed.
        reason: String,
    },
    /// An option has a value that it may not have.
    Option {
        /// Its name, without dashes.
        option: &'static str,
        /// What is wrong, and what is allowed.
        said: String,
    },
    /// This process may not open as many descriptors as the run needs.
    Descriptors {
        /// Sessions asked for.
        sessions: u32,
        /// Sessions that the hard limit allows.
        possible: u64,
    },
    /// The completion port that was asked for is not to be had here.
    Backend(WishError),
    /// No completion port could be made.
    Open(OpenError),
    /// The completion port broke while it was in use.
    Port(io::Error),
    /// The report could not be written.
    Json {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for BotsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens { target } => write!(
                f,
                "nothing listens at {target}\n\
                 Start a server in another terminal: cargo run --release\n\
                 If it listens elsewhere, say where: --target ADDR"
            ),
            Self::Unreachable { target, reason } => {
                write!(f, "no session could be connected to {target}: {reason}")
            }
            Self::Option { option, said } => write!(f, "--{option}: {said}"),
            Self::Descriptors { sessions, possible } => write!(
                f,
                "{sessions} sessions need more descriptors than the {possible} that this process \
                 may open for them\n\
                 Raise the hard limit (ulimit -Hn), or split them: --sessions {possible} here, \
                 the rest in a second process with another --seed"
            ),
            Self::Backend(error) => error.fmt(f),
            Self::Open(error) => write!(f, "no completion port: {error}"),
            Self::Port(error) => write!(f, "the completion port broke: {error}"),
            Self::Json { path, error } => {
                write!(f, "cannot append the report to {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for BotsError {}

impl From<OpenError> for BotsError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}
