//! Stage 6: moving dots. `cargo run -p s6-design` starts the server, `-- client 127.0.0.1:11021`
//! plays.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use s6_design::content::{Player, World};
use s6_design::host::{self, Host};
use s6_design::network::Network;
use s6_design::{client, figures};

#[derive(Parser)]
#[command(about = "Moving dots: a small game in three layers")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the server listens; 0 is any free port
    #[arg(long, default_value_t = lesson_lab::PORT)]
    port: u16,
    /// How many may play at once
    #[arg(long, default_value_t = 16)]
    players: Player,
    /// What decides where things appear
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Subcommand)]
enum Command {
    /// Play in this terminal
    Client {
        /// The server's address
        server: SocketAddr,
        /// Only write so many snapshots down, as text
        #[arg(long)]
        snapshots: Option<usize>,
        /// With --snapshots: turn once for each, by the letters w a s d
        #[arg(long, default_value = "", requires = "snapshots")]
        steer: String,
    },
    /// Count and measure, and write tutorial/s6-design/figures/
    Figures,
}

fn main() -> ExitCode {
    lesson_lab::exit("s6-design", run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> io::Result<()> {
    match &arguments.command {
        None => serve(arguments),
        Some(Command::Client {
            server,
            snapshots: Some(snapshots),
            steer,
        }) => client::follow(*server, steer, *snapshots, io::stdout()),
        Some(Command::Client { server, .. }) => client::play(*server),
        Some(Command::Figures) => figures::write(),
    }
}

fn serve(arguments: &Arguments) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port))?;
    lesson_lab::announce(listener.local_addr()?);
    let (network, events) = Network::start(listener);
    let world = World::new(arguments.players, arguments.seed);
    host::run(Host::new(world), &network, &events);
    Ok(())
}
