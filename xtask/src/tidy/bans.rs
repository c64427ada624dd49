//! Calls and words that have no place here, each with what to write instead.

use super::Finding;
use super::rust::{Source, Token};

/// What is banned, the remedy, and where it is right: paths by their beginning, of which `*` is any
/// one folder.
struct Ban {
    /// Rust as it is written; spaces do not count.
    code: &'static str,
    instead: &'static str,
    allowed: &'static [&'static str],
}

/// Where clocks are read: the port's system half, and the outermost programs.
const CLOCKS: &[&str] = &[
    "bench/",
    "crates/wharf-bots/",
    "crates/wharf-host/",
    "crates/wharf-port/src/sys/",
    "crates/wharf-store/tests/",
    "crates/wharf/",
    "tutorial/",
    "xtask/",
];

/// The one address of `unsafe`; and the peers to measure against, a test's disk for SQLite, and
/// each lesson's own calls of the system.
const UNSAFE: &[&str] = &[
    "bench/src/bin/",
    "crates/wharf-port/src/sys/",
    "crates/wharf-store/tests/power_cut/",
    "tutorial/*/src/sys.rs",
    "tutorial/*/src/sys/",
];

/// Where other processes are watched, which send nothing that one could wait for; and lessons, some
/// of which show what waiting costs.
const WAITING: &[&str] = &[
    "bench/",
    "crates/wharf-store/tests/kill/",
    "crates/wharf-store/tests/servers/",
    "crates/wharf/tests/black_box/",
    "tutorial/",
];

/// Where a hash table is asked and never walked in an order that shows.
const HASHED: &[&str] = &[
    "bench/",
    "crates/wharf-host/src/doorman.rs",
    "crates/wharf-port/src/checked.rs",
    "crates/wharf-port/tests/",
];

#[rustfmt::skip]
const BANS: &[Ban] = &[
    ban("Instant::now", "take `now` as a parameter", CLOCKS),
    ban("SystemTime::now", "take the time as a parameter", CLOCKS),
    ban(".elapsed()", "subtract from the `now` that was passed in", CLOCKS),
    ban("thread_rng", "take a seeded `wharf_base::Rng`", &[]),
    ban("rand::rng", "take a seeded `wharf_base::Rng`", &[]),
    ban("thread::sleep", "wait on the port or a `Waiter` until a deadline", WAITING),
    ban("HashMap", "use a BTreeMap or a Slab: its order is random", HASHED),
    ban("HashSet", "use a BTreeSet: its order is random", HASHED),
    ban("dbg!", "remove it", &[]),
    ban("todo!", "write it, or leave it out", &[]),
    ban("unimplemented!", "write it, or leave it out", &[]),
    ban("#[ignore", "mend the test, or remove it", &[]),
    ban("unsafe", "put it behind a safe wrapper in wharf-port/src/sys", UNSAFE),
];

const fn ban(code: &'static str, instead: &'static str, allowed: &'static [&'static str]) -> Ban {
    Ban {
        code,
        instead,
        allowed,
    }
}

/// Comments that say that something is not finished. (Split, lest this line be one.)
const LEFTOVERS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
];

/// Finds the banned calls and the leftovers of one file.
pub(super) fn check(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ban in BANS
        .iter()
        .filter(|ban| !is_below(source.path, ban.allowed))
    {
        for line in lines_with(&source.tokens, ban.code) {
            let message = format!("`{}` is banned here: {}", ban.code, ban.instead);
            findings.push(Finding::new(source.path, line, message));
        }
    }
    for (index, line) in source.text.lines().enumerate() {
        if source.is_verbatim(index + 1) {
            continue;
        }
        for leftover in LEFTOVERS.iter().filter(|&word| has_word(line, word)) {
            let message = format!("leftover {leftover}: do it, or file it");
            findings.push(Finding::new(source.path, index + 1, message));
        }
    }
    findings
}

fn is_below(path: &str, places: &[&str]) -> bool {
    let is_below = |place: &&str| match place.split_once("/*/") {
        None => path.starts_with(*place),
        Some((before, behind)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix('/')?.split_once('/'))
            .is_some_and(|(_, rest)| rest.starts_with(behind)),
    };
    places.iter().any(is_below)
}

fn lines_with(tokens: &[Token], code: &str) -> Vec<usize> {
    let wanted = words(code);
    let same = |window: &&[Token]| {
        window
            .iter()
            .zip(&wanted)
            .all(|(token, word)| token.text == *word)
    };
    tokens
        .windows(wanted.len())
        .filter(same)
        .map(|window| window[0].line)
        .collect()
}

/// Cuts code as the tokens are cut: into words and single characters.
fn words(code: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let bytes = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        words.push(&rest[..bytes]);
        rest = &rest[bytes..];
    }
    words
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric())
        .any(|other| other == word)
}

#[cfg(test)]
mod tests {
    use super::super::lines;
    use super::super::rust::read;
    use super::*;
    use expect_test::{Expect, expect};

