//! Figures of the lessons: a README shows what was measured, and nobody types it.
//!
//! Between `<!-- figures: NAME -->` and `<!-- end -->` stands what `figures/NAME.md` beside it says
//! below its title. `cargo xtask tidy --bless` writes it there.

use super::Finding;
use super::tree::{Tree, lessons};

const BEGIN: &str = "<!-- figures: ";
const END: &str = "<!-- end -->";

/// Finds READMEs that show something else than what was measured.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in readmes(tree) {
        let shown = match shown(tree, &path, text) {
            Ok(shown) => shown,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        let differing = text
            .lines()
            .zip(shown.lines())
            .position(|(is, shall)| is != shall);
        if shown != text {
            let line = differing.map_or(0, |index| index + 1);
            let message = "shows other figures than were measured: cargo xtask tidy --bless";
            findings.push(Finding::new(&path, line, message));
        }
    }
    findings
}

/// The READMEs that show something else, as they are to be. Those that cannot be mended stay.
pub(super) fn blessed(tree: &Tree) -> Vec<(String, String)> {
    let renewed = |(path, text): (String, &str)| {
        let shown = shown(tree, &path, text).ok()?;
        (shown != text).then_some((path, shown))
    };
    readmes(tree).filter_map(renewed).collect()
}

/// Whether the lesson's README shows any.
pub(super) fn are_shown(tree: &Tree, lesson: &str) -> bool {
    let text = tree.text(&format!("tutorial/{lesson}/README.md"));
    text.is_some_and(|text| text.lines().any(|line| name(line).is_some()))
}

fn readmes(tree: &Tree) -> impl Iterator<Item = (String, &str)> {
    let of_lesson = |lesson: &str| {
        ["README.md", "README.ko.md"].map(|name| format!("tutorial/{lesson}/{name}"))
    };
    let paths = lessons(tree).flat_map(of_lesson);
    paths.filter_map(|path| Some((path.clone(), tree.text(&path)?)))
}

/// The README's text with the figures as they were measured.
fn shown(tree: &Tree, path: &str, text: &str) -> Result<String, Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut shown = String::new();
    let mut lines = text.split_inclusive('\n').zip(1..);
    while let Some((line, number)) = lines.next() {
        shown.push_str(line);
        let Some(name) = name(line) else {
            continue;
        };
        let file = format!("{folder}/figures/{name}.md");
        let Some(figures) = tree.text(&file) else {
            return Err(Finding::new(
                path,
                number,
                format!("shows {file}, which is not there"),
            ));
        };
        let body = figures.split_once('\n').map_or("", |(_, body)| body).trim();
        shown.push_str(&format!("\n{body}\n\n"));
        let Some((end, _)) = lines.by_ref().find(|(line, _)| line.trim() == END) else {
            return Err(Finding::new(
                path,
                number,
                format!("begins figures without `{END}`"),
            ));
        };
        shown.push_str(end);
    }
    Ok(shown)
}

fn name(line: &str) -> Option<&str> {
    line.trim().strip_prefix(BEGIN)?.strip_suffix(" -->")
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::*;
    use expect_test::expect;

    const FIGURES: &str = "# CPU\n\n| a |\n|---|\n| 1 |\n\n`cargo run`\n";

    fn tree(readme: &str) -> Tree {
        Tree::planted(&[
            ("tutorial/s1/Cargo.toml", ""),
            ("tutorial/s1/figures/cpu.md", FIGURES),
            ("tutorial/s1/README.md", readme),
        ])
    }

    #[test]
    fn figures_are_shown_as_they_were_measured_once_blessed() {
        let readme = "# S\n\n<!-- figures: cpu -->\n| 0 |\n<!-- end -->\n\nMore.\n";
        let mut tree = tree(readme);
        expect![[r#"
            tutorial/s1/README.md:4: shows other figures than were measured: cargo xtask tidy --bless
        "#]]
        .assert_eq(&lines(check(&tree)));
        for (path, text) in blessed(&tree) {
            tree.replace(&path, text);
        }
        expect![[r#"
            # S

            <!-- figures: cpu -->

            | a |
            |---|
            | 1 |

            `cargo run`

            <!-- end -->

            More.
        "#]]
        .assert_eq(tree.text("tutorial/s1/README.md").unwrap());
        assert_eq!(lines(check(&tree)), "");
        assert!(are_shown(&tree, "s1"));
    }

    #[test]
    fn figures_that_are_gone_or_have_no_end_are_found_and_left_as_they_are() {
        let gone = tree("# S\n<!-- figures: gone -->\n<!-- end -->\n");
        expect![[r#"
            tutorial/s1/README.md:2: shows tutorial/s1/figures/gone.md, which is not there
        "#]]
        .assert_eq(&lines(check(&gone)));
        let endless = tree("# S\n<!-- figures: cpu -->\nMore.\n");
        expect![[r#"
            tutorial/s1/README.md:2: begins figures without `<!-- end -->`
        "#]]
        .assert_eq(&lines(check(&endless)));
        assert!(blessed(&gone).is_empty() && blessed(&endless).is_empty());
        assert!(!are_shown(&tree("# S\n"), "s1"));
    }
}
