//! What stands behind the rooms: accounts, the store, and those who hash passwords.

use super::assemble::{ClassicLogins, classic_logins};
use super::data_lock;
use super::db::place_of;
use super::tickets;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use wharf_accounts::{AccountOptions, Accounts, SystemChance, UnknownId};
use wharf_host::config::Effective;
use wharf_host::{HashWorkerOptions, ServiceDesk, StorePlaces, reload::Follower};
use wharf_platform::{BriefOptions, Places, Platform, RoomOptions};
use wharf_store::{Place, RedisPlace, StoreOptions, Timeouts, admin};

/// What all keys in Redis begin with.
const REDIS_PREFIX: &str = "wharf";

/// How often, and for how long each time, a start waits for what the store says of maintenance and
/// moderators.
const WAITS: u32 = 60;
const WAIT: Duration = Duration::from_millis(50);

/// How often a server that may not be alone looks whether another has changed what holds for all.
const LOOK_EVERY: Duration = Duration::from_secs(2);

const DAY: Duration = Duration::from_secs(86_400);

/// Services that run, and what they hold.
pub(super) struct Running {
    pub(super) services: Arc<ServiceDesk>,
    /// Reads their files again.
    _followed: Option<Follower>,
    /// The data directory is this server's.
    _lock: Option<File>,
}

impl Running {
    /// Waits for what the store says of maintenance and moderators, though not for ever, and only
    /// until `is_over`; whether it is.
    pub(super) fn settle(&self, mut is_over: impl FnMut() -> bool) -> bool {
        for _ in 0..WAITS {
            if is_over() {
                return true;
            }
            if self.services.wait_until_settled(WAIT) {
                return false;
            }
        }
        tracing::warn!("the store does not answer; nobody logs in until it does");
        false
    }
}

