//! Step 7: accepting without a thread, and a gate before the server.
//!
//! ```text
//! cargo run -p t07-accept -- --per-address-max 2
//! telnet 127.0.0.1 11021, three times
//! ```

mod figures;

use std::io;
use std::process::ExitCode;
use t06_queue::Application;
use t06_queue::application::Echo;
use t06_queue::feed::Feed;
use t07_accept::server::{Server, Settings};

fn main() -> ExitCode {
    lesson_lab::run_beside(
        "t07-accept",
        "The server of step 6, without a thread that accepts, and with a gate",
        serve,
        ("step-six", serve_as_in_step_six),
        figures::write,
    )
}

fn serve(settings: &Settings) -> io::Result<()> {
    if settings.basic.echo {
        serve_with(settings, Echo)
    } else {
        serve_with(settings, Feed::default())
    }
}

fn serve_with(settings: &Settings, application: impl Application) -> io::Result<()> {
    let server = Server::start(settings, application)?;
    lesson_lab::announce(server.address());
    server.run()
}

fn serve_as_in_step_six(settings: &t06_queue::server::Settings) -> io::Result<()> {
    let server = t06_queue::server::Server::start(settings)?;
    lesson_lab::announce(server.address());
    server.run(Feed::default())
}
