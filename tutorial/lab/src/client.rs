//! A client as raw as they come: a blocking socket, and deadlines.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::PATIENCE;

/// Bytes that are sent or received at a time, if there are many.
const SOME: usize = 16 * 1024;
/// How long nothing is taken of what one sends before one has stalled.
const STALLED: Duration = Duration::from_millis(500);

/// A connection to a lesson's server. Dropping it closes it in good order.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    patience: Duration,
}

impl Client {
    /// Connects; what is sent leaves at once, however small.
    ///
    /// # Errors
    /// When nothing listens there, or nothing answers within [`PATIENCE`].
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, PATIENCE)?)
    }

    /// Connects with a receive buffer of about that many bytes, so that a client that does not
    /// read stalls its sender soon. (The system may round up, and Linux doubles it.)
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn narrow(address: SocketAddr, receive_bytes: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // Before the handshake, which settles how wide the window can become.
        socket.set_recv_buffer_size(receive_bytes)?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::over(socket.into())
    }

    /// Connects from that address, of those that this machine has: all of 127.0.0.0/8, say.
    ///
    /// # Errors
    /// As [`Client::connect`], and if this machine has no such address.
    pub fn connect_from(source: IpAddr, address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect_timeout(&address.into(), PATIENCE)?;
        Self::over(socket.into())
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            patience: PATIENCE,
        })
    }

    /// The same, waiting that long for something to move.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The socket itself, for whatever else one wants to do to it.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// This end's address.
    ///
    /// # Errors
    /// When the socket has none any more.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// When the connection has ended, or the system takes nothing for as long as the patience.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(self.patience))?;
        let sent = self.stream.write_all(bytes);
        sent.map_err(|error| self.explained(error, format!("while {} bytes left", bytes.len())))
    }

    /// Sends the beginning of `bytes`, until the server has taken nothing for half a second or all
    /// is sent; and says how many left. It is how one comes to be a reader that stalls: who does
    /// not read is not read from in the end.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn send_until_stalled(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // By a timeout of a blocking send one would not learn how much of it has left: Windows
        // says "timed out", and no number.
        self.stream.set_nonblocking(true)?;
        let sent = self.send_what_is_taken(bytes);
        self.stream.set_nonblocking(false)?;
        sent
    }

    fn send_what_is_taken(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        let mut moved = Instant::now();
        while sent < bytes.len() {
            let some = &bytes[sent..bytes.len().min(sent + SOME)];
            match self.stream.write(some) {
                Ok(count) => (sent, moved) = (sent + count, Instant::now()),
                Err(error) if is_late(&error) && moved.elapsed() > STALLED => break,
                Err(error) if is_late(&error) => thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(self.explained(error, format!("after {sent} bytes"))),
            }
        }
        Ok(sent)
    }

    /// Receives exactly that many bytes.
    ///
    /// # Errors
    /// When nothing more comes for as long as the patience, or the end: the error says how many
    /// bytes had come.
    pub fn receive(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.receive_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills `bytes`.
    ///
    /// # Errors
    /// As [`Client::receive`].
    pub fn receive_into(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let mut received = 0;
        while received < bytes.len() {
            let deadline = Instant::now() + self.patience;
            let so_far = format!("after {received} of {} bytes", bytes.len());
            match self.receive_some(&mut bytes[received..], deadline) {
                Ok(0) => {
                    let message = format!("the server ended the connection {so_far}");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Ok(count) => received += count,
                Err(error) => return Err(self.explained(error, so_far)),
            }
        }
        Ok(())
    }

    /// Receives a line, and returns it without its end.
    ///
    /// # Errors
    /// When its end does not come before the deadline, or the connection's does: the error says
    /// what came.
    pub fn receive_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        loop {
            let next = self.receive(1).map_err(|error| {
                let so_far = String::from_utf8_lossy(&line);
                io::Error::new(error.kind(), format!("{error}, behind {so_far:?}"))
            })?;
            match next[..] {
                [b'\n'] => break,
                _ => line.extend(next),
            }
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_string())
    }

    /// Sends, and receives as many bytes as were sent.
    ///
    /// # Errors
    /// As [`Client::send`] and [`Client::receive`].
    pub fn echo(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.send(bytes)?;
        self.receive(bytes.len())
    }

    /// Receives until the server ends the connection.
    ///
    /// # Errors
    /// When it does not within the patience, or with a reset.
    pub fn receive_to_end(&mut self) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + self.patience;
        let mut bytes = Vec::new();
        let mut some = [0; SOME];
        loop {
            match self.receive_some(&mut some, deadline) {
                Ok(0) => return Ok(bytes),
                Ok(count) => bytes.extend_from_slice(&some[..count]),
                Err(error) => {
                    let so_far = format!("after {} bytes, before the end", bytes.len());
                    return Err(self.explained(error, so_far));
                }
            }
        }
    }

    /// What is there already, at most that many bytes; nothing is waited for.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn receive_at_once(&mut self, at_most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; at_most];
        self.stream.set_nonblocking(true)?;
        let received = self.stream.read(&mut bytes);
        self.stream.set_nonblocking(false)?;
        match received {
            Ok(0) if at_most > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                bytes.truncate(count);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Ends the sending half: the server sees the end, and may still answer.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn half_close(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends the connection with a reset (RST): what is on its way is lost.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn reset(self) -> io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    fn receive_some(&mut self, bytes: &mut [u8], deadline: Instant) -> io::Result<usize> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }

    fn explained(&self, error: io::Error, so_far: String) -> io::Error {
        if is_late(&error) {
            let message = format!("nothing moved for {:?} {so_far}", self.patience);
            return io::Error::new(io::ErrorKind::TimedOut, message);
        }
        io::Error::new(error.kind(), format!("{error} {so_far}"))
    }
}

/// Linux says "would block" of a timeout, Windows "timed out".
fn is_late(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::WouldBlock || kind == io::ErrorKind::TimedOut
}

/// Connects that many clients, one after another.
///
/// # Errors
/// The first connection that fails, with how many stood.
pub fn crowd(address: SocketAddr, count: usize) -> io::Result<Vec<Client>> {
    let connect = |index: usize| {
        let connected = Client::connect(address);
        connected.map_err(|error| {
            let message = format!("{index} of {count} clients are connected, the next: {error}");
            io::Error::new(error.kind(), message)
        })
    };
    (0..count).map(connect).collect()
}
