//! Who may come in: registration, login, tokens. A state machine without I/O, clock or chance of
//! its own: requests go in, and what the store and the hash workers answer; what they are to do,
//! and what the client is told, comes out.
//!
//! [`Accounts`] is driven by whoever owns it: the host's thread, or the simulator.

mod accounts;
mod flow;
mod guesses;
mod hashing;
mod known;
mod options;
mod password;
mod request;
mod revocation;
mod secret;
mod stats;
mod throttle;
mod ticket;
mod world;

pub use accounts::{Accounts, AskTag, Effect};
pub use guesses::{Counted, Guesses, Look, Told};
pub use hashing::{HashJob, HashResult, HashWork, Hashed, Hasher, JobId, imitate};
pub use options::AccountOptions;
pub use password::{Cost, CostError, Password};
pub use request::{
    Caller, CallerTag, Error, Identities, LoggedIn, LookUp, Outcome, Person, RecoveryCodes,
    Request, Token, UnknownId, User,
};
pub use revocation::Revocation;
pub use secret::{Chance, Hidden, Secret, SystemChance, hash_of_code, recovery_code};
pub use stats::AccountStats;
pub use throttle::ThrottleLimits;
pub use ticket::{JwksError, TicketRules, Tickets};
