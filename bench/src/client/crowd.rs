//! Many connections on one thread: reads whatever comes, hands events on, writes once a turn.

use super::dialect::{Dialect, Event, Mark};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Connections under way at once while a crowd gathers: below any listener's backlog.
const CONNECTING_MAX: usize = 100;
/// Connections from one address: fewer than it has ports. No address is used again before its ports
/// have rested (TIME_WAIT).
const CONNECTIONS_PER_ADDRESS: usize = 10_000;
/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// How long nothing may happen at all before a run counts as stalled.
const PATIENCE: Duration = Duration::from_secs(15);

/// Clients of one server.
pub struct Crowd {
    poll: Poll,
    events: Events,
    dialect: Dialect,
    links: Vec<Link>,
    /// From where the next connects.
    from: Ipv4Addr,
    /// Links with something to write.
    dirty: Vec<usize>,
    buffer: Box<[u8]>,
    start: Instant,
}

struct Link {
    /// `None` once it is closed, by whomever.
    stream: Option<TcpStream>,
    room: u32,
    /// What came and is not a whole event yet.
    input: Vec<u8>,
    output: Vec<u8>,
    /// Does not read any more.
    deaf: bool,
}

impl Crowd {
    /// Connects `count` clients, `per_room` to a room, and waits until all of them are ready.
    ///
    /// # Errors
    /// What the server or the system said, in words.
    pub fn gather(
        server: SocketAddr,
        dialect: Dialect,
        count: usize,
        per_room: usize,
    ) -> Result<Self, String> {
        let mut crowd = Self::empty(dialect)?;
        let mut ready = 0;
        while ready < count {
            while crowd.links.len() < count && crowd.links.len() - ready < CONNECTING_MAX {
                crowd.connect(server, (crowd.links.len() / per_room) as u32)?;
                ready += usize::from(dialect.is_ready_at_once());
            }
            let mut came = 0;
            crowd.turn(PATIENCE, |_, event| {
                came += usize::from(matches!(event, Event::Ready | Event::Entered { .. }));
                match event {
                    Event::Busy => Err(BUSY.into()),
                    _ => Ok(()),
                }
            })?;
            ready += came;
        }
        Ok(crowd)
    }

    /// Nobody yet.
    pub fn empty(dialect: Dialect) -> Result<Self, String> {
        Ok(Self {
            poll: Poll::new().map_err(told("epoll"))?,
            events: Events::with_capacity(1_024),
            dialect,
            links: Vec::new(),
            from: Ipv4Addr::LOCALHOST,
            dirty: Vec::new(),
            buffer: vec![0; READ_BYTES].into(),
            start: Instant::now(),
        })
    }

    /// One more client, which says its hello; its number.
    pub fn connect(&mut self, server: SocketAddr, room: u32) -> Result<usize, String> {
        let hello = self.dialect.hello(self.links.len() as u32, room);
        self.connect_saying(server, room, hello)
    }

