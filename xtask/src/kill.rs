//! `cargo xtask kill`: the test of what is acknowledged under SIGKILL, as often as one says. The
//! test command does the same a few times.

use crate::command::{cargo, run};
use crate::setup::{self, STORE_SERVERS};
use crate::{Outcome, Workspace};

/// Kills the program over SQLite, PostgreSQL and MariaDB so many times each, under load, and
/// compares what was acknowledged with what is there.
pub(crate) fn kill(workspace: &Workspace, times: u32) -> Outcome {
    setup::install_on_debian(&[STORE_SERVERS])?;
    run(cargo(workspace)
        .args(["test", "--release", "-p", "wharf-store", "--test", "kill"])
        // As they come, and one after the other: each has the machine for itself.
        .args(["--", "--nocapture", "--test-threads", "1"])
        .env("WHARF_KILLS", times.to_string())
        // What is tested is the store; that it is small takes its time and shows nothing more.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_TARGET_DIR", "target/kill"))
}
