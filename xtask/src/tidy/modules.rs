//! No file outside the module tree: one that no `mod` line names is never compiled, and rots.

use std::collections::BTreeSet;

use super::Finding;
use super::rust::Source;
use super::tree::Tree;

/// Finds the Rust files that no package reaches.
pub(super) fn check(tree: &Tree, sources: &[Source<'_>]) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    for (manifest, text) in tree.ending("Cargo.toml") {
        let package = manifest.trim_end_matches("Cargo.toml");
        for source in sources
            .iter()
            .filter(|source| is_root(package, text, source.path))
        {
            reach(source, true, sources, &mut reached);
        }
    }
    let unreached = sources
        .iter()
        .filter(|source| !reached.contains(source.path));
    unreached
        .map(|source| {
            Finding::new(
                source.path,
                0,
                "no `mod` line leads here: add one, or delete it",
            )
        })
        .collect()
}

/// Whether cargo compiles this file of the package by itself: by its place, or by a `path` line.
fn is_root(package: &str, manifest: &str, path: &str) -> bool {
    let Some(path) = path.strip_prefix(package) else {
        return false;
    };
    let named = format!("path = \"{path}\"");
    match path.split('/').collect::<Vec<_>>()[..] {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] => true,
        ["src", "bin", _] | ["src", "bin", _, "main.rs"] => true,
        ["tests" | "examples" | "benches", _] => true,
        ["tests" | "examples" | "benches", _, "main.rs"] => true,
        _ => manifest.lines().any(|line| line.trim() == named),
    }
}

fn reach<'a>(
    source: &Source<'a>,
    is_root: bool,
    sources: &[Source<'a>],
    reached: &mut BTreeSet<&'a str>,
) {
    if !reached.insert(source.path) {
        return;
    }
    let (directory, name) = source.path.rsplit_once('/').unwrap_or(("", source.path));
    let is_directory = is_root || name == "mod.rs";
    let children = if is_directory {
        directory.to_string()
    } else {
        format!("{directory}/{}", name.trim_end_matches(".rs"))
    };
    let mut named = Vec::new();
    children_of(&source.syntax.items, directory, &children, &mut named);
    for candidate in &named {
        if let Some(child) = sources.iter().find(|source| source.path == *candidate) {
            reach(child, false, sources, reached);
        }
    }
}

/// The paths at which the files of these items' `mod` lines may lie.
fn children_of(items: &[syn::Item], directory: &str, children: &str, named: &mut Vec<String>) {
    for item in items {
        let syn::Item::Mod(module) = item else {
            continue;
        };
        let below = format!("{children}/{}", module.ident);
        if let Some((_, items)) = &module.content {
            children_of(items, directory, &below, named);
        } else if let Some(path) = path_attribute(&module.attrs) {
            named.push(beside(directory, &path));
        } else {
            named.push(format!("{below}.rs"));
            named.push(format!("{below}/mod.rs"));
        }
    }
}

/// What a path means in a directory: each `..` in front leads one up.
fn beside(directory: &str, path: &str) -> String {
    match (path.strip_prefix("../"), directory.rsplit_once('/')) {
        (Some(path), Some((above, _))) => beside(above, path),
        _ => format!("{directory}/{path}"),
    }
}

fn path_attribute(attributes: &[syn::Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let syn::Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        let syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(path),
            ..
        }) = &pair.value
        else {
            return None;
        };
        pair.path.is_ident("path").then(|| path.value())
    })
}

#[cfg(test)]
mod tests {
    use super::super::{lines, rust};
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_file_that_no_mod_line_names_is_found() {
        let tree = Tree::planted(&[
            ("x/Cargo.toml", "[[bin]]\npath = \"src/other/entry.rs\"\n"),
            ("x/build.rs", ""),
            (
                "x/src/lib.rs",
                "mod flat; mod nested; mod inline { mod inner; } ",
            ),
            (
                "x/src/flat.rs",
                "#[path = \"elsewhere.rs\"] mod moved; mod child;",
            ),
            ("x/src/elsewhere.rs", ""),
            ("x/src/flat/child.rs", ""),
            ("x/src/nested/mod.rs", "#[cfg(test)] mod tests;"),
            ("x/src/nested/tests.rs", ""),
            ("x/src/inline/inner.rs", ""),
            ("x/src/other/entry.rs", "mod beside;"),
            ("x/tests/suite.rs", "mod common;"),
            ("x/tests/common/mod.rs", ""),
            (
                "x/tests/large/main.rs",
                "mod part; #[path = \"../shared/mod.rs\"] mod shared;",
            ),
            ("x/tests/large/part.rs", ""),
            ("x/tests/shared/mod.rs", ""),
            ("x/src/orphan.rs", ""),
            ("x/src/nested/forgotten.rs", ""),
            ("x/tests/large/lost.rs", ""),
            ("y/src/lib.rs", ""),
        ]);
        let (sources, _) = rust::parse(&tree);
        expect![[r#"
            x/src/nested/forgotten.rs: no `mod` line leads here: add one, or delete it
            x/src/orphan.rs: no `mod` line leads here: add one, or delete it
            x/tests/large/lost.rs: no `mod` line leads here: add one, or delete it
            y/src/lib.rs: no `mod` line leads here: add one, or delete it
        "#]]
        .assert_eq(&lines(check(&tree, &sources)));
    }
}
