//! A client's end of a connection: frames off the wire on a thread of its own, requests that are
//! numbered and find their answers. It keeps no clock and decides nothing; `wharf chat` does, and
//! whoever tests a server may.

mod link;
mod requests;

pub use link::{End, FrameReader, FromServer, Link, OwnedFrame};
pub use requests::{Heard, OPEN_MAX, Requests};
