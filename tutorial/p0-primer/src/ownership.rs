//! Ownership: C++'s destructor, and a compiler that knows when it has run.
//!
//! | C++ | Rust |
//! |---|---|
//! | destructor | [`Drop`] |
//! | `unique_ptr`, `std::move` | every value: a move leaves nothing behind that could be used |
//! | `const T&` and `T&` | `&T`, as many as you like, or one `&mut T`, never both |
//! | `shared_ptr` | `Rc` in one thread, `Arc` between threads |
//! | a dangling reference | does not compile |
//!
//! The page's example is a pool that lends buffers, as a server does for each receive. What has
//! gone home cannot be used any more:
//!
//! ```compile_fail,E0382
//! # use p0_primer::ownership::Pool;
//! let pool = Pool::new(1, 512);
//! let buffer = pool.lend().unwrap();
//! drop(buffer);
//! println!("{}", buffer.len()); // error[E0382]: borrow of moved value: `buffer`
//! ```
//!
//! And nothing that is lent outlives the pool, which in C++ would be a destructor's crash:
//!
//! ```compile_fail,E0505
//! # use p0_primer::ownership::Pool;
//! let pool = Pool::new(1, 512);
//! let buffer = pool.lend().unwrap();
//! drop(pool); // error[E0505]: cannot move out of `pool` because it is borrowed
//! println!("{}", buffer.len());
//! ```

use std::cell::RefCell;
use std::mem;
use std::ops::{Deref, DerefMut};

/// Buffers to lend. The cell lets many borrowers of the pool change its list, one at a time.
pub struct Pool {
    free: RefCell<Vec<Vec<u8>>>,
}

impl Pool {
    /// A pool of `count` buffers of `bytes` each.
    pub fn new(count: usize, bytes: usize) -> Pool {
        Pool {
            free: RefCell::new(vec![vec![0; bytes]; count]),
        }
    }

    /// Lends a buffer, unless all are out. It comes back by itself.
    pub fn lend(&self) -> Option<Lent<'_>> {
        let bytes = self.free.borrow_mut().pop()?;
        Some(Lent { pool: self, bytes })
    }

    /// How many buffers are at home.
    pub fn free(&self) -> usize {
        self.free.borrow().len()
    }
}

/// A buffer and the way home. `'pool` says that it cannot live longer than the pool.
pub struct Lent<'pool> {
    pool: &'pool Pool,
    bytes: Vec<u8>,
}

impl Drop for Lent<'_> {
    /// RAII: whoever returns early, by `?` or by a panic, gives the buffer back all the same.
    fn drop(&mut self) {
        let bytes = mem::take(&mut self.bytes);
        self.pool.free.borrow_mut().push(bytes);
    }
}

impl Deref for Lent<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

/// Lends, moves and loses a buffer, and counts.
pub fn show() {
    let pool = Pool::new(2, 512);
    println!("a pool of {} buffers", pool.free());
    let Some(mut first) = pool.lend() else {
        return;
    };
    first[0] = b'!';
    println!("one lent: {} at home", pool.free());
    let moved = first;
    println!("moved to another variable: still {} at home", pool.free());
    let shorten = move || moved.len();
    println!(
        "moved into a closure, {} bytes: still {} at home",
        shorten(),
        pool.free()
    );
    drop(shorten);
    println!("the closure is gone: {} at home", pool.free());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_comes_home_when_its_last_owner_goes() {
        let pool = Pool::new(1, 8);
        let lent = pool.lend().unwrap();
        assert!(pool.lend().is_none());
        let moved = lent;
        assert_eq!(pool.free(), 0);
        drop(moved);
        assert_eq!(pool.free(), 1);
    }

    #[test]
    fn a_panic_gives_the_buffer_back_too() {
        let pool = Pool::new(1, 8);
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let lent = pool.lend().unwrap();
            assert!(lent.is_empty(), "planted");
        }));
        assert!(unwound.is_err());
        assert_eq!(pool.free(), 1);
    }
}
