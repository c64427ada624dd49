//! Documents: one title each, a translation that keeps up, and a hash of the code they describe.
//!
//! A document that describes code says so in a line of its own for each file,
//! `<!-- describes: crates/wharf-port/src/port.rs sha256:0123abcd -->`. When the code changes the
//! hash no longer fits: read the document again, mend it, then `cargo xtask tidy --bless`.

use sha2::{Digest, Sha256};

use super::Finding;
use super::tree::{Tree, lessons};

/// Documents that must say which code they describe.
const DESCRIBES: &[(&str, &str)] = &[
    ("docs/CONTENT.md", "crates/wharf-content/src/app.rs"),
    ("docs/CONTENT.md", "crates/wharf-content/src/room.rs"),
    ("docs/CONTENT.md", "crates/wharf-content/src/room_cx.rs"),
    ("docs/PROTOCOL.md", "crates/wharf-wire/src/classic/mod.rs"),
    (
        "docs/PROTOCOL.md",
        "crates/wharf-wire/src/classic/packets.rs",
    ),
    (
        "docs/PROTOCOL.md",
        "crates/wharf-wire/src/classic/results.rs",
    ),
    ("docs/internals/port.md", "crates/wharf-port/src/port.rs"),
];

/// Folders whose README.md has a translation, README.ko.md; each lesson's is one of them.
const TRANSLATED: &[&str] = &["", "tutorial/"];

/// How a line begins that says which code a document describes.
const MARK: &str = "<!-- describes:";

/// Finds documents that are out of date or out of shape.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        let titles = headings(text).filter(|level| *level == 1).count();
        if titles != 1 {
            findings.push(Finding::new(
                path,
                0,
                format!("{titles} `#` titles instead of one"),
            ));
        }
        findings.extend(unreadable(path, text));
        findings.extend(stale(tree, path, text));
    }
    for (path, code) in DESCRIBES {
        let Some(text) = tree.text(path) else {
            continue;
        };
        if !marks(text).any(|(_, mark)| mark.code == *code) {
            let message = format!(
                "describes {code} and does not say so: add `{}`",
                Mark::of(code, "")
            );
            findings.push(Finding::new(path, 0, message));
        }
    }
    for folder in TRANSLATED {
        findings.extend(untranslated(tree, folder));
    }
    for lesson in lessons(tree) {
        let folder = format!("tutorial/{lesson}/");
        if tree.text(&format!("{folder}README.md")).is_none() {
            findings.push(Finding::new(&folder, 0, "a lesson without a README.md"));
        }
        findings.extend(untranslated(tree, &folder));
    }
    findings
}

/// The documents whose hashes do not fit the code as it is now, with those that do.
pub(super) fn blessed(tree: &Tree) -> Vec<(String, String)> {
    let renewed = |text: &str| {
        let mut renewed = text.to_string();
        for (_, mark) in marks(text) {
            if let Some(code) = tree.text(mark.code) {
                let old = Mark::of(mark.code, mark.hash);
                renewed = renewed.replace(&old, &Mark::of(mark.code, &hash(code)));
            }
        }
        renewed
    };
    tree.ending(".md")
        .map(|(path, text)| (path.to_string(), text, renewed(text)))
        .filter(|(_, text, renewed)| text != renewed)
        .map(|(path, _, renewed)| (path, renewed))
        .collect()
}

/// A translation has the headings of its original.
fn untranslated(tree: &Tree, folder: &str) -> Option<Finding> {
    let [original, translation] = ["README.md", "README.ko.md"].map(|it| format!("{folder}{it}"));
    let levels = |path: &str| {
        let text = tree.text(path);
        text.map(|text| headings(text).collect::<Vec<_>>())
    };
    let message = format!("its headings are not those of {original}: translate what is new");
    (levels(&original) != levels(&translation)).then(|| Finding::new(&translation, 0, message))
}

/// A mark that guards nothing looks like one that does.
fn unreadable(path: &str, text: &str) -> Vec<Finding> {
    let lines = mark_lines(text).filter(|(_, line)| Mark::read(line).is_none());
    let message = format!(
        "describes something, but not so: `{}`, one line for each file",
        Mark::of("FILE", "")
    );
    lines
        .map(|(line, _)| Finding::new(path, line, message.as_str()))
        .collect()
}

fn stale(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let finding = |(line, mark): (usize, Mark<'_>)| {
        let Some(code) = tree.text(mark.code) else {
            return Some(Finding::new(
                path,
                line,
                format!("describes {}, which is gone", mark.code),
            ));
        };
        let message = format!(
            "{} has changed: read this document again, then `cargo xtask tidy --bless`",
            mark.code
        );
        (hash(code) != mark.hash).then(|| Finding::new(path, line, message))
    };
    marks(text).filter_map(finding).collect()
}

struct Mark<'a> {
    code: &'a str,
    hash: &'a str,
}

impl<'a> Mark<'a> {
    fn of(code: &str, hash: &str) -> String {
        format!("{MARK} {code} sha256:{hash} -->")
    }

    /// The hash may be missing, as in a mark that was never blessed; the rest may not.
    fn read(line: &'a str) -> Option<Self> {
        let inner = line.strip_prefix(MARK)?.strip_suffix(" -->")?;
        let (code, hash) = inner.strip_prefix(' ')?.split_once(" sha256:")?;
        let is_one_file = !code.is_empty() && !code.contains(' ');
        let is_hash = hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_one_file && is_hash).then_some(Self { code, hash })
    }
}

