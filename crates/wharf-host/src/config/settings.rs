//! The server's own settings, one row each.

use super::{Kind, Secret, Value};
use std::path::PathBuf;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its key in files and on the command line: `limits.sessions_max`.
    pub key: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// Its value when nobody says anything; some follow from the machine.
    pub default: fn(&Machine) -> Value,
    /// What it does, for `wharf config print`.
    pub help: &'static str,
}

/// Descriptors kept beside the sessions of a server with so many shards: three for each port (the
/// readiness backend's, which takes the most), 64 for refusals, and as many again for listeners,
/// logs, files and what was inherited. With up to 42 shards it is a round 256.
pub fn descriptors_beside_sessions(shards: u64) -> u64 {
    (3 * shards + 64 + 64).max(256)
}

/// What defaults follow from.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Processors that this process may run on.
    pub processors: u32,
    /// The hard limit of open descriptors; `None` where there is none (Windows).
    pub descriptors_max: Option<u64>,
}

/// The largest default of `accounts.queue_max`.
const QUEUE_MAX: u64 = 1_000;

impl Machine {
    /// The default of `shards`.
    pub fn shards(&self) -> u64 {
        self.processors.clamp(1, 64).into()
    }

    /// The default of `limits.sessions_max` with so many shards: what the descriptors allow beside
    /// those who wait for a place, at most 65,536; on Windows 16,384. `queue` is how many those
    /// are, if that is set.
    pub fn sessions_max(&self, shards: u64, queue: Option<u64>) -> u64 {
        let Some(most) = self.sessions_by_descriptors(shards) else {
            return 16_384;
        };
        let queue = queue.unwrap_or_else(|| (most / 11).min(QUEUE_MAX));
        most.saturating_sub(queue).clamp(1, 65_536)
    }

    /// The default of `accounts.queue_max` beside so many sessions: a tenth of them, at most 1,000.
    pub fn queue_max(&self, sessions: u64) -> u64 {
        (sessions / 10).min(QUEUE_MAX)
    }

    /// Sessions for which there are descriptors, beside what else takes some
    /// ([`descriptors_beside_sessions`]); `None` where there is no limit.
    pub fn sessions_by_descriptors(&self, shards: u64) -> Option<u64> {
        let beside = descriptors_beside_sessions(shards);
        self.descriptors_max.map(|hard| hard.saturating_sub(beside))
    }
}

const fn integer(
    key: &'static str,
    (min, max): (u64, u64),
    default: fn(&Machine) -> Value,
    help: &'static str,
) -> Setting {
    Setting {
        key,
        kind: Kind::Integer { min, max },
        default,
        help,
    }
}

/// How long a deadline may be set: a day.
const SECONDS: (u64, u64) = (1, 86_400);
/// A rate or a count of which 0 means "off".
const OR_OFF: (u64, u64) = (0, u32::MAX as u64);

