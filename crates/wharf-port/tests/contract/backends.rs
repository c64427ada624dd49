//! How a clause reaches the two ends: a port to test, and peers that are not under test.

use std::io::{ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use wharf_base::{Instant, Rng};
use wharf_port::sim::{Faults, SimPeer, SimPeerListener, SimPort, SimRead, SimWorld};
use wharf_port::{NativePort, Port, PortOptions, clock};

/// What a peer sees when it looks for bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Bytes(Vec<u8>),
    NothingYet,
    End,
    Reset,
}

/// The other end of a connection.
pub(crate) trait Peer {
    /// Writes what is taken at once; how many bytes that was, or `None` if the other end is gone.
    fn write(&mut self, bytes: &[u8]) -> Option<usize>;
    fn read(&mut self) -> Seen;
    fn shutdown_write(&mut self);
    fn reset(self);
}

/// A kind of port, and the world around it.
pub(crate) trait Backend: Sized {
    type Port: Port;
    type Peer: Peer;
    /// A world of its own; chance in it, if it has a part, follows from `seed`.
    fn new(seed: u64) -> Self;
    fn open(&mut self, options: &PortOptions) -> Self::Port;
    fn loopback(&self) -> IpAddr;
    fn connect_from(&mut self, from: IpAddr, to: SocketAddr) -> Self::Peer;
    /// A listener outside of the port, on a free port number.
    fn listen(&mut self) -> SocketAddr;
    /// A connection that came to [`Backend::listen`], and where it came from.
    fn accept(&mut self) -> Option<(Self::Peer, SocketAddr)>;
    /// An address at which nobody listens.
    fn nowhere(&mut self) -> SocketAddr;
    /// An address that does not answer: connects to it stay in flight.
    fn silence(&mut self) -> SocketAddr;
    fn now(&self) -> Instant;
    /// Lets time pass after a wait that brought nothing.
    fn pass_time(&mut self);
}

/// A port of this system, and plain sockets around it.
pub(crate) struct Native<P> {
    listener: Option<TcpListener>,
    /// Bound and not listening: its port number is nobody else's meanwhile.
    bound: Option<socket2::Socket>,
    /// A listener whose backlog is full, and what fills it.
    full: Vec<socket2::Socket>,
    port: PhantomData<P>,
}

impl<P: NativePort> Backend for Native<P> {
    type Port = P;
    type Peer = TcpStream;

    fn new(_: u64) -> Self {
        Self {
            listener: None,
            bound: None,
            full: Vec::new(),
            port: PhantomData,
        }
    }

    fn open(&mut self, options: &PortOptions) -> P {
        P::open(options).expect("this system has the backend")
    }

    fn loopback(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn connect_from(&mut self, from: IpAddr, to: SocketAddr) -> TcpStream {
        let socket = tcp();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        let connected = socket.connect(&to.into());
        connected.expect("the kernel completes connections by itself");
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn listen(&mut self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.listener.insert(listener).local_addr().unwrap()
    }

    fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        let (stream, from) = self.listener.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).unwrap();
        Some((stream, from))
    }

    fn nowhere(&mut self) -> SocketAddr {
        let socket = self.bound.insert(tcp());
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).unwrap();
        socket.local_addr().unwrap().as_socket().unwrap()
    }

    fn silence(&mut self) -> SocketAddr {
        let listener = tcp();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        self.full.push(listener);
        // A backlog of none takes one all the same (listen(2)); the next waits without an answer.
        for _ in 0..2 {
            let filler = tcp();
            filler.set_nonblocking(true).unwrap();
            let _ = filler.connect(&address);
            self.full.push(filler);
        }
        address.as_socket().unwrap()
    }

    fn now(&self) -> Instant {
        clock::now()
    }

    fn pass_time(&mut self) {
        // The wait itself has slept.
    }
}

fn tcp() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}

