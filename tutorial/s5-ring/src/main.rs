//! Stage 5: a server of packets, with sessions and ring buffers.
//!
//! ```text
//! cargo run -p s5-ring
//! ```

mod figures;

use s5_ring::server::{Server, Settings};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let about = "Answers packets";
    lesson_lab::run("s5-ring", about, serve, figures::write)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run()
}
