//! `cargo xtask counts`: the instructions of the hot paths, against those in the repository.
//!
//! callgrind counts the same on every machine, as long as compiler and valgrind are the same; with
//! others nothing is compared.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::command::{cargo, is_installed, output, run, say};
use crate::{Outcome, Workspace};

/// The runner of the benches' own version, as `bench/counts/Cargo.toml` has it.
const RUNNER: &str = "0.20.0";
/// Where the counts are kept.
const KEPT: &str = "bench/counts/counts.toml";
/// More than so many percent above what is kept is a failure.
const TOLERANCE_PERCENT: u64 = 3;

/// What one run counted, and by what.
#[derive(Clone, Debug, PartialEq)]
struct Counts {
    rustc: String,
    valgrind: String,
    instructions: BTreeMap<String, u64>,
}

/// Counts, and compares; with `bless`, keeps what was counted.
pub(crate) fn check(workspace: &Workspace, bless: bool) -> Outcome {
    if let Some(why) = missing(workspace) {
        return Err(format!(
            "{why}: `cargo xtask setup` installs it on Debian 12"
        ));
    }
    let counted = count(workspace)?;
    let path = workspace.root.join(KEPT);
    if bless {
        return std::fs::write(&path, counted.to_toml())
            .map_err(|error| format!("{KEPT}: {error}"));
    }
    let kept = std::fs::read_to_string(&path).map_err(|error| format!("{KEPT}: {error}"))?;
    let verdict = counted.compare(&Counts::from_toml(&kept)?);
    say(verdict.as_deref().unwrap_or_default());
    verdict.map(drop)
}

/// Why nothing can be counted here, if so.
pub(crate) fn missing(_: &Workspace) -> Option<String> {
    (!is_installed("valgrind")).then(|| "valgrind is not installed".into())
}

fn count(workspace: &Workspace) -> Outcome<Counts> {
    let runner = runner(workspace)?;
    let report = output(
        cargo(workspace)
            .args(["bench", "--quiet", "--manifest-path", "bench/Cargo.toml"])
            .args(["-p", "wharf-counts", "--bench", "hot_paths"])
            .args(["--", "--output-format=json"])
            .env("GUNGRAUN_RUNNER", runner),
    )?;
    let instructions = report.lines().map(instructions).collect::<Outcome<_>>()?;
    let version = |program: &str| output(Command::new(program).arg("--version"));
    Ok(Counts {
        rustc: version("rustc")?.trim().to_owned(),
        valgrind: version("valgrind")?.trim().to_owned(),
        instructions,
    })
}

