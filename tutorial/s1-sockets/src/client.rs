//! The client: sends lines and waits for each to come back.

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Sends each line of `input` to the server and writes what comes back to `output`.
///
/// # Errors
///
/// When there is no connection to be had, or it ends before a line is back.
pub fn talk(server: SocketAddr, input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    for line in input.lines() {
        let line = line? + "\n";
        stream.write_all(line.as_bytes())?;
        // TCP keeps bytes in order, not messages apart: one `read` may bring half of the line.
        let mut echo = vec![0; line.len()];
        stream.read_exact(&mut echo)?;
        output.write_all(&echo)?;
    }
    Ok(())
}