/// The server's settings, in the order in which they are printed.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        kind: Kind::Address,
        default: |_| Value::Address(([127, 0, 0, 1], 11_021).into()),
        help: "where clients connect; loopback unless told otherwise",
    },
    Setting {
        key: "insecure",
        kind: Kind::Flag,
        default: |_| Value::Flag(false),
        help: "allow logins without authentication on an address that is not loopback",
    },
    Setting {
        key: "data",
        kind: Kind::Path,
        default: |_| Value::Path("data".into()),
        help: "the directory of everything the server writes",
    },
    Setting {
        key: "port_backend",
        kind: Kind::Choice(&["auto", "uring", "readiness", "iocp"]),
        default: |_| Value::Choice("auto"),
        help: "the completion port: auto takes the best that this machine permits",
    },
    integer(
        "shards",
        (1, 64),
        |machine| Value::Integer(machine.shards()),
        "I/O threads; by default the processors that this process may run on",
    ),
    Setting {
        key: "placement",
        kind: Kind::Choice(&["fused", "split"]),
        default: |_| Value::Choice("fused"),
        help: "content on the I/O threads (fused) or on threads of its own (split; on Windows for \
               ticks of less than 16 ms)",
    },
    Setting {
        key: "log.format",
        kind: Kind::Choice(&["human", "json"]),
        default: |_| Value::Choice("human"),
        help: "how log lines look",
    },
    Setting {
        key: "log.level",
        kind: Kind::Choice(&["error", "warn", "info", "debug"]),
        default: |_| Value::Choice("info"),
        help: "what is logged",
    },
    Setting {
        key: "log.files",
        kind: Kind::Flag,
        default: |_| Value::Flag(false),
        help: "also write log files under data/log, a new one each day, the last 14 kept",
    },
    Setting {
        key: "admin.listen",
        kind: Kind::AddressOrOff,
        default: |_| Value::Address(([127, 0, 0, 1], 11_022).into()),
        help: "where metrics, health and `wharf top` are answered; any other address than loopback \
               needs admin.token",
    },
    Setting {
        key: "admin.token",
        kind: Kind::Secret { bytes_min: 32 },
        default: |_| Value::Secret(Secret::default()),
        help: "what whoever asks there must show: Authorization: Bearer TOKEN",
    },
    Setting {
        key: "accounts.classic",
        kind: Kind::Choice(&["auto", "open", "register", "known"]),
        default: |_| Value::Choice("auto"),
        help: "who logs in by the guide's packets: anybody (open), ids that become accounts \
               (register), or accounts alone (known); auto is open on loopback and known elsewhere",
    },
    integer(
        "accounts.queue_max",
        (0, 1 << 20),
        |machine| Value::Integer(machine.queue_max(machine.sessions_max(machine.shards(), None))),
        "sessions beyond limits.sessions_max that wait for a place there, in order and told where \
         they stand; 0 = none",
    ),
    Setting {
        key: "accounts.tickets.jwks",
        kind: Kind::PathOrNone,
        default: |_| Value::Path(PathBuf::new()),
        help: "a file with the public keys (JWKS) of whoever signs login tickets; without it none \
               are taken. Reloaded when it changes",
    },
    Setting {
        key: "accounts.tickets.issuer",
        kind: Kind::Text { bytes_max: 256 },
        default: |_| Value::Text(String::new()),
        help: "who gives tickets out, as they say it themselves (iss)",
    },
    Setting {
        key: "accounts.tickets.audience",
        kind: Kind::Text { bytes_max: 256 },
        default: |_| Value::Text(String::new()),
        help: "for whom tickets are, as they say it themselves (aud, or one of it)",
    },
    integer(
        "store.node",
        (0, 511),
        |_| Value::Integer(0),
        "this server among those that share a store or a Redis: each has a number of its own",
    ),
    integer(
        "store.messages_days",
        (0, 36_500),
        |_| Value::Integer(0),
        "what was said is thrown away after so many days, in rooms and in whispers; 0 = never",
    ),
    Setting {
        key: "store.url",
        kind: Kind::Secret { bytes_min: 0 },
        default: |_| Value::Secret(Secret::default()),
        help: "where accounts are kept: postgres://user:password@host/database or mysql://...; \
               without it in the file wharf.db in the data directory",
    },
    Setting {
        key: "store.redis",
        kind: Kind::Secret { bytes_min: 0 },
        default: |_| Value::Secret(Secret::default()),
        help: "where what lives for a short time is kept, such as login tickets for one use: \
               redis://user:password@host:port/number; without it in the store",
    },
    integer(
        "limits.sessions_max",
        (1, 1 << 20),
        |machine| Value::Integer(machine.sessions_max(machine.shards(), None)),
        "users at once, and sessions: those of accounts.queue_max are beyond",
    ),
    integer(
        "limits.sessions_not_logged_in",
        (1, 1 << 20),
        |machine| Value::Integer((machine.sessions_max(machine.shards(), None) / 10).max(64)),
        "sessions among them that have not logged in yet",
    ),
    integer(
        "limits.connections_per_address",
        OR_OFF,
        |_| Value::Integer(500),
        "connections from one address (IPv6: one /64); 0 = off",
    ),
    Setting {
        key: "limits.loopback_exempt",
        kind: Kind::Flag,
        default: |_| Value::Flag(true),
        help: "loopback addresses are exempt from limits.connections_per_address",
    },
    integer(
        "limits.inbound_packets_per_second",
        OR_OFF,
        |_| Value::Integer(200),
        "packets that a session may send, in the long run; 0 = off",
    ),
    integer(
        "limits.inbound_bytes_per_second",
        OR_OFF,
        |_| Value::Integer(256 * 1024),
        "bytes that a session may send, in the long run; 0 = off",
    ),
    integer(
        "limits.flood_seconds",
        SECONDS,
        |_| Value::Integer(5),
        "how long a session may keep sending above its rates before it is cut",
    ),
    integer(
        "limits.chats_per_minute",
        OR_OFF,
        |_| Value::Integer(600),
        "lines and whispers of a platform session, a sixth of them at once; 0 = off",
    ),
    integer(
        "limits.queries_per_minute",
        OR_OFF,
        |_| Value::Integer(1_200),
        "lists and histories that a platform session may ask for, a sixth of them at once; 0 = off",
    ),
    integer(
        "limits.commands_per_minute",
        OR_OFF,
        |_| Value::Integer(1_200),
        "requests of a platform session that change something, a sixth of them at once; 0 = off",
    ),
    integer(
        "limits.logins_per_minute",
        OR_OFF,
        |_| Value::Integer(120),
        "requests of a platform session that prove who somebody is, a sixth of them at once; 0 = off",
    ),
    integer(
        "limits.pings_per_minute",
        OR_OFF,
        |_| Value::Integer(600),
        "pings of a platform session, a sixth of them at once; 0 = off",
    ),
    integer(
        "limits.frame_bytes_max",
        (512, 32_767),
        |_| Value::Integer(16 * 1024),
        "bytes of one frame that is received",
    ),
    integer(
        "limits.login_seconds",
        SECONDS,
        |_| Value::Integer(30),
        "from connecting to being logged in; with more than 30, passwords wait longer for their turn",
    ),
    integer(
        "limits.partial_frame_seconds",
        SECONDS,
        |_| Value::Integer(10),
        "from the first byte of a frame to its last",
    ),
    integer(
        "limits.send_stall_seconds",
        SECONDS,
        |_| Value::Integer(30),
        "how long a session may take nothing of what is sent to it (Windows: not all of 64 KiB)",
    ),
    integer(
        "limits.drain_seconds",
        SECONDS,
        |_| Value::Integer(5),
        "how long a session may take to say goodbye, at a stop as well",
    ),
    integer(
        "limits.send_queue_bytes",
        (64 * 1024, 1 << 28),
        |_| Value::Integer(512 * 1024),
        "bytes that may wait for a session that takes nothing for a second; four times that at once",
    ),
    integer(
        "limits.send_queue_messages",
        (64, 1 << 20),
        |_| Value::Integer(4_096),
        "messages that may wait for a session that takes nothing for a second; four times that at once",
    ),
    integer(
        "limits.send_memory_bytes",
        (1 << 20, 1 << 40),
        |_| Value::Integer(256 << 20),
        "bytes on their way to all sessions of a shard, at least two of limits.send_queue_bytes: \
         above half of it those above their even share are slow readers",
    ),
    Setting {
        key: "access.allow",
        kind: Kind::Networks,
        default: |_| Value::Networks(Vec::new()),
        help: "networks that may connect; empty = all. Reloaded when the file changes",
    },
    Setting {
        key: "access.deny",
        kind: Kind::Networks,
        default: |_| Value::Networks(Vec::new()),
        help: "networks that may not, stronger than access.allow. Reloaded when the file changes",
    },
];
