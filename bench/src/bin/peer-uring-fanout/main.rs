//! Peer: chat rooms on the bare io_uring, one thread: the floor that a whole server is compared
//! with. It speaks the classic frames just as far as fan-out needs them, see docs/PROTOCOL.md.
//!
//! Usage: `peer-uring-fanout ADDR`. Prints `ready` when it listens. Multishot accept and receive,
//! one provided buffer ring, direct descriptors, at most one send in flight for each connection.
//! What a room says is written once, into the room's log; each member is sent its part of the log
//! as it lies there, or behind the replies that wait for it.

mod connection;
mod ring;
mod room;

use connection::{Connection, Seat};
use io_uring::{IoUring, cqueue};
use ring::{ACCEPT, Buffers, Port, RECV, SEND, descriptors, nodelay};
use room::{ID_BYTES, Room};
use std::net::TcpListener;
use std::rc::Rc;

const ROOMS: usize = 1_000;
/// A reader who is further behind is disconnected.
const BEHIND_BYTES_MAX: usize = 1 << 20;
const FRAME_BYTES_MAX: usize = 16_384;
const ENTRIES: u32 = 1_024;
const COMPLETIONS: u32 = 32_768;

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
