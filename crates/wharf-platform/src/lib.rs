//! What is known of people across all rooms and sessions: their accounts, and who is logged in
//! where. A state machine without I/O, clock or chance of its own.
//!
//! ```text
//!  content -> Call ------> Platform ---> Effect::Ask  -> store        -> stored
//!                            |     ---> Effect::Hash -> hash workers -> hashed
//!          <- Reply, Notice -+
//! ```
//!
//! The host drives it on a thread of its own, the simulator in virtual time.

mod brief;
mod canary;
mod ended;
mod entrance;
mod logins;
mod operators;
mod places;
mod platform;
mod presence;
mod readable;
mod rooms;
mod stats;
mod sweeping;
mod whispers;

pub use brief::{BriefOptions, BriefStats};
pub use canary::Canary;
pub use operators::shown;
pub use places::Places;
pub use platform::{CountTag, Effect, From, Platform, SessionTag, StoreTag, Ticket};
pub use presence::{Online, Presence};
pub use rooms::RoomOptions;
pub use stats::{LoginEnd, LoginStats, LoginWay, PlatformStats};
