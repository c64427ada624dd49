//! Moving dots: a game small enough to see its architecture.
//!
//! | layer | knows | does not know |
//! |---|---|---|
//! | [`content`] | cells, dots, crumbs, ticks | sockets, bytes, threads, clocks |
//! | [`network`] | sockets, frames, clients that are slow or gone | what a frame means |
//! | [`host`] | both, and the time | how either does it |
//!
//! [`wire`] says in bytes what content says in types; the [`client`] is a process of its own, and
//! shares nothing with the server but that. Why it is so stands in `decisions/`.

pub mod client;
pub mod content;
pub mod figures;
pub mod host;
pub mod network;
pub mod wire;
