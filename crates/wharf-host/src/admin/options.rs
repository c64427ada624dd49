//! What the settings `admin.*` say, and why the address was not opened.

use crate::config::{Effective, Secret};
use std::net::SocketAddr;
use std::{fmt, io};

/// Where and for whom the admin address is.
#[derive(Clone, Debug)]
pub struct AdminOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What whoever asks must show, if anything.
    pub token: Option<Secret>,
}

impl AdminOptions {
    /// What a configuration says; `None` if the address is off.
    pub fn from_config(config: &Effective) -> Option<Self> {
        Some(Self {
            listen: config.address_if_on("admin.listen")?,
            token: config.secret("admin.token").cloned(),
        })
    }
}

/// Why the admin address was not opened.
#[derive(Debug)]
pub enum AdminError {
    /// It can be reached from elsewhere, and anybody could ask.
    NeedsToken(SocketAddr),
    /// The system refused to listen there.
    Listen(SocketAddr, io::Error),
    /// Its thread could not be started.
    Thread(io::Error),
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsToken(listen) => write!(
                f,
                "{listen} is not loopback, so that anybody could ask there; set admin.token (32 \
                 characters or more), or admin.listen=127.0.0.1:{}",
                listen.port()
            ),
            Self::Listen(listen, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "{listen} is in use; {ELSEWHERE}")
            }
            Self::Listen(listen, error) => write!(f, "{listen}: {error}; {ELSEWHERE}"),
            Self::Thread(error) => write!(f, "its thread could not be started: {error}"),
        }
    }
}

/// What to type where an address cannot be had.
const ELSEWHERE: &str = "--set admin.listen=127.0.0.1:0 takes a free port, off does without";

impl std::error::Error for AdminError {}