impl Peer for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        match Write::write(self, bytes) {
            Ok(written) => Some(written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
            Err(_) => None,
        }
    }

    fn read(&mut self) -> Seen {
        let mut bytes = vec![0; 64 * 1024];
        match Read::read(self, &mut bytes) {
            Ok(0) => Seen::End,
            Ok(read) => Seen::Bytes(bytes[..read].to_vec()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Seen::NothingYet,
            Err(_) => Seen::Reset,
        }
    }

    fn shutdown_write(&mut self) {
        // One whose other end is gone has nothing left to end.
        let _ = self.shutdown(Shutdown::Write);
    }

    fn reset(self) {
        socket2::Socket::from(self)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
}

/// A simulated port, and peers in its world: calm, where everything is on time and nothing goes
/// wrong, or rough, where chance splits, shortens, delays and reorders what it may.
pub(crate) struct Simulated<const ROUGH: bool> {
    world: SimWorld,
    listener: Option<SimPeerListener>,
    next_port: u16,
}

/// A world without faults.
pub(crate) type Calm = Simulated<false>;
/// A world with every fault that the contract hides from the caller.
pub(crate) type Rough = Simulated<true>;

impl<const ROUGH: bool> Backend for Simulated<ROUGH> {
    type Port = SimPort;
    type Peer = SimPeer;

    fn new(seed: u64) -> Self {
        let faults = if ROUGH {
            rough(&mut Rng::from_seed(seed))
        } else {
            Faults::none()
        };
        Self {
            world: SimWorld::new(seed, faults),
            listener: None,
            next_port: 1_000,
        }
    }

    fn open(&mut self, options: &PortOptions) -> SimPort {
        SimPort::new(&self.world, options)
    }

    fn loopback(&self) -> IpAddr {
        Ipv4Addr::LOCALHOST.into()
    }

    fn connect_from(&mut self, from: IpAddr, to: SocketAddr) -> SimPeer {
        let from = SocketAddr::new(from, self.nowhere().port());
        SimPeer::connect(&self.world, from, to).expect("somebody listens")
    }

    fn listen(&mut self) -> SocketAddr {
        let address = self.nowhere();
        self.listener = SimPeerListener::listen(&self.world, address);
        address
    }

    fn accept(&mut self) -> Option<(SimPeer, SocketAddr)> {
        self.listener.as_ref()?.accept()
    }

    fn nowhere(&mut self) -> SocketAddr {
        self.next_port += 1;
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.next_port))
    }

    fn silence(&mut self) -> SocketAddr {
        let address = self.nowhere();
        self.world.silence(address);
        address
    }

    fn now(&self) -> Instant {
        self.world.now()
    }

    fn pass_time(&mut self) {
        self.world
            .advance_to(self.world.now() + Duration::from_millis(1));
    }
}

/// The most that a clause has a peer write before anybody reads.
const ENOUGH_FOR_ALL_BYTES: u64 = 32 * 1024;

/// Faults after which everything that was asked for still comes, only otherwise than in a calm
/// world: later, in pieces, in another order.
fn rough(rng: &mut Rng) -> Faults {
    let drawn = Faults::draw(rng);
    Faults {
        reset: 0.0,
        lossy_reset: 0.0,
        refused: 0.0,
        no_address: 0.0,
        dead_accept: 0.0,
        starved_accept: 0.0,
        buffer_bytes_min: drawn.buffer_bytes_max.max(ENOUGH_FOR_ALL_BYTES),
        buffer_bytes_max: drawn.buffer_bytes_max.max(ENOUGH_FOR_ALL_BYTES),
        // What waits longer than a few turns counts as stalled.
        delay_max: Duration::from_micros(1 + rng.below(1_000)),
        ..drawn
    }
}

impl Peer for SimPeer {
    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        SimPeer::write(self, bytes)
    }

    fn read(&mut self) -> Seen {
        match SimPeer::read(self) {
            SimRead::Bytes(bytes) => Seen::Bytes(bytes),
            SimRead::NothingYet => Seen::NothingYet,
            SimRead::End => Seen::End,
            SimRead::Reset => Seen::Reset,
        }
    }

    fn shutdown_write(&mut self) {
        SimPeer::shutdown_write(self);
    }

    fn reset(self) {
        SimPeer::reset(self);
    }
}
