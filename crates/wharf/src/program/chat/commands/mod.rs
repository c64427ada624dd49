//! The commands, in a table: what each takes, what it sends, and what `/help` says of it.

mod table;

pub(super) use table::COMMANDS;

/// A command.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) takes: &'static [Param],
    /// A line for the list.
    pub(super) about: &'static str,
    /// More, for `/help NAME`; may be empty.
    pub(super) more: &'static str,
    /// The packets that it sends.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test compares them with the schema")
    )]
    pub(super) sends: &'static [u16],
    /// Whether the classic protocol has something for it.
    pub(super) is_classic: bool,
}

/// Something that a command takes.
#[derive(Debug)]
pub(super) struct Param {
    /// Its name in JSON, and in the usage.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_needed: bool,
}

/// How it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, or several in double quotes.
    Word,
    /// A word of digits.
    Number,
    /// Such as `90s`, `10m`, `2h` or `7d`.
    Time,
    /// What is left of the line.
    Rest,
    /// The same, without the double quotes that may stand around all of it.
    Last,
    /// `name=value`.
    Option,
    /// The word `name`.
    Flag,
    /// A word that is shown nowhere and kept in no history; asked for without echo when it is not
    /// typed and somebody is there to type it.
    Secret,
    /// A secret that is being chosen: asked for twice.
    NewSecret,
    /// A secret that is not asked for when it is not there.
    MaybeSecret,
}

impl Kind {
    /// Whether it is shown nowhere and kept in no history.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::NewSecret | Self::MaybeSecret)
    }
}

const fn param(name: &'static str, kind: Kind, is_needed: bool) -> Param {
    Param {
        name,
        kind,
        is_needed,
    }
}

const fn word(name: &'static str) -> Param {
    param(name, Kind::Word, true)
}

const fn maybe(name: &'static str, kind: Kind) -> Param {
    param(name, kind, false)
}

const fn rest(name: &'static str) -> Param {
    param(name, Kind::Rest, true)
}

const fn last(name: &'static str) -> Param {
    param(name, Kind::Last, true)
}

const fn option(name: &'static str) -> Param {
    param(name, Kind::Option, false)
}

const fn flag(name: &'static str) -> Param {
    param(name, Kind::Flag, false)
}

const fn secret(name: &'static str, kind: Kind) -> Param {
    param(name, kind, true)
}

type Sends = &'static [u16];

const fn command(
    name: &'static str,
    takes: &'static [Param],
    sends: Sends,
    about: &'static str,
) -> Command {
    Command {
        name,
        aliases: &[],
        takes,
        about,
        more: "",
        sends,
        is_classic: false,
    }
}

impl Command {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    const fn classic(self) -> Self {
        Self {
            is_classic: true,
            ..self
        }
    }

    /// How it is typed.
    pub(super) fn usage(&self) -> String {
        let mut usage = format!("/{}", self.name);
        for param in self.takes {
            let name = param.name;
            let typed = match param.kind {
                Kind::Option => format!("{name}=..."),
                Kind::Flag => name.to_owned(),
                _ => name.to_uppercase(),
            };
            usage += &match param.is_needed {
                true => format!(" {typed}"),
                false => format!(" [{typed}]"),
            };
        }
        usage
    }

    /// Whether that is its name, or one of its others.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// The command that is called so.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.is_called(name))
}

/// The name that is nearest to a mistyped one, if one is near.
pub(super) fn nearest(typed: &str) -> Option<&'static str> {
    let names = COMMANDS
        .iter()
        .flat_map(|it| std::iter::once(it.name).chain(it.aliases.iter().copied()));
    names
        .filter(|name| name.len() > 1)
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .filter(|(distance, name)| *distance <= 1.max(name.len() / 3))
        .min()
        .map(|(_, name)| name)
}

/// What goes without a command: Hello, and the login by the token that is kept.
#[cfg(test)]
pub(super) const BY_ITSELF: &[u16] = &[1024, 1104];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn whatever_the_schema_has_gets_a_command() {
        let commands = COMMANDS.iter().flat_map(|it| it.sends.iter().copied());
        let sent: BTreeSet<u16> = commands.chain(BY_ITSELF.iter().copied()).collect();
        let known: BTreeSet<u16> = wharf_proto::FROM_CLIENT.iter().map(|it| it.id).collect();
        assert_eq!(sent, known);
    }

    #[test]
    fn no_two_commands_have_the_same_name() {
        let mut seen = BTreeSet::new();
        for command in COMMANDS {
            for name in std::iter::once(&command.name).chain(command.aliases) {
                assert!(seen.insert(name), "{name}");
            }
            let fits = command.name.len() <= 10 && command.about.len() <= 110;
            assert!(fits, "{}", command.name);
        }
    }

    #[test]
    fn a_mistyped_command_suggests_the_nearest() {
        for (typed, meant) in [
            ("entr", Some("enter")),
            ("rooom", Some("room")),
            ("hsitory", Some("history")),
            ("membres", Some("members")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed), meant, "{typed}");
        }
    }

    #[test]
    fn usage_shows_what_may_be_left_out() {
        let usage = |name| find(name).unwrap().usage();
        assert_eq!(usage("ban"), "/ban NAME [TIME] [TEXT]");
        assert_eq!(usage("join"), "/enter ROOM [PASSWORD]");
        assert_eq!(usage("change").split(' ').nth(1), Some("[name=...]"));
    }
}
