//! A whole server on the system's own port, classic chat on it, allocates nothing under a steady
//! load: no message costs memory, neither the echo of one session nor what a room is told.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use wharf_chat::{ChatLimits, PlatformFacts};
use wharf_content::{AppBuilder, LogicOptions};
use wharf_host::{AnyName, Control, Doorman, IoShard, Placement, ServerOptions, Switchboard};
use wharf_net::{Admission, NetLimits};
use wharf_port::{NativePort, PortOptions};
use wharf_wire::classic::{ChatRequest, Echo, EnterRequest, LoginRequest, UserName};
use wharf_wire::{Header, Packet, Text};

const CLIENTS: usize = 8;
/// Rounds before it counts, and while it does. In each, every client says one thing.
const WARM_UP: usize = 300;
const ROUNDS: usize = 1_000;
/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer to an echo is the echo; a line reaches everybody, and its speaker an answer more.
const ECHO_FRAMES: usize = 1;
const CHAT_FRAMES: usize = CLIENTS + 1;

#[cfg(target_os = "linux")]
mod each {
    #[test]
    fn uring_serves_echo_and_chat_without_allocating() {
        super::serves_without_allocating::<wharf_port::UringPort>();
    }

    #[test]
    fn readiness_serves_echo_and_chat_without_allocating() {
        super::serves_without_allocating::<wharf_port::ReadinessPort>();
    }
}

#[cfg(windows)]
mod each {
    #[test]
    fn iocp_serves_echo_and_chat_without_allocating() {
        super::serves_without_allocating::<wharf_port::IocpPort>();
    }
}

fn serves_without_allocating<P: NativePort>() {
    let mut server = Alone::<P>::new();
    let address = server.address;
    let (mut turns, mut allocations) = (0, 0);
    let steady = Arc::new(AtomicBool::new(false));
    let held = Arc::new(AtomicBool::new(false));
    let over = Arc::new(AtomicBool::new(false));
    let clients = thread::spawn({
        let (steady, over) = (Arc::clone(&steady), Arc::clone(&over));
        let held = Arc::clone(&held);
        let waker = server.waker.clone();
        move || {
            let mut crowd = Crowd::enter(address);
            let text = "x".repeat(56);
            let echo = Echo { text }.to_frame();
            let message = Text::truncated("good evening everybody");
            let line = ChatRequest { message }.to_frame();
            for (frame, frames) in [(echo, ECHO_FRAMES), (line, CHAT_FRAMES)] {
                crowd.talk(WARM_UP, &frame, frames);
                // More at once than any turn will find that is counted.
                held.store(true, Ordering::SeqCst);
                crowd.say(&frame.repeat(2));
                held.store(false, Ordering::SeqCst);
                crowd.hear(2 * frames);
                steady.store(true, Ordering::SeqCst);
                crowd.talk(ROUNDS, &frame, frames);
                steady.store(false, Ordering::SeqCst);
            }
            over.store(true, Ordering::SeqCst);
            waker.wake();
        }
    });
    while !over.load(Ordering::SeqCst) && !clients.is_finished() {
        while held.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let was_steady = steady.load(Ordering::SeqCst);
        let info = allocation_counter::measure(|| _ = server.shard.turn());
        // A turn that began in one load may have ended in the next.
        if was_steady && steady.load(Ordering::SeqCst) {
            turns += 1;
            allocations += info.count_total;
        }
    }
    clients.join().expect("every answer came");
    assert!(turns > 100, "only {turns} turns were counted");
    assert_eq!(allocations, 0, "in {turns} turns");
}

/// One shard that turns on the test's own thread, whose allocations are counted.
struct Alone<P: NativePort> {
    shard: IoShard<P>,
    waker: wharf_port::Waker,
    address: SocketAddr,
}

impl<P: NativePort> Alone<P> {
    fn new() -> Self {
        let limits = NetLimits {
            inbound_packets_per_second: 0,
            inbound_bytes_per_second: 0,
            ..NetLimits::for_sessions(64, 1)
        };
        let mut app = AppBuilder::new();
        // That so many are in a room is told once, a second after they came; no message does that.
        let chat = ChatLimits {
            halls_max: 0,
            ..ChatLimits::default()
        };
        wharf_chat::classic(&mut app, chat, PlatformFacts::default());
        let options = ServerOptions {
            shards: 1,
            placement: Placement::Fused,
            port: PortOptions::for_sockets(limits.sockets_per_port(1)),
            logic: LogicOptions::default(),
            app: Arc::new(app.build()),
            doorman: Arc::new(Doorman::new(Box::new(AnyName), Box::new(|| 0))),
            services: Arc::new(wharf_host::NoServices),
            admission: Arc::new(Admission::new(&limits)),
            limits,
            watch_handlers: true,
        };
        let switchboard = Arc::new(Switchboard::new(1, 1));
        let port = P::open(&options.port).expect("this machine has it");
        let waker = port.waker();
        let mut shard = options.io_shard(0, port, Arc::clone(&switchboard));
        let (reply, answer) = mpsc::sync_channel(1);
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        switchboard.control(0, Control::Listen { local, reply });
        shard.turn();
        let address = answer.recv().expect("it answers").expect("a free port");
        Self {
            shard,
            waker,
            address,
        }
    }
}

/// Clients in one room.
struct Crowd(Vec<TcpStream>);

impl Crowd {
    fn enter(address: SocketAddr) -> Self {
        let mut crowd = Self(Vec::new());
        for number in 0..CLIENTS {
            let mut client = TcpStream::connect(address).expect("it listens");
            client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            client.set_nodelay(true).expect("no delay");
            let user = UserName::truncated(&format!("user{number}"));
            let password = UserName::EMPTY;
            let log_in = LoginRequest { user, password }.to_frame();
            client.write_all(&log_in).expect("it reads");
            hear(&mut client, 1);
            let enter = EnterRequest { room: 0 }.to_frame();
            client.write_all(&enter).expect("it reads");
            // The answer and the list; then everybody else hears of it.
            hear(&mut client, 2);
            crowd.0.iter_mut().for_each(|other| hear(other, 1));
            crowd.0.push(client);
        }
        crowd
    }

    /// In each round every client says `frame`, then hears `frames`.
    fn talk(&mut self, rounds: usize, frame: &[u8], frames: usize) {
        for _ in 0..rounds {
            self.say(frame);
            self.hear(frames);
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        for client in &mut self.0 {
            client.write_all(bytes).expect("it reads");
        }
    }

    fn hear(&mut self, frames: usize) {
        self.0.iter_mut().for_each(|client| hear(client, frames));
    }
}

/// Reads so many frames.
fn hear(client: &mut TcpStream, frames: usize) {
    let mut bytes = [0; 1_024];
    for _ in 0..frames {
        let header = &mut [0; wharf_wire::HEADER_BYTES];
        client.read_exact(header).expect("an answer");
        let body = usize::from(Header::from_bytes(*header).frame_bytes) - header.len();
        client.read_exact(&mut bytes[..body]).expect("all of it");
    }
}
