//! The server that has things done (overlapped calls, io_uring), and is told when they are.
//!
//! There is no table of clients: each is in the memory of its one operation, which is the
//! kernel's, ours for a moment, and the kernel's again.

use crate::Counts;
use crate::sys::{Ended, Io, Operation, Operations};
use std::io;
use std::net::{TcpListener, TcpStream};

/// Serves whoever comes.
///
/// # Errors
/// If it cannot wait.
pub fn serve(listener: TcpListener, counts: &Counts) -> io::Result<()> {
    let mut operations = Operations::new(listener)?;
    let mut last_begun = None;
    let mut clients = 0;
    loop {
        let ended = match last_begun {
            // The guide's example: behind the call that begins an operation it calls
            // GetOverlappedResult, and that waits.
            Some(key) if cfg!(feature = "faulty") => operations.wait_for(key)?,
            _ => operations.wait()?,
        };
        counts.note_waits(operations.waits());
        last_begun = match ended {
            Ended::Accepted(socket) => {
                clients += 1;
                begin(&mut operations, socket, clients)
            }
            Ended::Moved(io, result) => go_on(&mut operations, io, result, counts),
        };
    }
}

/// Receives from a new client. Whose operation has begun, if one has.
fn begin(operations: &mut Operations, socket: io::Result<TcpStream>, key: usize) -> Option<usize> {
    let begun = socket.and_then(|socket| {
        socket.set_nodelay(true)?;
        operations.recv(Io::new(socket, key)?)
    });
    match begun {
        Ok(()) => Some(key),
        Err(error) => {
            eprintln!("client {key} is sent away: {error}");
            None
        }
    }
}

/// Has what comes next done for a client; without a next, the client is dropped.
fn go_on(
    operations: &mut Operations,
    io: Box<Io>,
    result: io::Result<usize>,
    counts: &Counts,
) -> Option<usize> {
    let key = io.key();
    let begun = match (io.operation(), result.ok()?) {
        (Operation::Recv, 0) => return None,
        (Operation::Recv, bytes) => {
            counts.note_message();
            operations.send(io, 0..bytes)
        }
        (Operation::Send, bytes) => match io.range().start + bytes..io.range().end {
            rest if rest.is_empty() => operations.recv(io),
            rest => operations.send(io, rest),
        },
    };
    begun.is_ok().then_some(key)
}
