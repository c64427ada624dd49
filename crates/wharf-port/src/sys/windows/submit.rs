//! From our operations to the kernel's, and when to wait for them.

use super::completion_port::Source;
use super::slot::Slot;
use super::{IocpPort, winsock};
use crate::sys::clock;
use crate::sys::op_slab::OpKind;
use crate::sys::pool::BufferIndex;
use crate::{OpId, OsCode, SendBatch, SocketId};
use core::ptr::{self, NonNull};
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use wharf_base::Instant;
use windows_sys::Win32::Networking::WinSock::WSABUF;
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::Threading::INFINITE;

/// What is told of a wait that has an end, if it is further away than that.
const TIMEOUT_MS_MAX: u32 = INFINITE - 1;

impl IocpPort {
    /// Takes a socket into the port. Not blocking, for the reads that follow a receive of zero
    /// bytes; overlapped calls do not care.
    pub(super) fn associate(&self, handle: &Socket, source: Source) -> Result<(), OsCode> {
        handle
            .set_nonblocking(true)
            .map_err(|error| crate::sys::sockets::os_code(&error))?;
        self.kernel.associate(handle, source)
    }

    /// The buffer for a receive that is armed now; `None` lets it wait without one. Not while
    /// others starve: it would have its data before them (C8).
    pub(super) fn buffer_to_post(&self) -> Option<BufferIndex> {
        if self.posted < self.posted_max && self.starved.is_empty() {
            self.pool.take()
        } else {
            None
        }
    }

    /// Receives into `buffer`, or waits until there is something to read.
    pub(super) fn submit_recv(&mut self, op: OpId, buffer: Option<BufferIndex>) {
        let (memory, bytes) = match buffer {
            Some(buffer) => (self.pool.address(buffer).as_ptr(), self.pool.buffer_bytes()),
            None => (ptr::dangling_mut(), 0),
        };
        self.posted += u32::from(buffer.is_some());
        self.submit(op, Slot::receiving(buffer), |socket, slot, _| {
            // SAFETY: the buffer was taken from the pool for this operation; its index lies in
            // the lent slot, and `take_buffer` gives it back behind the packet.
            unsafe { winsock::receive(socket, slot, memory, bytes) }
        });
    }

    pub(super) fn submit_send(&mut self, op: OpId) {
        self.submit(op, Slot::new(), |socket, slot, kind| {
            let OpKind::Send(batch) = kind else {
                unreachable!("a send began just now")
            };
            let mut list = [WSABUF::default(); SendBatch::SLICES_MAX];
            let count = gather(batch, &mut list, u32::MAX);
            // SAFETY: the bytes lie in the batch's box or in buffers that it holds; the lent
            // operation owns the batch, and nobody changes it meanwhile.
            unsafe { winsock::send(socket, slot, &list[..count]) }
        });
    }

    pub(super) fn submit_connect(&mut self, op: OpId, remote: SocketAddr) {
        let winsock = self.winsock;
        self.submit(op, Slot::connecting(remote), |socket, slot, _| {
            // SAFETY: the address lies in the lent slot.
            unsafe { winsock.connect(socket, slot) }
        });
    }

    /// Lends the slot, with `content`, and calls the kernel. If that refuses, no packet will come:
    /// the slot is ours again, and `wait` will say so (C4).
    fn submit(
        &mut self,
        op: OpId,
        content: Slot,
        call: impl FnOnce(&Socket, NonNull<Slot>, &OpKind) -> Result<(), OsCode>,
    ) {
        let noted = self.ledger.ops.get(op).expect("began, and not ended yet");
        let socket = self
            .ledger
            .socket(noted.socket)
            .expect("it has an operation");
        let slot = self.ledger.ops.scratch(op);
        // SAFETY: the scratch is this operation's, and the kernel does not have it: `lend`
        // asserts that.
        unsafe { slot.write(content) };
        self.ledger.ops.lend(op);
        self.enters += 1;
        if let Err(code) = call(&socket.handle, slot, &noted.kind) {
            self.ledger.ops.reap(op, true);
            self.ledger.fail(op, code);
        }
    }

    /// Asks for the end of an operation, or of all on the socket if `overlapped` is null.
    pub(super) fn cancel_in_kernel(&self, socket: SocketId, overlapped: *const OVERLAPPED) {
        let socket = self.ledger.socket(socket).expect("it has an operation");
        winsock::cancel(&socket.handle, overlapped);
    }

    /// How long this wait may last (C10): not at all while something is ready. Announces the
    /// sleep, so that wakers know to kick.
    pub(super) fn timeout_ms(&mut self, delivered: bool, until: Option<Instant>) -> u32 {
        let timeout_ms = match until {
            None | Some(Instant::FAR_FUTURE) => INFINITE,
            Some(until) => {
                let left = until.saturating_since(clock::now());
                let left_ms = left.as_nanos().div_ceil(1_000_000);
                u32::try_from(left_ms).map_or(TIMEOUT_MS_MAX, |ms| ms.min(TIMEOUT_MS_MAX))
            }
        };
        let may_sleep = !delivered && timeout_ms > 0;
        if may_sleep && self.flag.begin_sleep() {
            timeout_ms
        } else {
            0
        }
    }

    /// Takes up to `room` packets out of the kernel's port.
    pub(super) fn dequeue(&mut self, room: usize, timeout_ms: u32) -> io::Result<()> {
        if room == 0 {
            return Ok(());
        }
        self.enters += 1;
        self.kernel.dequeue(&mut self.packets, room, timeout_ms)
    }
}

/// Writes down the unsent bytes of `batch`, up to `bytes_max`, which a packet must be able to
/// count; the rest leaves later (C9). Returns how many entries that takes.
fn gather(batch: &SendBatch, list: &mut [WSABUF], bytes_max: u32) -> usize {
    let mut room = bytes_max;
    let mut count = 0;
    for (place, slice) in list.iter_mut().zip(batch.slices()) {
        let len = u32::try_from(slice.len()).map_or(room, |len| len.min(room));
        *place = WSABUF {
            len,
            buf: slice.as_ptr().cast_mut(),
        };
        count += 1;
        room -= len;
        if room == 0 {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_packet_cannot_count_leaves_later() {
        let mut batch = SendBatch::new();
        batch.push_copy(&[1; 5]);
        batch.push_shared(vec![2; SendBatch::COPY_MAX + 1].into());
        batch.push_copy(&[3; 5]);
        let mut list = [WSABUF::default(); SendBatch::SLICES_MAX];
        for (bytes_max, expected) in [
            (u32::MAX, &[5, 513, 5][..]),
            (519, &[5, 513, 1]),
            (518, &[5, 513]),
            (3, &[3]),
        ] {
            let count = gather(&batch, &mut list, bytes_max);
            let lens: Vec<_> = list[..count].iter().map(|entry| entry.len).collect();
            assert_eq!(lens, expected, "of {bytes_max}");
        }
    }
}
