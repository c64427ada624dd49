//! Settings that may be off or unset.

use super::Effective;
use crate::config::{Secret, Value};
use std::net::SocketAddr;
use std::path::Path;

impl Effective {
    /// Whether somebody said something about `key`.
    ///
    /// # Panics
    /// If no table has this key.
    pub fn is_set(&self, key: &str) -> bool {
        !self.source(key).is_default()
    }

    /// An address, unless it is off.
    ///
    /// # Panics
    /// If no table has this key as an address that may be off.
    pub fn address_if_on(&self, key: &str) -> Option<SocketAddr> {
        match self.entry(key).0 {
            Value::Address(address) => Some(address),
            Value::Off => None,
            ref other => panic!("{key} is {other:?}, not an address"),
        }
    }

    /// A path, if there is one.
    ///
    /// # Panics
    /// If no table has this key as a path.
    pub fn path_if_set(&self, key: &str) -> Option<&Path> {
        Some(self.path(key)).filter(|path| !path.as_os_str().is_empty())
    }

    /// A line of text.
    ///
    /// # Panics
    /// If no table has this key as a text.
    pub fn text(&self, key: &str) -> &str {
        match &self.entry(key).0 {
            Value::Text(text) => text,
            other => panic!("{key} is {other:?}, not a text"),
        }
    }

    /// A secret, if there is one.
    ///
    /// # Panics
    /// If no table has this key as a secret.
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        match &self.entry(key).0 {
            Value::Secret(secret) => Some(secret).filter(|secret| !secret.expose().is_empty()),
            other => panic!("{key} is {other:?}, not a secret"),
        }
    }
}
