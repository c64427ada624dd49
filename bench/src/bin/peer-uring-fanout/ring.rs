//! The ring, the buffers that it receives into, and what is asked of the system beside them.

use io_uring::types::{BufRingEntry, Fd, Fixed};
use io_uring::{IoUring, SubmissionQueue, Submitter, opcode, squeue};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};

const DESCRIPTORS_MAX: u64 = 65_536;
const BUFFERS: u16 = 1_024;
const BUFFER_BYTES: usize = 4_096;
const GROUP: u16 = 0;

pub const ACCEPT: u64 = 0;
pub const RECV: u64 = 1;
pub const SEND: u64 = 2;
pub const END: u64 = 3;

/// The ring, to which one pushes.
pub struct Port<'a> {
    pub submitter: Submitter<'a>,
    pub queue: SubmissionQueue<'a>,
}

impl Port<'_> {
    pub fn accept(&mut self, listener: &TcpListener) {
        let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(true);
        self.push(accept.build().user_data(ACCEPT));
    }

    pub fn receive(&mut self, place: u32) {
        let receive = opcode::RecvMulti::new(Fixed(place), GROUP).build();
        self.push(receive.user_data(RECV | u64::from(place) << 8));
    }

    pub fn send(&mut self, place: u32, (address, bytes): (usize, usize)) {
        let send = opcode::Send::new(Fixed(place), address as *const u8, bytes as u32).build();
        self.push(send.user_data(SEND | u64::from(place) << 8));
    }

    pub fn shut_down(&mut self, place: u32) {
        let end = opcode::Shutdown::new(Fixed(place), libc::SHUT_RDWR).build();
        self.push(end.user_data(END));
    }

    pub fn close(&mut self, place: u32) {
        let end = opcode::Close::new(Fixed(place)).build();
        self.push(end.user_data(END));
    }

    pub fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: what is sent stays as it is until it has landed, see `Connection`; the buffer
        // ring lives until the process ends.
        while unsafe { self.queue.push(&entry) }.is_err() {
            self.submit(0);
        }
    }

    /// Hands over what was pushed, and waits for so many completions.
    pub fn submit(&mut self, completions: usize) {
        self.queue.sync();
        match self.submitter.submit_and_wait(completions) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                panic!("the ring takes entries: {error}");
            }
            _ => self.queue.sync(),
        }
    }
}

/// Accepted sockets inherit it.
pub fn nodelay(listener: &TcpListener) {
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    let (level, name) = (libc::IPPROTO_TCP, libc::TCP_NODELAY);
    // SAFETY: `on` is an int that lives across the call.
    unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            level,
            name,
            (&raw const on).cast(),
            size,
        )
    };
}

/// As many direct descriptors as the limit allows.
pub fn descriptors() -> u32 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes the structure.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit.rlim_cur.min(DESCRIPTORS_MAX) as u32
}

/// The provided buffer ring (`io_uring_setup_buf_ring(3)`).
pub struct Buffers {
    pub ring: *mut BufRingEntry,
    pub memory: *mut u8,
    pub tail: u16,
}

impl Buffers {
    pub fn register(ring: &IoUring) -> std::io::Result<Self> {
        let ring_bytes = usize::from(BUFFERS) * size_of::<BufRingEntry>();
        let entries = map(ring_bytes).cast::<BufRingEntry>();
        let memory = map(usize::from(BUFFERS) * BUFFER_BYTES);
        // SAFETY: the mapping is page-aligned, large enough and never unmapped.
        unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries as u64, BUFFERS, GROUP, 0)?
        };
        let mut buffers = Self {
            ring: entries,
            memory,
            tail: 0,
        };
        (0..BUFFERS).for_each(|id| buffers.recycle(id));
        buffers.publish();
        Ok(buffers)
    }

    /// What the kernel has put into a buffer.
    pub fn filled(&self, id: u16, bytes: usize) -> &[u8] {
        // SAFETY: the buffer is ours until it is recycled.
        unsafe { std::slice::from_raw_parts(self.address(id), bytes) }
    }

    pub fn address(&self, id: u16) -> *mut u8 {
        self.memory.wrapping_add(usize::from(id) * BUFFER_BYTES)
    }

    pub fn recycle(&mut self, id: u16) {
        let address = self.address(id) as u64;
        // SAFETY: the index is masked to the ring, and entries behind the tail are ours to write.
        let entry = unsafe { &mut *self.ring.add(usize::from(self.tail & (BUFFERS - 1))) };
        entry.set_addr(address);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    pub fn publish(&self) {
        // SAFETY: the tail lies in the ring's first entry; the kernel reads it with acquire.
        let tail = unsafe { &*BufRingEntry::tail(self.ring).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }
}

pub fn map(bytes: usize) -> *mut u8 {
    // SAFETY: an anonymous mapping of fresh memory.
    let address = unsafe {
        let (read_write, private) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        libc::mmap(std::ptr::null_mut(), bytes, read_write, private, -1, 0)
    };
    assert_ne!(address, libc::MAP_FAILED, "no memory for the buffers");
    address.cast()
}
