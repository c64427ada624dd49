//! From a configuration to everything a server is made of.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wharf_chat::{ChatLimits, PlatformFacts, RequestRates, WordList};
use wharf_content::{App, AppBuilder, ContentLimits, LogicOptions};
use wharf_host::config::{Effective, descriptors_beside_sessions};
use wharf_host::{AnyName, Doorman, Placement, ServerOptions, reload};
use wharf_net::{Admission, NetLimits};
use wharf_platform::Places;
use wharf_port::{BackendWish, Chosen, PortOptions, clock};
use wharf_proto::session::{Code, Goodbye};
use wharf_wire::{BodyLength, FlagRule, FrameRules, Packet, PacketRule, PacketTable, classic};

/// A server that could be started.
pub(super) struct Assembly {
    pub(super) options: ServerOptions,
    pub(super) chosen: Chosen,
    /// Whether it serves the classic chat, to which the settings `chat.*` belong.
    pub(super) is_classic: bool,
    /// Of which whoever logs in takes one.
    pub(super) places: Places,
    /// What is not to be said in it: empty until it is read.
    pub(super) words: WordList,
    /// Descriptors that it needs at the most.
    pub(super) descriptors: u64,
}

/// What a program serves.
pub(super) enum Game {
    /// The classic chat, as it is configured.
    Classic,
    /// What the caller of [`crate::serve`] makes.
    Own(Box<dyn FnOnce(&mut AppBuilder)>),
}

impl Game {
    fn build(self, config: &Effective, words: &WordList) -> App {
        let mut app = AppBuilder::new();
        wharf_chat::limit_requests(&mut app, &request_rates(config));
        match self {
            Self::Classic => wharf_chat::classic(
                &mut app,
                ChatLimits {
                    rooms: config.integer("chat.rooms") as u32,
                    room_members_max: config.integer("chat.room_members_max") as u32,
                    halls_max: config.integer("chat.halls_max") as u32,
                    ..ChatLimits::default()
                },
                facts(config, words),
            ),
            Self::Own(make) => make(&mut app),
        }
        app.build()
    }
}

/// How often a session may make requests.
fn request_rates(config: &Effective) -> RequestRates {
    let count = |key: &str| config.integer(key) as u32;
    RequestRates {
        command: count("limits.commands_per_minute"),
        control: count("limits.pings_per_minute"),
        login: count("limits.logins_per_minute"),
        query: count("limits.queries_per_minute"),
        chat: count("limits.chats_per_minute"),
    }
}

/// Who logs in by the guide's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClassicLogins {
    /// Anybody, by an id that is not in use; nothing is stored.
    Open,
    /// Anybody: an id that nobody has becomes an account.
    Register,
    /// Accounts alone.
    Known,
}

/// What `accounts.classic` means here. A game of its own has no accounts.
pub(super) fn classic_logins(config: &Effective, is_classic: bool) -> ClassicLogins {
    let is_local = config.address("listen").ip().is_loopback() || config.flag("insecure");
    match config.choice("accounts.classic") {
        _ if !is_classic => ClassicLogins::Open,
        "open" => ClassicLogins::Open,
        "register" => ClassicLogins::Register,
        "known" => ClassicLogins::Known,
        _ if is_local => ClassicLogins::Open,
        _ => ClassicLogins::Known,
    }
}

/// What the server says of itself.
fn facts(config: &Effective, words: &WordList) -> PlatformFacts {
    let since_zero = clock::now().as_nanos() / 1_000_000;
    PlatformFacts {
        server: format!("wharf {}", env!("CARGO_PKG_VERSION")),
        epoch_ms: unix_ms() as i64 - since_zero as i64,
        frame_bytes_max: config.integer("limits.frame_bytes_max") as u32,
        idle_ms: NetLimits::default().idle.as_millis() as u32,
        words: words.clone(),
    }
}

/// Puts a server together; nothing is opened yet.
///
/// # Errors
/// When the wished backend is not to be had here, with the reason; or when the game handles packets
/// that no client may send.
pub(super) fn assemble(config: &Effective, game: Game) -> Result<Assembly, String> {
    let chosen = wharf_port::choose(wish(config)).map_err(|error| error.to_string())?;
    let shards = config.integer("shards") as u8;
    let is_classic = matches!(game, Game::Classic);
    let words = WordList::default();
    let app = game.build(config, &words);
    let places = Places::new(config.integer("limits.sessions_max") as u32);
    let mut limits = limits(config, shards, inbound_table(&app)?);
    if is_classic {
        limits.waiting_max = config.integer("accounts.queue_max") as u32;
        limits.refusal_frame = farewell(Code::Full, "the server is full", FULL_RETRY_MS);
        let text = format!("nobody has logged in within {} s", limits.login.as_secs());
        limits.login_timeout_frame = farewell(Code::WrongState, &text, 0);
        let text = format!("nothing was heard for {} s", limits.idle.as_secs());
        limits.idle_timeout_frame = farewell(Code::WrongState, &text, IDLE_RETRY_MS);
    }
    limits.validate().map_err(|error| error.to_string())?;
    let admission = Arc::new(Admission::new(&limits));
    admission.set_rules(reload::access_rules(config));
    let options = ServerOptions {
        shards,
        placement: match config.choice("placement") {
            "split" => Placement::Split,
            _ => Placement::Fused,
        },
        port: PortOptions::for_sockets(limits.sockets_per_port(LISTENERS)),
        logic: logic_options(config, shards, &app),
        app: Arc::new(app),
        doorman: Arc::new(match classic_logins(config, is_classic) {
            ClassicLogins::Open => {
                Doorman::new(Box::new(AnyName), Box::new(unix_ms)).with_places(places.clone())
            }
            ClassicLogins::Register | ClassicLogins::Known => Doorman::of_accounts(),
        }),
        services: Arc::new(wharf_host::NoServices),
        admission,
        limits,
        watch_handlers: true,
    };
    Ok(Assembly {
        options,
        chosen,
        is_classic,
        words,
        places,
        descriptors: descriptors(config),
    })
}

