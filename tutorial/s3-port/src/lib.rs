//! Stage 3: a completion port, and a pool of workers that share it.
//!
//! The shape is that of the guide's example: one thread accepts, lets each socket into the port
//! and starts its first receive; the workers wait at the port, and whatever ends there they start
//! anew. Who holds what is told by types: a packet hands over the socket's structure and the
//! operation's, and whoever drops the last of them has freed it.

pub mod sys;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use sys::{BUFFER_BYTES, CompletionPort, Handle, Io, Operation, Packet};

/// Sees what came, on the worker's thread, before it is echoed.
pub type Look = dyn Fn(&[u8]) + Send + Sync;

/// Accepts for ever. Each socket gets a number, and the two structures: one for itself, one for
/// its operations, of which there is one at a time.
///
/// # Errors
/// If the listener fails, or the port takes no more.
pub fn accept(listener: &TcpListener, port: &CompletionPort) -> io::Result<()> {
    for key in 1.. {
        let socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if has_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        // Otherwise the tail of a long answer waits until the peer has confirmed what went before.
        socket.set_nodelay(true)?;
        let handle = port.associate(socket, key)?;
        // A socket that cannot even receive closes here: nobody else holds it.
        if let Err(error) = port.recv(handle, port.io()) {
            eprintln!("client {key}: {error}");
        }
    }
    Ok(())
}

/// Whether this says that a client has left before it was let in, which is no error of ours.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, NotConnected};
    [ConnectionAborted, ConnectionReset, NotConnected].contains(&error.kind())
}

/// The threads that serve a port.
pub struct Workers {
    port: Arc<CompletionPort>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Workers {
    /// Starts `count` of them.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub fn start(port: &Arc<CompletionPort>, count: usize, look: Arc<Look>) -> io::Result<Self> {
        let worker = |number| {
            let (port, look) = (port.clone(), look.clone());
            let named = thread::Builder::new().name(format!("worker {number}"));
            named.spawn(move || work(&port, &*look))
        };
        let threads = (1..=count).map(worker).collect::<io::Result<_>>()?;
        Ok(Self {
            port: port.clone(),
            threads,
        })
    }

    /// Lets them end: each takes one posted packet, and goes. What the clients have under way
    /// stays with the kernel; stage 4 ends in better order.
    ///
    /// # Errors
    /// If the port takes no packet, or had none to give.
    ///
    /// # Panics
    /// If one of them had panicked.
    pub fn stop(self) -> io::Result<()> {
        for _ in &self.threads {
            self.port.post(STOP)?;
        }
        for thread in self.threads {
            thread.join().expect("a worker panicked")?;
        }
        Ok(())
    }
}

/// The key of the packet that ends a worker.
const STOP: usize = 0;

/// What a worker does: wait for the end of something, and start what comes next.
fn work(port: &CompletionPort, look: &Look) -> io::Result<()> {
    loop {
        match port.wait()? {
            Packet::Posted(_) => return Ok(()),
            Packet::Ended {
                handle,
                io,
                result: Ok(bytes),
            } => {
                let key = handle.key();
                if let Err(error) = go_on(port, handle, io, bytes, look) {
                    eprintln!("client {key}: {error}");
                }
            }
            Packet::Ended {
                handle,
                io,
                result: Err(error),
            } => {
                eprintln!("client {}: {error}", handle.key());
                lose(handle, io);
            }
        }
    }
}

/// An operation went well and moved `bytes`: starts the next one.
fn go_on(
    port: &CompletionPort,
    handle: Arc<Handle>,
    io: Box<Io>,
    bytes: usize,
    look: &Look,
) -> io::Result<()> {
    match io.operation() {
        // The end of what the peer had to say. Both structures are dropped here.
        Operation::Recv if bytes == 0 => Ok(()),
        Operation::Recv => {
            look(&io.buffer()[..bytes]);
            let what_came = if cfg!(feature = "faulty") {
                0..BUFFER_BYTES
            } else {
                0..bytes
            };
            port.send(handle, io, what_came)
        }
        Operation::Send => {
            let rest = io.range().start + bytes..io.range().end;
            if rest.is_empty() {
                port.recv(handle, io)
            } else {
                port.send(handle, io, rest)
            }
        }
    }
}

/// An operation failed, most often because the peer reset its connection. There is nothing to
/// start on it any more, and both structures go.
fn lose(handle: Arc<Handle>, io: Box<Io>) {
    if cfg!(feature = "faulty") {
        // The guide's `if (!result) { printf(..); continue; }`: two pointers go out of scope, and
        // nothing is freed. In Rust that has to be asked for.
        std::mem::forget((handle, io));
    }
}
