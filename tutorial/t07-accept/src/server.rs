//! The server: one thread, which waits for everything at one place.
//!
//! ```text
//!  connections ─┐
//!  bytes in    ─┼──► port.wait ──► the acceptor, the network, or nobody: it is time ──► wait again
//!  bytes out   ─┤    until the next
//!  deadlines   ─┘    deadline
//! ```

use crate::admission::{Admission, Refusal, Rules};
use crate::gate::{Gate, Patience};
use crate::sys::Acceptor;
use socket2::SockRef;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use t01_echo::acceptor::{FULL, listen};
use t01_echo::descriptors;
use t01_echo::port::Port;
use t01_echo::sys::{Event, Guest};
use t06_queue::{Application, Network, server};

/// How long one waits when accepting has failed: there may be descriptors then.
const BREATH: Duration = Duration::from_millis(100);

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Settings {
    /// What step 6 has.
    #[command(flatten)]
    pub basic: server::Settings,
    /// Who may come in.
    #[command(flatten)]
    pub rules: Rules,
    /// How long one may take.
    #[command(flatten)]
    pub patience: Patience,
}

/// The server.
pub struct Server<A> {
    network: Network,
    acceptor: Acceptor,
    gate: Gate<A>,
    address: SocketAddr,
    /// When to try again to accept.
    retry_at: Option<Instant>,
}

impl<A: Application> Server<A> {
    /// Makes everything, and begins to accept.
    ///
    /// # Errors
    /// The system's: the port is taken, say.
    pub fn start(settings: &Settings, application: A) -> io::Result<Server<A>> {
        let network = &settings.basic.network;
        descriptors::provide(network.clients_max)?;
        let listener = listen(settings.basic.port)?;
        let address = listener.local_addr()?;
        let admission = Admission::new(settings.rules.clone(), network.clients_max);
        let network = Network::on(Arc::new(Port::new(network.trace)?), network);
        let kernel = network.port().kernel();
        let mut acceptor = Acceptor::new(kernel, listener)?;
        acceptor.arm(kernel)?;
        Ok(Server {
            network,
            acceptor,
            gate: Gate::before(application, admission, settings.patience),
            address,
            retry_at: None,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(mut self) -> io::Result<()> {
        loop {
            match self.network.port().wait_with_guests(self.at_most())? {
                Ok(Event::Completed(operation, result)) => {
                    self.network.handle(&mut self.gate, operation, result);
                }
                Ok(Event::Woken | Event::TimeUp) => {}
                Err(guest) => self.on_accepted(guest),
            }
            self.gate.handle_time(&mut self.network, Instant::now());
            self.network.settle(&mut self.gate);
            if self.retry_at.is_some_and(|at| at <= Instant::now()) {
                self.arm();
            }
        }
    }

    /// How long one may wait for anything else.
    fn at_most(&self) -> Option<Duration> {
        let next = [self.gate.next_deadline(), self.retry_at];
        let next = next.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn on_accepted(&mut self, guest: Guest) {
        match self.acceptor.take(guest) {
            Ok(socket) => self.let_in(socket),
            Err(error) => {
                println!("a connection was gone before it was accepted: {error}");
                self.retry_at = Some(Instant::now() + BREATH);
            }
        }
        if self.retry_at.is_none() {
            self.arm();
        }
    }

    /// Has the acceptor go on. If it cannot, it has time to find out why.
    fn arm(&mut self) {
        self.retry_at = None;
        if let Err(error) = self.acceptor.arm(self.network.port().kernel()) {
            println!("nobody can be accepted: {error}");
            self.retry_at = Some(Instant::now() + BREATH);
        }
    }

    /// Lets somebody in, or does not: who is kept out costs no slot, no buffer and no thread.
    fn let_in(&mut self, socket: TcpStream) {
        let Some(address) = address_of(&socket) else {
            return;
        };
        if let Err(refusal) = self.gate.admit(address) {
            println!("{address} is kept out: {refusal}");
            return turn_away(socket, refusal);
        }
        if let Err(error) = self.network.adopt(&mut self.gate, socket) {
            println!("a connection was gone before it was greeted: {error}");
            self.gate.give_back(address);
        }
    }
}

/// Who has come too late is told so, in a few bytes, for which there is always room. To anybody
/// else not a word: the connection ends with a reset, which leaves nothing behind in the system.
fn turn_away(mut socket: TcpStream, refusal: Refusal) {
    let done = match refusal {
        Refusal::Full => socket.write_all(FULL.as_bytes()),
        Refusal::Unwanted | Refusal::Crowded => {
            SockRef::from(&socket).set_linger(Some(Duration::ZERO))
        }
    };
    if let Err(error) = done {
        println!("somebody left before being turned away: {error}");
    }
}

/// Whose connection it is, if it is still one: that it was accepted says only that it was.
fn address_of(socket: &TcpStream) -> Option<IpAddr> {
    let address = socket.peer_addr();
    // The fault: who was accepted is there.
    if cfg!(feature = "faulty") {
        return Some(address.expect("who was accepted has an address").ip());
    }
    match address {
        Ok(address) => Some(address.ip()),
        Err(error) => {
            println!("a connection was gone before it was let in: {error}");
            None
        }
    }
}
