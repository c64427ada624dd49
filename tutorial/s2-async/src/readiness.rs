//! The server that is told what can be done (`WSAEventSelect`, epoll), and then does it.

use crate::Counts;
use crate::sys::{BUFFER_BYTES, Readiness};
use socket2::SockRef;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

/// The key of the listener; clients are counted from 1.
const LISTENER: usize = 0;

type Clients = BTreeMap<usize, Client>;

struct Client {
    socket: TcpStream,
    /// What has come and could not be sent yet. As long as there is any, nothing more is read: a
    /// peer that does not listen is not listened to.
    unsent: Vec<u8>,
}

/// Serves whoever comes.
///
/// # Errors
/// If it cannot wait.
pub fn serve(listener: &TcpListener, counts: &Counts) -> io::Result<()> {
    let mut readiness = Readiness::new()?;
    listener.set_nonblocking(true)?;
    readiness.watch_listener(listener, LISTENER)?;
    let mut clients = Clients::new();
    let mut next_key = LISTENER + 1;
    loop {
        for key in readiness.wait()? {
            if key == LISTENER {
                if let Some(socket) = accept(listener) {
                    let client = admit(&mut readiness, socket, next_key);
                    clients.extend(client.map(|client| (next_key, client)));
                    // What it said before it was watched is news to nobody.
                    go_on(&mut clients, next_key, &mut readiness, counts);
                    next_key += 1;
                }
            } else {
                go_on(&mut clients, key, &mut readiness, counts);
            }
        }
        counts.note_waits(readiness.waits());
    }
}

/// The first of those who wait at the door, who may have gone meanwhile.
fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let error = match listener.accept() {
        Ok((socket, _)) => return Some(socket),
        Err(error) => error,
    };
    let has_gone = matches!(
        error.kind(),
        ErrorKind::WouldBlock
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::NotConnected
    );
    if !has_gone {
        eprintln!("nobody can be let in: {error}");
    }
    None
}

fn admit(readiness: &mut Readiness, socket: TcpStream, key: usize) -> Option<Client> {
    let watched = socket
        .set_nonblocking(true)
        .and_then(|()| socket.set_nodelay(true))
        .and_then(|()| readiness.watch(SockRef::from(&socket), key));
    match watched {
        Ok(()) => Some(Client {
            socket,
            unsent: Vec::new(),
        }),
        Err(error) => {
            eprintln!("client {key} is sent away: {error}");
            None
        }
    }
}

/// There is news of a client: it goes on, or goes.
fn go_on(clients: &mut Clients, key: usize, readiness: &mut Readiness, counts: &Counts) {
    if let Some(client) = clients.get_mut(&key)
        && client.go_on(counts).is_err()
    {
        readiness.forget(key);
        clients.remove(&key);
    }
}

impl Client {
    /// Echoes until the socket would block, this way or that.
    fn go_on(&mut self, counts: &Counts) -> io::Result<()> {
        loop {
            match self.echo_once() {
                Ok(()) => counts.note_message(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn echo_once(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = self.socket.write(&self.unsent)?;
            self.unsent.drain(..sent);
        }
        let mut buffer = [0; BUFFER_BYTES];
        match self.socket.read(&mut buffer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            bytes => {
                self.unsent.extend_from_slice(&buffer[..bytes]);
                Ok(())
            }
        }
    }
}
