//! Whole servers in a simulated world.
//!
//! A run is a seed: from it follow the server's shape, what goes wrong and how often, what the
//! clients do and in which order everything happens. All layers are the real ones; only the port
//! is simulated, and the threads are turns that a scheduler picks. While it runs, every client
//! checks what it hears, and that each refusal can have had its reason. When all is quiet, what
//! they believe must be one story: who is who, who sits in which room. At the end nothing may be
//! left: every message with everybody it was meant for, every session ended with a reason, every
//! buffer, slot and seat home.
//!
//! A share of the runs has services behind the server: accounts, whispers, a store that is slow,
//! hangs, loses what was not durable, or says nothing of what was; a share of those has rooms with
//! a name, and services that die and begin anew. What must hold of rooms:
//!
//! - what was acknowledged in a durable room is in its history once, under its number, and without
//!   a gap; what was not is there at most once; what was refused never;
//! - whoever was there has heard what was acknowledged meanwhile, once;
//! - nobody who is banned comes in, is served, hears anything or is still there once the ban was
//!   acknowledged, until it may have ended; nobody who is muted is heard; nobody new enters a room
//!   that is locked or closed, or by a wrong password; no room has more members than it may;
//! - an act was allowed to whoever did it at the moment at which it was done, a refusal had a
//!   reason, whoever comes in is what they are, and a room has one owner;
//! - every request has one answer, and at the end no room is open and nothing of one is under way.
//!
//! Whoever comes last to an account is who stays. Nothing is heard behind a last word, and what has
//! no answer by then was asked behind everything that has one, and is not done. In a share of the
//! runs somebody runs the server, who sends people away, bans, mutes and erases them: then nobody
//! who is banned logs in, nobody stays who was sent away, nobody who is muted is heard in any room,
//! and an account that was erased is nowhere, and never logged in to again.
//!
//! In a share of the runs what lives for a short time has a store of its own, which is slow, fails
//! and forgets apart from the other:
//!
//! - a delay that has grown holds until it ends, also for the next process where nothing was lost,
//!   and keeps nobody out for longer, whatever that store does;
//! - a ticket for one use lets one in, once.
//!
//! In a share of the runs the whole server is restarted: it stops when it is asked to, with nothing
//! left of any session, or it is gone from one moment to the next, with all that was not durable.
//! Whatever was acknowledged before holds afterwards: all of the above, and whoever had a token
//! logs in by it.

mod actor;
mod books;
mod claims;
mod client;
mod crowd;
mod door;
mod finale;
mod guesses;
mod guise;
mod halls;
mod hearing;
mod making;
mod mutters;
mod operator;
mod patron;
mod people;
mod ranks;
mod restart;
mod roll_call;
mod run;
mod server;
mod services;
mod setup;
mod side_by_side;
mod store;

#[cfg(feature = "canary")]
mod canary;

#[cfg(feature = "canary")]
pub use canary::{Canary, ServiceCanary};
pub use guesses::GuessCounts;
pub use halls::HallCounts;
pub use restart::RestartCounts;
pub use run::{Plan, Report, ServiceCounts, run};
pub use side_by_side::{keep_last_words, quietly, side_by_side};
pub use store::StoreFaults;
