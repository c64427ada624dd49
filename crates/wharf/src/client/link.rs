//! The socket, and frames off it.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::thread;
use std::time::Duration;
use wharf_wire::{Frame, HEADER_BYTES, Header, Violation};

/// A whole frame, in memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFrame {
    /// What the body means.
    pub id: u16,
    /// The header's flags.
    pub flags: u8,
    /// What follows the header.
    pub body: Vec<u8>,
}

impl OwnedFrame {
    /// The same, borrowed.
    pub fn as_frame(&self) -> Frame<'_> {
        Frame {
            id: self.id,
            flags: self.flags,
            body: &self.body,
        }
    }
}

/// Cuts what a server sends into frames. Ids that nobody knows are frames too: a newer server may
/// have them.
///
/// Invariant: `partial` holds less than a whole frame between calls.
#[derive(Debug, Default)]
pub struct FrameReader {
    partial: Vec<u8>,
}

impl FrameReader {
    /// Takes bytes as they came; gives every frame that is whole now.
    ///
    /// # Errors
    /// [`Violation::FrameTooShort`] for a length below the header's own: not our protocol.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<OwnedFrame>, Violation> {
        self.partial.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut taken = 0;
        while let Some(header) = self.partial[taken..].first_chunk::<HEADER_BYTES>() {
            let header = Header::from_bytes(*header);
            let frame_bytes = usize::from(header.frame_bytes);
            if frame_bytes < HEADER_BYTES {
                return Err(Violation::FrameTooShort {
                    frame_bytes: header.frame_bytes,
                });
            }
            let Some(frame) = self.partial[taken..].get(HEADER_BYTES..frame_bytes) else {
                break;
            };
            frames.push(OwnedFrame {
                id: header.id,
                flags: header.flags,
                body: frame.to_vec(),
            });
            taken += frame_bytes;
        }
        self.partial.drain(..taken);
        Ok(frames)
    }
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed the connection, in order.
    Closed,
    /// The connection broke, as the system says it.
    Broken(String),
    /// What came is not our protocol.
    Rubbish(Violation),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Broken(error) => write!(f, "the connection broke: {error}"),
            Self::Rubbish(violation) => write!(f, "that is no Wharf: {violation}"),
        }
    }
}

/// What a link tells; the end is the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromServer {
    /// A frame came.
    Frame(OwnedFrame),
    /// Nothing more comes.
    Ended(End),
}

/// Longest time that the server may take nothing of what is sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection. Dropping it ends it; its thread ends by itself then.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
}

impl Link {
    /// Connects to `target` (a name or an address, with a port) and reads on a thread, which gives
    /// everything to `tell` until that says `false`. What `tell` does not take in time waits in
    /// the network.
    ///
    /// # Errors
    /// The system's, of the last address that the name has.
    pub fn connect(
        target: &str,
        timeout: Duration,
        tell: impl FnMut(FromServer) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in target.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => return Self::over(stream, tell),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn over(
        stream: TcpStream,
        tell: impl FnMut(FromServer) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(SEND_TIMEOUT))?;
        let source = stream.try_clone()?;
        thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || read(source, tell))?;
        Ok(Self { stream })
    }

    /// Sends bytes, which are whole frames.
    ///
    /// # Errors
    /// The system's; the connection is of no use any more then.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // One that is broken already needs no end.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn read(mut source: TcpStream, mut tell: impl FnMut(FromServer) -> bool) {
    let mut reader = FrameReader::default();
    let mut buffer = vec![0; 16 * 1024];
    let end = loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break End::Closed,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break End::Broken(error.to_string()),
        };
        match reader.feed(&buffer[..count]) {
            Ok(frames) => {
                for frame in frames {
                    if !tell(FromServer::Frame(frame)) {
                        return;
                    }
                }
            }
            Err(violation) => break End::Rubbish(violation),
        }
    };
    tell(FromServer::Ended(end));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::sync::mpsc;

    fn frame(id: u16, body: &[u8]) -> Vec<u8> {
        let flags = 0;
        Frame { id, flags, body }.to_vec()
    }

    #[test]
    fn however_bytes_come_the_frames_are_the_same() {
        let stream = [
            frame(1, b"one"),
            frame(60_000, b""),
            frame(1_302, &[7; 300]),
        ]
        .concat();
        for size in [1, 2, 4, 5, 6, 299, stream.len()] {
            let mut reader = FrameReader::default();
            let chunks = stream.chunks(size);
            let frames: Vec<_> = chunks.flat_map(|it| reader.feed(it).unwrap()).collect();
            let seen: Vec<_> = frames.iter().map(|it| (it.id, it.body.len())).collect();
            assert_eq!(seen, [(1, 3), (60_000, 0), (1_302, 300)], "by {size}");
            assert!(reader.partial.is_empty());
        }
    }

    #[test]
    fn what_is_no_frame_ends_it() {
        let mut reader = FrameReader::default();
        let refused = reader.feed(&[4, 0, 1, 0, 0]);
        assert_eq!(refused, Err(Violation::FrameTooShort { frame_bytes: 4 }));
    }

    #[test]
    fn a_link_sends_and_tells_what_comes_and_how_it_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let (tell, told) = mpsc::channel();
        let timeout = Duration::from_secs(60);
        let mut link = Link::connect(&target, timeout, move |it| tell.send(it).is_ok()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        link.send(&frame(1, b"ping")).unwrap();
        let mut bytes = [0; 9];
        server.read_exact(&mut bytes).unwrap();
        server.write_all(&bytes).unwrap();
        drop(server);
        let echo = FromServer::Frame(OwnedFrame {
            id: 1,
            flags: 0,
            body: b"ping".to_vec(),
        });
        let told: Vec<_> = told.iter().collect();
        assert_eq!(told, [echo, FromServer::Ended(End::Closed)]);
    }

    #[test]
    fn nobody_there_is_an_error() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = free.local_addr().unwrap().to_string();
        drop(free);
        Link::connect(&target, Duration::from_secs(60), |_| true).unwrap_err();
        Link::connect("no port", Duration::from_secs(60), |_| true).unwrap_err();
    }
}
