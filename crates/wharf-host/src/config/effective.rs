//! The configuration in effect, and where each of its values came from.

use super::value::Raw;
use super::{ConfigError, Machine, Setting, Value, file};
use core::fmt;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file that is read if it is there and no other is named.
const DEFAULT_FILE: &str = "wharf.toml";
/// What a variable of the environment begins with; dots are written as two underscores:
/// `WHARF_LIMITS__SESSIONS_MAX`.
const ENVIRONMENT_PREFIX: &str = "WHARF_";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Built in.
    Default,
    /// A configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// The command line: `--listen`, `--set limits.sessions_max`.
    CommandLine(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::CommandLine(flag) => f.write_str(flag),
        }
    }
}

/// What the layers above the defaults say.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// `--config FILE`. Without it `wharf.toml` is read if it is there.
    pub file: Option<PathBuf>,
    /// Name and value of every variable of the environment; others than `WHARF_*` are ignored.
    pub environment: Vec<(String, String)>,
    /// Flag as typed (for messages), key and value, in the order of the command line.
    pub command_line: Vec<(String, String, String)>,
}

/// Every setting with its value. Made once at the start; a changed file makes a new one.
#[derive(Clone, Debug)]
pub struct Effective {
    settings: Vec<&'static Setting>,
    values: BTreeMap<&'static str, (Value, Source)>,
    file: Option<PathBuf>,
}

