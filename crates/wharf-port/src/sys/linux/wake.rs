//! The kick that gets a port's thread out of `io_uring_enter(2)`: an eventfd under a poll.

use crate::waker::Kick;
use crate::{OpenError, OsCode};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// An `eventfd(2)`. Nobody reads its counter: the port polls it in multishot mode, where every
/// write is an edge, so a wake costs one write and nothing has to be armed again.
pub(super) struct EventFd(OwnedFd);

impl EventFd {
    pub(super) fn new() -> Result<Self, OpenError> {
        // SAFETY: no memory is involved; a descriptor that comes back is ours alone.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            let code = crate::sys::sockets::os_code(&io::Error::last_os_error());
            return Err(descriptor_error("eventfd", code));
        }
        // SAFETY: just made, owned by nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }
}

/// A failure to make a descriptor.
pub(super) fn descriptor_error(call: &'static str, code: OsCode) -> OpenError {
    if crate::sys::sockets::is_out_of_descriptors(code) {
        OpenError::Descriptors(code)
    } else {
        OpenError::Os { call, code }
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Kick for EventFd {
    fn kick(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: write(2) reads eight bytes from `one`, which outlives the call. It cannot fail
        // before the counter has seen 2^64 kicks (eventfd(2)).
        let written = unsafe { libc::write(self.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        assert!(
            written == 8,
            "an eventfd refused a kick: {}",
            io::Error::last_os_error()
        );
    }
}
