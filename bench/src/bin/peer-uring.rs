//! Peer: the bare io_uring echo loop, one thread, no framing: multishot accept and receive, one
//! provided buffer ring, the received buffer sent back as it lies, one `enter` per round.
//!
//! Usage: `peer-uring ADDR`. Prints `ready` when it listens. Sends are assumed whole, as in most
//! published loops; with messages of some bytes they are. A short one ends its connection.

use io_uring::types::{BufRingEntry, Fd};
use io_uring::{IoUring, cqueue, opcode, squeue};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};

const BUFFERS: u16 = 1_024;
const BUFFER_BYTES: usize = 4_096;
const GROUP: u16 = 0;

const ACCEPT: u64 = 0;
const RECV: u64 = 1;
const SEND: u64 = 2;
const END: u64 = 3;

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).expect("usage: peer-uring ADDR");
    let listener = TcpListener::bind(address)?;
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .setup_cqsize(4_096)
        .build(1_024)?;
    let mut buffers = Buffers::register(&ring)?;
    println!("ready");
    arm_accept(&mut ring, &listener);
    // What was asked to be sent of each buffer.
    let mut sending = [0; BUFFERS as usize];
    let mut completions: Vec<(u64, i32, u32)> = Vec::with_capacity(4_096);
    loop {
        ring.submit_and_wait(1)?;
        completions.extend(
            ring.completion()
                .map(|c| (c.user_data(), c.result(), c.flags())),
        );
        for (data, result, flags) in completions.drain(..) {
            let (kind, buffer, fd) = (data & 0xff, (data >> 8) as u16, (data >> 32) as i32);
            match kind {
                ACCEPT => {
                    if result >= 0 {
                        nodelay(result);
                        arm_recv(&mut ring, result);
                    }
                    if !cqueue::more(flags) {
                        arm_accept(&mut ring, &listener);
                    }
                }
                RECV if result > 0 => {
                    let id = cqueue::buffer_select(flags).expect("a receive names its buffer");
                    let bytes = buffers.address(id);
                    sending[usize::from(id)] = result;
                    let data = SEND | u64::from(id) << 8 | (fd as u64) << 32;
                    let send = opcode::Send::new(Fd(fd), bytes, result as u32).build();
                    submit(&mut ring, &send.user_data(data));
                    if !cqueue::more(flags) {
                        arm_recv(&mut ring, fd);
                    }
                }
                RECV if result == -libc::ENOBUFS => arm_recv(&mut ring, fd),
                // Behind the sends of this round, which name the descriptor too.
                RECV => submit(
                    &mut ring,
                    &opcode::Close::new(Fd(fd)).build().user_data(END),
                ),
                SEND => {
                    // The receive that this ends closes. After an error it has ended by itself, and
                    // the descriptor may be somebody else's.
                    if (0..sending[usize::from(buffer)]).contains(&result) {
                        let end = opcode::Shutdown::new(Fd(fd), libc::SHUT_RDWR).build();
                        submit(&mut ring, &end.user_data(END));
                    }
                    buffers.recycle(buffer);
                }
                _ => {}
            }
        }
        buffers.publish();
    }
}

fn arm_accept(ring: &mut IoUring, listener: &TcpListener) {
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build();
    submit(ring, &accept.user_data(ACCEPT));
}

fn arm_recv(ring: &mut IoUring, fd: i32) {
    let data = RECV | (fd as u64) << 32;
    submit(
        ring,
        &opcode::RecvMulti::new(Fd(fd), GROUP)
            .build()
            .user_data(data),
    );
}

fn submit(ring: &mut IoUring, entry: &squeue::Entry) {
    // SAFETY: sends point into the buffer ring's memory, which lives until the process ends.
    while unsafe { ring.submission().push(entry) }.is_err() {
        ring.submit().expect("the ring takes entries");
    }
}

fn nodelay(fd: i32) {
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    // SAFETY: `on` is an int that lives across the call.
    unsafe {
        libc::setsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const on).cast(),
            size,
        )
    };
}

/// The provided buffer ring (`io_uring_setup_buf_ring(3)`).
struct Buffers {
    ring: *mut BufRingEntry,
    memory: *mut u8,
    tail: u16,
}

impl Buffers {
    fn register(ring: &IoUring) -> std::io::Result<Self> {
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

    fn address(&self, id: u16) -> *mut u8 {
        self.memory.wrapping_add(usize::from(id) * BUFFER_BYTES)
    }

    fn recycle(&mut self, id: u16) {
        let address = self.address(id) as u64;
        // SAFETY: the index is masked to the ring, and entries behind the tail are ours to write.
        let entry = unsafe { &mut *self.ring.add(usize::from(self.tail & (BUFFERS - 1))) };
        entry.set_addr(address);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&self) {
        // SAFETY: the tail lies in the ring's first entry; the kernel reads it with acquire.
        let tail = unsafe { &*BufRingEntry::tail(self.ring).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }
}

fn map(bytes: usize) -> *mut u8 {
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
