//! Names handlers that take too long: everybody on their thread has waited meanwhile.

use wharf_base::{Duration, Instant};
use wharf_content::{Cause, HandlerWatch, Place, RoomId};
use wharf_port::clock;

/// A handler that runs this long is named in the log. At 60 ticks a second it has cost six.
const SLOW: Duration = Duration::from_millis(100);

/// Times each handler call. Reads the clock twice a call, some tens of nanoseconds.
pub(crate) struct Watchdog {
    now: fn() -> Instant,
    began: Instant,
    /// The kind of the room, empty for the foyer. Kept in one string, so that nothing is allocated
    /// for each call.
    kind: String,
    room: Option<RoomId>,
    cause: Cause,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        Self {
            now: clock::now,
            began: Instant::ZERO,
            kind: String::new(),
            room: None,
            cause: Cause::Tick,
        }
    }

    fn name_slow(&self, took: Duration) {
        let (took_ms, cause) = (took.as_millis() as u64, self.cause);
        match self.room {
            Some(room) => {
                let (kind, number) = (self.kind.as_str(), room.number());
                tracing::warn!(kind, room = number, ?cause, took_ms, "slow handler");
            }
            None => tracing::warn!(kind = "foyer", ?cause, took_ms, "slow handler"),
        }
    }
}

impl HandlerWatch for Watchdog {
    fn begin(&mut self, place: Place<'_>, cause: Cause) {
        self.kind.clear();
        self.room = match place {
            Place::Foyer => None,
            Place::Room { kind, room } => {
                self.kind.push_str(kind);
                Some(room)
            }
        };
        self.cause = cause;
        self.began = (self.now)();
    }

    fn end(&mut self) -> Duration {
        let took = (self.now)() - self.began;
        if took >= SLOW {
            self.name_slow(took);
        }
        took
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};
    use wharf_content::{AppBuilder, Room};

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

    fn logged(now: fn() -> Instant) -> String {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut watchdog = Watchdog {
                now,
                ..Watchdog::new()
            };
            let kind = AppBuilder::new().room::<Quiet>("lobby").kind();
            let room = RoomId::new(kind, 7);
            watchdog.begin(
                Place::Room {
                    kind: "lobby",
                    room,
                },
                Cause::Packet(221),
            );
            watchdog.end();
        });
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
        ] {
            assert!(line.contains(word), "{word} is not in {line}");
        }
    }

    #[test]
    fn a_quick_handler_is_not_worth_a_line() {
        assert_eq!(logged(|| Instant::ZERO), "");
    }
}