/// Descriptors that a server needs at the most.
pub(super) fn descriptors(config: &Effective) -> u64 {
    let beside = descriptors_beside_sessions(config.integer("shards"));
    config.integer("limits.sessions_max") + config.integer("accounts.queue_max") + beside
}

fn logic_options(config: &Effective, shards: u8, app: &App) -> LogicOptions {
    let rooms = u32::try_from(app.rooms()).unwrap_or(u32::MAX);
    LogicOptions {
        logic_count: shards.into(),
        io_count: shards.into(),
        seed: seed(),
        limits: ContentLimits {
            sessions_max: (config.integer("limits.sessions_max")
                + config.integer("accounts.queue_max")) as u32,
            rooms_max: rooms.clamp(1, ROOMS_OF_A_SHARD),
            ..ContentLimits::default()
        },
        ..LogicOptions::default()
    }
}

/// Rooms that one logic shard has at once, where a game names more; entering one more is refused.
const ROOMS_OF_A_SHARD: u32 = 1 << 20;

/// Listeners of one I/O shard.
const LISTENERS: u32 = 1;

/// The ids of packets that are a game's own.
const GAME_IDS: RangeInclusive<u16> = 10_000..=32_767;

/// What a client may send: the classic packets, and those of the game's own that it handles.
fn inbound_table(app: &App) -> Result<&'static PacketTable, String> {
    let classic = classic::FROM_CLIENT.rules();
    let mut rules = classic.to_vec();
    for id in app.packet_ids() {
        if classic.iter().any(|rule| rule.id == id) {
            continue;
        }
        if let Some(rule) = wharf_proto::FROM_CLIENT.iter().find(|rule| rule.id == id) {
            rules.push(*rule);
            continue;
        }
        if !GAME_IDS.contains(&id) {
            return Err(format!(
                "the game handles packet {id}, which no client may send: ids of a game's own are \
                 {} to {}",
                GAME_IDS.start(),
                GAME_IDS.end()
            ));
        }
        rules.push(PacketRule {
            id,
            name: "of the game",
            body: BodyLength::AtLeast(0),
            flags: FlagRule::NONE,
        });
    }
    rules.sort_unstable_by_key(|rule| rule.id);
    // For as long as the process lives, as the sessions' rules do; a server is put together once.
    let rules = Box::leak(rules.into_boxed_slice());
    Ok(Box::leak(Box::new(PacketTable::new(rules))))
}

fn limits(config: &Effective, shards: u8, inbound: &'static PacketTable) -> NetLimits {
    let defaults = NetLimits::default();
    let count = |key: &str| config.integer(key) as u32;
    let seconds = |key: &str| Duration::from_secs(config.integer(key));
    let frame_bytes_max = count("limits.frame_bytes_max") as u16;
    let send_queue_bytes = count("limits.send_queue_bytes");
    NetLimits {
        shards: shards.into(),
        sessions_max: count("limits.sessions_max"),
        sessions_not_logged_in: count("limits.sessions_not_logged_in"),
        connections_per_address: count("limits.connections_per_address"),
        loopback_exempt: config.flag("limits.loopback_exempt"),
        inbound_packets_per_second: count("limits.inbound_packets_per_second"),
        inbound_bytes_per_second: count("limits.inbound_bytes_per_second"),
        flood: seconds("limits.flood_seconds"),
        inbound: FrameRules {
            table: inbound,
            frame_bytes_max,
        },
        // An echo is as long as what it answers.
        outbound: FrameRules {
            frame_bytes_max: frame_bytes_max.max(defaults.outbound.frame_bytes_max),
            ..defaults.outbound
        },
        login: seconds("limits.login_seconds"),
        partial_frame: seconds("limits.partial_frame_seconds"),
        send_stall: seconds("limits.send_stall_seconds"),
        drain: seconds("limits.drain_seconds"),
        send_queue_bytes,
        send_queues_bytes: config
            .integer("limits.send_memory_bytes")
            .max(2 * u64::from(send_queue_bytes)),
        send_queue_messages: count("limits.send_queue_messages"),
        ..defaults
    }
}

/// What a client of the platform is told last where content says nothing: there is not even a seat
/// to wait in, or it was too late.
fn farewell(code: Code, text: &str, retry_after_ms: u32) -> &'static [u8] {
    let goodbye = Goodbye {
        code: code.into(),
        text: text.to_owned(),
        retry_after_ms,
    };
    // For as long as the process lives; a server is put together once.
    Box::leak(goodbye.to_frame().into_boxed_slice())
}

/// When it is worth asking a full server again.
const FULL_RETRY_MS: u32 = 5_000;
/// When whoever was silent may come again: at once.
const IDLE_RETRY_MS: u32 = 1;

pub(super) fn wish(config: &Effective) -> BackendWish {
    match config.choice("port_backend") {
        "uring" => BackendWish::Uring,
        "readiness" => BackendWish::Readiness,
        "iocp" => BackendWish::Iocp,
        _ => BackendWish::Auto,
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis() as u64
}

/// Rooms draw their chance from this; a game that wants secrets asks the operating system.
fn seed() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    since.as_nanos() as u64 ^ u64::from(std::process::id()) << 32
}