    fn finds(path: &str, text: &str, expected: Expect) {
        expected.assert_eq(&lines(check(&read(path, text).unwrap())));
    }

    #[test]
    fn every_ban_finds_its_call() {
        let body = r"//! Planted.
            #[test]
            #[ignore = 'x']
            fn planted() {
                std::time::Instant::now(); SystemTime::now(); begun.elapsed();
                rand::thread_rng(); rand::rng(); std::thread::sleep(second);
                HashMap::new(); HashSet::new();
                dbg!(1); todo!(); unimplemented!();
                unsafe { spoil() }
            }";
        let body = body.replace('\'', "\"");
        finds(
            "crates/wharf-net/src/planted.rs",
            &body,
            expect![[r#"
            crates/wharf-net/src/planted.rs:5: `Instant::now` is banned here: take `now` as a parameter
            crates/wharf-net/src/planted.rs:5: `SystemTime::now` is banned here: take the time as a parameter
            crates/wharf-net/src/planted.rs:5: `.elapsed()` is banned here: subtract from the `now` that was passed in
            crates/wharf-net/src/planted.rs:6: `thread_rng` is banned here: take a seeded `wharf_base::Rng`
            crates/wharf-net/src/planted.rs:6: `rand::rng` is banned here: take a seeded `wharf_base::Rng`
            crates/wharf-net/src/planted.rs:6: `thread::sleep` is banned here: wait on the port or a `Waiter` until a deadline
            crates/wharf-net/src/planted.rs:7: `HashMap` is banned here: use a BTreeMap or a Slab: its order is random
            crates/wharf-net/src/planted.rs:7: `HashSet` is banned here: use a BTreeSet: its order is random
            crates/wharf-net/src/planted.rs:8: `dbg!` is banned here: remove it
            crates/wharf-net/src/planted.rs:8: `todo!` is banned here: write it, or leave it out
            crates/wharf-net/src/planted.rs:8: `unimplemented!` is banned here: write it, or leave it out
            crates/wharf-net/src/planted.rs:3: `#[ignore` is banned here: mend the test, or remove it
            crates/wharf-net/src/planted.rs:9: `unsafe` is banned here: put it behind a safe wrapper in wharf-port/src/sys
        "#]],
        );
    }

    #[test]
    fn calls_inside_macros_are_found() {
        let body = "//! Planted.\nproptest! { fn planted() { assert!(Instant :: now() > then); } }";
        finds(
            "crates/wharf-net/src/planted.rs",
            body,
            expect![[r#"
            crates/wharf-net/src/planted.rs:2: `Instant::now` is banned here: take `now` as a parameter
        "#]],
        );
    }

    #[test]
    fn what_is_right_in_one_place_is_banned_in_the_next() {
        let body = "//! Planted.\nfn planted() { Instant::now(); unsafe { lend() } }";
        finds("crates/wharf-port/src/sys/planted.rs", body, expect![[""]]);
        finds(
            "crates/wharf-port/src/planted.rs",
            body,
            expect![[r#"
            crates/wharf-port/src/planted.rs:2: `Instant::now` is banned here: take `now` as a parameter
            crates/wharf-port/src/planted.rs:2: `unsafe` is banned here: put it behind a safe wrapper in wharf-port/src/sys
        "#]],
        );
    }

    #[test]
    fn a_lesson_is_unsafe_at_one_address_and_may_wait() {
        let body = "//! Planted.\nfn planted() { thread::sleep(second); unsafe { lend() } }";
        for path in [
            "tutorial/s3-port/src/sys.rs",
            "tutorial/s3-port/src/sys/linux.rs",
        ] {
            finds(path, body, expect![[""]]);
        }
        finds(
            "tutorial/s3-port/src/main.rs",
            body,
            expect![[r#"
            tutorial/s3-port/src/main.rs:2: `unsafe` is banned here: put it behind a safe wrapper in wharf-port/src/sys
        "#]],
        );
        finds(
            "tutorial/s3-port/src/other/src/sys.rs",
            body,
            expect![[r#"
            tutorial/s3-port/src/other/src/sys.rs:2: `unsafe` is banned here: put it behind a safe wrapper in wharf-port/src/sys
        "#]],
        );
    }

    #[test]
    fn comments_and_strings_are_not_calls() {
        let body = "//! Instant::now\n/// unsafe\nfn planted() -> &str { \"todo!\" } // dbg!";
        finds("crates/wharf-net/src/planted.rs", body, expect![[""]]);
    }

    #[test]
    fn leftovers_are_found_in_comments_and_only_as_words() {
        let word = LEFTOVERS.join(" ");
        let body = format!("//! Planted.\n// {word}: mend\n// {}S\n", LEFTOVERS[0]);
        finds(
            "crates/wharf-net/src/planted.rs",
            &body,
            expect![[r#"
            crates/wharf-net/src/planted.rs:2: leftover FIXME: do it, or file it
            crates/wharf-net/src/planted.rs:2: leftover XXX: do it, or file it
            crates/wharf-net/src/planted.rs:2: leftover TODO: do it, or file it
        "#]],
        );
    }
}
