//! What goes wrong inside a server ends it in order, or with a word, and never leaves it hanging.

use crate::rig::{self, ANYWHERE, PATIENCE};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use wharf_base::Instant;
use wharf_content::{AppBuilder, Foyer, FoyerCx, Handled, Inbox};
use wharf_host::{
    Control, IoShard, MAILBOX_BYTES_MAX, OnThreadEnd, Placement, Server, ServerOptions, StartError,
    Switchboard,
};
use wharf_port::{
    CloseHow, Completion, ConnectOptions, DetachedSocket, ListenOptions, NativePort, OpId,
    OpenError, OpsFull, Port, PortOptions, PortStats, Refused, SendBatch, SendInFlight, SocketId,
    Token, Waker,
};
use wharf_wire::Packet;
use wharf_wire::classic::Echo;

#[cfg(target_os = "linux")]
type Backend = wharf_port::UringPort;
#[cfg(windows)]
type Backend = wharf_port::IocpPort;

/// Keeps the thread of whoever sends an echo, and says so.
struct Keeper(Mutex<mpsc::Sender<()>>);

impl Foyer for Keeper {}

impl Keeper {
    fn echo(&self, _: &mut FoyerCx<'_>, _: Echo) -> Handled {
        self.0.lock().unwrap().send(()).unwrap();
        loop {
            std::thread::park();
        }
    }
}

fn options(shards: u8, placement: Placement, foyer: impl FnOnce(&mut AppBuilder)) -> ServerOptions {
    let mut options = rig::options(shards, placement, foyer);
    options.limits.drain = Duration::from_millis(100);
    options
}

fn quietly() -> OnThreadEnd {
    Arc::new(|| {})
}

/// What `work` returns, unless it hangs.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result.recv_timeout(PATIENCE).expect("it does not hang")
}

#[test]
fn a_handler_that_does_not_return_does_not_hold_up_the_stop() {
    for placement in [Placement::Fused, Placement::Split] {
        let (keeping, kept) = mpsc::channel();
        let options = options(2, placement, |app| {
            app.foyer(Keeper(Mutex::new(keeping))).on(Keeper::echo);
        });
        let server = Server::start::<Backend>(&options, ANYWHERE, quietly()).unwrap();
        let mut client = TcpStream::connect(server.local_addr()).unwrap();
        let text = "mine".into();
        client.write_all(&Echo { text }.to_frame()).unwrap();
        kept.recv_timeout(PATIENCE).expect("the handler begins");
        server.begin_stop();
        let problem = in_time(|| server.join()).unwrap_err();
        assert!(
            problem.contains("does not return"),
            "{placement:?}: {problem}"
        );
    }
}

/// A port of which one in a server breaks.
struct Fragile<const HOW: u8>(Backend);

/// The first does not open,
const CLOSED: u8 = 0;
/// the second panics when it is opened,
const PANICS_AT_OPEN: u8 = 1;
/// or at its first wait,
const PANICS_AT_WAIT: u8 = 2;
/// or the first does, and that is the one that would listen.
const LISTENER_PANICS: u8 = 3;

impl<const HOW: u8> NativePort for Fragile<HOW> {
    const NAME: &'static str = "fragile";

    fn open(options: &PortOptions) -> Result<Self, OpenError> {
        match (HOW, std::thread::current().name()) {
            (CLOSED, Some("io-0")) => return Err(OpenError::SocketsFull),
            // Long enough for the start to have been given up.
            (CLOSED, _) => std::thread::park_timeout(Duration::from_millis(300)),
            (PANICS_AT_OPEN, Some("io-1")) => panic!("a bad day"),
            _ => {}
        }
        Backend::open(options).map(Self)
    }
}

#[test]
fn a_start_that_fails_says_why_and_ends() {
    let options = options(3, Placement::Fused, |_| ());
    let error = in_time(move || {
        let server = Server::start::<Fragile<CLOSED>>(&options, ANYWHERE, quietly());
        server.err().expect("the first port does not open")
    });
    assert!(
        matches!(error, StartError::Open(OpenError::SocketsFull)),
        "{error}"
    );
}

