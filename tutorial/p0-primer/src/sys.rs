//! The calls that std does not have: an event to wait for, and what TCP has counted.

pub use imp::{Event, counts};

/// What the system's TCP says about one end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The state, by its name in RFC 9293.
    pub state: &'static str,
    /// Segments sent, of whatever kind.
    pub out: u32,
    /// Segments received.
    pub received: u32,
    /// Segments sent that carried bytes.
    pub data_out: u32,
    /// Bytes that the program has sent and TCP has not: it waits for something.
    pub held_bytes: u32,
}

#[cfg(unix)]
mod imp {
    use std::io;
    use std::net::TcpStream;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::time::Duration;

    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

    use super::Counts;

    /// Something that is signalled once and stays so.
    pub struct Event {
        descriptor: OwnedFd,
    }

    impl Event {
        /// An event that is not signalled.
        ///
        /// # Errors
        ///
        /// When there is no descriptor to spare.
        pub fn new() -> io::Result<Event> {
            let descriptor = eventfd(0, EventfdFlags::CLOEXEC)?;
            Ok(Event { descriptor })
        }

        /// Lets all go that wait, now and later.
        ///
        /// # Errors
        ///
        /// Never, as long as it is open.
        pub fn signal(&self) -> io::Result<()> {
            rustix::io::write(&self.descriptor, &1_u64.to_ne_bytes())?;
            Ok(())
        }

        /// Whether it was signalled within `longest`; [`Duration::MAX`] is for ever.
        ///
        /// # Errors
        ///
        /// When a signal of the other kind, one to the process, comes first.
        pub fn wait(&self, longest: Duration) -> io::Result<bool> {
            let mut waited = [PollFd::new(&self.descriptor, PollFlags::IN)];
            let longest = Timespec::try_from(longest).ok();
            Ok(poll(&mut waited, longest.as_ref())? > 0)
        }
    }

    /// The states as linux/tcp_states.h numbers them, from 1.
    const STATES: [&str; 11] = [
        "ESTABLISHED",
        "SYN-SENT",
        "SYN-RECEIVED",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "TIME-WAIT",
        "CLOSED",
        "CLOSE-WAIT",
        "LAST-ACK",
        "LISTEN",
        "CLOSING",
    ];

    /// What TCP has counted, where the system tells (`TCP_INFO` of tcp(7)).
    ///
    /// # Panics
    ///
    /// Never: the structure has a few hundred bytes.
    pub fn counts(stream: &TcpStream) -> Option<Counts> {
        // SAFETY: the structure is of integers only, for which all bits 0 is a value.
        let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
        let mut bytes = libc::socklen_t::try_from(size_of_val(&info)).expect("a few hundred");
        // SAFETY: the kernel writes `bytes` bytes at most, which `info` has; both are ours alone
        // until the call returns. An older kernel writes fewer and leaves the zeros.
        let failed = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &raw mut bytes,
            )
        };
        if failed != 0 {
            return None;
        }
        Some(Counts {
            state: STATES.get(usize::from(info.tcpi_state).wrapping_sub(1))?,
            out: info.tcpi_segs_out,
            received: info.tcpi_segs_in,
            data_out: info.tcpi_data_segs_out,
            held_bytes: info.tcpi_notsent_bytes,
        })
    }
}

#[cfg(windows)]
mod imp {
    use std::io;
    use std::net::TcpStream;
    use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
    use std::ptr;
    use std::time::Duration;

    use windows_sys::Win32::Foundation::{WAIT_FAILED, WAIT_OBJECT_0};
    use windows_sys::Win32::System::Threading::{
        CreateEventW, INFINITE, SetEvent, WaitForSingleObject,
    };

    use super::Counts;

    /// Something that is signalled once and stays so.
    pub struct Event {
        handle: OwnedHandle,
    }

    impl Event {
        /// An event that is not signalled.
        ///
        /// # Errors
        ///
        /// When there is no handle to spare.
        pub fn new() -> io::Result<Event> {
            const STAYS: i32 = 1;
            const NOT_YET: i32 = 0;
            // SAFETY: it takes no memory of ours: no attributes, no name.
            let handle = unsafe { CreateEventW(ptr::null(), STAYS, NOT_YET, ptr::null()) };
            if handle.is_null() {
                return Err(io::Error::last_os_error()); // GetLastError
            }
            // SAFETY: the handle is open and nobody else's; `OwnedHandle` closes it once.
            let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
            Ok(Event { handle })
        }

        /// Lets all go that wait, now and later.
        ///
        /// # Errors
        ///
        /// Never, as long as it is open.
        pub fn signal(&self) -> io::Result<()> {
            // SAFETY: the handle is open as long as `self` lives.
            match unsafe { SetEvent(self.handle.as_raw_handle()) } {
                0 => Err(io::Error::last_os_error()),
                _ => Ok(()),
            }
        }

        /// Whether it was signalled within `longest`; [`Duration::MAX`] is for ever.
        ///
        /// # Errors
        ///
        /// Never, as long as it is open.
        pub fn wait(&self, longest: Duration) -> io::Result<bool> {
            let longest_ms = u32::try_from(longest.as_millis()).unwrap_or(INFINITE);
            // SAFETY: the handle is open as long as `self` lives.
            match unsafe { WaitForSingleObject(self.handle.as_raw_handle(), longest_ms) } {
                WAIT_FAILED => Err(io::Error::last_os_error()),
                ended => Ok(ended == WAIT_OBJECT_0),
            }
        }
    }

    /// Windows counts bytes for a program (`SIO_TCP_INFO`) but not segments.
    pub fn counts(_stream: &TcpStream) -> Option<Counts> {
        None
    }
}
