//! Peer: chat rooms on the bare io_uring, one thread: the floor that a whole server is compared
//! with. It speaks the classic frames just as far as fan-out needs them, see docs/PROTOCOL.md.
//!
//! Usage: `peer-uring-fanout ADDR`. Prints `ready` when it listens. Multishot accept and receive,
//! one provided buffer ring, direct descriptors, at most one send in flight for each connection.
//! What a room says is written once, into the room's log; each member is sent its part of the log
//! as it lies there, or behind the replies that wait for it.

use io_uring::types::{BufRingEntry, Fd, Fixed};
use io_uring::{IoUring, SubmissionQueue, Submitter, cqueue, opcode, squeue};
use std::cell::{Cell, OnceCell};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU16, Ordering};

const ROOMS: usize = 1_000;
/// A reader who is further behind is disconnected.
const BEHIND_BYTES_MAX: usize = 1 << 20;
const FRAME_BYTES_MAX: usize = 16_384;
/// A room's log grows by so much, and by more while somebody is more than that behind.
const CHUNK_BYTES_MIN: usize = 16 << 10;
const CHUNK_BYTES_MAX: usize = 256 << 10;
/// So much of a chunk is worth a send of its own, less is copied to what lies in the next.
const PART_BYTES_MIN: usize = 4_096;
/// A larger buffer is given back when it was sent.
const SENDING_BYTES_MAX: usize = 16 << 10;
const DESCRIPTORS_MAX: u64 = 65_536;
const ENTRIES: u32 = 1_024;
const COMPLETIONS: u32 = 32_768;
const BUFFERS: u16 = 1_024;
const BUFFER_BYTES: usize = 4_096;
const GROUP: u16 = 0;

const ACCEPT: u64 = 0;
const RECV: u64 = 1;
const SEND: u64 = 2;
const END: u64 = 3;

const ID_BYTES: usize = 33;
const CHAT_BYTES: usize = 295;
const DONE: [u8; 2] = [0, 0];
const WRONG_STATE: [u8; 2] = [52, 0];
const NO_SUCH_ROOM: [u8; 2] = [61, 0];
const NOT_IN_A_ROOM: [u8; 2] = [81, 0];

fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .expect("usage: peer-uring-fanout ADDR");
    let listener = TcpListener::bind(address)?;
    nodelay(&listener);
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_submit_all()
        .setup_cqsize(COMPLETIONS)
        .build(ENTRIES)?;
    ring.submitter().register_files_sparse(descriptors())?;
    let mut buffers = Buffers::register(&ring)?;
    println!("ready");
    let (submitter, queue, mut completions) = ring.split();
    let mut server = Server {
        port: Port { submitter, queue },
        connections: Vec::new(),
        rooms: (0..ROOMS).map(|_| Room::new()).collect(),
        spoken: Vec::new(),
        waiting: Vec::new(),
    };
    server.port.accept(&listener);
    loop {
        server.port.submit(1);
        completions.sync();
        for completion in &mut completions {
            let (data, result) = (completion.user_data(), completion.result());
            let (kind, place, more) = (data & 0xff, data >> 8, cqueue::more(completion.flags()));
            match kind {
                ACCEPT => {
                    if result >= 0 {
                        server.connect(result as u32);
                    }
                    if !more {
                        server.port.accept(&listener);
                    }
                }
                RECV => {
                    if let Some(id) = cqueue::buffer_select(completion.flags()) {
                        let bytes = buffers.filled(id, result.max(0) as usize);
                        server.receive(place as u32, bytes);
                        buffers.recycle(id);
                    }
                    if !more {
                        server.received_last(place as u32, result);
                    }
                }
                SEND => server.sent(place as u32, result),
                _ => {}
            }
        }
        buffers.publish();
        server.flush();
    }
}

/// Invariant: what was appended is never written again, so that the kernel may read it meanwhile.
struct Chunk {
    /// The place of its first byte in the log.
    base: u64,
    used: Cell<usize>,
    bytes: Box<[Cell<u8>]>,
    next: OnceCell<Rc<Chunk>>,
}

impl Chunk {
    fn new(base: u64, bytes: usize) -> Rc<Self> {
        Rc::new(Self {
            base,
            used: Cell::new(0),
            bytes: vec![Cell::new(0); bytes].into(),
            next: OnceCell::new(),
        })
    }

    fn end(&self) -> u64 {
        self.base + self.used.get() as u64
    }

    fn free(&self) -> usize {
        self.bytes.len() - self.used.get()
    }

    fn append(&self, part: &[u8]) {
        let free = &self.bytes[self.used.get()..][..part.len()];
        free.iter().zip(part).for_each(|(to, byte)| to.set(*byte));
        self.used.set(self.used.get() + part.len());
    }

