//! Step 1: an echo server on a completion port.
//!
//! ```text
//! cargo run -p t01-echo
//! telnet 127.0.0.1 11021
//! ```

mod figures;

use std::io;
use std::process::ExitCode;
use t01_echo::server::{Server, Settings};

fn main() -> ExitCode {
    let about = "Says back what it hears";
    lesson_lab::run("t01-echo", about, serve, figures::write)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}
