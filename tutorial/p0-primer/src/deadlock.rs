//! A deadlock, made and found.
//!
//! Two threads want the same two locks. If each has one and waits for the other, both wait for
//! ever: nothing crashes, no processor is busy, the server is just silent. There are two remedies:
//!
//! - **Look for the circle.** [`Locks`] writes down who holds what and who waits for what, and
//!   refuses the wait that would close a circle. Databases do so.
//! - **Have an order.** If everybody takes the locks in one order there is no circle. Servers do
//!   so, and the best of them take one lock at a time, or none.

use std::collections::BTreeMap;
use std::sync::{Barrier, Condvar, Mutex, MutexGuard};
use std::thread;

/// Who holds or wants a lock.
pub type Thread = &'static str;
/// What is held or wanted.
pub type Lock = &'static str;

/// Locks that know who waits for whom.
#[derive(Default)]
pub struct Locks {
    table: Mutex<Table>,
    freed: Condvar,
}

/// Invariant: a thread waits for one lock at most, and following locks to their holders and
/// holders to the locks that they wait for never leads back to where it began.
#[derive(Default)]
struct Table {
    holders: BTreeMap<Lock, Thread>,
    waiting: BTreeMap<Thread, Lock>,
}

/// The circle that a wait would have closed: who wants what, each from the next.
#[derive(Debug, PartialEq, Eq)]
pub struct Deadlock(pub Vec<(Thread, Lock)>);

impl Locks {
    /// Waits for the lock, unless that would be for ever.
    ///
    /// # Errors
    ///
    /// [`Deadlock`], with everybody who would be in it.
    ///
    /// # Panics
    ///
    /// Never: nobody panics with the table.
    pub fn lock(&self, thread: Thread, lock: Lock) -> Result<Held<'_>, Deadlock> {
        let mut table = self.table();
        table.waiting.insert(thread, lock);
        while table.holders.contains_key(lock) {
            if let Some(circle) = table.circle(thread) {
                table.waiting.remove(thread);
                return Err(Deadlock(circle));
            }
            table = self
                .freed
                .wait(table)
                .expect("nobody panics with the table");
        }
        table.waiting.remove(thread);
        table.holders.insert(lock, thread);
        Ok(Held { locks: self, lock })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("nobody panics with the table")
    }
}

impl Table {
    /// Whom `first` waits for, whom they wait for, and so on, if that leads back to `first`.
    fn circle(&self, first: Thread) -> Option<Vec<(Thread, Lock)>> {
        let mut circle = Vec::new();
        let mut thread = first;
        loop {
            let lock = *self.waiting.get(thread)?;
            circle.push((thread, lock));
            thread = self.holders.get(lock)?;
            if thread == first {
                return Some(circle);
            }
        }
    }
}

/// A lock that is held as long as this lives: RAII again.
pub struct Held<'a> {
    locks: &'a Locks,
    lock: Lock,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.locks.table().holders.remove(self.lock);
        self.locks.freed.notify_all();
    }
}

/// Two threads take two locks crosswise, each its first before either asks for its second.
/// Returns what the two were told.
///
/// # Panics
///
/// Never: neither thread panics.
pub fn crosswise() -> [Result<(), Deadlock>; 2] {
    let locks = Locks::default();
    let both_hold_one = Barrier::new(2);
    let take = |thread, first, second| {
        let held = locks.lock(thread, first)?;
        both_hold_one.wait();
        locks.lock(thread, second)?;
        drop(held);
        Ok(())
    };
    thread::scope(|scope| {
        let left = scope.spawn(|| take("left", "A", "B"));
        let right = scope.spawn(|| take("right", "B", "A"));
        [left, right].map(|thread| thread.join().expect("neither panics"))
    })
}

/// The same with two of std's locks, which find nothing: it never returns.
pub fn hang() {
    let locks = [Mutex::new("A"), Mutex::new("B")];
    let both_hold_one = Barrier::new(2);
    let take = |first: usize, second: usize| {
        let _first = locks[first].lock();
        both_hold_one.wait();
        let _second = locks[second].lock();
    };
    let process = std::process::id();
    println!(
        "process {process} hangs now. Its threads, and what each waits for, in another shell:"
    );
    println!("    gdb -batch -p {process} -ex 'thread apply all backtrace'");
    println!("    cat /proc/{process}/task/*/wchan");
    thread::scope(|scope| {
        scope.spawn(|| take(0, 1));
        scope.spawn(|| take(1, 0));
    });
}

/// Makes the deadlock and shows the circle.
pub fn show() {
    for (thread, told) in ["left", "right"].into_iter().zip(crosswise()) {
        match told {
            Ok(()) => println!("{thread} got both locks"),
            Err(Deadlock(circle)) => {
                println!("{thread} is refused, for it would wait for ever:");
                for (thread, lock) in circle {
                    println!("    {thread} waits for {lock}, whose holder is next");
                }
            }
        }
    }
    println!("(-- hang makes a real one, to look at from outside)");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_who_waits_in_a_circle_is_refused_and_the_first_is_served() {
        let told = crosswise();
        let refused = |circle| Err(Deadlock(circle));
        let left = [refused(vec![("left", "B"), ("right", "A")]), Ok(())];
        let right = [Ok(()), refused(vec![("right", "A"), ("left", "B")])];
        assert!(told == left || told == right, "{told:?}");
    }

    #[test]
    fn who_waits_without_a_circle_is_served_in_the_end() {
        let locks = Locks::default();
        let held = locks.lock("first", "A").unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| locks.lock("second", "A").map(drop));
            while !locks.table().waiting.contains_key("second") && !second.is_finished() {
                thread::yield_now();
            }
            drop(held);
            assert_eq!(second.join().unwrap(), Ok(()));
        });
    }
}
