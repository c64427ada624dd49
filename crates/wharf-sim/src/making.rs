//! The platform of a run, as each process makes it.

use crate::guesses::{TICKETS, key_of};
use crate::server::EPOCH_MS;
use crate::store::{Health, SimStore};
use wharf_accounts::{AccountOptions, Accounts, Chance, ThrottleLimits};
use wharf_base::{Duration, Rng};
use wharf_data::short::{Ask, Space};
use wharf_platform::{BriefOptions, Platform, RoomOptions};

struct Seeded(Rng);

impl Chance for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.next_u64() as u8);
    }
}

/// What every platform of a run has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    pub(crate) rooms: Option<RoomOptions>,
    /// Whether what is shown to others lies in a store of its own.
    pub(crate) has_short: bool,
    /// Delays of those who guess at one account.
    pub(crate) delays: ThrottleLimits,
    /// Whether failures are forgotten with the process.
    pub(crate) forgets: bool,
}

impl Making {
    pub(crate) fn draw(rooms: Option<RoomOptions>, rng: &mut Rng) -> Self {
        Self {
            rooms,
            has_short: rng.chance(0.5),
            delays: ThrottleLimits {
                free: rng.below(3) as u32,
                longest: Duration::from_secs(20),
                ..ThrottleLimits::default()
            },
            forgets: false,
        }
    }

    /// A platform to which nothing has happened yet.
    pub(crate) fn platform(&self, rng: &mut Rng) -> Platform {
        let usual = AccountOptions::default();
        let options = AccountOptions {
            hash_time: Duration::from_millis(20),
            deadline: Duration::from_secs(2),
            hash_deadline: Duration::from_secs(2),
            // Tokens that are exchanged by every login, soon, or not while this world lasts.
            token_exchange_after: Duration::from_secs([0, 5, 3_600][rng.below(3) as usize]),
            account_delays: self.delays,
            // All come from one.
            address_delays: ThrottleLimits {
                free: 1_000,
                ..usual.address_delays
            },
            recall: if self.forgets {
                Duration::ZERO
            } else {
                usual.recall
            },
            ..usual
        };
        let mut chance = || Box::new(Seeded(rng.fork()));
        let mut platform = Platform::new(Accounts::new(options, chance()), options.node);
        if let Some(rooms) = self.rooms {
            platform = platform.with_rooms(rooms, chance());
        }
        match self.has_short {
            true => platform.with_brief(BriefOptions {
                batch: 8,
                refresh: Duration::from_secs(30),
                ..BriefOptions::with_redis(options.node)
            }),
            false => platform,
        }
    }

    /// The store for what lives for a short time, if that is another than `kept`; with the
    /// tickets, wherever they are.
    pub(crate) fn short_store(&self, kept: &mut SimStore, rng: &mut Rng) -> Option<SimStore> {
        let mut short = self.has_short.then(|| {
            let health = Health::draw_short(rng);
            SimStore::new(health, rng.fork())
        });
        let store = short.as_mut().unwrap_or(kept);
        for ticket in 0..TICKETS {
            let value = format!(r#"{{"sub":"visitor-{ticket}","name":"visitor {ticket}"}}"#);
            store.stock(&wharf_data::Ask::Short(Ask::Put {
                space: Space::Ticket,
                key: key_of(ticket),
                value: value.into_bytes(),
                score: 0,
                expires: EPOCH_MS * 2,
                only_new: true,
                at: EPOCH_MS,
            }));
        }
        short
    }
}