    /// What it holds from this place of the log on.
    fn behind(&self, place: u64) -> &[u8] {
        let appended = &self.bytes[(place - self.base) as usize..self.used.get()];
        // SAFETY: what was appended is never written again.
        unsafe { std::slice::from_raw_parts(appended.as_ptr().cast(), appended.len()) }
    }
}

/// Members and the log of what they said.
struct Room {
    members: Vec<u32>,
    tail: Rc<Chunk>,
    previous: Weak<Chunk>,
    /// Something was said since the last flush.
    spoken: bool,
}

impl Room {
    fn new() -> Self {
        Self {
            members: Vec::new(),
            tail: Chunk::new(0, 0),
            previous: Weak::new(),
            spoken: false,
        }
    }

    fn say(&mut self, id: &[u8; ID_BYTES], message: &[u8]) {
        if self.tail.free() < CHAT_BYTES {
            self.grow();
        }
        self.tail.append(&header(CHAT_BYTES, 223));
        self.tail.append(id);
        self.tail.append(message);
    }

    /// A new tail, larger than the last if somebody is more than a chunk behind.
    fn grow(&mut self) {
        let bytes = self.tail.bytes.len();
        let late = self.previous.strong_count() > 0;
        let bytes = if late { bytes * 2 } else { bytes / 2 };
        let bytes = bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
        let tail = Chunk::new(self.tail.end(), bytes);
        let _ = self.tail.next.set(Rc::clone(&tail));
        self.previous = Rc::downgrade(&self.tail);
        self.tail = tail;
    }
}

/// A member's place in its room.
struct Seat {
    room: usize,
    index: usize,
    /// The chunk that `heard` lies in.
    chunk: Rc<Chunk>,
    /// The place in the log up to which everything was sent, or is in flight.
    heard: u64,
}

/// Invariant: what `flight` points to lies in `sending`, in the seat's chunk or in `kept`, and none
/// of them changes until it has landed.
struct Connection {
    /// The address and the bytes of what the kernel has not sent yet; no bytes if nothing is.
    flight: (usize, usize),
    seat: Option<Seat>,
    /// Goes out next, before what the log has.
    replies: Vec<u8>,
    sending: Vec<u8>,
    kept: Option<Rc<Chunk>>,
    /// The beginning of a frame.
    input: Vec<u8>,
    id: [u8; ID_BYTES],
    /// Nothing is read any more: it is closed when everything is sent.
    ended: bool,
    /// Nothing is sent any more either.
    cut: bool,
    /// The kernel receives for it.
    receiving: bool,
}

impl Connection {
    fn new() -> Self {
        Self {
            flight: (0, 0),
            seat: None,
            replies: Vec::new(),
            sending: Vec::new(),
            kept: None,
            input: Vec::new(),
            id: [0; ID_BYTES],
            ended: false,
            cut: false,
            receiving: true,
        }
    }

    fn reply(&mut self, id: u16, body: &[u8]) {
        self.replies.extend_from_slice(&header(5 + body.len(), id));
        self.replies.extend_from_slice(body);
    }

    /// Makes ready what goes out next; false if nothing does.
    fn take_off(&mut self) -> bool {
        if self.replies.is_empty()
            && let Some(seat) = &mut self.seat
        {
            while seat.heard == seat.chunk.end()
                && let Some(next) = seat.chunk.next.get().map(Rc::clone)
            {
                seat.chunk = next;
            }
            let part = seat.chunk.behind(seat.heard);
            if seat.chunk.next.get().is_none() || part.len() >= PART_BYTES_MIN {
                self.flight = (part.as_ptr() as usize, part.len());
                seat.heard = seat.chunk.end();
                return self.flight.1 > 0;
            }
        }
        self.gather();
        self.sending.clear();
        self.sending.shrink_to(SENDING_BYTES_MAX);
        std::mem::swap(&mut self.sending, &mut self.replies);
        self.flight = (self.sending.as_ptr() as usize, self.sending.len());
        self.flight.1 > 0
    }

    /// Moves what it has not heard yet behind the replies.
    fn gather(&mut self) {
        let Some(seat) = &mut self.seat else { return };
        loop {
            self.replies
                .extend_from_slice(seat.chunk.behind(seat.heard));
            seat.heard = seat.chunk.end();
            let Some(next) = seat.chunk.next.get().map(Rc::clone) else {
                return;
            };
            let passed = std::mem::replace(&mut seat.chunk, next);
            if self.flight.1 > 0 {
                self.kept.get_or_insert(passed);
            }
        }
    }
}

