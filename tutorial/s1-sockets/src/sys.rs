//! The system's `select` and its sets, which differ more than their name tells.
//!
//! On Linux a set is a row of bits, one for each descriptor *number*; on Windows it is a list of
//! sockets with a count before it. Both have a size that is fixed when the program is compiled,
//! [`FD_SETSIZE`]. Here a set is as large as it is asked to be, which both systems accept.

pub use imp::{FD_SETSIZE, Set, select};

#[cfg(unix)]
mod imp {
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};
    use std::ptr;

    /// Descriptors below this number fit into the C library's `fd_set`.
    pub const FD_SETSIZE: usize = libc::FD_SETSIZE;

    const WORD_BITS: usize = u64::BITS as usize;

    /// A bit for each descriptor number below the capacity.
    pub struct Set {
        words: Vec<u64>,
        capacity: usize,
    }

    impl Set {
        /// An empty set for descriptors below `capacity`.
        pub fn with_capacity(capacity: usize) -> Set {
            let words = vec![0; capacity.div_ceil(WORD_BITS)];
            Set { words, capacity }
        }

        /// Whether one more socket fits. Only its number matters, not how many there are.
        pub fn would_take(&self, _sockets_already: usize, socket: &impl AsRawFd) -> bool {
            number(socket) < self.capacity
        }

        /// Takes all sockets out.
        pub fn clear(&mut self) {
            self.words.fill(0);
        }

        /// Puts a socket in. One that does not fit ends the program: C's `FD_SET` would set the
        /// bit all the same, in whatever lies behind the set.
        pub fn insert(&mut self, socket: &impl AsRawFd) {
            let number = number(socket);
            self.words[number / WORD_BITS] |= 1 << (number % WORD_BITS);
        }

        /// Whether the socket is in.
        pub fn contains(&self, socket: &impl AsRawFd) -> bool {
            let number = number(socket);
            self.words[number / WORD_BITS] & (1 << (number % WORD_BITS)) != 0
        }

        /// One more than the highest number in the set.
        fn end(&self) -> usize {
            let last = self.words.iter().rposition(|&word| word != 0);
            last.map_or(0, |index| {
                (index + 1) * WORD_BITS - self.words[index].leading_zeros() as usize
            })
        }
    }

    fn number(socket: &impl AsRawFd) -> usize {
        usize::try_from(socket.as_raw_fd()).expect("an open descriptor is not negative")
    }

    /// Waits until a socket of either set is ready, and leaves only the ready ones in.
    ///
    /// # Errors
    ///
    /// As `select(2)`, except that a signal does not end it.
    ///
    /// # Panics
    ///
    /// When the sets are not of one capacity.
    pub fn select(readable: &mut Set, writable: &mut Set) -> io::Result<()> {
        assert_eq!(readable.capacity, writable.capacity, "sets of two sizes");
        let end = readable.end().max(writable.end());
        let end = RawFd::try_from(end).expect("one more than a descriptor");
        loop {
            // SAFETY: the kernel reads and writes the words that hold the first `end` bits of
            // each set. One of the sets has a word for the last of them, and so has the other,
            // being as large; both are ours alone until the call returns. (`fd_set` stands for
            // the address only: its fixed size is glibc's, says select(2), not the kernel's.)
            let count = unsafe {
                libc::select(
                    end,
                    readable.words.as_mut_ptr().cast(),
                    writable.words.as_mut_ptr().cast(),
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            };
            match io::Error::last_os_error() {
                _ if count >= 0 => return Ok(()),
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            }
        }
    }
}

#[cfg(windows)]
mod imp {
    use std::io;
    use std::mem::offset_of;
    use std::os::windows::io::AsRawSocket;
    use std::ptr;

    use windows_sys::Win32::Networking::WinSock;

    /// So many sockets fit into Winsock's `fd_set`.
    pub const FD_SETSIZE: usize = WinSock::FD_SETSIZE as usize;

    /// A list of sockets.
    pub struct Set {
        /// The count, then the sockets: an `fd_set` whose array is as long as we like.
        list: Vec<usize>,
        capacity: usize,
    }

    // The count takes the place of one socket; its upper half is padding and stays 0.
    const _: () = assert!(offset_of!(WinSock::FD_SET, fd_array) == size_of::<usize>());

    impl Set {
        /// An empty set for `capacity` sockets.
        pub fn with_capacity(capacity: usize) -> Set {
            let list = vec![0; 1 + capacity];
            Set { list, capacity }
        }

        /// Whether one more socket fits. Only how many there are matters, not their numbers.
        pub fn would_take(&self, sockets_already: usize, _socket: &impl AsRawSocket) -> bool {
            sockets_already < self.capacity
        }

        /// Takes all sockets out.
        pub fn clear(&mut self) {
            self.list[0] = 0;
        }

        /// Puts a socket in. One too many ends the program: C's `FD_SET` would leave it out
        /// without a word, and nobody would ever hear of that socket again.
        pub fn insert(&mut self, socket: &impl AsRawSocket) {
            let index = 1 + self.list[0];
            self.list[index] = number(socket);
            self.list[0] += 1;
        }

        /// Whether the socket is in: a walk through the list, as in `__WSAFDIsSet`.
        pub fn contains(&self, socket: &impl AsRawSocket) -> bool {
            self.list[1..=self.list[0]].contains(&number(socket))
        }
    }

    fn number(socket: &impl AsRawSocket) -> usize {
        usize::try_from(socket.as_raw_socket()).expect("a socket is as wide as a pointer")
    }

    /// Waits until a socket of either set is ready, and leaves only the ready ones in.
    ///
    /// # Errors
    ///
    /// As Winsock's `select`.
    pub fn select(readable: &mut Set, writable: &mut Set) -> io::Result<()> {
        // SAFETY: Winsock reads the counts and so many sockets behind each, and writes no more
        // than it read; both lists hold them, and are ours alone until the call returns.
        let count = unsafe {
            WinSock::select(
                0, // ignored
                readable.list.as_mut_ptr().cast(),
                writable.list.as_mut_ptr().cast(),
                ptr::null_mut(),
                ptr::null(),
            )
        };
        if count == WinSock::SOCKET_ERROR {
            // SAFETY: it only reads this thread's last error.
            let error = unsafe { WinSock::WSAGetLastError() };
            return Err(io::Error::from_raw_os_error(error));
        }
        Ok(())
    }
}