/// Every line that begins as a mark does, with its number.
fn mark_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().map(str::trim).zip(1..);
    lines
        .filter(|(line, _)| line.starts_with(MARK))
        .map(|(line, number)| (number, line))
}

fn marks(text: &str) -> impl Iterator<Item = (usize, Mark<'_>)> {
    mark_lines(text).filter_map(|(number, line)| Some((number, Mark::read(line)?)))
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The level of each heading, code blocks left out.
fn headings(text: &str) -> impl Iterator<Item = usize> {
    let mut in_code = false;
    text.lines().filter_map(move |line| {
        in_code ^= line.trim_start().starts_with("```");
        let level = line.chars().take_while(|c| *c == '#').count();
        let is_heading = (1..=6).contains(&level) && line[level..].starts_with(' ');
        (is_heading && !in_code).then_some(level)
    })
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;
    use expect_test::{Expect, expect};

    fn finds(files: &[(&str, &str)], expected: Expect) {
        expected.assert_eq(&lines(check(&Tree::planted(files))));
    }

    #[test]
    fn a_document_with_no_title_or_two_is_found() {
        finds(
            &[
                ("docs/none.md", "## Part\n```sh\n# a comment\n```\n"),
                (
                    "docs/one.md",
                    "# Title\n## Part\n```sh\n# a comment\n```\n#hashtag\n",
                ),
                ("docs/two.md", "# Title\n# Another\n"),
            ],
            expect![[r#"
                docs/none.md: 0 `#` titles instead of one
                docs/two.md: 2 `#` titles instead of one
            "#]],
        );
    }

    #[test]
    fn a_translation_that_lags_behind_is_found() {
        let files = [
            ("README.md", "# A\n## B\n## C\n"),
            ("README.ko.md", "# 가\n## 나\n"),
        ];
        finds(
            &files,
            expect![[r#"
            README.ko.md: its headings are not those of README.md: translate what is new
        "#]],
        );
    }

    #[test]
    fn a_lesson_without_a_readme_in_both_languages_is_found() {
        let files = [
            ("tutorial/README.md", "# A\n"),
            ("tutorial/README.ko.md", "# 가\n## 나\n"),
            ("tutorial/lab/Cargo.toml", ""),
            ("tutorial/s1/Cargo.toml", ""),
            ("tutorial/s2/Cargo.toml", ""),
            ("tutorial/s2/README.md", "# A\n"),
        ];
        finds(
            &files,
            expect![[r#"
                tutorial/README.ko.md: its headings are not those of tutorial/README.md: translate what is new
                tutorial/s1/: a lesson without a README.md
                tutorial/s2/README.ko.md: its headings are not those of tutorial/s2/README.md: translate what is new
            "#]],
        );
    }

    #[test]
    fn a_document_whose_code_changed_or_went_is_found_until_blessed() {
        let mark = Mark::of("src/code.rs", "00000000");
        let gone = Mark::of("src/gone.rs", "00000000");
        let text = format!("# Title\n\n{mark}\n{gone}\n");
        let mut tree = Tree::planted(&[("docs/x.md", &text), ("src/code.rs", "fn changed() {}")]);
        expect![[r#"
            docs/x.md:3: src/code.rs has changed: read this document again, then `cargo xtask tidy --bless`
            docs/x.md:4: describes src/gone.rs, which is gone
        "#]].assert_eq(&lines(check(&tree)));
        for (path, text) in blessed(&tree) {
            tree.replace(&path, text);
        }
        expect![[r#"
            docs/x.md:4: describes src/gone.rs, which is gone
        "#]]
        .assert_eq(&lines(check(&tree)));
    }

    #[test]
    fn a_mark_that_guards_nothing_is_found() {
        let text = "# Title\n\
            <!-- describes: src/code.rs -->\n\
            <!-- describes: src/code.rs src/more.rs sha256:00000000 -->\n\
            <!-- describes: src/code.rs sha256:0000 src/more.rs sha256:0000 -->\n\
            <!-- describes:src/code.rs sha256:0000-->\n\
            <!-- describes: src/code.rs sha256: -->\n";
        finds(
            &[("docs/x.md", text), ("src/code.rs", "fn code() {}")],
            expect![[r#"
                docs/x.md:2: describes something, but not so: `<!-- describes: FILE sha256: -->`, one line for each file
                docs/x.md:3: describes something, but not so: `<!-- describes: FILE sha256: -->`, one line for each file
                docs/x.md:4: describes something, but not so: `<!-- describes: FILE sha256: -->`, one line for each file
                docs/x.md:5: describes something, but not so: `<!-- describes: FILE sha256: -->`, one line for each file
                docs/x.md:6: src/code.rs has changed: read this document again, then `cargo xtask tidy --bless`
            "#]],
        );
    }

    #[test]
    fn a_document_that_hides_what_it_describes_is_found() {
        finds(
            &[("docs/PROTOCOL.md", "# Protocol\n")],
            expect![[r#"
                docs/PROTOCOL.md: describes crates/wharf-wire/src/classic/mod.rs and does not say so: add `<!-- describes: crates/wharf-wire/src/classic/mod.rs sha256: -->`
                docs/PROTOCOL.md: describes crates/wharf-wire/src/classic/packets.rs and does not say so: add `<!-- describes: crates/wharf-wire/src/classic/packets.rs sha256: -->`
                docs/PROTOCOL.md: describes crates/wharf-wire/src/classic/results.rs and does not say so: add `<!-- describes: crates/wharf-wire/src/classic/results.rs sha256: -->`
            "#]],
        );
    }
}