#[test]
fn a_start_in_which_a_shard_panics_ends() {
    fn error_of<const HOW: u8>() -> StartError {
        let options = options(3, Placement::Fused, |_| ());
        in_time(move || {
            let server = Server::start::<Fragile<HOW>>(&options, ANYWHERE, quietly());
            server.err().expect("a shard panics")
        })
    }
    for error in [error_of::<PANICS_AT_OPEN>(), error_of::<LISTENER_PANICS>()] {
        assert!(matches!(error, StartError::ShardEnded), "{error}");
    }
}

#[test]
fn an_io_thread_that_panics_does_not_hold_up_the_stop() {
    let options = options(2, Placement::Fused, |_| ());
    let (told, ended) = mpsc::channel();
    let on_end: OnThreadEnd = Arc::new(move || _ = told.send(()));
    let server = Server::start::<Fragile<PANICS_AT_WAIT>>(&options, ANYWHERE, on_end).unwrap();
    ended
        .recv_timeout(PATIENCE)
        .expect("the second thread panics");
    server.begin_stop();
    let problem = in_time(|| server.join()).unwrap_err();
    assert!(problem.contains("io-1 panicked"), "{problem}");
}

impl<const HOW: u8> Port for Fragile<HOW> {
    fn wait(&mut self, batch: &mut Vec<Completion>, until: Option<Instant>) -> io::Result<Instant> {
        match (HOW, std::thread::current().name()) {
            (PANICS_AT_WAIT, Some("io-1")) | (LISTENER_PANICS, Some("io-0")) => panic!("a bad day"),
            _ => {}
        }
        self.0.wait(batch, until)
    }
    fn listen(&mut self, at: SocketAddr, options: &ListenOptions) -> Result<SocketId, OpenError> {
        self.0.listen(at, options)
    }
    fn adopt(&mut self, socket: DetachedSocket) -> Result<SocketId, OpenError> {
        self.0.adopt(socket)
    }
    fn local_addr(&self, socket: SocketId) -> io::Result<SocketAddr> {
        self.0.local_addr(socket)
    }
    fn arm_accept(&mut self, listener: SocketId, token: Token) -> Result<OpId, OpsFull> {
        self.0.arm_accept(listener, token)
    }
    fn connect(
        &mut self,
        to: SocketAddr,
        options: &ConnectOptions,
        token: Token,
    ) -> Result<OpId, OpsFull> {
        self.0.connect(to, options, token)
    }
    fn arm_recv(&mut self, socket: SocketId, token: Token) -> Result<OpId, OpsFull> {
        self.0.arm_recv(socket, token)
    }
    fn send(
        &mut self,
        socket: SocketId,
        batch: SendBatch,
        token: Token,
    ) -> Result<OpId, Refused<SendBatch>> {
        self.0.send(socket, batch, token)
    }
    fn cancel(&mut self, op: OpId) {
        self.0.cancel(op);
    }
    fn shutdown_send(&mut self, socket: SocketId) -> Result<(), SendInFlight> {
        self.0.shutdown_send(socket)
    }
    fn close(&mut self, socket: SocketId, how: CloseHow, token: Token) {
        self.0.close(socket, how, token);
    }
    fn waker(&self) -> Waker {
        self.0.waker()
    }
    fn stats(&self) -> PortStats {
        self.0.stats()
    }
}

/// An I/O shard that listens and turns when it is told to. Whatever logic shards there are, they
/// take nothing.
struct Alone {
    shard: IoShard<Backend>,
    switchboard: Arc<Switchboard>,
    waker: Waker,
    address: SocketAddr,
    /// Bytes that were read from clients.
    heard: Arc<AtomicU64>,
}

