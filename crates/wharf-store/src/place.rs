//! Where a store is: a file in the data directory, or a server by its URL.

use crate::remote::{self, Timeouts};
use crate::sqlite::{Durability, Sqlite};
use crate::store::Connect;
use core::fmt;
use std::path::{Path, PathBuf};

/// Where a store is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A database file.
    File(PathBuf),
    /// A server; its URL may hold a password, so it is never shown whole.
    Server(String),
}

impl Place {
    /// What the file in a data directory is called.
    pub const FILE_NAME: &'static str = "wharf.db";

    /// The file in a data directory.
    pub fn in_folder(folder: &Path) -> Self {
        Self::File(folder.join(Self::FILE_NAME))
    }

    /// The server that a URL names.
    pub fn at(url: impl Into<String>) -> Self {
        Self::Server(url.into())
    }

    /// What kind of database it is: `sqlite`, or what its URL begins with.
    ///
    /// ```
    /// let place = wharf_store::Place::at("mariadb://wharf:secret@db/wharf");
    /// assert_eq!(place.kind(), "mariadb");
    /// ```
    pub fn kind(&self) -> &str {
        match self {
            Self::File(_) => "sqlite",
            Self::Server(url) => url
                .split_once("://")
                .map_or("unknown", |(scheme, _)| scheme),
        }
    }

    /// Makes connections to it, as a [`crate::Store`] wants them.
    pub fn connector(&self) -> Connect {
        match self {
            Self::File(path) => Sqlite::connector(path, Durability::Full),
            Self::Server(url) => remote::connector(url, Timeouts::default()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(url) => {
                // The user and the password stand before the last `@` of what names the server.
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let place = rest[..end].rsplit('@').next().unwrap_or("");
                let behind = rest[end..].split('?').next().unwrap_or("");
                write!(f, "{scheme}://{place}{behind}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            (
                "postgres://kim:secret@db:5432/wharf",
                "postgres://db:5432/wharf",
            ),
            ("mysql://kim:sec@ret@db/wharf?ssl=1", "mysql://db/wharf"),
            ("mariadb://db/wharf?password=secret", "mariadb://db/wharf"),
            ("postgres://kim:secret@db", "postgres://db"),
            ("kim:secret@db", "://db"),
        ] {
            let place = Place::at(url);
            assert_eq!(place.to_string(), shown);
            assert_eq!(format!("{place:?}"), format!("Place({shown})"));
        }
    }
}
