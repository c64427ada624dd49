//! A race, made on purpose, found and mended. loom runs the threads in every order that there is.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p t04-logic --test loom_inbox`

#![cfg(loom)]

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::collections::VecDeque;
use t04_logic::handover::Handover;
use t04_logic::inbox::Inbox;

/// What an inbox can do, so that two of them can be tried by one model.
trait Turns: Default + Send + Sync + 'static {
    fn post(&self, event: u32) -> bool;
    fn take(&self, empty: &mut VecDeque<u32>);
    fn put_down(&self) -> bool;
}

impl Turns for Inbox<u32> {
    fn post(&self, event: u32) -> bool {
        Inbox::post(self, event)
    }

    fn take(&self, empty: &mut VecDeque<u32>) {
        Inbox::take(self, empty);
    }

    fn put_down(&self) -> bool {
        Inbox::put_down(self)
    }
}

/// The fault: the events have a lock, and whether the inbox is out is an atomic beside it. Each is
/// safe, no data race anywhere, and a year may pass until the server forgets somebody.
#[derive(Default)]
struct InAHurry {
    events: Mutex<VecDeque<u32>>,
    is_out: AtomicBool,
}

impl Turns for InAHurry {
    fn post(&self, event: u32) -> bool {
        self.events.lock().unwrap().push_back(event);
        !self.is_out.swap(true, Ordering::SeqCst)
    }

    fn take(&self, empty: &mut VecDeque<u32>) {
        std::mem::swap(&mut *self.events.lock().unwrap(), empty);
    }

    fn put_down(&self) -> bool {
        let has_more = !self.events.lock().unwrap().is_empty();
        // Whoever posts here finds the inbox out, and leaves it to us; we have looked already.
        self.is_out.store(has_more, Ordering::SeqCst);
        has_more
    }
}

/// A thread of the network posts two events while a thread of the logic takes its turns. When both
/// have done what they were told to, nothing is left.
fn both_events_are_handled<I: Turns>() {
    loom::model(|| {
        let inbox = Arc::new(I::default());
        // How often the session stands in the lane.
        let lane = Arc::new(AtomicUsize::new(0));
        let network = {
            let (inbox, lane) = (inbox.clone(), lane.clone());
            thread::spawn(move || {
                for event in [1, 2] {
                    if inbox.post(event) {
                        lane.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        };
        let mut handled = Vec::new();
        let mut turn = || {
            if lane.load(Ordering::SeqCst) == 0 {
                return false;
            }
            lane.fetch_sub(1, Ordering::SeqCst);
            let mut events = VecDeque::new();
            inbox.take(&mut events);
            handled.extend(events);
            if inbox.put_down() {
                lane.fetch_add(1, Ordering::SeqCst);
            }
            true
        };
        turn();
        network.join().unwrap();
        while turn() {}
        assert_eq!(handled, [1, 2], "an event is forgotten");
    });
}

#[test]
fn no_event_is_forgotten_in_any_order_of_the_threads() {
    both_events_are_handled::<Inbox<u32>>();
}

#[test]
#[should_panic(expected = "an event is forgotten")]
fn loom_finds_the_order_in_which_somebody_in_a_hurry_forgets_an_event() {
    both_events_are_handled::<InAHurry>();
}

/// The same over a real lane: a wake that got lost would leave a thread asleep, which loom sees.
#[test]
fn no_wake_gets_lost_between_a_giver_and_a_taker() {
    loom::model(|| {
        let lane = Arc::new(Handover::default());
        let giver = {
            let lane = lane.clone();
            thread::spawn(move || [1, 2].into_iter().for_each(|value| lane.give(value)))
        };
        assert_eq!([lane.take(|| {}), lane.take(|| {})], [1, 2]);
        giver.join().unwrap();
    });
}

/// Two threads of the logic share a lane, and one session has two events: the second is not begun
/// before the first is done, whoever gets it.
#[test]
fn two_threads_keep_the_order_of_one_session() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::default());
        // `None` ends a thread.
        let lane = Arc::new(Handover::default());
        let handled = Arc::new(Mutex::new(Vec::new()));
        let turn = |inbox: &Inbox<u32>, lane: &Handover<Option<()>>, handled: &Mutex<Vec<u32>>| {
            let mut events = VecDeque::new();
            inbox.take(&mut events);
            for event in events {
                // Not one step: another thread could come between, if it had the inbox too.
                let mut so_far = handled.lock().unwrap().clone();
                so_far.push(event);
                *handled.lock().unwrap() = so_far;
            }
            if inbox.put_down() {
                lane.give(Some(()));
            }
        };
        if inbox.post(1) {
            lane.give(Some(()));
        }
        let other = {
            let (inbox, lane, handled) = (inbox.clone(), lane.clone(), handled.clone());
            thread::spawn(move || {
                while lane.take(|| {}).is_some() {
                    turn(&inbox, &lane, &handled);
                }
            })
        };
        if inbox.post(2) {
            lane.give(Some(()));
        }
        // One for each thread.
        lane.give(None);
        lane.give(None);
        while lane.take(|| {}).is_some() {
            turn(&inbox, &lane, &handled);
        }
        other.join().unwrap();
        // What came too late for both.
        let mut events = VecDeque::new();
        inbox.take(&mut events);
        let mut all = handled.lock().unwrap().clone();
        all.extend(events);
        assert_eq!(all, [1, 2]);
    });
}
