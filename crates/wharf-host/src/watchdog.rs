//! Names handlers that take too long, when they return, and handlers that do not return at all:
//! everybody on their thread waits meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use wharf_base::{Duration, Instant};
use wharf_content::{Cause, HandlerWatch, Place};
use wharf_port::clock;

/// A handler that runs this long is named in the log. At 60 ticks a second it has cost six.
const SLOW: Duration = Duration::from_millis(100);
/// How often the onlooker looks while handlers run. A call that it sees twice has not returned.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Calls of one cause that are timed together while they are quick: a look at the clock costs more
/// than what most of them do.
const STRETCH_CALLS: u32 = 16;
/// Calls that take longer on the average are worth a look each: so many of them together would be
/// slow, which none of them is.
const QUICK: Duration = Duration::from_millis(3);

/// The handlers that run now, one on each logic shard at the most, and who looks at them.
///
/// The onlooker's thread sleeps while nothing runs: the first handler after that wakes it.
#[derive(Debug)]
pub(crate) struct Handlers {
    running: Vec<Running>,
    /// Whether the onlooker looks by itself, so that nobody has to wake it.
    awake: AtomicBool,
    over: AtomicBool,
    onlooker: OnceLock<Thread>,
}

/// What runs on one logic shard.
#[derive(Debug)]
struct Running {
    /// When the stretch of calls that runs began, in nanoseconds; 0 between batches.
    since: AtomicU64,
    /// How many calls have begun; written by the shard alone.
    calls: AtomicU64,
    what: Mutex<(Place, Cause)>,
}

impl Running {
    fn what(&self) -> MutexGuard<'_, (Place, Cause)> {
        // Nothing panics under this lock.
        self.what.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handlers {
    /// Nothing runs on any of so many shards.
    pub(crate) fn new(shards: u8) -> Self {
        let idle = || Running {
            since: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            what: Mutex::new((Place::Foyer, Cause::Tick)),
        };
        Self {
            running: (0..shards).map(|_| idle()).collect(),
            awake: AtomicBool::new(false),
            over: AtomicBool::new(false),
            onlooker: OnceLock::new(),
        }
    }

    /// Looks on, on the calling thread, until [`Handlers::end`].
    pub(crate) fn look_on(&self) {
        let myself = self.onlooker.set(thread::current());
        myself.expect("there is one onlooker");
        let mut seen = vec![0; self.running.len()];
        while !self.over.load(Ordering::Acquire) {
            if !self.awake.load(Ordering::SeqCst) {
                thread::park();
                continue;
            }
            thread::park_timeout(LOOK_EVERY);
            self.look(&mut seen, clock::now());
            if seen.iter().all(|&call| call == 0) {
                // Whoever begins now sees this, or is seen by the next look.
                self.awake.store(false, Ordering::SeqCst);
                let runs = |it: &Running| it.since.load(Ordering::SeqCst) > 0;
                let anything = self.running.iter().any(runs);
                self.awake.fetch_or(anything, Ordering::SeqCst);
            }
        }
    }

    /// Names every handler that was seen before and still runs, once. `seen` has the number of the
    /// call that ran on each shard, 0 for none.
    fn look(&self, seen: &mut [u64], now: Instant) {
        /// Marks what was named already: nobody counts so far.
        const NAMED: u64 = 1 << 63;
        for (shard, (running, seen)) in self.running.iter().zip(seen).enumerate() {
            let since = running.since.load(Ordering::SeqCst);
            let call = running.calls.load(Ordering::SeqCst);
            if since == 0 {
                *seen = 0;
            } else if call != *seen & !NAMED {
                *seen = call;
            } else if *seen & NAMED == 0 {
                *seen |= NAMED;
                let (place, cause) = *running.what();
                let runs = now.saturating_since(Instant::from_nanos(since));
                name_stuck(shard, place, cause, runs);
            }
        }
    }

    /// What has kept a logic shard from going on for at least `long`, and for how long.
    pub(crate) fn stuck(&self, shard: usize, long: Duration) -> Option<(Place, Cause, Duration)> {
        let running = &self.running[shard];
        let since = running.since.load(Ordering::SeqCst);
        let runs = clock::now().saturating_since(Instant::from_nanos(since));
        if since == 0 || runs < long {
            return None;
        }
        let (place, cause) = *running.what();
        Some((place, cause, runs))
    }

    /// Ends looking on.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
        if let Some(onlooker) = self.onlooker.get() {
            onlooker.unpark();
        }
    }

    /// A batch has its first call: from here until `since` is 0 again somebody looks.
    fn begin_batch(&self, shard: usize, began: Instant) {
        let running = &self.running[shard];
        running
            .since
            .store(began.as_nanos().max(1), Ordering::SeqCst);
        if !self.awake.load(Ordering::SeqCst)
            && let Some(onlooker) = self.onlooker.get()
            && !self.awake.swap(true, Ordering::SeqCst)
        {
            onlooker.unpark();
        }
    }
}

