//! The admin address of `wharf serve`.

use super::assemble::Assembly;
use std::fmt;
use std::net::SocketAddr;
use wharf_host::Server;
use wharf_host::admin::{About, Admin, AdminDoor, AdminError, AdminOptions};
use wharf_host::config::Effective;

/// How it is with the admin address.
pub(super) enum Door {
    Open(AdminDoor),
    Off,
    /// The one by default cannot be had, which is no reason not to serve.
    Taken(AdminError),
}

/// Listens on the admin address, or finds out that there is none.
///
/// # Errors
/// When it cannot be had and somebody has asked for it, or when it would let anybody ask.
pub(super) fn open(config: &Effective) -> Result<Door, String> {
    let Some(options) = AdminOptions::from_config(config) else {
        return Ok(Door::Off);
    };
    match AdminDoor::open(&options) {
        Ok(door) => Ok(Door::Open(door)),
        Err(error @ AdminError::Listen(..)) if !config.is_set("admin.listen") => {
            Ok(Door::Taken(error))
        }
        Err(error) => Err(format!(
            "admin.listen ({}): {error}",
            config.source("admin.listen")
        )),
    }
}

impl Door {
    /// Where it is, if it is open.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Open(door) => Some(door.local_addr()),
            Self::Off | Self::Taken(_) => None,
        }
    }

    /// Answers there what is asked about the server, until what is returned is dropped.
    ///
    /// # Errors
    /// When that cannot be begun.
    pub(super) fn serve(self, server: &Server, of: &Assembly) -> Result<Option<Admin>, String> {
        let door = match self {
            Self::Open(door) => door,
            Self::Off => return Ok(None),
            Self::Taken(error) => {
                tracing::warn!("no admin address: {error}");
                return Ok(None);
            }
        };
        let about = About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: of.chosen.backend.name().to_owned(),
        };
        let admin = door.serve(server, &of.options, about);
        admin
            .map(Some)
            .map_err(|error| format!("admin.listen: {error}"))
    }
}

/// For the banner.
impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(door) => {
                write!(
                    f,
                    "{} (/metrics, /healthz, /readyz, wharf top)",
                    door.local_addr()
                )
            }
            Self::Off => f.write_str("off"),
            Self::Taken(error) => write!(f, "none: {error}"),
        }
    }
}
