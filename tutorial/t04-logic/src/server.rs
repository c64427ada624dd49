//! All of it together: a network, a host, and their threads.

use crate::host::{Balancer, Host};
use crate::load::{Counters, Load};
use crate::outgoing::Outgoing;
use crate::{Application, Network};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

/// What may be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Settings {
    /// What step 3 had to choose
    #[command(flatten)]
    pub basic: t03_events::Settings,
    /// How many threads wait on the completion port
    #[arg(long, default_value_t = 2)]
    pub io_threads: usize,
    /// How many threads the logic has
    #[arg(long, default_value_t = 2)]
    pub logic_threads: usize,
    /// Who of them handles which session
    #[arg(long, value_enum, default_value = "whoever-is-free")]
    pub balancer: Balancer,
    /// How many packets may be on their way from the network to the logic
    #[arg(long, default_value_t = 64)]
    pub packets: usize,
}

/// A server that runs, for as long as the process.
pub struct Server<O: Outgoing> {
    network: Arc<Network<O>>,
    host: Arc<Host>,
    /// Of each thread of the network.
    counters: Arc<Vec<Counters>>,
}

impl<O: Outgoing> Server<O> {
    /// Starts it, with this to send by.
    ///
    /// # Errors
    /// The system's, if the port is taken, say; or a setting that cannot be.
    pub fn start(
        settings: &Settings,
        outgoing: O,
        application: impl Application,
    ) -> io::Result<Server<O>> {
        for (count, option) in [
            (settings.io_threads, "--io-threads 1"),
            (settings.logic_threads, "--logic-threads 1"),
            (settings.packets, "--packets 1"),
        ] {
            if count == 0 {
                let message = format!("with none of them nobody can be served: {option}");
                return Err(io::Error::other(message));
            }
        }
        let host = Host::new(
            settings.logic_threads,
            settings.balancer,
            settings.basic.clients_max,
        );
        let network = Network::open(&settings.basic, settings.packets, outgoing, host.clone())?;
        host.start(Arc::new(application), network.clone());
        let counters = std::iter::repeat_with(Counters::default).take(settings.io_threads);
        let counters: Arc<Vec<Counters>> = Arc::new(counters.collect());
        for thread in 0..settings.io_threads {
            let (network, counters) = (network.clone(), counters.clone());
            thread::spawn(move || {
                let broken = network.run(thread == 0, &counters[thread]);
                eprintln!("the completion port broke: {broken:?}");
                std::process::abort();
            });
        }
        Ok(Server {
            network,
            host,
            counters,
        })
    }

    /// The network, for whoever wants to send something from outside.
    #[must_use]
    pub fn network(&self) -> &Arc<Network<O>> {
        &self.network
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.network.address()
    }

    /// What each thread had to do so far: those of the network, then those of the logic.
    #[must_use]
    pub fn loads(&self) -> Vec<Load> {
        let of_network = self.counters.iter().enumerate();
        let mut loads: Vec<Load> = of_network
            .map(|(thread, counters)| counters.read(format!("network {thread}"), None))
            .collect();
        loads.extend(self.host.loads());
        loads
    }
}