fn name_stuck(shard: usize, place: Place, cause: Cause, runs: Duration) {
    let runs_ms = runs.as_millis() as u64;
    match place {
        Place::Room { kind, room } => {
            let number = room.number();
            tracing::error!(
                shard,
                kind,
                room = number,
                ?cause,
                runs_ms,
                "handler does not return"
            );
        }
        Place::Foyer => {
            tracing::error!(
                shard,
                kind = "foyer",
                ?cause,
                runs_ms,
                "handler does not return"
            );
        }
    }
}

/// Times the handler calls of one logic shard, and has the onlooker know what runs.
///
/// Calls of one cause that follow one another are a stretch: the clock is looked at where one ends
/// and the next begins, after [`STRETCH_CALLS`] at the latest, and after each call while they are
/// slow, or may be: the first of a cause is timed by itself. What content does between two calls
/// counts for the second. The clock is the quick one, which is good enough to tell what is slow;
/// ticks are timed by the exact one, each by itself.
pub(crate) struct Watchdog {
    quick: fn() -> Instant,
    exact: fn() -> Instant,
    /// What runs, or ran last in this batch.
    stretch: Option<Stretch>,
    /// Calls until the next look.
    calls_max: u32,
    /// When the tick that runs began, on the exact clock.
    tick_began: Option<Instant>,
    /// How many calls have begun.
    begun: u64,
    /// What was last told to the onlooker.
    told: (Place, Cause),
    handlers: Arc<Handlers>,
    shard: usize,
}

/// Calls of one cause that follow one another.
struct Stretch {
    began: Instant,
    calls: u32,
}

impl Watchdog {
    pub(crate) fn new(handlers: Arc<Handlers>, shard: u8) -> Self {
        let shard = usize::from(shard);
        let told = *handlers.running[shard].what();
        Self {
            quick: clock::quick,
            exact: clock::now,
            stretch: None,
            calls_max: STRETCH_CALLS,
            tick_began: None,
            begun: 0,
            told,
            handlers,
            shard,
        }
    }

    fn running(&self) -> &Running {
        &self.handlers.running[self.shard]
    }

    /// Looks at the clock: names what was slow, and begins the next stretch.
    fn look(&mut self) {
        let (took, calls) = self.begin_stretch();
        if took >= SLOW {
            self.name_slow(took, calls);
        }
    }

    /// Ends a stretch, whose time and calls these are, and begins the next.
    fn begin_stretch(&mut self) -> (Duration, u32) {
        let now = (self.quick)();
        let stretch = self.stretch.as_mut().expect("a call began");
        let (took, calls) = (now - stretch.began, stretch.calls);
        *stretch = Stretch {
            began: now,
            calls: 0,
        };
        let is_quick = took <= QUICK * calls.max(1);
        self.calls_max = if is_quick { STRETCH_CALLS } else { 1 };
        let since = now.as_nanos().max(1);
        self.running().since.store(since, Ordering::Release);
        (took, calls)
    }

    /// One more call begins: whoever sees the same number twice knows that it has not returned.
    fn count_call(&mut self) {
        self.begun += 1;
        self.running().calls.store(self.begun, Ordering::Relaxed);
    }

    /// Ends the stretch if it has calls.
    fn end_stretch(&mut self) {
        if self.stretch.as_ref().is_some_and(|it| it.calls > 0) {
            self.look();
        }
    }

    fn name_slow(&self, took: Duration, calls: u32) {
        let took_ms = took.as_millis() as u64;
        match self.told {
            (Place::Room { kind, room }, cause) => {
                let number = room.number();
                tracing::warn!(kind, room = number, ?cause, took_ms, calls, "slow handler");
            }
            (Place::Foyer, cause) => {
                tracing::warn!(kind = "foyer", ?cause, took_ms, calls, "slow handler");
            }
        }
    }
}

impl HandlerWatch for Watchdog {
    fn begin_batch(&mut self) {
        self.stretch = None;
    }

    fn begin(&mut self, place: Place, cause: Cause) -> u32 {
        if self.told != (place, cause) {
            self.end_stretch();
            // Nobody knows yet how long it takes.
            self.calls_max = 1;
            self.told = (place, cause);
            *self.running().what() = self.told;
        }
        self.count_call();
        if cause == Cause::Tick {
            self.tick_began = Some((self.exact)());
        }
        let calls = self.stretch.as_ref().map(|stretch| stretch.calls);
        if calls.is_none() {
            let began = (self.quick)();
            self.stretch = Some(Stretch { began, calls: 0 });
            self.handlers.begin_batch(self.shard, began);
        }
        self.calls_max - calls.unwrap_or_default()
    }

    fn again(&mut self) {
        self.count_call();
    }

