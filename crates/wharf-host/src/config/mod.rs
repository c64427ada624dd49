//! Configuration: built-in defaults, then a TOML file, then the environment, then the command line.
//!
//! Every setting is one row of a table ([`Setting`]); the server's own rows are [`SETTINGS`], a
//! game adds its rows. A key that no row has and a value that its row does not allow are refused
//! with the place where they stand and what is allowed there.

mod effective;
mod error;
mod file;
mod settings;
mod value;

pub use effective::{Effective, Layers, Source};
pub use error::ConfigError;
pub use settings::{Machine, SETTINGS, Setting, descriptors_beside_sessions};
pub use value::{Kind, Secret, Value};
