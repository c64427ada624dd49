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
            max: 100_000,
        },
        default: |_| Value::Integer(1_000),
        help: "members of each room",
    },
];
