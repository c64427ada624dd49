//! What Cargo.lock may not hold: crates that were looked at and refused.

use toml::{Table, Value};

use super::Finding;
use super::tree::Tree;
use crate::Outcome;

/// Refused crates, each with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("abi_stable", "unmaintained"),
    ("async-std", "unmaintained"),
    ("bincode", "unmaintained (RUSTSEC-2025-0141)"),
    ("extism", "wasmtime serves directly"),
    ("figment", "unmaintained"),
    ("fred", "no releases: redis serves"),
    ("kanal", "corrupts memory in released versions"),
    ("native-tls", "rustls serves on every system"),
    ("openssl-sys", "rustls serves on every system"),
    (
        "rkyv",
        "the wire is its own format, checked before it is read",
    ),
    ("rouille", "unmaintained"),
    ("sea-orm", "cannot be linked beside rusqlite"),
    ("sqlx", "cannot be linked beside rusqlite"),
    ("tiny_http", "unmaintained"),
];

/// Who may bring tokio in: the side threads of console, bus and SQL drivers, never the game's path.
const USERS_OF_TOKIO: &[&str] = &[
    "hyper",
    "hyper-util",
    "tokio-postgres",
    "tokio-postgres-rustls",
    "tokio-rustls",
    "tokio-util",
    "wharf-host",
    "wharf-store",
];

/// Finds refused crates in the workspace's lock file.
pub(super) fn check(tree: &Tree) -> Outcome<Vec<Finding>> {
    let lock = tree.text("Cargo.lock").ok_or("there is no Cargo.lock")?;
    let lock: Table = lock
        .parse()
        .map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages = lock
        .get("package")
        .and_then(Value::as_array)
        .ok_or("Cargo.lock is empty")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for (_, why) in REFUSED.iter().filter(|(refused, _)| *refused == name) {
            findings.push(Finding::new(
                "Cargo.lock",
                0,
                format!("{name} is refused: {why}"),
            ));
        }
        if uses_tokio(package) && !USERS_OF_TOKIO.contains(&name) {
            let message = format!("{name} brings tokio in: it is not one of its named users");
            findings.push(Finding::new("Cargo.lock", 0, message));
        }
    }
    Ok(findings)
}

fn uses_tokio(package: &Value) -> bool {
    let dependencies = package.get("dependencies").and_then(Value::as_array);
    // A version follows the name where the lock file holds several.
    let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
    names
        .filter_map(|line| line.split(' ').next())
        .any(|name| name == "tokio")
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;
    use expect_test::expect;

    #[test]
    fn refused_crates_and_strangers_that_bring_tokio_are_found() {
        let lock = r#"
            [[package]]
            name = "kanal"
            [[package]]
            name = "stranger"
            dependencies = ["libc", "tokio 1.50.0"]
            [[package]]
            name = "tokio-free"
            dependencies = ["tokio-macros"]
        "#;
        let tree = Tree::planted(&[("Cargo.lock", lock)]);
        expect![[r#"
            Cargo.lock: kanal is refused: corrupts memory in released versions
            Cargo.lock: stranger brings tokio in: it is not one of its named users
        "#]]
        .assert_eq(&lines(check(&tree).unwrap()));
    }
}
