//! Step 1: an echo server on a completion port.
//!
//! ```text
//! cargo run -p t01-echo
//! telnet 127.0.0.1 11021
//! ```

mod figures;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;
use t01_echo::server::{Server, Settings};

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
    /// Measure what the README's tables say
    Figures,
}

fn main() -> ExitCode {
    let Args { settings, instead } = Args::parse();
    let done = match instead {
        None => serve(&settings),
        Some(Instead::Figures) => figures::write(),
    };
    lesson_lab::exit("t01-echo", done)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}
