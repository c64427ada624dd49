//! Where questions to the store go: to the SQL store, or, what lives for a short time, to Redis
//! where there is one.

use std::io;
use std::sync::Arc;
use wharf_data::{Ask, Refusal, Reply};
use wharf_port::clock;
use wharf_store::{Place, Redis, RedisPlace, Store, StoreOptions, StoreStats, Tag};

/// Where a server keeps things.
#[derive(Clone)]
pub struct StorePlaces {
    /// How much waits at the most, and how long; for each of both.
    pub options: StoreOptions,
    /// What is kept.
    pub kept: Place,
    /// What lives for a short time; without it that is kept with the rest.
    pub short: Option<RedisPlace>,
}

/// The stores with their threads. One that hangs or is gone fails what is asked of it, and nothing
/// else.
pub(crate) struct Stores {
    kept: Store,
    short: Option<Redis>,
}

impl Stores {
    /// Starts the threads, which connect by themselves. `answered` is told every answer.
    ///
    /// # Errors
    /// When the system has no thread left, or the URL of Redis is none.
    pub(crate) fn start(
        places: &StorePlaces,
        answered: impl Fn(Tag, Reply) + Clone + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let short = match &places.short {
            None => None,
            Some(place) => {
                let redis = Redis::start(
                    places.options,
                    Arc::new(clock::now),
                    place,
                    answered.clone(),
                );
                Some(redis.map_err(|why| io::Error::other(format!("store.redis: {why}")))?)
            }
        };
        let kept = Store::start(
            places.options,
            Arc::new(clock::now),
            places.kept.connector(),
            answered,
        )?;
        Ok(Self { kept, short })
    }

    /// Asks whoever keeps such things. Never blocks.
    ///
    /// # Errors
    /// As [`Store::ask`]: then there is no other answer.
    pub(crate) fn ask(&self, tag: Tag, ask: Ask) -> Result<(), Refusal> {
        match (ask, &self.short) {
            (Ask::Short(ask), Some(short)) => short.ask(tag, ask),
            (ask, _) => self.kept.ask(tag, ask),
        }
    }

    /// What both have counted, Redis where there is one; and has them find out whether they are
    /// answered still, which stands in what they tell the next time.
    pub(crate) fn look(&self) -> (StoreStats, Option<StoreStats>) {
        let short = self.short.as_ref().map(|short| {
            short.probe();
            short.stats()
        });
        self.kept.probe();
        (self.kept.stats(), short)
    }
}