    /// One more client, which says that first; its number.
    pub fn connect_saying(
        &mut self,
        server: SocketAddr,
        room: u32,
        hello: Vec<u8>,
    ) -> Result<usize, String> {
        let index = self.links.len();
        if index.is_multiple_of(CONNECTIONS_PER_ADDRESS) {
            self.from = fresh_address();
        }
        let mut stream = connect(server, self.from).map_err(told("connect"))?;
        let token = Token(index);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, token, both)
            .map_err(told("register"))?;
        self.links.push(Link {
            stream: Some(stream),
            room,
            input: Vec::new(),
            output: hello,
            deaf: false,
        });
        Ok(index)
    }

    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Nanoseconds since the crowd began: the clock of every mark.
    pub fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Has a client publish to its room, at the end of this turn.
    pub fn publish(&mut self, index: usize, mark: Mark) {
        let link = &mut self.links[index];
        self.dialect.publish(&mut link.output, link.room, mark);
        self.dirty.push(index);
    }

    /// Has a client send bytes, at the end of this turn.
    pub fn send(&mut self, index: usize, bytes: &[u8]) {
        self.links[index].output.extend_from_slice(bytes);
        self.dirty.push(index);
    }

    /// Has a client stop reading.
    pub fn go_deaf(&mut self, index: usize) {
        self.links[index].deaf = true;
    }

    /// How many of those that stopped reading find their connection ended, if they read on.
    pub fn cut_among_the_deaf(&mut self) -> usize {
        let deaf = self.links.iter_mut().filter(|link| link.deaf);
        let buffer = &mut self.buffer;
        deaf.filter_map(|link| match &mut link.stream {
            None => Some(()),
            Some(stream) => loop {
                match stream.read(buffer) {
                    Ok(0) => return Some(()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                    Err(_) => return Some(()),
                }
            },
        })
        .count()
    }

    /// Closes a client's connection in order; its number is not used again.
    pub fn close(&mut self, index: usize) {
        self.links[index].stream = None;
    }

    /// Writes what is to be written, waits for `patience` at the most, and hands on what came.
    ///
    /// # Errors
    /// When nothing came for longer than any server needs, a connection ended that nobody closed,
    /// something wrong was said, or `each` says so.
    pub fn turn(
        &mut self,
        patience: Duration,
        mut each: impl FnMut(usize, Event) -> Result<(), String>,
    ) -> Result<(), String> {
        self.flush()?;
        match self.poll.poll(&mut self.events, Some(patience)) {
            // Nothing is known of how long it was quiet.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            waited => waited.map_err(told("wait"))?,
        }
        if self.events.is_empty() && patience >= PATIENCE {
            return Err(format!(
                "the server said nothing for {} s",
                PATIENCE.as_secs()
            ));
        }
        let woken: Vec<(usize, bool)> = self
            .events
            .iter()
            .map(|event| (event.token().0, event.is_writable()))
            .collect();
        for (index, writable) in woken {
            if writable && !self.links[index].output.is_empty() {
                self.dirty.push(index);
            }
            self.read(index, &mut each)?;
        }
        Ok(())
    }

    /// The turn's patience where the caller has nothing else to do.
    pub const fn patience() -> Duration {
        PATIENCE
    }

    fn read(
        &mut self,
        index: usize,
        each: &mut impl FnMut(usize, Event) -> Result<(), String>,
    ) -> Result<(), String> {
        let link = &mut self.links[index];
        while let Some(stream) = link.stream.as_mut().filter(|_| !link.deaf) {
            match stream.read(&mut self.buffer) {
                Ok(0) => {
                    return Err(ended(index, "closed"));
                }
                Ok(count) => {
                    cut_all(
                        self.dialect,
                        &mut link.input,
                        &self.buffer[..count],
                        |event| match event {
                            Event::Wrong(what) => Err(what),
                            event => each(index, event),
                        },
                    )?;
                    if count < self.buffer.len() {
                        break;
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::NotConnected => break,
                    ErrorKind::Interrupted => {}
                    _ => return Err(ended(index, &error.to_string())),
                },
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), String> {
        for index in std::mem::take(&mut self.dirty) {
            let link = &mut self.links[index];
            while let Some(stream) = link.stream.as_mut().filter(|_| !link.output.is_empty()) {
                match stream.write(&link.output) {
                    Ok(count) => drop(link.output.drain(..count)),
                    Err(error) => match error.kind() {
                        ErrorKind::WouldBlock | ErrorKind::NotConnected => break,
                        ErrorKind::Interrupted => {}
                        // A slow reader was cut.
                        _ if link.deaf => link.stream = None,
                        _ => return Err(ended(index, &error.to_string())),
                    },
                }
            }
        }
        Ok(())
    }
}

/// Hands every whole event of what came before and `news` to `each`; keeps the rest.
fn cut_all(
    dialect: Dialect,
    before: &mut Vec<u8>,
    news: &[u8],
    mut each: impl FnMut(Event) -> Result<(), String>,
) -> Result<(), String> {
    let joined = !before.is_empty();
    if joined {
        before.extend_from_slice(news);
    }
    let input: &[u8] = if joined { before } else { news };
    let mut at = 0;
    while let Some((bytes, event)) = dialect.cut(&input[at..]) {
        at += bytes;
        each(event)?;
    }
    if joined {
        before.drain(..at);
    } else {
        before.extend_from_slice(&news[at..]);
    }
    Ok(())
}

/// A loopback address that no crowd used lately, this invocation's or another's: they follow the
/// clock, a hundred a second, which is more than are needed.
fn fresh_address() -> Ipv4Addr {
    static LAST: Mutex<u64> = Mutex::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_millis() as u64 / 10;
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = now.max(*last + 1);
    address_of(*last)
}

/// An address for each of sixteen million numbers: not the first of the network, which is
/// everybody's, nor its last, which is nobody's.
fn address_of(number: u64) -> Ipv4Addr {
    const FIRST: u64 = 1 << 16;
    const LAST: u64 = (1 << 24) - 2;
    let host = FIRST + number % (LAST - FIRST + 1);
    let [.., high, middle, low] = host.to_be_bytes();
    Ipv4Addr::new(127, high, middle, low)
}

/// Begins a connection from that address.
fn connect(server: SocketAddr, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(IpAddr::V4(from), 0).into())?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    match socket.connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// The error where nobody should be told to come again later.
pub const BUSY: &str = "the server is too busy";

/// The first words of the error that says that the server ended a connection which nobody closed.
pub const SERVER_ENDED: &str = "the server ended the connection";

fn ended(client: usize, how: &str) -> String {
    format!("{SERVER_ENDED} of client {client}: {how}")
}

fn told(what: &'static str) -> impl Fn(io::Error) -> String {
    move |error| format!("{what}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_each_other_and_come_round() {
        let first = address_of(0);
        assert_eq!(first, Ipv4Addr::new(127, 1, 0, 0));
        assert_eq!(
            address_of((1 << 24) - (1 << 16) - 2),
            Ipv4Addr::new(127, 255, 255, 254)
        );
        assert_eq!(address_of((1 << 24) - (1 << 16) - 1), first);
        let fresh: Vec<Ipv4Addr> = (0..100).map(|_| fresh_address()).collect();
        for pair in fresh.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
    }
}
