//! The settings of the classic chat, beside those of the server.

use wharf_host::config::{Kind, SETTINGS, Setting, Value};

/// All tables of this program.
pub(super) const TABLES: &[&[Setting]] = &[SETTINGS, CHAT];

const CHAT: &[Setting] = &[
    Setting {
        key: "chat.rooms",
        kind: Kind::Integer {
            min: 1,
            max: 100_000,
        },
        default: |_| Value::Integer(10),
        help: "rooms of the classic lobby, numbered from 0",
    },
    Setting {
        key: "chat.room_members_max",
        kind: Kind::Integer {
            min: 1,
            max: 65_536,
        },
        default: |_| Value::Integer(1_000),
        help: "members of each room",
    },
    Setting {
        key: "chat.words",
        kind: Kind::PathOrNone,
        default: |_| Value::Path(std::path::PathBuf::new()),
        help: "a file with words that are masked or refused, one a line. Reloaded when it changes",
    },
    Setting {
        key: "chat.halls_max",
        kind: Kind::Integer {
            min: 0,
            max: 65_536,
        },
        default: |_| Value::Integer(1_024),
        help: "rooms with a name of their own, open at once (platform clients only)",
    },
    Setting {
        key: "chat.owned_max",
        kind: Kind::Integer {
            min: 1,
            max: 10_000,
        },
        default: |_| Value::Integer(10),
        help: "such rooms that an account may own, of those that stay and of those that do not",
    },
];

#[cfg(test)]
mod tests {
    use super::super::assemble::{Game, assemble};
    use super::*;
    use wharf_host::config::{Effective, Layers, Machine};

    /// A machine on which no setting is too much by itself.
    const MACHINE: Machine = Machine {
        processors: 2,
        descriptors_max: Some(1 << 40),
    };

    #[test]
    fn every_number_may_be_as_small_and_as_large_as_its_setting_says() {
        for setting in TABLES.iter().copied().flatten() {
            let Kind::Integer { min, max } = setting.kind else {
                continue;
            };
            for number in [min, max] {
                let set = (
                    "--set".to_owned(),
                    setting.key.to_owned(),
                    number.to_string(),
                );
                // As many as may wait must fit the sessions.
                let sessions = (
                    "--set".to_owned(),
                    "limits.sessions_max".to_owned(),
                    (1 << 20).to_string(),
                );
                let layers = Layers {
                    command_line: vec![sessions, set],
                    ..Layers::default()
                };
                let assembled = Effective::resolve(TABLES, &MACHINE, &layers)
                    .map_err(|error| error.to_string())
                    .and_then(|config| assemble(&config, Game::Classic).map(drop));
                assert_eq!(assembled, Ok(()), "{} = {number}", setting.key);
            }
        }
    }

    #[test]
    fn operators_are_told_of_every_setting_of_accounts_stores_rates_and_words() {
        let told = include_str!("../../../../docs/OPERATIONS.md");
        let sections = ["accounts.", "store.", "chat.words"];
        let keys = TABLES.iter().copied().flatten().map(|setting| setting.key);
        let keys: Vec<_> = keys
            .filter(|key| {
                let is_rate = key.ends_with("_per_minute");
                is_rate || sections.iter().any(|section| key.starts_with(section))
            })
            .collect();
        assert!(keys.len() >= 13, "{keys:?}");
        for key in keys {
            assert!(told.contains(&format!("`{key}`")), "{key}");
        }
    }
}
