//! Threads: `Send` and `Sync`, and what they do not protect from.
//!
//! | C++ | Rust |
//! |---|---|
//! | "this class is not thread-safe", in a comment | the type is not [`Send`], or not [`Sync`] |
//! | `std::mutex` beside the data | [`Mutex<T>`] around it: no way to the data but the lock |
//! | `std::atomic` | the same, the same orderings |
//! | a data race is undefined behaviour | a data race does not compile |
//!
//! `Send`: may move to another thread. `Sync`: may be looked at by several at once. The compiler
//! works both out from the fields. A count without a lock is neither:
//!
//! ```compile_fail,E0277
//! let shared = std::rc::Rc::new(1);
//! std::thread::spawn(move || println!("{shared}")); // error: `Rc<i32>` cannot be sent
//! ```
//!
//! Nor may a thread change what another one sees:
//!
//! ```compile_fail,E0499
//! let mut count = 0;
//! std::thread::scope(|scope| {
//!     scope.spawn(|| count += 1);
//!     scope.spawn(|| count += 1); // error: cannot borrow `count` as mutable more than once
//! });
//! ```
//!
//! What compiles may still be wrong: a *race* is two steps with somebody else's between them
//! ([`lost_update`]). No type finds that.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

/// Two threads add one each, in two steps, and meet between the steps. The sum is 1.
pub fn lost_update() -> u32 {
    let sum = AtomicU32::new(0);
    let both_have_read = Barrier::new(2);
    let add = || {
        let seen = sum.load(Ordering::SeqCst);
        both_have_read.wait();
        sum.store(seen + 1, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        scope.spawn(add);
        scope.spawn(add);
    });
    sum.into_inner()
}

/// The same in one step that nobody can come between.
pub fn kept_update() -> u32 {
    let sum = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| sum.fetch_add(1, Ordering::Relaxed));
        scope.spawn(|| sum.fetch_add(1, Ordering::Relaxed));
    });
    sum.into_inner()
}

/// The same with a lock, for what is more than a number.
///
/// # Panics
///
/// Never: nobody panics while holding the lock.
pub fn locked_update() -> u32 {
    let sum = Mutex::new(0);
    let add = || *sum.lock().expect("nobody panicked with it") += 1;
    thread::scope(|scope| {
        scope.spawn(add);
        scope.spawn(add);
    });
    sum.into_inner().expect("nobody panicked with it")
}

/// Adds one and one in three ways.
pub fn show() {
    println!("1 + 1, read and then written: {}", lost_update());
    println!("1 + 1, in one step:           {}", kept_update());
    println!("1 + 1, under a lock:          {}", locked_update());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_in_two_steps_is_lost_and_one_in_one_step_is_not() {
        assert_eq!([lost_update(), kept_update(), locked_update()], [1, 2, 2]);
    }
}
