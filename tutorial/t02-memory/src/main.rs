//! Step 2: the echo server of step 1, with buffers that are lent.
//!
//! ```text
//! cargo run -p t02-memory -- --buffers 16 --buffer-bytes 1024
//! ```

mod figures;

use std::io;
use std::process::ExitCode;
use t02_memory::server::{Server, Settings};

fn main() -> ExitCode {
    lesson_lab::run_beside(
        "t02-memory",
        "Says back what it hears, with few buffers for many clients",
        serve,
        ("step-one", serve_as_in_step_one),
        figures::write,
    )
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