impl Effective {
    /// The keys whose values are others in `other`, in the order of the tables.
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let keys = self.settings.iter().map(|setting| setting.key);
        keys.filter(|key| self.entry(key).0 != other.entry(key).0)
            .collect()
    }

    /// Resolves all layers for the settings of `tables` (the server's and the game's).
    ///
    /// # Errors
    /// The first [`ConfigError`] in the order file, environment, command line.
    pub fn resolve(
        tables: &[&'static [Setting]],
        machine: &Machine,
        layers: &Layers,
    ) -> Result<Self, ConfigError> {
        let settings: Vec<&'static Setting> = tables.iter().copied().flatten().collect();
        let values = settings
            .iter()
            .map(|setting| (setting.key, ((setting.default)(machine), Source::Default)))
            .collect();
        let mut effective = Self {
            settings,
            values,
            file: None,
        };
        effective.apply_file(layers)?;
        effective.apply_environment(layers)?;
        for (flag, key, value) in &layers.command_line {
            let source = Source::CommandLine(flag.clone());
            effective.apply(key, &file::read_value(value), value, source)?;
        }
        effective.relate(machine)?;
        Ok(effective)
    }

    /// The file that was read, if one was.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where the value of `key` came from.
    ///
    /// # Panics
    /// If no table has this key: a mistake in the program, not in a configuration.
    pub fn source(&self, key: &str) -> &Source {
        &self.entry(key).1
    }

    /// A whole number.
    ///
    /// # Panics
    /// If no table has this key as a number.
    pub fn integer(&self, key: &str) -> u64 {
        match self.entry(key).0 {
            Value::Integer(number) => number,
            ref other => panic!("{key} is {other:?}, not a number"),
        }
    }

    /// Yes or no.
    ///
    /// # Panics
    /// If no table has this key as a flag.
    pub fn flag(&self, key: &str) -> bool {
        match self.entry(key).0 {
            Value::Flag(flag) => flag,
            ref other => panic!("{key} is {other:?}, not a flag"),
        }
    }

    /// A word.
    ///
    /// # Panics
    /// If no table has this key as a choice.
    pub fn choice(&self, key: &str) -> &'static str {
        match self.entry(key).0 {
            Value::Choice(word) => word,
            ref other => panic!("{key} is {other:?}, not a choice"),
        }
    }

    /// An address.
    ///
    /// # Panics
    /// If no table has this key as an address.
    pub fn address(&self, key: &str) -> SocketAddr {
        match self.entry(key).0 {
            Value::Address(address) => address,
            ref other => panic!("{key} is {other:?}, not an address"),
        }
    }

    /// A path.
    ///
    /// # Panics
    /// If no table has this key as a path.
    pub fn path(&self, key: &str) -> &Path {
        match &self.entry(key).0 {
            Value::Path(path) => path,
            other => panic!("{key} is {other:?}, not a path"),
        }
    }

    /// Networks.
    ///
    /// # Panics
    /// If no table has this key as networks.
    pub fn networks(&self, key: &str) -> &[IpNet] {
        match &self.entry(key).0 {
            Value::Networks(networks) => networks,
            other => panic!("{key} is {other:?}, not networks"),
        }
    }

    fn entry(&self, key: &str) -> &(Value, Source) {
        self.values
            .get(key)
            .unwrap_or_else(|| panic!("no table of settings has {key}"))
    }

    fn apply_file(&mut self, layers: &Layers) -> Result<(), ConfigError> {
        let (path, required) = match &layers.file {
            Some(path) => (path.clone(), true),
            None => (PathBuf::from(DEFAULT_FILE), false),
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
                return Ok(());
            }
            Err(error) => {
                return Err(ConfigError {
                    source: Source::CommandLine(format!("--config {}", path.display())),
                    problem: format!("the file cannot be read: {error}"),
                });
            }
        };
        for entry in file::read(&path, &text)? {
            self.apply(&entry.key, &entry.raw, "", entry.source)?;
        }
        self.file = Some(path);
        Ok(())
    }

    fn apply_environment(&mut self, layers: &Layers) -> Result<(), ConfigError> {
        for (name, value) in &layers.environment {
            let Some(rest) = name.strip_prefix(ENVIRONMENT_PREFIX) else {
                continue;
            };
            let key = rest.to_lowercase().replace("__", ".");
            self.apply(
                &key,
                &file::read_value(value),
                value,
                Source::Environment(name.clone()),
            )?;
        }
        Ok(())
    }

    /// Sets one value. `text` is what was typed where everything is text (environment, command
    /// line), so that `--set data=true` still names a path.
    fn apply(
        &mut self,
        key: &str,
        raw: &Raw,
        text: &str,
        source: Source,
    ) -> Result<(), ConfigError> {
        let Some(setting) = self.settings.iter().find(|setting| setting.key == key) else {
            return Err(ConfigError {
                problem: unknown(key, &self.settings),
                source,
            });
        };
        let as_text = Raw::Text(text.to_owned());
        let judged = setting.kind.judge(raw).or_else(|| {
            let typed = !text.is_empty();
            typed.then(|| setting.kind.judge(&as_text)).flatten()
        });
        let Some(value) = judged else {
            let problem = format!("{key} = {}: must be {}", shown(raw), setting.kind);
            return Err(ConfigError { source, problem });
        };
        self.values.insert(setting.key, (value, source));
        Ok(())
    }

    /// Defaults that follow from other settings, and what must hold between settings.
    fn relate(&mut self, machine: &Machine) -> Result<(), ConfigError> {
        const SESSIONS: &str = "limits.sessions_max";
        const WAITING: &str = "limits.sessions_not_logged_in";
        if !self.values.contains_key(SESSIONS) {
            return Ok(());
        }
        let sessions = self.integer(SESSIONS);
        if *self.source(WAITING) == Source::Default {
            let waiting = Value::Integer((sessions / 10).max(64));
            self.values.insert(WAITING, (waiting, Source::Default));
        }
        let Some(descriptors) = machine.descriptors_max else {
            return Ok(());
        };
        let needed = sessions + DESCRIPTORS_BESIDE_SESSIONS;
        if *self.source(SESSIONS) != Source::Default && needed > descriptors {
            return Err(ConfigError {
                source: self.source(SESSIONS).clone(),
                problem: format!(
                    "{SESSIONS} = {sessions} needs {needed} descriptors and the hard limit is \
                     {descriptors}: lower it, or raise the limit with `ulimit -Hn {needed}`"
                ),
            });
        }
        Ok(())
    }
}

