//! What the test harness prints, read as far as it decides: which tests failed, and whether every
//! test program came to its end.

use crate::command::Printed;

/// What the test programs of one package said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// By the last part of their names, in alphabetical order.
    pub(super) failed: Vec<String>,
    pub(super) passed: usize,
}

impl Verdict {
    /// Reads what each of the programs printed.
    ///
    /// # Errors
    ///
    /// When it does not add up: there is none, one broke off, or tests printed over its results.
    pub(super) fn of<'a>(programs: impl IntoIterator<Item = &'a Printed>) -> Result<Self, String> {
        let mut verdict = Self::default();
        let mut programs = programs.into_iter().peekable();
        if programs.peek().is_none() {
            return Err(NOTHING.into());
        }
        for Printed { text, succeeded } in programs {
            let lines: Vec<&str> = text.lines().collect();
            // What comes before may be a test's output.
            let end = lines.iter().rposition(|line| line.starts_with(RESULT));
            let (said, result) = lines.split_at(end.ok_or(BROKEN)?);
            let failed = verdict.add(said, &result[0][RESULT.len()..])?;
            if *succeeded != (failed == 0) {
                return Err(BROKEN.into());
            }
        }
        verdict.failed.sort();
        Ok(verdict)
    }

    /// Adds what one program said before its result, and returns how many of its tests failed.
    fn add(&mut self, said: &[&str], result: &str) -> Result<usize, String> {
        // The last list of failures is the harness' own.
        let list = said.iter().rposition(|line| *line == "failures:");
        let names = list.map_or(&[][..], |list| &said[list + 1..]);
        let names = names.iter().filter_map(|line| line.strip_prefix("    "));
        let failed: Vec<String> = names.map(|name| last_part(name).to_string()).collect();
        if count(result, "failed") != Some(failed.len()) {
            return Err(format!("cannot read which tests failed: {result}"));
        }
        self.passed += count(result, "passed").ok_or(BROKEN)?;
        let count = failed.len();
        self.failed.extend(failed);
        Ok(count)
    }

    /// Says what is not as it should be: exactly the tests of `red` fail.
    pub(super) fn complaint(&self, red: &[&str]) -> Option<String> {
        let green = red
            .iter()
            .filter(|test| !self.failed.iter().any(|it| it == *test));
        let others = self.failed.iter().filter(|it| !red.contains(&it.as_str()));
        let green = green.map(|test| format!("{test} does not fail with the feature `faulty`"));
        let others = others.map(|test| match red {
            [] => format!("{test} fails"),
            _ => format!("{test} fails and is not listed as red"),
        });
        let complaints: Vec<String> = green.chain(others).collect();
        (!complaints.is_empty()).then(|| complaints.join("; "))
    }
}

const RESULT: &str = "test result: ";
const NOTHING: &str = "cargo told of no test program";
const BROKEN: &str = "a test program broke off before its end";

/// Of `FAILED. 3 passed; 1 failed; ..` the number before the word.
fn count(result: &str, word: &str) -> Option<usize> {
    let words: Vec<&str> = result.split([' ', ';', '.']).collect();
    let at = words.iter().position(|it| *it == word)?;
    words[at.checked_sub(1)?].parse().ok()
}

/// A test's own name, without its modules.
fn last_part(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "
running 2 tests
test a_short_send_is_finished ... FAILED
test tests::an_echo_comes_back ... ok

failures:

---- a_short_send_is_finished stdout ----
thread 'a_short_send_is_finished' panicked at tutorial/s1-sockets/tests/faults.rs:9:5:
failures:
    no name
test result: none
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    a_short_send_is_finished

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s

";
    const OTHER: &str = "
running 1 test
test faults::the_second_is_served ... FAILED

failures:

failures:
    faults::the_second_is_served

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 7.00s

";
    const EMPTY: &str = "
running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

";

    /// Of programs that ended as those do that print so.
    fn verdict(texts: &[&str]) -> Result<Verdict, String> {
        let printed = |text: &&str| Printed {
            text: (*text).into(),
            succeeded: !text.contains("FAILED"),
        };
        Verdict::of(&texts.iter().map(printed).collect::<Vec<_>>())
    }

    fn failed(names: &[&str], passed: usize) -> Verdict {
        let failed = names.iter().map(ToString::to_string).collect();
        Verdict { failed, passed }
    }

    #[test]
    fn failures_of_all_programs_are_read_by_their_own_names() {
        let expected = failed(&["a_short_send_is_finished", "the_second_is_served"], 1);
        assert_eq!(verdict(&[ONE, OTHER, EMPTY]), Ok(expected));
        // Windows ends its lines in its own way.
        let other = OTHER.replace('\n', "\r\n");
        assert_eq!(verdict(&[&other]), verdict(&[OTHER]));
    }

    #[test]
    fn a_program_that_breaks_off_is_no_verdict() {
        let (before, _) = OTHER.split_once(RESULT).unwrap();
        assert_eq!(verdict(&[EMPTY, before]), Err(BROKEN.into()));
        assert_eq!(verdict(&[EMPTY, ""]), Err(BROKEN.into()));
        assert_eq!(verdict(&[]), Err(NOTHING.into()));
        let crashed = Printed {
            text: EMPTY.into(),
            succeeded: false,
        };
        assert_eq!(Verdict::of([&crashed]), Err(BROKEN.into()));
    }

    #[test]
    fn a_list_that_was_printed_over_is_no_verdict() {
        let text = OTHER.replace("    faults::the_second_is_served\n", "x\n");
        assert!(verdict(&[&text]).unwrap_err().starts_with("cannot read"));
    }

    #[test]
    fn exactly_what_is_listed_turns_red() {
        let verdict = failed(&["a", "b"], 3);
        assert_eq!(verdict.complaint(&["b", "a"]), None);
        let complaint = verdict.complaint(&["a", "c"]).unwrap();
        let expected = "c does not fail with the feature `faulty`; \
            b fails and is not listed as red";
        assert_eq!(complaint, expected);
        assert_eq!(failed(&[], 3).complaint(&[]), None);
        assert_eq!(failed(&["a"], 3).complaint(&[]).unwrap(), "a fails");
    }
}
