//! What is asked of the store, and what it answers: plain data, no I/O.
//!
//! Every request is one atomic transaction with one answer. Content and accounts speak in these;
//! `wharf-store` turns them into SQL, the simulator into maps.

pub mod access;
pub mod account;
mod answer;
pub mod audit;
mod bulletin;
mod ids;
pub mod keep;
pub mod message;
mod name;
mod notice;
pub mod operators;
mod page;
pub mod people;
mod record_json;
pub mod report;
pub mod room;
pub mod rooms;
mod secret;
pub mod service;
pub mod short;
mod shown;
mod utc;

pub use answer::{Answer, Ask, Refusal, Reply};
pub use audit::{Act, Actor, Target};
pub use bulletin::{Bulletin, Maintenance};
pub use ids::{AccountId, AuditId, ConversationId, LoginId, ReportId, RoomId};
pub use name::{DisplayName, NameError, NameKey};
pub use notice::{Announcement, Kick, Notice, Tally, Whispered};
pub use page::{PageToken, Part};
pub use secret::{Hidden, Secret};
pub use utc::Utc;

/// Milliseconds of Unix time.
pub type UnixMs = i64;