/// The benches' runner, installed below `target/` if it is not yet.
fn runner(workspace: &Workspace) -> Outcome<PathBuf> {
    let root = workspace.root.join("target/tools");
    let runner = root.join("bin/gungraun-runner");
    if !runner.is_file() {
        run(cargo(workspace)
            .args(["install", "--quiet", "gungraun-runner", "--version", RUNNER])
            .args(["--locked", "--debug", "--root"])
            .arg(root)
            .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    Ok(runner)
}

/// A bench's name and its instructions, of a line of the runner's report.
fn instructions(line: &str) -> Outcome<(String, u64)> {
    let json: Value = serde_json::from_str(line)
        .map_err(|error| format!("a line of the report is not JSON: {error}"))?;
    let count = &json["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    let name = json["function_name"].as_str().zip(count.as_u64());
    let (name, count) = name.ok_or_else(|| format!("a line of the report has no count: {line}"))?;
    Ok((name.to_owned(), count))
}

impl Counts {
    /// What to print of these beside what is kept; an error if one is too high.
    fn compare(&self, kept: &Self) -> Outcome<String> {
        if (&self.rustc, &self.valgrind) != (&kept.rustc, &kept.valgrind) {
            return Ok(format!(
                "Not compared: {KEPT} was counted with {} and {}, this is {} and {}.\n\
                 To keep the counts of these: cargo xtask counts --bless",
                kept.rustc, kept.valgrind, self.rustc, self.valgrind
            ));
        }
        let gone = kept
            .instructions
            .keys()
            .find(|name| !self.instructions.contains_key(*name));
        if let Some(name) = gone {
            return Err(format!(
                "{name} is in {KEPT} and was not counted; if it is gone on purpose: \
                 cargo xtask counts --bless"
            ));
        }
        let mut table = String::new();
        let mut above = Vec::new();
        for (name, &count) in &self.instructions {
            let Some(&before) = kept.instructions.get(name) else {
                return Err(format!("{KEPT} lacks {name}: cargo xtask counts --bless"));
            };
            let percent = 100.0 * (count as f64 / before as f64 - 1.0);
            table += &format!("  {name:<30}{before:>10} -> {count:>10}  {percent:+.1} %\n");
            if 100 * count > (100 + TOLERANCE_PERCENT) * before {
                above.push(format!("{name} by {percent:+.1} %"));
            }
        }
        match above.is_empty() {
            true => Ok(table),
            false => Err(format!(
                "{table}More instructions than {KEPT} allows: {}. If that is worth it: \
                 cargo xtask counts --bless",
                above.join(", ")
            )),
        }
    }

    fn to_toml(&self) -> String {
        let mut text = String::from(
            "# Instructions of the hot paths, written by `cargo xtask counts --bless`.\n",
        );
        text += &format!(
            "rustc = \"{}\"\nvalgrind = \"{}\"\n",
            self.rustc, self.valgrind
        );
        text += "\n[instructions]\n";
        for (name, count) in &self.instructions {
            text += &format!("{name} = {count}\n");
        }
        text
    }

    fn from_toml(text: &str) -> Outcome<Self> {
        let told = |error: toml::de::Error| format!("{KEPT}: {error}");
        let table: toml::Table = text.parse().map_err(told)?;
        let string = |name: &str| {
            let value = table.get(name).and_then(toml::Value::as_str);
            value
                .map(str::to_owned)
                .ok_or_else(|| format!("{KEPT}: {name} is missing"))
        };
        let instructions = table.get("instructions").and_then(toml::Value::as_table);
        let instructions = instructions.ok_or_else(|| format!("{KEPT}: no instructions"))?;
        let count = |(name, count): (&String, &toml::Value)| {
            let count = count
                .as_integer()
                .and_then(|count| u64::try_from(count).ok());
            count.map(|count| (name.clone(), count))
        };
        Ok(Self {
            rustc: string("rustc")?,
            valgrind: string("valgrind")?,
            instructions: instructions.iter().filter_map(count).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(send: u64, rustc: &str) -> Counts {
        Counts {
            rustc: rustc.to_owned(),
            valgrind: "valgrind-3".into(),
            instructions: BTreeMap::from([("cut".to_owned(), 500), ("send".to_owned(), send)]),
        }
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let counts = counts(1_000, "rustc 1");
        assert_eq!(Counts::from_toml(&counts.to_toml()), Ok(counts));
    }

    #[test]
    fn three_percent_more_pass_and_the_next_instruction_fails_by_name() {
        let kept = counts(1_000, "rustc 1");
        assert!(counts(1_030, "rustc 1").compare(&kept).is_ok());
        assert!(counts(100, "rustc 1").compare(&kept).is_ok());
        let error = counts(1_031, "rustc 1").compare(&kept).unwrap_err();
        assert!(error.contains("send by +3.1 %"), "{error}");
    }

    #[test]
    fn a_bench_that_is_no_longer_counted_is_missed() {
        let mut fewer = counts(1_000, "rustc 1");
        fewer.instructions.remove("send");
        let error = fewer.compare(&counts(1_000, "rustc 1")).unwrap_err();
        assert!(error.starts_with("send is in"), "{error}");
    }

    #[test]
    fn another_compiler_is_not_compared() {
        let verdict = counts(9_000, "rustc 2").compare(&counts(1_000, "rustc 1"));
        assert!(verdict.unwrap().starts_with("Not compared"));
    }
}
