//! Step 4: threads for the network, and threads for the logic.
//!
//! Read [`application`] first: what has changed for who writes one. Then the way of a packet:
//! [`network`] receives it and posts it, [`host`] has the thread that handles it, [`handover`] and
//! [`inbox`] are what lies between, and [`pool`] is where it came from and goes back to.

pub mod application;
pub mod handover;
pub mod host;
pub mod inbox;
pub mod load;
pub mod network;
pub mod outgoing;
pub mod pool;
pub mod server;
pub mod session;
pub mod sync;
pub mod sys;

pub use application::{Application, Sessions};
pub use host::Balancer;
pub use network::Network;
pub use server::{Server, Settings};
pub use session::SessionId;
