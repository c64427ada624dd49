//! The server: step 1's thread that accepts, and the loop on the port.

use crate::Application;
use crate::network::{self, Network};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use t01_echo::acceptor::{self, Seats};
use t01_echo::descriptors;
use t01_echo::port::Port;
use t01_echo::sys::Event;

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Settings {
    /// Where to listen; 0 is any port that is free
    #[arg(long, default_value_t = lesson_lab::PORT)]
    pub port: u16,
    /// Say back what one hears, instead of taking commands
    #[arg(long)]
    pub echo: bool,
    /// The network's.
    #[command(flatten)]
    pub network: network::Settings,
}

/// The server.
pub struct Server {
    network: Network,
    address: SocketAddr,
    newcomers: Receiver<TcpStream>,
    seats: Arc<Seats>,
}

impl Server {
    /// Makes everything, and begins to accept.
    ///
    /// # Errors
    /// The system's: the port is taken, say.
    pub fn start(settings: &Settings) -> io::Result<Server> {
        let clients_max = settings.network.clients_max;
        descriptors::provide(clients_max)?;
        let listener = acceptor::listen(settings.port)?;
        let address = listener.local_addr()?;
        let port = Arc::new(Port::new(settings.network.trace)?);
        let seats = Seats::new(clients_max);
        let (to_server, newcomers) = mpsc::channel();
        acceptor::start(listener, seats.clone(), to_server, port.clone());
        Ok(Server {
            network: Network::on(port, &settings.network),
            address,
            newcomers,
            seats,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever.
    ///
    /// # Errors
    /// The system's, if the port breaks.
    pub fn run(mut self, mut application: impl Application) -> io::Result<()> {
        loop {
            match self.network.port().wait(None)? {
                Event::Completed(operation, result) => {
                    self.network.handle(&mut application, operation, result);
                }
                Event::Woken => self.greet_newcomers(&mut application),
                Event::TimeUp => unreachable!("there is all the time in the world"),
            }
            for _ in 0..self.network.settle(&mut application) {
                self.seats.give_back();
            }
        }
    }

    fn greet_newcomers(&mut self, application: &mut impl Application) {
        while let Ok(socket) = self.newcomers.try_recv() {
            if let Err(error) = self.network.adopt(application, socket) {
                self.seats.give_back();
                println!("a connection was gone before it was greeted: {error}");
            }
        }
    }
}
