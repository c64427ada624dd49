//! Echo, over the library: what was two hundred lines in step 2 is one.
//!
//! ```text
//! cargo run -p t03-events --bin t03-echo
//! ```

mod figures;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;
use t03_events::{Application, Network, SessionId, Settings};

/// Says back what it hears
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    instead: Option<Instead>,
}

#[derive(Subcommand)]
enum Instead {
    /// Be the server of step 2, to compare with
    StepTwo(t02_memory::server::Settings),
    /// Measure what the README's tables say
    Figures,
}

struct Echo;

impl Application for Echo {
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        network.send(session, bytes);
    }
}

fn main() -> ExitCode {
    let Args { settings, instead } = Args::parse();
    let done = match instead {
        None => serve(&settings),
        Some(Instead::StepTwo(settings)) => serve_as_in_step_two(&settings),
        Some(Instead::Figures) => figures::write(),
    };
    lesson_lab::exit("t03-echo", done)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let network = Network::open(settings)?;
    lesson_lab::announce(network.address());
    network.run(&mut Echo)
}

fn serve_as_in_step_two(settings: &t02_memory::server::Settings) -> io::Result<()> {
    let server = t02_memory::server::Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}
