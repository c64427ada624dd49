//! A logic shard from outside: events in, commands out, nothing else.

mod calls;
#[cfg(feature = "canary")]
mod canaries;
mod mail;
mod moves;
mod queries;
mod rates;
mod roaming;
mod runs;
mod seats;
mod time;
mod village;
mod world;
