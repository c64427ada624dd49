//! Echo, over the library: what was two hundred lines in step 2 is one.
//!
//! ```text
//! cargo run -p t03-events --bin t03-echo
//! ```

mod figures;

use std::io;
use std::process::ExitCode;
use t03_events::{Application, Network, SessionId, Settings};

struct Echo;

impl Application for Echo {
    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        network.send(session, bytes);
    }
}

fn main() -> ExitCode {
    lesson_lab::run_beside(
        "t03-echo",
        "Says back what it hears",
        serve,
        ("step-two", serve_as_in_step_two),
        figures::write,
    )
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
