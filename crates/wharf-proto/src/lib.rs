//! The platform's packets, ids 1024 to 9999: Protocol Buffers from the schema in `proto/`.
//!
//! The types, what makes them packets ([`Packet`](wharf_wire::Packet), [`Request`]), the tables of
//! what may be sent, and the checks of their fields ([`Validate`]) are written by
//! `cargo xtask proto --bless` and lie in the repository; the test command proves that they are
//! what the schema says, and that no change of the schema breaks clients. `docs/PROTOCOL.md`
//! describes all of it.
//!
//! What is shown of a message in a log (its `Debug`) has no passwords, tokens, or texts of people.

mod error;
#[rustfmt::skip]
mod generated;
mod hello;
mod packet;
mod secret;
mod validate;

pub use error::read;
pub use generated::packets::{ClientPacket, FROM_CLIENT, FROM_SERVER, PACKETS, ServerPacket};
pub use generated::{account, chat, room, session};
pub use hello::{Agreed, Speaks, VERSION, VERSION_MIN, agree};
pub use packet::{PacketInfo, Rate, Request, Role, State, packet_info};
pub use validate::{Broken, Rule, Unit, Validate};
