//! Arrows point strictly downward: each package has a floor, and may use only floors below it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use crate::Outcome;

/// Packages that may use even less than their floor allows, and why.
const ONLY: &[(&str, &[&str], &str)] = &[
    (
        "wharf-content",
        &["wharf-base", "wharf-wire", "wharf-data"],
        "it can name no socket, thread or clock",
    ),
    (
        "wharf-chat",
        &[
            "wharf-base",
            "wharf-wire",
            "wharf-data",
            "wharf-proto",
            "wharf-content",
        ],
        "a game is content only",
    ),
    (
        "wharf-bots",
        &["wharf-base", "wharf-wire", "wharf-port", "wharf-net"],
        "a client knows no content",
    ),
];

/// Finds the packages without a floor and the arrows that do not point downward, in what
/// `cargo metadata --no-deps` prints.
pub(super) fn check(metadata: &str) -> Outcome<Vec<Finding>> {
    let metadata: Value =
        serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata: no packages")?;
    let floors: BTreeMap<&str, u64> = packages
        .iter()
        .filter_map(|package| {
            Some((
                name(package),
                package["metadata"]["layer"]["number"].as_u64()?,
            ))
        })
        .collect();
    let lessons = packages.iter().filter(|package| is_lesson(package));
    let lessons: BTreeSet<&str> = lessons.map(name).collect();
    let mut findings = Vec::new();
    for package in packages {
        let mut found = |message| findings.push(Finding::new(name(package), 0, message));
        let Some(floor) = floors.get(name(package)) else {
            found("its manifest lacks [package.metadata.layer] number = N".to_string());
            continue;
        };
        for other in used_by(package) {
            let Some(below) = floors.get(other) else {
                continue;
            };
            if below >= floor {
                found(format!(
                    "(layer {floor}) uses {other} (layer {below}): not downward"
                ));
            }
            // A lesson builds on earlier ones, and writes anew what Wharf has.
            if is_lesson(package) && !lessons.contains(other) {
                found(format!("may not use {other}: a lesson writes it anew"));
            }
            for (only, allowed, why) in ONLY.iter().filter(|(only, ..)| *only == name(package)) {
                if !allowed.contains(&other) {
                    found(format!("may not use {other}: {only}'s rule is that {why}"));
                }
            }
        }
    }
    Ok(findings)
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

fn is_lesson(package: &Value) -> bool {
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    manifest.replace('\\', "/").contains("/tutorial/")
}

/// What the package depends on, for its tests and build script too.
fn used_by(package: &Value) -> impl Iterator<Item = &str> {
    package["dependencies"]
        .as_array()
        .into_iter()
        .flatten()
        .map(name)
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;
    use expect_test::{Expect, expect};

    /// Packages as (name, floor, what it uses).
    fn finds(packages: &[(&str, Option<u64>, &[&str])], expected: Expect) {
        let package = |&(name, floor, uses): &(&str, Option<u64>, &[&str])| {
            let uses: Vec<Value> = uses
                .iter()
                .map(|other| serde_json::json!({ "name": other }))
                .collect();
            let layer = floor.map(|number| serde_json::json!({ "layer": { "number": number } }));
            serde_json::json!({ "name": name, "metadata": layer, "dependencies": uses })
        };
        let packages: Vec<Value> = packages.iter().map(package).collect();
        let metadata = serde_json::json!({ "packages": packages }).to_string();
        expected.assert_eq(&lines(check(&metadata).unwrap()));
    }

    #[test]
    fn an_arrow_that_points_up_or_sideways_is_found() {
        finds(
            &[
                ("wharf-base", Some(0), &["wharf-net"]),
                (
                    "wharf-net",
                    Some(2),
                    &["wharf-base", "wharf-store", "serde"],
                ),
                ("wharf-store", Some(2), &["wharf-base"]),
            ],
            expect![[r#"
                wharf-base: (layer 0) uses wharf-net (layer 2): not downward
                wharf-net: (layer 2) uses wharf-store (layer 2): not downward
            "#]],
        );
    }

    #[test]
    fn a_package_without_a_floor_is_found() {
        finds(
            &[("wharf-base", None, &[])],
            expect![[r#"
            wharf-base: its manifest lacks [package.metadata.layer] number = N
        "#]],
        );
    }

    #[test]
    fn a_lesson_that_uses_what_it_teaches_is_found() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "wharf-port", "metadata": { "layer": { "number": 1 } } },
            {
                "name": "lesson-lab",
                "manifest_path": "/w/tutorial/lab/Cargo.toml",
                "metadata": { "layer": { "number": 7 } },
            },
            {
                "name": "s3-port",
                "manifest_path": "/w/tutorial/s3-port/Cargo.toml",
                "metadata": { "layer": { "number": 8 } },
            },
            {
                "name": "s4-echo",
                "manifest_path": "/w/tutorial/s4-echo/Cargo.toml",
                "metadata": { "layer": { "number": 9 } },
                "dependencies": [{ "name": "wharf-port" }, { "name": "s3-port" }],
            },
            {
                "name": "s4-echo",
                "manifest_path": "/w/tutorial/s4-echo/Cargo.toml",
                "metadata": { "layer": { "number": 9 } },
                "dependencies": [{ "name": "s3-port" }],
            },
        ] });
        expect![[r#"
            s4-echo: may not use wharf-port: a lesson writes it anew
        "#]]
        .assert_eq(&lines(check(&metadata.to_string()).unwrap()));
    }

    #[test]
    fn content_that_names_a_socket_is_found_although_it_points_downward() {
        finds(
            &[
                ("wharf-port", Some(1), &[]),
                ("wharf-content", Some(3), &["wharf-port"]),
            ],
            expect![[r#"
                wharf-content: may not use wharf-port: wharf-content's rule is that it can name no socket, thread or clock
            "#]],
        );
    }
}