impl Alone {
    fn new(options: &ServerOptions) -> Self {
        let switchboard = Arc::new(Switchboard::new(options.shards, options.shards));
        let port = Backend::open(&options.port).unwrap();
        let waker = port.waker();
        let mut shard = options.io_shard(0, port, Arc::clone(&switchboard));
        let (reply, answer) = mpsc::sync_channel(1);
        let local = ANYWHERE;
        switchboard.control(0, Control::Listen { local, reply });
        shard.turn();
        let address = answer.recv().unwrap().unwrap();
        Self {
            shard,
            switchboard,
            waker,
            address,
            heard: Arc::default(),
        }
    }

    /// Takes turns until the clients have done what they do.
    fn serve(&mut self, clients: impl FnOnce(SocketAddr) + Send + 'static) {
        let (address, waker) = (self.address, self.waker.clone());
        let done = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            clients(address);
            flag.store(true, Ordering::Release);
            waker.wake();
        });
        while !done.load(Ordering::Acquire) {
            self.shard.turn();
            let heard = self.shard.report().net.bytes_in;
            self.heard.store(heard, Ordering::Release);
        }
        thread.join().unwrap();
    }
}

/// A client that resets its connection when it goes.
fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    let lingers = SockRef::from(&client).set_linger(Some(Duration::ZERO));
    lingers.unwrap();
    client
}

#[test]
fn a_seat_is_given_to_the_next_when_content_has_heard_of_the_end() {
    let options = options(1, Placement::Split, |_| ());
    let mut alone = Alone::new(&options);
    let mut logic = options.logic_thread(0, Arc::clone(&alone.switchboard));
    let seats = options.limits.sessions_max;
    let mut opened_before = 0;
    for _ in 0..2 {
        alone.serve(move |address| {
            for _ in 0..2 * seats {
                let mut client = connect(address);
                // Whoever resets before it is accepted is nobody.
                client.set_read_timeout(Some(SHORTLY / 4)).unwrap();
                let _ = client.read(&mut [0]);
            }
        });
        while alone.shard.report().net.sessions > 0 {
            alone.shard.turn();
        }
        let opened = alone.shard.report().net.opened - opened_before;
        opened_before += opened;
        assert!((1..=u64::from(seats)).contains(&opened), "{opened} opened");
        assert_eq!(u64::from(options.admission.stats().sessions), opened);
        logic.turn(Instant::ZERO);
        alone.shard.turn();
        assert_eq!(options.admission.stats().sessions, 0);
    }
}

#[test]
fn what_waits_for_a_shard_that_takes_nothing_is_bounded() {
    let mut options = options(1, Placement::Split, |_| ());
    options.limits.inbound_bytes_per_second = 0;
    options.limits.inbound_packets_per_second = 0;
    let mut alone = Alone::new(&options);
    let heard = Arc::clone(&alone.heard);
    alone.serve(move |address| {
        let text = "x".repeat(16_000);
        let frame = Echo { text }.to_frame();
        // Each says less than its credit lets it, resets, and is replaced by the next.
        for _ in 0..2 * MAILBOX_BYTES_MAX / (FRAMES * frame.len()) {
            let mut client = connect(address);
            // Whoever is refused cannot say all of it; what was said is read before the reset.
            let _ = (0..FRAMES).try_for_each(|_| client.write_all(&frame));
            client.set_read_timeout(Some(SHORTLY)).unwrap();
            // It goes when nothing more is read from it.
            let mut before = u64::MAX;
            while before != heard.load(Ordering::Acquire) {
                before = heard.load(Ordering::Acquire);
                let _ = client.read(&mut [0]);
            }
        }
    });
    let waiting = alone.switchboard.logic[0]
        .inbox
        .look(Inbox::size_bytes)
        .unwrap_or_default();
    let of_the_last = 64 * FRAMES * 16_384;
    assert!(
        waiting > MAILBOX_BYTES_MAX / 2,
        "only {waiting} got through"
    );
    assert!(
        waiting < MAILBOX_BYTES_MAX + of_the_last,
        "{waiting} bytes wait"
    );
}

/// How long each of those clients looks on without being read from,
const SHORTLY: Duration = Duration::from_millis(20);
/// and how many frames that is.
const FRAMES: usize = 60;
