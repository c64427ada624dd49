//! Redis, for what lives for a short time: login tickets, presence, rate limits, busy rooms.
//! Whoever has no Redis asks the [`crate::Store`] the same and gets the same answers.
//!
//! ```text
//!  a value:   PREFIX:SPACE:KEY        hash   v: bytes, s: score, e: until when
//!  its space: PREFIX:SPACE            sorted set of keys, the highest score first
//!             PREFIX:ends:SPACE       sorted set of keys, the first to end first
//! ```
//!
//! What a value is worth is decided by the asker's time, which is in each request; Redis forgets
//! it by its own clock a while later (a minute).

mod commands;

use crate::SqlError;
use crate::desk::{Desk, Waiting};
use crate::remote::{GRACE, Timeouts};
use crate::store::{Clock, Replies, StoreOptions, StoreStats, Tag, spawn};
use crate::worker::{Watcher, answer};
use ::redis::{Client, Connection, Pipeline, Value, cmd};
use commands::{Keys, reply};
use core::time::Duration;
use std::sync::Arc;
use std::thread::JoinHandle;
use wharf_data::short::Ask;
use wharf_data::{self as data, Refusal, Reply};

/// Bytes of a key at the most, as in the SQL store.
const KEY_BYTES_MAX: usize = 200;

/// A Redis with its thread. Asked as the [`crate::Store`] is: a bounded queue in, exactly one
/// answer each out, at its deadline at the latest; a connection that is lost is made again.
pub struct Redis {
    desk: Arc<Desk>,
    worker: Option<JoinHandle<()>>,
    watcher: Option<JoinHandle<()>>,
}

/// Where a Redis is, and what of it is ours.
#[derive(Clone)]
pub struct RedisPlace {
    /// `redis://USER:PASSWORD@HOST:PORT/NUMBER`.
    pub url: String,
    /// What all keys begin with: several worlds may share one Redis.
    pub prefix: String,
    /// How long it may take. A request that takes longer has failed.
    pub timeouts: Timeouts,
}

impl Redis {
    /// Starts the threads, which connect by themselves: until they have, requests wait.
    ///
    /// # Errors
    /// That the URL is none (the password in it is in no error), or that the system has no thread
    /// left.
    pub fn start(
        options: StoreOptions,
        clock: Clock,
        place: &RedisPlace,
        replies: impl Replies,
    ) -> Result<Self, SqlError> {
        let client = client(&place.url)?;
        let no_thread = |why| SqlError::Broken(format!("no thread for Redis: {why}"));
        // One connection does all, in order.
        let options = StoreOptions {
            readers: 0,
            ..options
        };
        let desk = Arc::new(Desk::new(options, clock));
        let replies: Arc<dyn Replies> = Arc::new(replies);
        let mut redis = Self {
            desk: Arc::clone(&desk),
            worker: None,
            watcher: None,
        };
        let watcher = Watcher::new(&desk, &replies);
        redis.watcher = Some(spawn("redis-deadlines", move || watcher.run()).map_err(no_thread)?);
        let worker = Worker {
            desk,
            client,
            keys: Keys {
                prefix: place.prefix.clone(),
            },
            timeouts: place.timeouts,
            replies,
            link: None,
            retry: options.retry,
        };
        redis.worker = Some(spawn("redis", move || worker.run()).map_err(no_thread)?);
        Ok(redis)
    }

    /// Whether `url` is one of Redis; nobody is asked.
    ///
    /// # Errors
    /// What it should be. The URL, which may hold a password, is in no error.
    ///
    /// ```
    /// assert!(wharf_store::Redis::check_url("redis://:secret@cache:6379/0").is_ok());
    /// assert!(wharf_store::Redis::check_url("http://:secret@cache").is_err());
    /// ```
    pub fn check_url(url: &str) -> Result<(), SqlError> {
        client(url).map(drop)
    }

    /// Connects once, and asks whether somebody is there.
    ///
    /// # Errors
    /// That the URL is none, or why nobody answers as they should.
    pub fn try_connect(place: &RedisPlace) -> Result<(), SqlError> {
        let broken = |why: ::redis::RedisError| SqlError::Broken(why.to_string());
        connect(&client(&place.url)?, &place.timeouts)
            .map(drop)
            .map_err(broken)
    }

    /// Asks, with the usual time for the answer. Never blocks.
    ///
    /// # Errors
    /// As [`crate::Store::ask`].
    pub fn ask(&self, tag: Tag, ask: Ask) -> Result<(), Refusal> {
        self.desk.ask(tag, data::Ask::Short(ask), None)
    }

    /// As [`crate::Store::probe`]: with a `PING`.
    pub fn probe(&self) {
        self.desk.probe();
    }

