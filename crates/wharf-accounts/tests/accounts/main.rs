//! What is promised of accounts, through their one door: requests in, answers out.

mod busy;
mod coming_in;
mod guessing;
mod model;
mod owning;
mod recalling;
mod rig;
mod seeded;
mod store;
mod tickets;
mod tokens;
