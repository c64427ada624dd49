//! Step 2: the echo server of step 1, with buffers that are lent.
//!
//! ```text
//! cargo run -p t02-memory -- --buffers 16 --buffer-bytes 1024
//! ```

mod figures;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;
use t02_memory::server::{Server, Settings};

/// Says back what it hears, with few buffers for many clients
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    instead: Option<Instead>,
}

#[derive(Subcommand)]
enum Instead {
    /// Be the server of step 1, to compare with
    StepOne(t01_echo::server::Settings),
    /// Measure what the README's tables say
    Figures,
}

fn main() -> ExitCode {
    let Args { settings, instead } = Args::parse();
    let done = match instead {
        None => serve(&settings),
        Some(Instead::StepOne(settings)) => serve_as_in_step_one(&settings),
        Some(Instead::Figures) => figures::write(),
    };
    lesson_lab::exit("t02-memory", done)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}

fn serve_as_in_step_one(settings: &t01_echo::server::Settings) -> io::Result<()> {
    let server = t01_echo::server::Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}