    fn end(&mut self, calls: u32) -> Option<Duration> {
        let stretch = self.stretch.as_mut().expect("a call began");
        stretch.calls += calls;
        if let Some(began) = self.tick_began.take() {
            let took = (self.exact)() - began;
            self.begin_stretch();
            if took >= SLOW {
                self.name_slow(took, calls);
            }
            return Some(took);
        }
        if stretch.calls >= self.calls_max {
            self.look();
        }
        None
    }

    fn end_batch(&mut self) {
        if self.stretch.is_some() {
            self.end_stretch();
            self.running().since.store(0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use wharf_content::{AppBuilder, Room, RoomId};

    #[derive(Default)]
    struct Quiet;
    impl Room for Quiet {}

    /// A clock on which each look is 150 ms after the last.
    fn slow_clock() -> Instant {
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        Instant::from_nanos(150_000_000 * LOOKS.fetch_add(1, Ordering::Relaxed))
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn room_seven() -> Place {
        let builder = &mut AppBuilder::new();
        let kind = builder.room::<Quiet>("lobby").kind();
        let room = RoomId::new(kind, 7);
        Place::Room {
            kind: "lobby",
            room,
        }
    }

    fn logged(now: fn() -> Instant) -> String {
        log_of(|| {
            let mut watchdog = Watchdog {
                quick: now,
                ..Watchdog::new(Arc::new(Handlers::new(1)), 0)
            };
            watchdog.begin_batch();
            watchdog.begin(room_seven(), Cause::Packet(221));
            watchdog.end(1);
            watchdog.end_batch();
        })
    }

    /// The looks at the clock that batches of calls cost, each call a packet of that id.
    fn looks_at(now: fn() -> Instant, looks: &AtomicU64, batches: &[&[u16]]) -> u64 {
        let mut watchdog = Watchdog {
            quick: now,
            ..Watchdog::new(Arc::new(Handlers::new(1)), 0)
        };
        let before = looks.load(Ordering::Relaxed);
        for batch in batches {
            watchdog.begin_batch();
            for &packet in *batch {
                watchdog.begin(Place::Foyer, Cause::Packet(packet));
                watchdog.end(1);
            }
            watchdog.end_batch();
        }
        looks.load(Ordering::Relaxed) - before
    }

    #[test]
    fn quick_calls_of_one_cause_are_timed_together() {
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        let quick = || Instant::from_nanos(1_000 * LOOKS.fetch_add(1, Ordering::Relaxed));
        let looks = |batches: &[&[u16]]| looks_at(quick, &LOOKS, batches);
        assert_eq!(
            looks(&[&[], &[]]),
            0,
            "a batch without a call costs nothing"
        );
        assert_eq!(looks(&[&[1]]), 2, "the first of a cause is timed by itself");
        assert_eq!(looks(&[&[1; 17]]), 3);
        assert_eq!(looks(&[&[1; 18]]), 4);
        assert_eq!(looks(&[&[1, 1, 2, 2, 1]]), 6, "one more where a cause ends");
        assert_eq!(looks(&[&[1; 3], &[1; 3]]), 3 + 2);
    }

    #[test]
    fn many_calls_that_are_not_slow_are_not_named_together() {
        static CLOCK: AtomicU64 = AtomicU64::new(0);
        let line = log_of(|| {
            let mut watchdog = Watchdog {
                quick: || Instant::from_nanos(CLOCK.load(Ordering::Relaxed)),
                ..Watchdog::new(Arc::new(Handlers::new(1)), 0)
            };
            watchdog.begin_batch();
            let mut left = 200;
            while left > 0 {
                let calls = watchdog.begin(Place::Foyer, Cause::Packet(1)).min(left);
                CLOCK.fetch_add(u64::from(calls) * 7_000_000, Ordering::Relaxed);
                watchdog.end(calls);
                left -= calls;
            }
            watchdog.end_batch();
        });
        assert_eq!(line, "");
    }

    #[test]
    fn calls_of_one_run_that_return_are_not_taken_for_one_that_does_not() {
        let line = log_of(|| {
            let handlers = Arc::new(Handlers::new(1));
            let mut watchdog = Watchdog {
                quick: || Instant::ZERO,
                ..Watchdog::new(Arc::clone(&handlers), 0)
            };
            let mut seen = [0];
            watchdog.begin_batch();
            watchdog.begin(Place::Foyer, Cause::Packet(1));
            for second in 1..5 {
                handlers.look(&mut seen, Instant::ZERO + Duration::from_secs(second));
                watchdog.again();
            }
        });
        assert_eq!(line, "");
    }

    #[test]
    fn slow_calls_are_timed_one_by_one() {
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        let quick = || Instant::from_nanos(20_000_000 * LOOKS.fetch_add(1, Ordering::Relaxed));
        assert_eq!(looks_at(quick, &LOOKS, &[&[1; 16], &[1; 5]]), 17 + 6);
    }

    #[test]
    fn as_many_calls_may_follow_as_are_timed_together() {
        let mut watchdog = Watchdog {
            quick: || Instant::ZERO,
            ..Watchdog::new(Arc::new(Handlers::new(1)), 0)
        };
        watchdog.begin_batch();
        let mut begin = |packet, made| {
            let calls = watchdog.begin(Place::Foyer, Cause::Packet(packet));
            watchdog.end(made);
            calls
        };
        assert_eq!(begin(1, 1), 1);
        assert_eq!(begin(1, 10), 16);
        assert_eq!(begin(1, 6), 6);
        assert_eq!(begin(1, 1), 16);
        assert_eq!(begin(2, 1), 1);
    }

    #[test]
    fn a_tick_is_timed_exactly_by_itself() {
        static LOOKS: AtomicU64 = AtomicU64::new(0);
        let mut watchdog = Watchdog {
            quick: || Instant::ZERO,
            exact: || Instant::from_nanos(1_000 * LOOKS.fetch_add(1, Ordering::Relaxed)),
            ..Watchdog::new(Arc::new(Handlers::new(1)), 0)
        };
        watchdog.begin_batch();
        for (cause, took) in [
            (Cause::Packet(1), None),
            (Cause::Tick, Some(Duration::from_micros(1))),
            (Cause::Packet(1), None),
        ] {
            watchdog.begin(Place::Foyer, cause);
            assert_eq!(watchdog.end(1), took, "{cause:?}");
        }
        assert_eq!(LOOKS.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn whoever_runs_is_known_by_name_and_nobody_between_batches() {
        let handlers = Arc::new(Handlers::new(1));
        let mut watchdog = Watchdog {
            quick: || Instant::from_nanos(7),
            ..Watchdog::new(Arc::clone(&handlers), 0)
        };
        let running = &handlers.running[0];
        watchdog.begin_batch();
        for (calls, call) in [
            (1, (room_seven(), Cause::Packet(221))),
            (2, (room_seven(), Cause::Packet(221))),
            (3, (Place::Foyer, Cause::Packet(1))),
        ] {
            watchdog.begin(call.0, call.1);
            assert_eq!(
                (*running.what(), running.since.load(Ordering::SeqCst)),
                (call, 7)
            );
            assert_eq!(running.calls.load(Ordering::SeqCst), calls);
            watchdog.end(1);
        }
        watchdog.end_batch();
        assert_eq!(running.since.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_handler_that_does_not_return_is_named_once() {
        let line = log_of(|| {
            let handlers = Handlers::new(2);
            let began = Instant::from_nanos(5);
            *handlers.running[1].what() = (room_seven(), Cause::Tick);
            handlers.begin_batch(1, began);
            handlers.running[1].calls.store(3, Ordering::SeqCst);
            let mut seen = [0; 2];
            for seconds in 1..5 {
                handlers.look(&mut seen, began + Duration::from_secs(seconds));
            }
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        for word in [
            "does not return",
            "shard=1",
            "lobby",
            "room=7",
            "Tick",
            "runs_ms=2000",
        ] {
            assert!(line.contains(word), "{word} is not in {line}");
        }
    }

    #[test]
    fn handlers_that_return_are_not_named_however_many_there_are() {
        let line = log_of(|| {
            let handlers = Handlers::new(1);
            let mut seen = [0];
            for second in 1..5 {
                let now = Instant::ZERO + Duration::from_secs(second);
                handlers.begin_batch(0, Instant::ZERO);
                handlers.running[0].calls.store(second, Ordering::SeqCst);
                handlers.look(&mut seen, now);
            }
        });
        assert_eq!(line, "");
    }

    #[test]
    fn the_onlooker_is_woken_by_the_first_handler_and_ends_when_told() {
        let handlers = Handlers::new(1);
        thread::scope(|scope| {
            let onlooker = scope.spawn(|| handlers.look_on());
            while handlers.onlooker.get().is_none() {
                thread::yield_now();
            }
            handlers.begin_batch(0, Instant::ZERO);
            assert!(handlers.awake.load(Ordering::SeqCst));
            handlers.end();
            onlooker.join().unwrap();
        });
    }

    fn log_of(happens: impl FnOnce()) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, happens);
        let bytes = log.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_slow_handler_is_named_with_its_room_and_packet() {
        let line = logged(slow_clock);
        for word in [
            "slow handler",
            "lobby",
            "room=7",
            "Packet(221)",
            "took_ms=150",
            "calls=1",
        ] {
            assert!(line.contains(word), "{word} is not in {line}");
        }
    }

    #[test]
    fn a_quick_handler_is_not_worth_a_line() {
        assert_eq!(logged(|| Instant::ZERO), "");
    }
}
