//! Step 6: urgent messages before the others.
//!
//! ```text
//! cargo run -p t06-queue
//! telnet 127.0.0.1 11021, and type: ping hello
//! ```

mod figures;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;
use t06_queue::feed::Feed;
use t06_queue::server::{Server, Settings};

/// Sends as much as one asks for, and answers a ping before all that
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
    lesson_lab::exit("t06-queue", done)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run(Feed::default())
}
