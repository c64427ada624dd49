//! Step 7: accepting without a thread, and a gate before the server.
//!
//! ```text
//! cargo run -p t07-accept -- --per-address-max 2
//! telnet 127.0.0.1 11021, three times
//! ```

mod figures;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;
use t06_queue::Application;
use t06_queue::application::Echo;
use t06_queue::feed::Feed;
use t07_accept::server::{Server, Settings};

/// The server of step 6, without a thread that accepts, and with a gate
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    instead: Option<Instead>,
}

#[derive(Subcommand)]
enum Instead {
    /// Be the server of step 6, whose thread accepts, to compare with
    StepSix(t06_queue::server::Settings),
    /// Measure what the README's tables say
    Figures,
}

fn main() -> ExitCode {
    let Args { settings, instead } = Args::parse();
    let done = match instead {
        None if settings.basic.echo => serve(&settings, Echo),
        None => serve(&settings, Feed::default()),
        Some(Instead::StepSix(settings)) => serve_as_in_step_six(&settings),
        Some(Instead::Figures) => figures::write(),
    };
    lesson_lab::exit("t07-accept", done)
}

fn serve(settings: &Settings, application: impl Application) -> io::Result<()> {
    let server = Server::start(settings, application)?;
    lesson_lab::announce(server.address());
    server.run()
}

fn serve_as_in_step_six(settings: &t06_queue::server::Settings) -> io::Result<()> {
    let server = t06_queue::server::Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run(Feed::default())
}
