//! Wharf: an online game server on completion ports.
//!
//! A game depends on this crate alone. It writes rooms ([`content::Room`]) and what happens outside
//! them, and hands them to [`serve`]; sessions, packets, ticks, limits and operations are Wharf's.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use wharf::content::Room;
//!
//! #[derive(Default)]
//! struct Table;
//! impl Room for Table {}
//!
//! fn main() -> ExitCode {
//!     wharf::serve(|app| {
//!         let kind = app.room::<Table>("table").rooms(10).kind();
//!         wharf::chat::foyer(app, kind);
//!     })
//! }
//! ```
//!
//! `crates/wharf/examples/dice.rs` is a whole one (`cargo run --release --example dice`).

pub mod client;
pub mod program;

use std::ffi::OsString;
use std::process::ExitCode;

pub use wharf_base::{Duration, Instant, Rng, SessionId};
pub use wharf_chat as chat;
pub use wharf_content as content;
pub use wharf_proto as proto;
pub use wharf_wire as wire;

/// Runs the server of a game of one's own, with the whole command line of the program `wharf`:
/// `serve`, `doctor`, `config print`, and every setting (`chat.*` are the classic chat's and mean
/// nothing here). `game` lists the kinds of rooms with their handlers, and the foyer; it is called
/// at most once.
///
/// A game's own packets ([`wire::Packet`]) have ids from 10,000 to 32,767; that a client may send
/// them follows from their having a handler. One with another id keeps the server from starting,
/// with exit code 2.
///
/// The workloads of `bots` speak the classic chat: they are for servers whose foyer is
/// [`chat::foyer`] and whose rooms tell who comes and goes ([`chat::tell_arrival`],
/// [`chat::tell_departure`]) and answer a line as the classic lobby does. `bench` is for the
/// program `wharf` alone.
///
/// Call it from `main` and return what it returns: it takes over the signals that stop a process.
pub fn serve(game: impl FnOnce(&mut content::AppBuilder) + 'static) -> ExitCode {
    serve_as(std::env::args_os(), game)
}

/// As [`serve`], with other arguments than the process was started with; the first is the
/// program's name.
pub fn serve_as(
    arguments: impl IntoIterator<Item = OsString>,
    game: impl FnOnce(&mut content::AppBuilder) + 'static,
) -> ExitCode {
    program::main_of(arguments, game)
}

/// The guide's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/CONTENT.md")]
struct Guide;