/// Starts the services, which connect to their store by themselves: as long as they cannot, what
/// needs it is refused, and the log says why. With them comes who follows their files.
///
/// # Errors
/// When the system has no thread left, a file of theirs is wrong, or the data directory is another
/// server's.
pub(super) fn start(config: &Effective, places: &Places) -> Result<Running, String> {
    let node = config.integer("store.node") as u16;
    let brief = match config.secret("store.redis") {
        Some(_) => BriefOptions::with_redis(node),
        None => BriefOptions::with_sql(node),
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hashing = HashWorkerOptions::for_processors(processors);
    let stores = store_places(config);
    let options = AccountOptions {
        node,
        // A server's database may have other servers of Wharf.
        is_alone: matches!(stores.kept, Place::File(_)),
        hash_workers: hashing.threads as u32,
        // Passwords of rooms have a small part of the queue.
        hash_jobs_max: hashing.queue_max - RoomOptions::default().hashes_max as usize,
        hash_deadline: hashed_within(config),
        ..AccountOptions::default()
    };
    let rooms = RoomOptions {
        node: RoomOptions::default().node + node,
        halls_max: config.integer("chat.halls_max") as u32,
        members_max: config.integer("chat.room_members_max") as u32,
        lobbies: config.integer("chat.rooms") as u32,
        owned_max: config.integer("chat.owned_max") as u32,
        ..RoomOptions::default()
    };
    let messages_kept = messages_kept(config);
    let keys = tickets::read(config)?;
    check_files(config, &stores.kept)?;
    let mut lock = None;
    if let Place::File(file) = &stores.kept
        && let Some(folder) = file.parent()
    {
        let told = |error| format!("{} cannot be made: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(told)?;
        lock = Some(data_lock::take(folder)?);
        // One that is damaged does not mend itself, as one does that is away.
        admin::inspect(file).map_err(|trouble| trouble.to_string())?;
    }
    let (users, queue_max) = (
        places.clone(),
        config.integer("accounts.queue_max") as usize,
    );
    let make = move || {
        let accounts = Accounts::new(options, Box::new(SystemChance));
        let platform = Platform::new(accounts, options.node)
            .with_places(users.clone(), queue_max)
            .with_rooms(rooms, Box::new(SystemChance))
            .with_brief(brief)
            .with_sweeping(messages_kept);
        match options.is_alone {
            true => platform,
            false => platform.with_others(LOOK_EVERY),
        }
    };
    let unknown = match classic_logins(config, true) {
        ClassicLogins::Register => UnknownId::Registered,
        ClassicLogins::Open | ClassicLogins::Known => UnknownId::Refused,
    };
    let desk = ServiceDesk::start(Box::new(make), &stores, hashing, unknown)
        .map_err(|error| format!("the services could not be started: {error}"))?;
    let desk = Arc::new(desk);
    let follower = keys.and_then(|keys| tickets::follow(config, keys, &desk));
    Ok(Running {
        services: desk,
        _followed: follower,
        _lock: lock,
    })
}

/// Looks at the files that the URL of a store names.
///
/// # Errors
/// Where that stands, and which cannot be read.
pub(super) fn check_files(config: &Effective, kept: &Place) -> Result<(), String> {
    let Place::Server(url) = kept else {
        return Ok(());
    };
    let source = config.source("store.url");
    wharf_store::check_files(url).map_err(|why| format!("{source}: store.url: {}", why.reason()))
}

/// What is ours of the Redis that a URL names.
pub(super) fn redis_at(url: &str) -> RedisPlace {
    RedisPlace {
        url: url.to_owned(),
        prefix: REDIS_PREFIX.to_owned(),
        timeouts: Timeouts::default(),
    }
}

/// Where things are kept.
pub(super) fn store_places(config: &Effective) -> StorePlaces {
    let redis = config.secret("store.redis");
    let redis = redis.map(|url| redis_at(url.expose()));
    StorePlaces {
        options: StoreOptions::default(),
        kept: place_of(config),
        short: redis,
    }
}

/// By when those are answered who wait for a password's turn: who may take longer to log in may
/// wait for longer.
fn hashed_within(config: &Effective) -> Duration {
    let login = Duration::from_secs(config.integer("limits.login_seconds"));
    login.max(AccountOptions::default().deadline)
}

/// How long what was said is kept, if not for ever.
fn messages_kept(config: &Effective) -> Option<Duration> {
    let days = config.integer("store.messages_days");
    (days > 0).then(|| DAY * u32::try_from(days).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::settings::TABLES;
    use super::*;
    use wharf_host::config::{Layers, Machine};

    fn resolved(set: &[(&str, &str)]) -> Result<Effective, String> {
        const MACHINE: Machine = Machine {
            processors: 2,
            descriptors_max: None,
        };
        let own = |(key, value): &(&str, &str)| {
            let source = format!("--set {key}");
            (source, (*key).to_owned(), (*value).to_owned())
        };
        let layers = Layers {
            command_line: set.iter().map(own).collect(),
            ..Layers::default()
        };
        Effective::resolve(TABLES, &MACHINE, &layers).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_said_is_kept_for_ever_unless_days_are_set() {
        let kept = |set: &[(&str, &str)]| resolved(set).map(|config| messages_kept(&config));
        let with = |days| kept(&[("store.messages_days", days)]);
        assert_eq!(kept(&[]), Ok(None));
        assert_eq!(with("0"), Ok(None));
        assert_eq!(with("30"), Ok(Some(DAY * 30)));
        for days in ["36501", "-1", "soon"] {
            let told = with(days).expect_err("refused");
            assert!(told.contains("from 0 to 36500"), "{told}");
        }
    }

    #[test]
    fn who_may_take_longer_to_log_in_may_wait_longer_for_a_passwords_turn() {
        let within = |seconds| {
            let config = resolved(&[("limits.login_seconds", seconds)]).unwrap();
            hashed_within(&config).as_secs()
        };
        // Nobody is given less than requests for which nothing is hashed.
        assert_eq!(["5", "30", "600"].map(within), [30, 30, 600]);
    }
}
