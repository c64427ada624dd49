//! The guide's tasks, checks and faults: each is shown by a test or a figure that exists.

use std::collections::BTreeMap;

use toml::Spanned;

use super::Finding;
use super::rust::{Source, Token};
use super::tree::{Tree, lessons};
use crate::lessons::coverage::{Ask, Coverage, Kind, PATH, Part, line_at};

/// Finds lessons that are not listed, and what is listed and not there.
pub(super) fn check(tree: &Tree, sources: &[Source<'_>]) -> Vec<Finding> {
    let lessons: Vec<&str> = lessons(tree).collect();
    let Some(text) = tree.text(PATH) else {
        let unlisted = lessons.iter().map(|lesson| not_listed(lesson));
        return unlisted.collect();
    };
    let coverage = match Coverage::read(text) {
        Ok(coverage) => coverage,
        Err(error) => return vec![Finding::new(PATH, error.line, error.message)],
    };
    let mut check = Check {
        text,
        tree,
        tests: lessons
            .iter()
            .map(|&it| (it, tests_of(it, sources)))
            .collect(),
        findings: Vec::new(),
    };
    for part in &coverage.parts {
        check.part(part);
    }
    for lesson in &lessons {
        let is_listed = coverage
            .parts
            .iter()
            .any(|it| it.package.get_ref() == lesson);
        if !is_listed {
            check.findings.push(not_listed(lesson));
        }
        check.feature(lesson, !coverage.red(lesson).is_empty());
    }
    check.findings
}

fn not_listed(lesson: &str) -> Finding {
    let message = format!("{PATH} does not list it: say there what the guide asks for");
    Finding::new(&manifest(lesson), 0, message)
}

fn manifest(lesson: &str) -> String {
    format!("tutorial/{lesson}/Cargo.toml")
}

struct Check<'a> {
    text: &'a str,
    tree: &'a Tree,
    /// The names of each lesson's tests, without their modules.
    tests: BTreeMap<&'a str, Vec<String>>,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn part(&mut self, part: &Part) {
        let package = part.package.get_ref();
        if !self.tests.contains_key(package.as_str()) {
            self.found(&part.package, format!("there is no tutorial/{package}"));
            return;
        }
        for ask in &part.asks {
            self.ask(package, ask);
        }
    }

    fn ask(&mut self, package: &str, ask: &Ask) {
        if ask.shown_by.is_empty() {
            self.found(&ask.ko, "nothing shows it: name a test or a figure".into());
        }
        for shown_by in &ask.shown_by {
            self.shown_by(package, shown_by);
        }
        if ask.red.is_empty() == (ask.kind == Kind::Fault) {
            let message = match ask.kind {
                Kind::Fault => "a fault that turns no test red: list those that it does in `red`",
                Kind::Task | Kind::Check => "only a fault turns tests red: its kind is another",
            };
            self.found(&ask.ko, message.into());
        }
        for red in &ask.red {
            self.red(package, red);
        }
    }

    fn shown_by(&mut self, package: &str, shown_by: &Spanned<String>) {
        let named = shown_by.get_ref();
        let Some((of, test)) = named.split_once("::") else {
            let path = format!("tutorial/{package}/{named}");
            if self.tree.text(&path).is_none() {
                self.found(shown_by, format!("there is no {path}"));
            }
            return;
        };
        match self.tests.get(of) {
            None => self.found(shown_by, format!("there is no tutorial/{of}")),
            Some(tests) if !tests.iter().any(|it| it == test) => {
                self.found(shown_by, format!("{of} has no test {test}"));
            }
            Some(_) => {}
        }
    }

    fn red(&mut self, package: &str, red: &Spanned<String>) {
        let test = red.get_ref();
        let all = self.tests.iter();
        let with = all.flat_map(|(of, tests)| tests.iter().filter(|it| *it == test).map(|_| *of));
        let with: Vec<&str> = with.collect();
        if !with.contains(&package) {
            self.found(red, format!("{package} has no test {test}"));
        } else if with.len() > 1 {
            let with = with.join(" and ");
            self.found(
                red,
                format!("{test} is a test of {with}: names are told apart"),
            );
        }
    }

    /// Faults come back by a feature, and a feature without faults misleads.
    fn feature(&mut self, lesson: &str, has_faults: bool) {
        let path = manifest(lesson);
        let lines = self.tree.text(&path).unwrap_or_default().lines();
        let has_feature = lines.clone().any(|line| line.starts_with("faulty = ["));
        let message = match (has_faults, has_feature) {
            (true, false) => "has faults, and no feature `faulty` that brings them back",
            (false, true) => "has a feature `faulty`, and lists no fault that it brings back",
            _ => return,
        };
        self.findings.push(Finding::new(&path, 0, message));
    }

    fn found(&mut self, at: &Spanned<String>, message: String) {
        let line = line_at(self.text, at.span().start);
        self.findings.push(Finding::new(PATH, line, message));
    }
}

