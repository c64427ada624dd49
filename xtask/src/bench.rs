//! `cargo xtask bench`: builds Wharf and its peers as they ship, and has `bench/` measure them.

use std::ffi::OsString;
use std::process::Command;

use crate::command::{cargo, is_installed, run};
use crate::{Outcome, Workspace, setup};

/// Debian's packages for the peers that are not ours to build.
const PACKAGES: &[(&str, &[&str])] = &[
    ("measuring Asio", &["g++", "libasio-dev"]),
    ("measuring Redis and NATS", &["redis-server", "nats-server"]),
    ("counting system calls", &["linux-perf"]),
];
/// Asio's peer, compiled as its source says.
const ASIO: &[&str] = &[
    "-O3",
    "-std=c++17",
    "-DASIO_STANDALONE",
    "bench/peers/asio.cpp",
    "-o",
    "bench/target/release/peer-asio",
];

/// Builds everything and measures; `arguments` are those of the harness.
pub(crate) fn measure(workspace: &Workspace, arguments: &[OsString]) -> Outcome {
    if let Err(why) = setup::install_on_debian(PACKAGES) {
        // The harness names the peers that it goes without.
        println!("{why}");
    }
    run(cargo(workspace).args(["build", "--release", "--quiet"]))?;
    let manifest = ["--manifest-path", "bench/Cargo.toml"];
    run(cargo(workspace)
        .args(["build", "--release", "--quiet"])
        .args(manifest))?;
    if is_installed("g++")
        && let Err(why) = run(Command::new("g++").args(ASIO).current_dir(&workspace.root))
    {
        println!("{why}");
    }
    run(Command::new(workspace.root.join("bench/target/release/bench")).args(arguments))
}
