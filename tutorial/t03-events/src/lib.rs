//! Step 3: the network as a library, under three programs that know nothing of sockets.
//!
//! An application implements [`Application`]: what happens comes to it as events, and what it wants
//! it asks of the [`Network`] that comes along. `src/bin/` has three: echo, chat and a file server.
//!
//! Below, [`network`] is the loop on the completion port, [`session`] what is kept for a client.
//! Both are step 2's server, cut in two; the port is still step 1's.

pub mod application;
pub mod network;
pub mod session;
pub mod sys;

pub use application::Application;
pub use network::{Network, Settings};
pub use session::SessionId;