fn tests_of(lesson: &str, sources: &[Source<'_>]) -> Vec<String> {
    let folder = format!("tutorial/{lesson}/");
    let of_it = sources.iter().filter(|it| it.path.starts_with(&folder));
    of_it.flat_map(|source| tests_in(&source.tokens)).collect()
}

/// The names of functions behind `#[test]`, inside macros too.
fn tests_in(tokens: &[Token]) -> Vec<String> {
    let is_mark = |window: &[Token]| {
        let mark = ["#", "[", "test", "]"];
        window.iter().zip(mark).all(|(token, it)| token.text == it)
    };
    let marks = tokens.windows(4).enumerate().filter(|(_, it)| is_mark(it));
    let name_behind = |(mark, _)| {
        let behind = &tokens[mark..];
        let function = behind.iter().position(|token| token.text == "fn")?;
        Some(behind.get(function + 1)?.text.clone())
    };
    marks.filter_map(name_behind).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::super::rust::parse;
    use super::*;
    use expect_test::{Expect, expect};

    /// Finds in a tree of two lessons, each with tests of its own and one of the same name.
    fn finds(list: &str, expected: Expect) {
        let tests =
            "//! x\n#[test]\nfn short() {}\nproptest! { #[test] #[cfg(x)] fn ring(x in y) {} }";
        let others = "//! x\nmod tests { #[test] fn short() {} #[test] fn late() {} fn no() {} }";
        let tree = Tree::planted(&[
            (PATH, list),
            ("tutorial/lab/Cargo.toml", ""),
            ("tutorial/s1/Cargo.toml", "[features]\nfaulty = []\n"),
            ("tutorial/s1/tests/s1.rs", tests),
            ("tutorial/s1/figures/cpu.md", "# CPU\n"),
            ("tutorial/s2/Cargo.toml", ""),
            ("tutorial/s2/src/lib.rs", others),
        ]);
        let (sources, _) = parse(&tree);
        expected.assert_eq(&lines(check(&tree, &sources)));
    }

    const SOUND: &str = r#"
        [[part]]
        package = "s1"
        guide = "stage 1"
        [[part.ask]]
        ko = "링 버퍼 구현"
        en = "A ring"
        kind = "task"
        shown_by = ["s1::ring", "figures/cpu.md", "s2::late"]
        [[part.ask]]
        ko = "예제 코드"
        en = "It overwrites"
        kind = "fault"
        shown_by = ["s1::ring"]
        red = ["ring"]
        [[part]]
        package = "s2"
        guide = "stage 2"
    "#;

    #[test]
    fn what_is_listed_and_there_is_no_finding() {
        finds(SOUND, expect![[""]]);
    }

    #[test]
    fn what_nothing_shows_and_what_is_not_there_is_found() {
        let list = SOUND
            .replace(
                "s1::ring\", \"figures/cpu.md",
                "s1::gone\", \"figures/gone.md",
            )
            .replace("s2::late", "s9::late")
            .replace("[\"s1::ring\"]", "[]")
            .replace("red = [\"ring\"]", "red = [\"gone\", \"late\"]");
        finds(
            &list,
            expect![[r#"
                tutorial/coverage.toml:9: s1 has no test gone
                tutorial/coverage.toml:9: there is no tutorial/s1/figures/gone.md
                tutorial/coverage.toml:9: there is no tutorial/s9
                tutorial/coverage.toml:11: nothing shows it: name a test or a figure
                tutorial/coverage.toml:15: s1 has no test gone
                tutorial/coverage.toml:15: s1 has no test late
            "#]],
        );
    }

    #[test]
    fn a_red_test_has_its_name_to_itself() {
        let list = SOUND.replace("red = [\"ring\"]", "red = [\"short\"]");
        finds(
            &list,
            expect![[r#"
                tutorial/coverage.toml:15: short is a test of s1 and s2: names are told apart
            "#]],
        );
    }

    #[test]
    fn faults_turn_tests_red_and_nothing_else_does() {
        let list = SOUND.replace("kind = \"task\"", "kind = \"fault\"");
        finds(
            &list,
            expect![[r#"
                tutorial/coverage.toml:6: a fault that turns no test red: list those that it does in `red`
            "#]],
        );
        let list = SOUND.replace("kind = \"fault\"", "kind = \"check\"");
        finds(
            &list,
            expect![[r#"
                tutorial/coverage.toml:11: only a fault turns tests red: its kind is another
            "#]],
        );
    }

    #[test]
    fn lessons_that_are_not_listed_and_parts_without_a_lesson_are_found() {
        let list = SOUND.replace("package = \"s2\"", "package = \"s3\"");
        finds(
            &list,
            expect![[r#"
                tutorial/coverage.toml:17: there is no tutorial/s3
                tutorial/s2/Cargo.toml: tutorial/coverage.toml does not list it: say there what the guide asks for
            "#]],
        );
    }

    #[test]
    fn the_feature_is_there_if_a_fault_is() {
        let moved = SOUND
            .replace("red = [\"ring\"]", "")
            .replace("\"fault\"", "\"check\"")
            + "[[part.ask]]\nko = \"가\"\nen = \"a\"\nkind = \"fault\"\n\
               shown_by = [\"s2::late\"]\nred = [\"late\"]\n";
        finds(
            &moved,
            expect![[r#"
                tutorial/s1/Cargo.toml: has a feature `faulty`, and lists no fault that it brings back
                tutorial/s2/Cargo.toml: has faults, and no feature `faulty` that brings them back
            "#]],
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_found_at_its_line() {
        let list = SOUND.replace("kind = \"fault\"", "kind = \"wish\"");
        finds(
            &list,
            expect![[r#"
                tutorial/coverage.toml:13: unknown variant `wish`, expected one of `task`, `check`, `fault`
            "#]],
        );
    }
}
