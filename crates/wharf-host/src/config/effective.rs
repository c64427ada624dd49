//! The configuration in effect, and where each of its values came from.

mod optional;
mod related;
mod unknown;

use super::settings::descriptors_beside_sessions;
use super::value::{HIDDEN, Kind, Raw};
use super::{ConfigError, Machine, Setting, Value, file};
use core::fmt;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::io::ErrorKind;
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
    /// Built in, and computed from this.
    Derived(String),
    /// A configuration file.
    File {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A configuration file that nobody named, as a whole.
    DefaultFile(PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// The command line: `--listen`, `--set limits.sessions_max`.
    CommandLine(String),
}

impl Source {
    /// Whether nobody said anything.
    fn is_default(&self) -> bool {
        matches!(self, Self::Default | Self::Derived(_))
    }

    /// The same place, and what stands there: `--listen here`, `--set insecure=perhaps`.
    fn with_value(self, text: &str) -> Self {
        match self {
            Self::CommandLine(flag) if flag.contains(' ') => {
                Self::CommandLine(format!("{flag}={text}"))
            }
            Self::CommandLine(flag) => Self::CommandLine(format!("{flag} {text}")),
            other => other,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived(from) => write!(f, "default, from {from}"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::DefaultFile(path) => path.display().fmt(f),
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

    /// Where settings came from that somebody has set, the strongest first.
    pub fn origins(&self) -> Vec<String> {
        let has = |is_it: fn(&Source) -> bool| self.values.values().any(|(_, it)| is_it(it));
        let flags = has(|it| matches!(it, Source::CommandLine(_))).then_some("the command line");
        let environment = has(|it| matches!(it, Source::Environment(_)));
        let environment = environment.then_some("the environment");
        let file = self.file().map(|path| path.display().to_string());
        let above = flags.into_iter().chain(environment).map(str::to_owned);
        above.chain(file).collect()
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
        let (path, source) = match &layers.file {
            Some(path) => {
                let typed = format!("--config {}", path.display());
                (path.clone(), Source::CommandLine(typed))
            }
            None => (
                DEFAULT_FILE.into(),
                Source::DefaultFile(DEFAULT_FILE.into()),
            ),
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && layers.file.is_none() => {
                return Ok(());
            }
            Err(error) => {
                let problem = format!("the file cannot be read: {error}");
                return Err(ConfigError { source, problem });
            }
        };
        for entry in file::read(&path, &bytes)? {
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
            let problem = match raw {
                Raw::EmptyTable if unknown::is_section(key, &self.settings) => return Ok(()),
                Raw::EmptyTable => unknown::section(key, &self.settings),
                _ => unknown::setting(key, &self.settings),
            };
            return Err(ConfigError { source, problem });
        };
        let as_text = Raw::Text(text.to_owned());
        let judged = setting.kind.judge(raw).or_else(|| {
            let typed = !text.is_empty();
            typed.then(|| setting.kind.judge(&as_text)).flatten()
        });
        let Some(value) = judged else {
            let must = format!("must be {}", setting.kind);
            let problem = match source {
                Source::CommandLine(_) => must,
                _ => format!("{key} = {}: {must}", shown(raw, setting)),
            };
            let is_secret = matches!(setting.kind, Kind::Secret { .. });
            let source = source.with_value(if is_secret { HIDDEN } else { text });
            return Err(ConfigError { source, problem });
        };
        self.values.insert(setting.key, (value, source));
        Ok(())
    }

    /// Computes what follows from other settings, and checks what must hold between them.
    fn relate(&mut self, machine: &Machine) -> Result<(), ConfigError> {
        if !self.values.contains_key(SESSIONS) {
            return Ok(());
        }
        related::check(self)?;
        self.derive_defaults(machine);
        if let Some(descriptors) = machine.descriptors_max {
            self.check_descriptors(descriptors)?;
        }
        let (waiting, sessions) = (self.integer(WAITING), self.integer(SESSIONS));
        if waiting > sessions {
            return Err(ConfigError {
                source: self.source(WAITING).clone(),
                problem: format!(
                    "{waiting} not logged in are more than {SESSIONS} = {sessions}, of which they are \
                     a part: lower it, or raise the other"
                ),
            });
        }
        Ok(())
    }

    /// Computes defaults that follow from the machine or from a setting, and says from what.
    fn derive_defaults(&mut self, machine: &Machine) {
        let shards = self.integer(SHARDS);
        let processors = u64::from(machine.processors);
        if shards == processors {
            let from = format!("this machine's {processors} processors");
            self.derive(SHARDS, shards, Source::Derived(from));
        }
        let queue = (!self.source(QUEUE).is_default()).then(|| self.integer(QUEUE));
        let sessions = machine.sessions_max(shards, queue);
        let source = match machine.descriptors_max {
            Some(descriptors) if sessions < 65_536 => {
                Source::Derived(format!("this machine's {descriptors} descriptors"))
            }
            _ => Source::Default,
        };
        self.derive(SESSIONS, sessions, source);
        let sessions = self.integer(SESSIONS);
        let beside = descriptors_beside_sessions(self.integer(SHARDS)) + sessions;
        let left = machine
            .descriptors_max
            .map(|most| most.saturating_sub(beside));
        let queue = machine.queue_max(sessions).min(left.unwrap_or(u64::MAX));
        self.derive(QUEUE, queue, Source::Derived(SESSIONS.to_owned()));
        let waiting = (sessions / 10).max(64).min(sessions);
        self.derive(WAITING, waiting, Source::Derived(SESSIONS.to_owned()));
    }

    /// Sets what nobody has set.
    fn derive(&mut self, key: &'static str, number: u64, source: Source) {
        if self.source(key).is_default() {
            self.values.insert(key, (Value::Integer(number), source));
        }
    }

    fn check_descriptors(&self, descriptors: u64) -> Result<(), ConfigError> {
        let sessions = self.integer(SESSIONS) + self.integer(QUEUE);
        let needed = sessions + descriptors_beside_sessions(self.integer(SHARDS));
        let is_set = |key: &&str| !self.source(key).is_default();
        let set = [QUEUE, SESSIONS].into_iter().find(is_set);
        if let Some(set) = set
            && needed > descriptors
        {
            return Err(ConfigError {
                source: self.source(set).clone(),
                problem: format!(
                    "{sessions} sessions need {needed} descriptors and the hard limit is \
                     {descriptors}: lower it, or raise the limit as root: ulimit -Hn {needed}"
                ),
            });
        }
        Ok(())
    }
}

const SHARDS: &str = "shards";
const SESSIONS: &str = "limits.sessions_max";
/// Those among them that wait for a place are beyond.
const QUEUE: &str = "accounts.queue_max";
const WAITING: &str = "limits.sessions_not_logged_in";

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
            let place = place_of(value).map_or(String::new(), |place| format!(": {place}"));
            match value {
                // A file that it stood in as it is shown would be refused.
                Value::Secret(secret) if !secret.expose().is_empty() => {
                    writeln!(f, "# {name} is a secret, and left out here  # {source}")?;
                }
                _ => writeln!(f, "{name} = {value}  # {source}{place}")?,
            }
        }
        Ok(())
    }
}

/// Where that is, of a path that does not say it all.
fn place_of(value: &Value) -> Option<String> {
    let Value::Path(path) = value else {
        return None;
    };
    let is_part = path.is_relative() && !path.as_os_str().is_empty();
    let whole = is_part.then(|| std::path::absolute(path))?.ok()?;
    // A line of the comment ends where the place does.
    let line = whole.display().to_string();
    Some(line.chars().filter(|letter| !letter.is_control()).collect())
}

fn shown(raw: &Raw, setting: &Setting) -> String {
    match raw {
        _ if matches!(setting.kind, Kind::Secret { .. }) => HIDDEN.to_owned(),
        Raw::Integer(number) => number.to_string(),
        Raw::Flag(flag) => flag.to_string(),
        Raw::Text(text) => format!("{text:?}"),
        Raw::List(list) => format!("{list:?}"),
        Raw::EmptyTable => "{}".to_owned(),
        Raw::Other(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests;
