//! What the test harness prints, read as far as it decides: which tests failed, and whether every
//! test program came to its end.

/// What the test programs of one package said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// By the last part of their names, in alphabetical order.
    pub(super) failed: Vec<String>,
    pub(super) passed: usize,
}

impl Verdict {
    /// Reads the standard output of `cargo test --no-fail-fast`.
    ///
    /// # Errors
    ///
    /// When it does not add up: a program broke off, or its tests printed over its results.
    pub(super) fn of(output: &str) -> Result<Self, String> {
        let mut verdict = Self::default();
        // Between `running 3 tests` and `test result:` stands what one program has to say.
        let mut program: Option<Vec<&str>> = None;
        for line in output.lines() {
            if is_beginning(line) {
                if program.is_some() {
                    return Err(BROKEN.into());
                }
                program = Some(Vec::new());
            } else if let Some(result) = line.strip_prefix("test result: ") {
                let said = program.take().ok_or(BROKEN)?;
                verdict.add(&said, result)?;
            } else if let Some(said) = &mut program {
                said.push(line);
            }
        }
        if program.is_some() {
            return Err(BROKEN.into());
        }
        verdict.failed.sort();
        Ok(verdict)
    }

    fn add(&mut self, said: &[&str], result: &str) -> Result<(), String> {
        // The last list of failures is the harness' own; what comes before may be a test's output.
        let list = said.iter().rposition(|line| *line == "failures:");
        let names = list.map_or(&[][..], |list| &said[list + 1..]);
        let names = names.iter().filter_map(|line| line.strip_prefix("    "));
        let failed: Vec<String> = names.map(|name| last_part(name).to_string()).collect();
        if count(result, "failed") != Some(failed.len()) {
            return Err(format!("cannot read which tests failed: {result}"));
        }
        self.failed.extend(failed);
        self.passed += count(result, "passed").ok_or(BROKEN)?;
        Ok(())
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

const BROKEN: &str = "a test program broke off before its end";

fn is_beginning(line: &str) -> bool {
    let mut words = line.split(' ');
    let is_count = |word: Option<&str>| word.is_some_and(|it| it.parse::<usize>().is_ok());
    words.next() == Some("running")
        && is_count(words.next())
        && matches!(words.next(), Some("test" | "tests"))
        && words.next().is_none()
}

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

    const BOTH: &str = "
running 2 tests
test a_short_send_is_finished ... FAILED
test tests::an_echo_comes_back ... ok

failures:

---- a_short_send_is_finished stdout ----
thread 'a_short_send_is_finished' panicked at tutorial/s1-sockets/tests/faults.rs:9:5:
failures:
    no name
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    a_short_send_is_finished

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s


running 1 test
test faults::the_second_is_served ... FAILED

failures:

failures:
    faults::the_second_is_served

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 7.00s


running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    fn failed(names: &[&str], passed: usize) -> Verdict {
        let failed = names.iter().map(ToString::to_string).collect();
        Verdict { failed, passed }
    }

    #[test]
    fn failures_of_all_programs_are_read_by_their_own_names() {
        let expected = failed(&["a_short_send_is_finished", "the_second_is_served"], 1);
        assert_eq!(Verdict::of(BOTH), Ok(expected));
        // Windows ends its lines in its own way.
        let other = BOTH.replace('\n', "\r\n");
        assert_eq!(Verdict::of(&other), Verdict::of(BOTH));
    }

    #[test]
    fn a_program_that_breaks_off_is_no_verdict() {
        let (before, _) = BOTH.rsplit_once("test result: FAILED").unwrap();
        assert_eq!(Verdict::of(before), Err(BROKEN.into()));
        let (_, behind) = BOTH.split_once("running 2 tests").unwrap();
        assert_eq!(Verdict::of(behind), Err(BROKEN.into()));
        let in_the_middle = BOTH.replacen("test result: FAILED", "gone", 1);
        assert_eq!(Verdict::of(&in_the_middle), Err(BROKEN.into()));
    }

    #[test]
    fn a_list_that_was_printed_over_is_no_verdict() {
        let text = BOTH.replace("    faults::the_second_is_served\n", "x\n");
        assert!(Verdict::of(&text).unwrap_err().starts_with("cannot read"));
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
