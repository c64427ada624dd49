//! What happens when more waits for a client than may wait.

use std::sync::{Condvar, Mutex, MutexGuard};

/// Four ways to decide it, and one that is none. There are no others: memory ends, and somebody
/// loses something, or waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Overflow {
    /// Who does not read is cut, and knows it
    Close,
    /// The oldest messages are forgotten: right where the newest makes them worthless, as positions
    DropOldest,
    /// The newest message is forgotten: right where what came before has to be whole
    DropNewest,
    /// Whoever has something to say waits until there is room: nobody loses anything, all wait
    Block,
    /// The buffer begins again at its front, as in the reference, and nobody counts what was there
    BeginAgain,
}

/// How much waits, and what became of it: the sums over all sessions.
#[derive(Default)]
pub struct Account {
    sums: Mutex<Sums>,
    /// Something that waited does no more.
    room: Condvar,
}

/// The sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Messages that were to be sent.
    pub given: u64,
    /// Of these, forgotten by rule.
    pub lost: u64,
    /// Of these, handed to the kernel.
    pub left: u64,
    /// How many calls that took.
    pub sends: u64,
    /// Bytes that wait now.
    pub bytes: usize,
    /// The most that ever waited.
    pub most_bytes: usize,
}

impl Account {
    /// The sums by now.
    #[must_use]
    pub fn read(&self) -> Sums {
        *self.lock()
    }

    /// Waits until no more than so many bytes wait, for all sessions together.
    pub fn wait_for_room(&self, bytes_max: usize) {
        let mut sums = self.lock();
        while sums.bytes > bytes_max {
            sums = self.sleep(sums);
        }
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut Sums)) {
        let mut sums = self.lock();
        let before = sums.bytes;
        change(&mut sums);
        sums.most_bytes = sums.most_bytes.max(sums.bytes);
        if sums.bytes < before {
            self.room.notify_all();
        }
    }

    /// Sleeps, without the lock, until less waits.
    fn sleep<'a>(&self, sums: MutexGuard<'a, Sums>) -> MutexGuard<'a, Sums> {
        self.room.wait(sums).expect(NO_PANIC)
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock().expect(NO_PANIC)
    }
}

const NO_PANIC: &str = "nothing in here panics";