/// Descriptors kept for listeners, refusals, rings, logs and files.
const DESCRIPTORS_BESIDE_SESSIONS: u64 = 256;

/// The whole configuration as a TOML file, each value with where it came from.
impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = "";
        for setting in &self.settings {
            let (section, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
            if section != table {
                writeln!(f, "\n[{section}]")?;
                table = section;
            }
            let (value, source) = &self.values[setting.key];
            writeln!(f, "# {} ({})", setting.help, setting.kind)?;
            writeln!(f, "{name} = {value}  # {source}")?;
        }
        Ok(())
    }
}

fn shown(raw: &Raw) -> String {
    match raw {
        Raw::Integer(number) => number.to_string(),
        Raw::Flag(flag) => flag.to_string(),
        Raw::Text(text) => format!("{text:?}"),
        Raw::List(list) => format!("{list:?}"),
        Raw::Other(what) => (*what).to_owned(),
    }
}

fn unknown(key: &str, settings: &[&'static Setting]) -> String {
    let nearest = settings
        .iter()
        .map(|setting| (strsim::damerau_levenshtein(setting.key, key), setting.key))
        .min()
        .filter(|(distance, _)| *distance <= key.len().max(6) / 3);
    match nearest {
        Some((_, nearest)) => format!("there is no setting {key:?}; did you mean {nearest:?}?"),
        None if is_section(key, settings) => {
            format!("{key:?} is a section: write [{key}], and its settings below")
        }
        None => format!("there is no setting {key:?}; `wharf config print` lists them all"),
    }
}

fn is_section(key: &str, settings: &[&'static Setting]) -> bool {
    let inside = |setting: &&&Setting| {
        let rest = setting.key.strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    settings.iter().any(|setting| inside(&setting))
}

#[cfg(test)]
mod tests {
    use super::super::SETTINGS;
    use super::*;
    use expect_test::{Expect, expect};

    const MACHINE: Machine = Machine {
        processors: 2,
        descriptors_max: Some(20_000),
    };

    fn resolve(
        file: &str,
        environment: &[(&str, &str)],
        set: &[&str],
    ) -> Result<Effective, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wharf.toml");
        std::fs::write(&path, file).unwrap();
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let layers = Layers {
            file: Some(path.clone()),
            environment: environment.iter().map(own).collect(),
            command_line: set
                .iter()
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap();
                    (format!("--set {key}"), key.to_string(), value.to_string())
                })
                .collect(),
        };
        Effective::resolve(&[SETTINGS], &MACHINE, &layers).map_err(|error| {
            error
                .to_string()
                .replace(&format!("{}/", directory.path().display()), "")
                .replace(&format!("{}\\", directory.path().display()), "")
        })
    }

    fn refused(file: &str, environment: &[(&str, &str)], set: &[&str], expected: Expect) {
        expected.assert_eq(&resolve(file, environment, set).expect_err("refused"));
    }

    #[test]
    fn each_layer_wins_over_the_one_below() {
        let file = "listen = '127.0.0.1:1'\n[limits]\nsessions_max = 10\nlogin_seconds = 7\n";
        let environment = [
            ("WHARF_LIMITS__SESSIONS_MAX", "11"),
            ("WHARF_DATA", "/d"),
            ("HOME", "/"),
        ];
        let effective = resolve(file, &environment, &["data=e", "data=true"]).unwrap();
        assert_eq!(effective.address("listen").port(), 1);
        assert_eq!(effective.integer("limits.sessions_max"), 11);
        assert_eq!(
            effective.integer("limits.sessions_not_logged_in"),
            64,
            "follows"
        );
        assert_eq!(effective.integer("limits.login_seconds"), 7);
        assert_eq!(
            effective.path("data"),
            Path::new("true"),
            "the last --set wins"
        );
        let source = |key: &str| effective.source(key).to_string();
        assert!(source("limits.login_seconds").ends_with("wharf.toml:4:1"));
        assert_eq!(source("limits.sessions_max"), "WHARF_LIMITS__SESSIONS_MAX");
        assert_eq!(source("data"), "--set data");
        assert_eq!(source("shards"), "default");
    }

    #[test]
    fn the_defaults_follow_the_machine() {
        let effective = resolve("", &[], &[]).unwrap();
        assert_eq!(effective.integer("limits.sessions_max"), 19_744);
        assert_eq!(effective.integer("limits.sessions_not_logged_in"), 1_974);
        let windows = Machine {
            descriptors_max: None,
            ..MACHINE
        };
        assert_eq!(windows.sessions_max(), 16_384);
        let large = Machine {
            descriptors_max: Some(1 << 20),
            ..MACHINE
        };
        assert_eq!(large.sessions_max(), 65_536);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_nearest_key() {
        refused(
            "\n[limits]\n  session_max = 5\n",
            &[],
            &[],
            expect![[
                r#"wharf.toml:3:3: there is no setting "limits.session_max"; did you mean "limits.sessions_max"?"#
            ]],
        );
        refused(
            "",
            &[("WHARF_COLOUR", "red")],
            &[],
            expect![[
                r#"WHARF_COLOUR: there is no setting "colour"; `wharf config print` lists them all"#
            ]],
        );
    }

    #[test]
    fn the_likeliest_mistakes_are_told_with_what_to_write() {
        refused(
            "limits = 5",
            &[],
            &[],
            expect![[
                r#"wharf.toml:1:1: "limits" is a section: write [limits], and its settings below"#
            ]],
        );
        refused(
            "listen = 127.0.0.1:11021",
            &[],
            &[],
            expect![
                "wharf.toml:1:15: invalid float, expected nothing, in `listen = 127.0.0.1:11021`; texts and addresses stand in quotes"
            ],
        );
        refused(
            "[limits\nsessions_max = 5",
            &[],
            &[],
            expect!["wharf.toml:1:8: unclosed table, expected `]`, in `[limits`"],
        );
    }

    #[test]
    fn a_bad_value_is_refused_with_what_is_allowed() {
        refused(
            "placement = 'both'",
            &[],
            &[],
            expect![[r#"wharf.toml:1:1: placement = "both": must be one of "fused", "split""#]],
        );
        refused(
            "",
            &[],
            &["limits.login_seconds=0"],
            expect![[
                r#"--set limits.login_seconds: limits.login_seconds = 0: must be a whole number from 1 to 86400"#
            ]],
        );
        refused(
            "access.deny = ['10.0.0.0/8', 'somewhere']",
            &[],
            &[],
            expect![[
                r#"wharf.toml:1:8: access.deny = ["10.0.0.0/8", "somewhere"]: must be a list of networks, such as ["10.0.0.0/8", "2001:db8::/32"]"#
            ]],
        );
        refused(
            "insecure = 1.5",
            &[],
            &[],
            expect![[
                r#"wharf.toml:1:1: insecure = a number with a fraction: must be true or false"#
            ]],
        );
    }

    #[test]
    fn broken_toml_is_refused_with_line_and_column() {
        let error = resolve("listen = '127.0.0.1:1'\ninsecure = \n", &[], &[]).unwrap_err();
        assert!(error.starts_with("wharf.toml:2:1"), "{error}");
    }

    #[test]
    fn more_sessions_than_descriptors_are_refused() {
        refused(
            "",
            &[],
            &["limits.sessions_max=20000"],
            expect![
                "--set limits.sessions_max: limits.sessions_max = 20000 needs 20256 descriptors and the hard limit is 20000: lower it, or raise the limit with `ulimit -Hn 20256`"
            ],
        );
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let text = resolve("", &[], &["placement=split", "access.allow=['::1']"])
            .unwrap()
            .to_string();
        let again = resolve(&text, &[], &[]).unwrap();
        assert_eq!(again.choice("placement"), "split");
        assert_eq!(again.networks("access.allow").len(), 1);
    }
}