struct Server<'a> {
    port: Port<'a>,
    /// A connection's place is its direct descriptor.
    connections: Vec<Option<Connection>>,
    rooms: Vec<Room>,
    /// Rooms in which something was said since the last flush.
    spoken: Vec<usize>,
    /// Connections that may have something to send.
    waiting: Vec<u32>,
}

impl Server<'_> {
    fn connect(&mut self, place: u32) {
        let index = place as usize;
        if self.connections.len() <= index {
            self.connections.resize_with(index + 1, || None);
        }
        self.connections[index] = Some(Connection::new());
        self.port.receive(place);
    }

    fn connection(&mut self, place: u32) -> &mut Connection {
        let connection = self.connections[place as usize].as_mut();
        connection.expect("it is closed when nothing of it is in flight")
    }

    fn receive(&mut self, place: u32, bytes: &[u8]) {
        let connection = self.connection(place);
        if connection.ended {
            return;
        }
        if connection.replies.is_empty() {
            self.waiting.push(place);
        }
        if self.connection(place).input.is_empty() {
            self.handle(place, bytes);
        } else {
            let mut input = std::mem::take(&mut self.connection(place).input);
            input.extend_from_slice(bytes);
            self.handle(place, &input);
        }
    }

    /// The whole frames of this input; the rest is kept.
    fn handle(&mut self, place: u32, mut input: &[u8]) {
        while let [low, high, ..] = *input {
            let bytes = usize::from(u16::from_le_bytes([low, high]));
            if !(5..=FRAME_BYTES_MAX).contains(&bytes) {
                return self.cut(place);
            }
            let Some((frame, rest)) = input.split_at_checked(bytes) else {
                break;
            };
            if self.handle_frame(place, frame).is_none() {
                return self.cut(place);
            }
            input = rest;
        }
        self.connection(place).input.extend_from_slice(input);
    }

    /// Nothing if no client may send that.
    fn handle_frame(&mut self, place: u32, frame: &[u8]) -> Option<()> {
        let (head, body) = frame.split_at(5);
        let connection = self.connection(place);
        match (u16::from_le_bytes([head[2], head[3]]), body.len()) {
            (1, _) => connection.replies.extend_from_slice(frame),
            (201, 66) => {
                connection.id.copy_from_slice(&body[..ID_BYTES]);
                connection.reply(202, &DONE);
            }
            (206, 4) => {
                let number = i32::from_le_bytes(body.try_into().ok()?);
                let room = usize::try_from(number).unwrap_or(ROOMS);
                if connection.seat.is_some() {
                    connection.reply(207, &WRONG_STATE);
                } else if room >= ROOMS {
                    connection.reply(207, &NO_SUCH_ROOM);
                } else {
                    connection.reply(207, &DONE);
                    connection.reply(209, &[0]);
                    self.enter(place, room);
                }
            }
            (215, 0) => {
                let result = if connection.seat.is_some() {
                    DONE
                } else {
                    NO_SUCH_ROOM
                };
                self.leave(place);
                self.connection(place).reply(216, &result);
            }
            (221, 257) => {
                let (id, seat) = (
                    connection.id,
                    connection.seat.as_ref().map(|seat| seat.room),
                );
                connection.reply(
                    222,
                    if seat.is_some() {
                        &DONE
                    } else {
                        &NOT_IN_A_ROOM
                    },
                );
                if let Some(room) = seat {
                    self.rooms[room].say(&id, body);
                    if !std::mem::replace(&mut self.rooms[room].spoken, true) {
                        self.spoken.push(room);
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn enter(&mut self, place: u32, number: usize) {
        let room = &mut self.rooms[number];
        let seat = Seat {
            room: number,
            index: room.members.len(),
            chunk: Rc::clone(&room.tail),
            heard: room.tail.end(),
        };
        room.members.push(place);
        self.connection(place).seat = Some(seat);
    }

    /// It hears what was said until now, and no more.
    fn leave(&mut self, place: u32) {
        let connection = self.connection(place);
        connection.gather();
        let Some(seat) = connection.seat.take() else {
            return;
        };
        if connection.flight.1 > 0 {
            connection.kept.get_or_insert(seat.chunk);
        }
        let members = &mut self.rooms[seat.room].members;
        members.swap_remove(seat.index);
        if let Some(&moved) = members.get(seat.index)
            && let Some(moved) = &mut self.connection(moved).seat
        {
            moved.index = seat.index;
        }
    }

    /// The kernel receives no more: armed anew, or the input has ended.
    fn received_last(&mut self, place: u32, result: i32) {
        let connection = self.connection(place);
        if (result > 0 || result == -libc::ENOBUFS) && !connection.ended {
            return self.port.receive(place);
        }
        connection.receiving = false;
        connection.ended = true;
        connection.cut |= result < 0;
        self.leave(place);
        self.waiting.push(place);
    }

    /// The kernel is done with a send.
    fn sent(&mut self, place: u32, result: i32) {
        let connection = self.connection(place);
        if result > 0 {
            connection.flight.0 += result as usize;
            connection.flight.1 -= result as usize;
        } else {
            connection.flight.1 = 0;
            self.cut(place);
        }
        let connection = self.connection(place);
        if connection.flight.1 > 0 {
            let flight = connection.flight;
            return self.port.send(place, flight);
        }
        connection.kept = None;
        self.waiting.push(place);
    }

    /// Its receive ends, and with it the connection.
    fn cut(&mut self, place: u32) {
        let connection = self.connection(place);
        connection.ended = true;
        connection.cut = true;
        self.port.shut_down(place);
        self.waiting.push(place);
    }

    /// Everybody who may have something to send, sends.
    fn flush(&mut self) {
        while let Some(number) = self.spoken.pop() {
            self.rooms[number].spoken = false;
            // Nobody enters or leaves meanwhile.
            let members = std::mem::take(&mut self.rooms[number].members);
            members.iter().for_each(|&member| self.send(member));
            self.rooms[number].members = members;
        }
        while let Some(place) = self.waiting.pop() {
            self.send(place);
        }
    }

    /// Sends everything that waits for this connection, unless it does so already.
    fn send(&mut self, place: u32) {
        let Some(connection) = &mut self.connections[place as usize] else {
            return;
        };
        if connection.flight.1 > 0 {
            let said = |seat: &Seat| (self.rooms[seat.room].tail.end() - seat.heard) as usize;
            let unheard = connection.seat.as_ref().map_or(0, said);
            let behind = connection.flight.1 + connection.replies.len() + unheard;
            if behind > BEHIND_BYTES_MAX && !connection.cut {
                self.cut(place);
            }
        } else if !connection.cut && connection.take_off() {
            let flight = connection.flight;
            self.port.send(place, flight);
        } else if connection.ended && !connection.receiving {
            self.connections[place as usize] = None;
            self.port.close(place);
        }
    }
}

/// The ring, to which one pushes.
struct Port<'a> {
    submitter: Submitter<'a>,
    queue: SubmissionQueue<'a>,
}

impl Port<'_> {
    fn accept(&mut self, listener: &TcpListener) {
        let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).allocate_file_index(true);
        self.push(accept.build().user_data(ACCEPT));
    }

    fn receive(&mut self, place: u32) {
        let receive = opcode::RecvMulti::new(Fixed(place), GROUP).build();
        self.push(receive.user_data(RECV | u64::from(place) << 8));
    }

    fn send(&mut self, place: u32, (address, bytes): (usize, usize)) {
        let send = opcode::Send::new(Fixed(place), address as *const u8, bytes as u32).build();
        self.push(send.user_data(SEND | u64::from(place) << 8));
    }

    fn shut_down(&mut self, place: u32) {
        let end = opcode::Shutdown::new(Fixed(place), libc::SHUT_RDWR).build();
        self.push(end.user_data(END));
    }

    fn close(&mut self, place: u32) {
        let end = opcode::Close::new(Fixed(place)).build();
        self.push(end.user_data(END));
    }

    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: what is sent stays as it is until it has landed, see `Connection`; the buffer
        // ring lives until the process ends.
        while unsafe { self.queue.push(&entry) }.is_err() {
            self.submit(0);
        }
    }

    /// Hands over what was pushed, and waits for so many completions.
    fn submit(&mut self, completions: usize) {
        self.queue.sync();
        match self.submitter.submit_and_wait(completions) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                panic!("the ring takes entries: {error}");
            }
            _ => self.queue.sync(),
        }
    }
}

fn header(bytes: usize, id: u16) -> [u8; 5] {
    let ([a, b], [c, d]) = ((bytes as u16).to_le_bytes(), id.to_le_bytes());
    [a, b, c, d, 0]
}

/// Accepted sockets inherit it.
fn nodelay(listener: &TcpListener) {
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
fn descriptors() -> u32 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes the structure.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit.rlim_cur.min(DESCRIPTORS_MAX) as u32
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

    /// What the kernel has put into a buffer.
    fn filled(&self, id: u16, bytes: usize) -> &[u8] {
        // SAFETY: the buffer is ours until it is recycled.
        unsafe { std::slice::from_raw_parts(self.address(id), bytes) }
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
