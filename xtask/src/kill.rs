//! `cargo xtask kill`: the tests of what is acknowledged under SIGKILL, as often as one says. The
//! test command does the same a few times.

use crate::command::{cargo, run};
use crate::setup::{self, STORE_SERVERS};
use crate::{Outcome, Workspace};

/// The tests that kill: package, its test, and which part of that.
const TESTS: &[(&str, &str, &str)] = &[
    // A store's program over SQLite, PostgreSQL and MariaDB.
    ("wharf-store", "kill", ""),
    // Wharf itself, with clients that write.
    ("wharf", "black_box", "killed::"),
];

/// Kills each of them so many times, under load, and compares what was acknowledged with what is
/// there.
pub(crate) fn kill(workspace: &Workspace, times: u32) -> Outcome {
    setup::install_on_debian(&[STORE_SERVERS])?;
    TESTS.iter().try_for_each(|(package, test, part)| {
        run(cargo(workspace)
            .args(["test", "--release", "-p", package, "--test", test])
            // As they come, and one after the other: each has the machine for itself.
            .args(["--", "--nocapture", "--test-threads", "1", part])
            .env("KILLS", times.to_string())
            // What is tested is what is kept; that programs are small takes its time and shows
            // nothing more.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_TARGET_DIR", "target/kill"))
    })
}
