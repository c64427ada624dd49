//! `cargo xtask proto`: everything that follows from the `.proto` files of the platform.
//!
//! They are the one schema. From them come the Rust types, the table of packets, the checks of
//! their fields, the platform's part of `docs/PROTOCOL.md`, and `schema.txt`, a line for each thing
//! that a client may rely on. All of it is in the repository, so that nobody needs a protobuf
//! compiler to build Wharf; the check writes it anew and compares.

mod debug;
mod document;
mod options;
mod packets;
mod promises;
mod rules;
mod rust;
mod schema;
mod validate;

use std::collections::BTreeMap;
use std::path::Path;

use crate::command::say;
use crate::{Outcome, Workspace};
use schema::{Schema, Sources};

/// Where the `.proto` files lie.
const SOURCES: &str = "crates/wharf-proto/proto";
/// Where the Rust that is made of them lies, and nothing else.
const GENERATED: &str = "crates/wharf-proto/src/generated";
/// What clients may rely on.
const SCHEMA: &str = "crates/wharf-proto/schema.txt";
const DOCUMENT: &str = "docs/PROTOCOL.md";

/// Compares what is in the repository with what the `.proto` files say; with `bless`, writes it.
/// What breaks clients is never written.
///
/// # Errors
///
/// A file that is not as it should be, or a change that breaks clients, by name.
pub(crate) fn run(workspace: &Workspace, bless: bool) -> Outcome {
    let root = &workspace.root;
    let schema = Schema::of(&Sources::below(&root.join(SOURCES))?)?;
    let expected = generate(
        &schema,
        &read(root, SCHEMA).unwrap_or_default(),
        &read(root, DOCUMENT)?,
    )?;
    let stray = strays(root, &expected)?;
    if !stray.is_empty() {
        return Err(format!(
            "not made of the .proto files: {}; it belongs elsewhere",
            stray.join(", ")
        ));
    }
    let mut stale = Vec::new();
    for (path, text) in &expected {
        if read(root, path).is_ok_and(|on_disk| on_disk == *text) {
            continue;
        }
        if bless {
            write(root, path, text)?;
            say(format_args!("wrote {path}"));
        } else {
            stale.push(path.as_str());
        }
    }
    match stale.as_slice() {
        [] => Ok(()),
        paths => Err(format!(
            "not what the .proto files say: {}; write it with `cargo xtask proto --bless`",
            paths.join(", ")
        )),
    }
}

/// Every generated file by its path, with its text.
fn generate(schema: &Schema, kept: &str, document: &str) -> Outcome<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut rust = |name: &str, text: String| {
        files.insert(format!("{GENERATED}/{name}.rs"), text);
    };
    for (package, types) in &schema.rust_types()? {
        rust(package, rust::types(schema, package, types));
    }
    rust("mod", rust::modules(schema));
    rust("packets", rust::packets(schema));
    rust("checks", validate::checks(schema)?);
    rust("debug", debug::shows(schema));
    files.insert(SCHEMA.into(), promises::grown(kept, schema)?);
    files.insert(DOCUMENT.into(), document::filled(document, schema)?);
    Ok(files)
}

/// Files in the generated folder that are not generated.
fn strays(root: &Path, expected: &BTreeMap<String, String>) -> Outcome<Vec<String>> {
    let Ok(entries) = std::fs::read_dir(root.join(GENERATED)) else {
        return Ok(Vec::new());
    };
    let mut strays = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("{GENERATED}: {error}"))?;
        let path = format!("{GENERATED}/{}", entry.file_name().to_string_lossy());
        if !expected.contains_key(&path) {
            strays.push(path);
        }
    }
    strays.sort();
    Ok(strays)
}

fn read(root: &Path, path: &str) -> Outcome<String> {
    std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))
}

fn write(root: &Path, path: &str, text: &str) -> Outcome {
    let whole = root.join(path);
    let folder = whole.parent().expect("a file lies in a folder");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&whole, text))
        .map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nothing_generates_is_found() {
        let workspace = Workspace::here();
        let expected = BTreeMap::new();
        let strays = strays(&workspace.root, &expected).unwrap();
        assert!(
            strays.contains(&format!("{GENERATED}/packets.rs")),
            "{strays:?}"
        );
    }

    #[test]
    fn the_same_sources_give_the_same_files() {
        let workspace = Workspace::here();
        let document = read(&workspace.root, DOCUMENT).unwrap();
        let sources = Sources::below(&workspace.root.join(SOURCES)).unwrap();
        let files = || generate(&Schema::of(&sources).unwrap(), "", &document).unwrap();
        assert_eq!(files(), files());
    }
}
