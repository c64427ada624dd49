//! Stage 5: a server of packets, with sessions and ring buffers.
//!
//! ```text
//! cargo run -p s5-ring
//! ```

mod figures;

use clap::{Parser, Subcommand};
use s5_ring::server::{Server, Settings};
use std::io;
use std::process::ExitCode;

/// Answers packets
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
    lesson_lab::exit("s5-ring", done)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}
