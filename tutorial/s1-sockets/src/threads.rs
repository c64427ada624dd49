//! A thread for each client: the calls may block, for they keep nobody else waiting.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::CHUNK_BYTES;

/// Serves whoever connects, for ever.
///
/// # Errors
///
/// When the system lets no more connections or threads be made.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (stream, client) = match listener.accept() {
            Ok(accepted) => accepted,
            // This client has gone again before it was its turn. The next one has not.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error),
        };
        println!("{client} came");
        let serve_one = move || {
            let ended = echo(&stream);
            println!("{client} left: {}", how(&ended));
        };
        if cfg!(feature = "faulty") {
            // The guide's example: the next accept comes when this client has gone.
            serve_one();
        } else {
            thread::Builder::new().spawn(serve_one)?;
        }
    }
}

/// Sends back what comes, until the client ends its stream.
fn echo(mut stream: &TcpStream) -> io::Result<()> {
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        // Blocks until something is there; it brings what is there, not what was sent at once.
        let received = stream.read(&mut chunk)?;
        if received == 0 {
            return Ok(());
        }
        // `send` may take less than it is given; `write_all` gives it the rest.
        stream.write_all(&chunk[..received])?;
    }
}

fn how(ended: &io::Result<()>) -> String {
    match ended {
        Ok(()) => "it ended its stream".into(),
        Err(error) => error.to_string(),
    }
}
