//! What has ended is thrown away: logins, names that were kept free, what lived for a short time,
//! what was said in rooms that are no more. In parts, so that nobody waits behind it.

use crate::Platform;
use crate::platform::{Effect, StoreTag};
use wharf_base::{Duration, Instant};
use wharf_data::{Ask, Reply, UnixMs, keep};

/// How often the store is swept.
const EVERY: Duration = Duration::from_secs(3_600);
/// How long after the start, and after a store that could not, it is tried.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two parts.
const PAUSE: Duration = Duration::from_secs(1);
/// Of each kind that go at once.
const PART: u32 = 200;

/// What the store is asked for has this tag.
pub(crate) const OF_SWEEPING: StoreTag = StoreTag(1 << 60);

/// When the store is swept next.
pub(crate) enum Sweeping {
    /// Not while it is.
    Asked,
    At(Instant),
    /// Once the first call comes.
    AfterStart,
}

impl Platform {
    /// The same, but the store is swept, a minute after the start and then every hour. What was
    /// said longer ago than `messages_kept` goes then; without a time it is kept for ever.
    #[must_use]
    pub fn with_sweeping(mut self, messages_kept: Option<Duration>) -> Self {
        self.sweeping = Some(Sweeping::AfterStart);
        self.messages_kept = messages_kept;
        self
    }

    pub(crate) fn sweep(&mut self, now: Instant, at: UnixMs) {
        match &mut self.sweeping {
            Some(sweeping @ Sweeping::AfterStart) => *sweeping = Sweeping::At(now + PATIENCE),
            Some(sweeping @ Sweeping::At(_)) if sweeping.due().is_some_and(|due| due <= now) => {
                *sweeping = Sweeping::Asked;
                let kept = self.messages_kept;
                let ask = Ask::Keep(keep::Ask::Sweep {
                    at,
                    messages_before: kept.map(|kept| before(at, kept)),
                    limit: PART,
                });
                let tag = OF_SWEEPING;
                self.push(Effect::Ask { tag, ask });
            }
            _ => {}
        }
    }

    pub(crate) fn swept(&mut self, now: Instant, reply: &Reply) {
        let pause = match reply {
            Ok(wharf_data::Answer::Keep(keep::Answer::Swept { has_more: true, .. })) => PAUSE,
            Ok(_) => EVERY,
            Err(_) => PATIENCE,
        };
        self.sweeping = Some(Sweeping::At(now + pause));
    }
}

/// What was said before then was said longer ago than `kept`.
fn before(at: UnixMs, kept: Duration) -> UnixMs {
    at.saturating_sub(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX))
}

impl Sweeping {
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Self::At(due) => Some(*due),
            Self::Asked | Self::AfterStart => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wharf_accounts::{AccountOptions, Accounts};
    use wharf_data::Refusal;

    struct Zeros;

    impl wharf_accounts::Chance for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    /// Passes the time until something is due, and answers the sweep that is asked for.
    fn next_sweep(platform: &mut Platform, now: &mut Instant, reply: Reply) -> Duration {
        let due = platform.next_deadline().expect("it is swept again");
        let waited = due.saturating_since(*now);
        *now = due;
        assert!(platform.poll().is_none(), "nothing before its time");
        platform.handle_timeout(*now, 1);
        let asked = platform.poll();
        let Some(Effect::Ask { tag, ask }) = asked else {
            panic!("nothing is asked: {asked:?}");
        };
        assert!(matches!(ask, Ask::Keep(keep::Ask::Sweep { .. })));
        assert!(platform.poll().is_none(), "one at a time");
        assert_eq!(platform.next_deadline(), None);
        platform.stored(*now, 1, tag, reply);
        waited
    }

    #[test]
    fn the_store_is_swept_in_parts_then_every_hour_and_soon_again_if_it_could_not() {
        let accounts = Accounts::new(AccountOptions::default(), Box::new(Zeros));
        let mut platform = Platform::new(accounts, 0).with_sweeping(None);
        let mut now = Instant::ZERO;
        platform.handle_timeout(now, 1);
        let swept = |has_more| {
            let count = 7;
            Ok(wharf_data::Answer::Keep(keep::Answer::Swept {
                count,
                has_more,
            }))
        };
        let mut next = |reply| next_sweep(&mut platform, &mut now, reply);
        assert_eq!(next(swept(true)), PATIENCE);
        assert_eq!(next(swept(false)), PAUSE);
        assert_eq!(next(Err(Refusal::Unavailable)), EVERY);
        assert_eq!(next(swept(false)), PATIENCE);
    }

    #[test]
    fn what_was_said_longer_ago_than_it_is_kept_goes_and_else_all_is_kept() {
        const DAY_MS: i64 = 86_400_000;
        let days = |count: u64| Duration::from_secs(count * 86_400);
        for (kept, expected) in [
            (None, None),
            (Some(days(1)), Some(9 * DAY_MS)),
            (Some(days(36_500)), Some(-36_490 * DAY_MS)),
        ] {
            let accounts = Accounts::new(AccountOptions::default(), Box::new(Zeros));
            let mut platform = Platform::new(accounts, 0).with_sweeping(kept);
            let at = 10 * DAY_MS;
            platform.handle_timeout(Instant::ZERO, at);
            platform.handle_timeout(Instant::ZERO + PATIENCE, at);
            let Some(Effect::Ask { ask, .. }) = platform.poll() else {
                panic!("nothing is asked");
            };
            let Ask::Keep(keep::Ask::Sweep {
                messages_before, ..
            }) = ask
            else {
                panic!("another question: {ask:?}");
            };
            assert_eq!(messages_before, expected);
        }
    }
}