    /// What it has done so far: its groups are what went to Redis at once.
    pub fn stats(&self) -> StoreStats {
        self.desk.stats()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.desk.end();
        // Who panicked has said why.
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
        self.desk.end_watch();
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

fn client(url: &str) -> Result<Client, SqlError> {
    let unreadable = "the URL of Redis is not redis://USER:PASSWORD@HOST:PORT/NUMBER";
    // What the driver says of it may quote it.
    Client::open(url).map_err(|_| SqlError::Wrong(unreadable.into()))
}

fn connect(client: &Client, timeouts: &Timeouts) -> ::redis::RedisResult<Connection> {
    let mut link = client.get_connection_with_timeout(timeouts.connect)?;
    let patience = Some(timeouts.statement + GRACE);
    link.set_read_timeout(patience)?;
    link.set_write_timeout(patience)?;
    // A server that is still loading, or wants a password, says so here.
    cmd("PING").query::<String>(&mut link)?;
    Ok(link)
}

/// One connection, for whoever asks once and waits.
pub(crate) struct Glance {
    link: Connection,
    keys: Keys,
}

impl Glance {
    /// Connects.
    ///
    /// # Errors
    /// That the URL is none, or why nobody answers as they should.
    pub(crate) fn connect(place: &RedisPlace) -> Result<Self, SqlError> {
        let link = connect(&client(&place.url)?, &place.timeouts);
        Ok(Self {
            link: link.map_err(|why| SqlError::Broken(why.to_string()))?,
            keys: Keys {
                prefix: place.prefix.clone(),
            },
        })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Result<Reply, SqlError> {
        let said = self.keys.command(ask).query::<Value>(&mut self.link);
        said.and_then(|said| reply(ask, &said))
            .map_err(|why| SqlError::Broken(why.to_string()))
    }
}

struct Worker {
    desk: Arc<Desk>,
    client: Client,
    keys: Keys,
    timeouts: Timeouts,
    replies: Arc<dyn Replies>,
    link: Option<Connection>,
    /// How long until the next try to connect.
    retry: Duration,
}

impl Worker {
    fn run(mut self) {
        while self.is_connected() {
            let Some(group) = self.desk.take_writes() else {
                return;
            };
            self.serve(&group);
        }
    }

    /// Whether there is a connection; tries until there is, with growing delays. Without one at
    /// the end, nobody is left waiting.
    fn is_connected(&mut self) -> bool {
        while self.link.is_none() {
            match connect(&self.client, &self.timeouts) {
                Ok(link) => {
                    self.link = Some(link);
                    self.retry = self.desk.options.retry;
                    self.desk.set_up();
                    tracing::info!("Redis is connected");
                    break;
                }
                Err(why) => tracing::error!(%why, "Redis cannot be reached"),
            }
            for tag in self.desk.set_down() {
                self.replies.reply(tag, Err(Refusal::Unavailable));
            }
            if self.desk.rest(self.retry) {
                return false;
            }
            self.retry = (self.retry * 2).min(self.desk.options.retry_max);
        }
        true
    }

    /// Sends a group at once and answers each.
    fn serve(&mut self, group: &[Waiting]) {
        let mut pipeline = Pipeline::new();
        if group.is_empty() {
            pipeline.cmd("PING");
        }
        let asked: Vec<Option<&Ask>> = group.iter().map(valid).collect();
        for ask in asked.iter().flatten() {
            pipeline.add_command(self.keys.command(ask));
        }
        let mut said = match self.send(&pipeline) {
            Ok(said) => said.into_iter(),
            Err(why) => {
                tracing::error!(%why, requests = group.len(), "Redis failed");
                // Whatever it still says belongs to nobody.
                self.link = None;
                let refused = vec![Err(Refusal::Unavailable); group.len()];
                answer(&self.desk, &*self.replies, group, refused);
                return;
            }
        };
        let results: Vec<Reply> = asked
            .iter()
            .map(|ask| match ask {
                None => Err(Refusal::Invalid),
                Some(ask) => said.next().map_or(Err(Refusal::Unavailable), |said| {
                    reply(ask, &said).unwrap_or_else(|why| {
                        tracing::error!(%why, "Redis refuses a request");
                        Err(Refusal::Unavailable)
                    })
                }),
            })
            .collect();
        self.desk.count_group(group.len(), |_| {});
        answer(&self.desk, &*self.replies, group, results);
    }

    /// The first answer that does not come is the last that is waited for: the driver's own way
    /// would wait as long once more for each behind it.
    fn send(&mut self, pipeline: &Pipeline) -> ::redis::RedisResult<Vec<Value>> {
        match &mut self.link {
            Some(link) if !pipeline.is_empty() => {
                link.send_packed_command(&pipeline.get_packed_pipeline())?;
                (0..pipeline.len()).map(|_| link.recv_response()).collect()
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// The request, if its key is none too long; nothing else comes here.
fn valid(waiting: &Waiting) -> Option<&Ask> {
    let data::Ask::Short(ask) = &waiting.ask else {
        return None;
    };
    let (Ask::Put { key, .. } | Ask::Count { key, .. }) = ask else {
        return Some(ask);
    };
    (key.len() <= KEY_BYTES_MAX).then_some(ask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_data::short::Space;

    #[test]
    fn a_key_is_no_longer_than_in_the_sql_store() {
        let waiting = |length| Waiting {
            number: 1,
            ask: data::Ask::Short(Ask::Put {
                space: Space::Ticket,
                key: "k".repeat(length),
                value: Vec::new(),
                score: 0,
                expires: 1,
                only_new: true,
                at: 0,
            }),
        };
        assert!(valid(&waiting(KEY_BYTES_MAX)).is_some());
        assert!(valid(&waiting(KEY_BYTES_MAX + 1)).is_none());
    }
}
