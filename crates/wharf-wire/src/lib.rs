//! Bytes to frames to packets, and back. Knows no socket, keeps no clock, allocates nothing before
//! a length was checked.
//!
//! A *frame* is a header and a body ([`Header`], [`Frame`]); [`FrameCutter`] cuts a byte stream
//! into frames by the rules of a [`PacketTable`]. A *packet* is a frame whose body has a meaning
//! ([`Packet`]); the classic ones, which the guide's C# client speaks, are in [`classic`]. What a
//! modern frame says beside its message are its [`extensions`]; a message that is longer than a
//! frame comes in fragments, which an [`Assembler`] puts together.

mod assembler;
pub mod classic;
mod cutter;
pub mod extensions;
mod frame;
mod packet;
mod run;
mod table;
mod text;
mod violation;

pub use assembler::{Assembler, Message, encode_fragments};
pub use cutter::{FrameCutter, FrameRules};
pub use extensions::Extensions;
pub use frame::{FIRST_MODERN_ID, Frame, HEADER_BYTES, Header};
pub use packet::{Packet, SendClass};
pub use run::{FrameRun, Headers};
pub use table::{BodyLength, FlagRule, PacketRule, PacketTable};
pub use text::{Text, is_utf8};
pub use violation::Violation;
