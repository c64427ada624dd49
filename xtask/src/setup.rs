//! Installs what the stages need, and only what is missing.
//!
//! On Debian 12 all of it comes from Debian's own packages. On any other system nothing is
//! installed: the stages whose tools are not found are skipped, and say so.

use std::process::Command;

use crate::command::{cargo, is_installed, output, run, say, succeeds};
use crate::windows::{self, Wine};
use crate::{Outcome, Workspace};

/// Debian's packages, and what they are for.
const PACKAGES: &[(&str, &[&str])] = &[
    ("linking", &["gcc", "libc6-dev"]),
    (
        "the Windows build: a second compiler that has std's sources",
        &[
            "cargo-web",
            "rustc-web",
            "rust-web-clippy",
            "rust-web-src",
            "libstd-rust-web-dev",
            "gcc-mingw-w64-x86-64",
        ],
    ),
    ("running the Windows build", &["wine", "wine64"]),
    STORE_SERVERS,
    ("counting instructions", &["valgrind", "libc6-dbg"]),
];

/// The servers that tests of the store start as their own children.
pub(crate) const STORE_SERVERS: (&str, &[&str]) = (
    "testing the store with real servers",
    &["postgresql", "mariadb-server", "redis-server"],
);

/// Installs the missing packages and components, and prepares Wine.
pub(crate) fn install(workspace: &Workspace) -> Outcome {
    components(workspace)?;
    if !is_debian_12() {
        say("This is not Debian 12: nothing is installed here.");
        match windows::missing(workspace) {
            Some(why) => say(format_args!(
                "The stages of Windows will be skipped: {why}."
            )),
            None => say("The stages of Windows have what they need."),
        }
        return Ok(());
    }
    packages(PACKAGES)?;
    Wine::start(workspace).map(drop)
}

/// Installs what is missing of `wanted` on Debian 12; on other systems nothing.
pub(crate) fn install_on_debian(wanted: &[(&str, &[&str])]) -> Outcome {
    if is_debian_12() {
        packages(wanted)
    } else {
        Ok(())
    }
}

/// rustfmt and clippy, which a minimal Rust lacks.
fn components(workspace: &Workspace) -> Outcome {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if succeeds(cargo(workspace).args([subcommand, "--version"])) {
            continue;
        }
        if !is_installed("rustup") {
            return Err(format!(
                "`cargo {subcommand}` is missing: install {component}"
            ));
        }
        run(Command::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

fn packages(wanted: &[(&str, &[&str])]) -> Outcome {
    let mut missing = Vec::new();
    for (purpose, packages) in wanted {
        let lacking: Vec<&str> = packages
            .iter()
            .copied()
            .filter(|package| !is_package_installed(package))
            .collect();
        if !lacking.is_empty() {
            say(format_args!("Missing for {purpose}: {}", lacking.join(" ")));
        }
        missing.extend(lacking);
    }
    if missing.is_empty() {
        say("All packages are installed.");
        return Ok(());
    }
    let install = format!(
        "apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    );
    if !is_root()? {
        return Err(format!(
            "Not root, so nothing was installed. Type:\n  sudo {install}"
        ));
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run(apt().args(["update", "--quiet"]))?;
    run(apt()
        .args(["install", "-y", "--quiet", "--no-install-recommends"])
        .args(&missing))
}

fn is_package_installed(package: &str) -> bool {
    let query = ["--show", "--showformat", "${db:Status-Status}", package];
    Command::new("dpkg-query")
        .args(query)
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

fn is_root() -> Outcome<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

fn is_debian_12() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let says = |line: &str| release.lines().any(|other| other.replace('"', "") == line);
    says("ID=debian") && says("VERSION_ID=12")
}
