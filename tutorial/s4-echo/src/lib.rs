//! Stage 4: a whole echo server on the completion port of [stage 3](s3_port): who is connected,
//! what goes wrong, and how it ends.
//!
//! Read in this order: [`client`], what one connection is doing; [`server`], who calls it when;
//! [`injured`], the port with errors on demand; [`mishaps`] and [`load`], what is done to the
//! server, by the tests and for the figures.

pub mod client;
pub mod injured;
pub mod load;
pub mod mishaps;
pub mod server;

pub use server::{Limits, Server, Stopped};

use s3_port::Look;
use std::io;
use std::net::TcpListener;

/// A server on any port of this machine, for whoever wants to see it suffer.
///
/// # Errors
/// Those of [`Server::start`].
pub fn local(limits: Limits, look: Box<Look>) -> io::Result<Server> {
    Server::start(TcpListener::bind("127.0.0.1:0")?, limits, look)
}
