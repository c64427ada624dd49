//! The real program over real sockets, on every backend of this system.
//!
//! A few tests, black-box on purpose: they start the binary, speak bytes, and read its log. What
//! can be shown in the simulator is shown there.

#[cfg(target_os = "linux")]
#[path = "../../../wharf-store/tests/servers/authority.rs"]
mod authority;
#[cfg(target_os = "linux")]
#[path = "../../../wharf-store/tests/servers/mod.rs"]
mod servers;
mod support;

/// The example, for the test in it.
#[path = "../../examples/dice.rs"]
#[expect(dead_code, reason = "it is served by its own program")]
mod dice;

mod a_thousand;
mod asker;
mod bench;
mod brief;
mod chat_client;
#[cfg(target_os = "linux")]
mod chat_terminal;
mod classic_exchange;
mod command_line;
mod damaged;
mod db;
mod faulty_servers;
mod hostile_clients;
mod killed;
mod ledger;
mod limits;
mod operating;
mod operating_accounts;
mod operators;
mod own_game;
mod places;
mod platform;
mod poor_machines;
mod program;
mod rooms;
mod samples;
mod schema;
mod settings;
#[cfg(target_os = "linux")]
mod shared;
mod sleeper;
mod slow_reader;
mod stopping;
#[cfg(target_os = "linux")]
mod store_tls;
#[cfg(target_os = "linux")]
mod stores;
mod texts;
mod texts_forged;
mod texts_said;
mod tickets;
mod too_fast;
mod waiting;
mod watched;
mod words;
mod wrong_bytes;
mod wrong_states;
