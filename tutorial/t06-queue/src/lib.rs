//! Step 6: a queue for each client, one send under way, and what is urgent goes first.
//!
//! Read [`queue`]: it is what this step is about, and knows no socket. Then [`network`], which asks
//! the queue what to send whenever a send has ended; [`feed`], an application that has both urgent
//! messages and a great many others; [`server`], which puts them together.

pub mod application;
pub mod feed;
pub mod network;
pub mod queue;
pub mod server;
pub mod session;

pub use application::Application;
pub use network::Network;
pub use queue::{Class, Rules};
pub use t04_logic::SessionId;
