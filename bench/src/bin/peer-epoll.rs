//! Peer: the bare epoll echo loop, one thread, no framing: what comes goes back.
//!
//! Usage: `peer-epoll ADDR`. Prints `ready` when it listens. Level-triggered; a reply is written at
//! once. What the kernel does not take is kept, and nothing more is read until it has been taken.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

const EVENTS: usize = 1_024;

/// Invariant: `unsent` is empty, or the connection waits for EPOLLOUT and for nothing else.
struct Connection {
    socket: TcpStream,
    unsent: Vec<u8>,
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).expect("usage: peer-epoll ADDR");
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    // SAFETY: it takes no memory.
    let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    control(epoll, libc::EPOLL_CTL_ADD, &listener, libc::EPOLLIN)?;
    // A connection's place is its descriptor.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
    let mut buffer = [0; 4_096];
    println!("ready");
    loop {
        // SAFETY: the kernel writes at most as many events as there is room for.
        let count = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), EVENTS as i32, -1) };
        for event in &events[..usize::try_from(count).unwrap_or(0)] {
            let place = event.u64 as usize;
            if place == listener.as_raw_fd() as usize {
                // Whoever is gone again, or finds no descriptor left, is no reason to stop.
                let _ = accept(epoll, &listener, &mut connections);
            } else if let Some(connection) = &mut connections[place]
                && connection.serve(epoll, &mut buffer).is_err()
            {
                connections[place] = None;
            }
        }
    }
}

fn accept(epoll: i32, from: &TcpListener, into: &mut Vec<Option<Connection>>) -> Result<()> {
    let (socket, _) = from.accept()?;
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    control(epoll, libc::EPOLL_CTL_ADD, &socket, libc::EPOLLIN)?;
    let place = socket.as_raw_fd() as usize;
    if into.len() <= place {
        into.resize_with(place + 1, || None);
    }
    let unsent = Vec::new();
    into[place] = Some(Connection { socket, unsent });
    Ok(())
}

impl Connection {
    /// Sends what is left, or else reads once and replies; an error is the connection's end.
    fn serve(&mut self, epoll: i32, buffer: &mut [u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            let taken = self.write(&self.unsent)?;
            self.unsent.drain(..taken);
            if self.unsent.is_empty() {
                control(epoll, libc::EPOLL_CTL_MOD, &self.socket, libc::EPOLLIN)?;
            }
            return Ok(());
        }
        let read = match (&self.socket).read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            read => read?,
        };
        let taken = self.write(&buffer[..read])?;
        if taken < read {
            self.unsent.extend_from_slice(&buffer[taken..read]);
            control(epoll, libc::EPOLL_CTL_MOD, &self.socket, libc::EPOLLOUT)?;
        }
        Ok(())
    }

    /// How much of this the kernel takes now.
    fn write(&self, bytes: &[u8]) -> Result<usize> {
        match (&self.socket).write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }
}

fn control(epoll: i32, operation: i32, socket: &impl AsRawFd, interest: i32) -> Result<()> {
    let fd = socket.as_raw_fd();
    let mut event = libc::epoll_event {
        events: interest as u32,
        u64: fd as u64,
    };
    // SAFETY: the event lives across the call.
    check(unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) })?;
    Ok(())
}

fn check(result: i32) -> Result<i32> {
    if result < 0 {
        return Err(Error::last_os_error());
    }
    Ok(result)
}
