//! How another thread ends a wait, at the price of at most one system call.

use core::fmt;
use std::sync::Arc as StdArc;
use wharf_base::sync::Arc;
use wharf_base::sync::atomic::{AtomicU8, Ordering};

/// Ends the wait of the port (or the [`crate::Waiter`]) it came from. Cheap to clone; carries
/// nothing but the wake itself.
#[derive(Clone)]
pub struct Waker {
    flag: Arc<WakeFlag>,
    kick: StdArc<dyn Kick>,
}

impl Waker {
    pub(crate) fn new(flag: Arc<WakeFlag>, kick: StdArc<dyn Kick>) -> Self {
        Self { flag, kick }
    }

    /// Makes the port's current or next `wait` return with [`crate::Event::Woken`].
    pub fn wake(&self) {
        if self.flag.notify() {
            self.kick.kick();
        }
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

/// The system call that gets a sleeping thread out of the kernel.
pub(crate) trait Kick: Send + Sync {
    fn kick(&self);
}

/// Whether the sleeper needs a kick. Three states, so that any number of wakes while the owner is
/// awake cost one atomic swap each and no system call, and at most one kick is under way.
#[derive(Debug)]
pub(crate) struct WakeFlag(AtomicU8);

/// The owner is running and will look at the flag before it sleeps.
const AWAKE: u8 = 0;
/// The owner is in the kernel, or about to be.
const ASLEEP: u8 = 1;
/// A wake was requested and not delivered yet.
const NOTIFIED: u8 = 2;

impl WakeFlag {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(AWAKE))
    }

    /// Requests a wake. Returns whether the owner sleeps and must be kicked.
    #[must_use]
    pub(crate) fn notify(&self) -> bool {
        // AcqRel: what the waker wrote before is visible to the owner after `end_sleep`.
        self.0.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP
    }

    /// The owner's announcement before it blocks. False means: do not block, a wake is pending.
    #[must_use]
    pub(crate) fn begin_sleep(&self) -> bool {
        self.0
            .compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// After blocking, or after a wait that did not block. Returns whether a wake is to be
    /// delivered.
    #[must_use]
    pub(crate) fn end_sleep(&self) -> bool {
        self.0.swap(AWAKE, Ordering::AcqRel) == NOTIFIED
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn wakes_before_a_wait_make_one_and_cost_no_kick() {
        let flag = WakeFlag::new();
        assert!(!flag.notify());
        assert!(!flag.notify());
        assert!(!flag.begin_sleep(), "a pending wake forbids sleeping");
        assert!(flag.end_sleep());
        assert!(flag.begin_sleep());
        assert!(flag.notify(), "the sleeper is kicked");
        assert!(!flag.notify(), "once");
        assert!(flag.end_sleep());
        assert!(!flag.end_sleep());
    }
}

/// Models of the wake-up: loom runs every interleaving that the memory model allows. A wake that
/// gets lost shows as a deadlock.
///
/// `RUSTFLAGS="--cfg loom" cargo test --release -p wharf-port --lib models`
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use loom::sync::Notify;
    use loom::sync::atomic::AtomicU32;
    use loom::thread;
    use wharf_base::Handover;

    /// One turn of an owner: sleeps unless a wake is pending; whether a wake was delivered.
    fn wait(flag: &WakeFlag, kernel: &Notify) -> bool {
        if flag.begin_sleep() {
            kernel.wait();
        }
        flag.end_sleep()
    }

    fn wake(flag: &WakeFlag, kernel: &Notify) {
        if flag.notify() {
            kernel.notify();
        }
    }

    #[test]
    fn a_wake_is_never_lost_and_brings_what_was_written_before_it() {
        loom::model(|| {
            let flag = Arc::new(WakeFlag::new());
            let kernel = Arc::new(Notify::new());
            let mail = Arc::new(AtomicU32::new(0));
            let waker = {
                let (flag, kernel, mail) = (flag.clone(), kernel.clone(), mail.clone());
                thread::spawn(move || {
                    mail.store(1, Ordering::Relaxed);
                    wake(&flag, &kernel);
                })
            };
            while !wait(&flag, &kernel) {}
            assert_eq!(
                mail.load(Ordering::Relaxed),
                1,
                "the mail came before the wake"
            );
            waker.join().unwrap();
        });
    }

    #[test]
    fn two_wakers_cost_one_kick_for_each_sleep_at_the_most() {
        loom::model(|| {
            let flag = Arc::new(WakeFlag::new());
            let kernel = Arc::new(Notify::new());
            let kicks = Arc::new(AtomicU32::new(0));
            let wakers: Vec<_> = (0..2)
                .map(|_| {
                    let (flag, kernel, kicks) = (flag.clone(), kernel.clone(), kicks.clone());
                    thread::spawn(move || {
                        if flag.notify() {
                            kicks.fetch_add(1, Ordering::Relaxed);
                            kernel.notify();
                        }
                    })
                })
                .collect();
            let mut sleeps = 0;
            loop {
                if flag.begin_sleep() {
                    sleeps += 1;
                    kernel.wait();
                }
                if flag.end_sleep() {
                    break;
                }
            }
            wakers.into_iter().for_each(|waker| waker.join().unwrap());
            assert!(kicks.load(Ordering::Relaxed) <= sleeps);
        });
    }

    /// The whole way of work between threads: a giver publishes and wakes only if the mailbox was
    /// empty; the taker sleeps, wakes, and takes. A batch that is missed leaves it asleep.
    #[test]
    fn a_taker_never_sleeps_on_a_published_batch() {
        loom::model(|| {
            let mailbox = Arc::new(Handover::<Vec<u32>>::new());
            let flag = Arc::new(WakeFlag::new());
            let kernel = Arc::new(Notify::new());
            let giver = {
                let (mailbox, flag, kernel) = (mailbox.clone(), flag.clone(), kernel.clone());
                thread::spawn(move || {
                    for value in 0..2 {
                        if mailbox.publish(&mut vec![value]) {
                            wake(&flag, &kernel);
                        }
                    }
                })
            };
            let (mut taken, mut arena) = (Vec::new(), Vec::new());
            while taken.len() < 2 {
                let _ = wait(&flag, &kernel);
                mailbox.take(&mut arena);
                taken.append(&mut arena);
            }
            giver.join().unwrap();
            assert_eq!(taken, [0, 1]);
        });
    }
}
