//! Step 6: urgent messages before the others.
//!
//! ```text
//! cargo run -p t06-queue
//! telnet 127.0.0.1 11021, and type: ping hello
//! ```

mod figures;

use std::io;
use std::process::ExitCode;
use t06_queue::application::Echo;
use t06_queue::feed::Feed;
use t06_queue::server::{Server, Settings};

fn main() -> ExitCode {
    let about = "Sends as much as one asks for, and answers a ping before all that";
    lesson_lab::run("t06-queue", about, serve, figures::write)
}

fn serve(settings: &Settings) -> io::Result<()> {
    let server = Server::start(settings)?;
    lesson_lab::announce(server.address());
    if settings.echo {
        server.run(Echo)
    } else {
        server.run(Feed::default())
    }
}
