//! What operators and moderators do, with a store in memory.

/// The accounts' own store in memory, and chance.
#[path = "../../../wharf-accounts/tests/accounts"]
#[allow(dead_code, reason = "their tests look at more of it")]
mod accounts {
    pub(crate) mod seeded;
    pub(crate) mod store;
}

mod governing;
mod others;
mod reports;
mod rig;
mod settings;
