//! Clients as events and frames. What a frame means is not known here.
//!
//! Inside are the means of stage 1: for each client a thread that receives and one that sends.
//! Nothing outside can tell (decision 0003), so a completion port may take their place.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::wire;

/// A client's number, never given twice: whatever is late about one is about no other.
pub type ClientId = u64;

/// What happens to a client: it connects, then frames come, then it ends. Each once but the frames,
/// and always in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// It is there.
    Connected(ClientId),
    /// It has sent a frame with this body.
    Received(ClientId, Vec<u8>),
    /// It is gone, or was ended.
    Ended(ClientId),
}

/// How many events wait for the host before no more is received. A client that floods waits for
/// itself.
const EVENTS_MAX: usize = 256;
/// How many frames wait for a client before the next one is skipped.
const FRAMES_MAX: usize = 4;
/// So many may be connected; the next ones are closed at once.
const CLIENTS_MAX: usize = 64;
/// How long nobody is accepted after the system could not.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Who takes nothing for so long is ended.
const STALLED_MAX: Duration = Duration::from_secs(10);

/// The connections of a listener.
#[derive(Clone)]
pub struct Network {
    outboxes: Arc<Mutex<Outboxes>>,
}

/// Where frames wait for the threads that send them, of all clients that were not ended.
type Outboxes = BTreeMap<ClientId, SyncSender<Frame>>;

/// A frame is made once and sent to many.
pub type Frame = Arc<[u8]>;

impl Network {
    /// Lets clients in from now on. What happens to them comes out of the receiver.
    pub fn start(listener: TcpListener) -> (Network, Receiver<Event>) {
        let (events, happened) = mpsc::sync_channel(EVENTS_MAX);
        let network = Network {
            outboxes: Arc::default(),
        };
        let accepting = network.clone();
        thread::spawn(move || {
            for client in 0.. {
                match listener.accept() {
                    Ok((stream, _)) => accepting.let_in(client, stream, &events),
                    Err(error) => {
                        eprintln!("a client was not accepted: {error}");
                        // Others may be, but if descriptors are short, then not at once.
                        thread::park_timeout(BACK_OFF);
                    }
                }
            }
        });
        (network, happened)
    }

    /// Sends a frame to a client, who has not gone. One who does not read as fast as others write
    /// misses frames: whoever calls this sends such of which only the last one matters.
    pub fn send(&self, client: ClientId, frame: &Frame) {
        let outboxes = self.outboxes();
        if let Some(outbox) = outboxes.get(&client) {
            match outbox.try_send(frame.clone()) {
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            }
        }
    }

    /// Ends a client behind the last frame that was sent to it.
    pub fn end(&self, client: ClientId) {
        // The sending thread sees that no more will come, once it has sent what is there.
        self.outboxes().remove(&client);
    }

    fn let_in(&self, client: ClientId, stream: TcpStream, events: &SyncSender<Event>) {
        let (outbox, frames) = mpsc::sync_channel(FRAMES_MAX);
        let stream = Arc::new(stream);
        {
            let mut outboxes = self.outboxes();
            if outboxes.len() == CLIENTS_MAX {
                return; // The stream is dropped, and so closed.
            }
            outboxes.insert(client, outbox);
        }
        let (network, events, sending) = (self.clone(), events.clone(), stream.clone());
        thread::spawn(move || send_all(&sending, &frames));
        thread::spawn(move || {
            // Fails when the host is gone, and then nobody wants to know.
            let tell = |event| {
                events
                    .send(event)
                    .map_err(|_| io::ErrorKind::BrokenPipe.into())
            };
            let _ = tell(Event::Connected(client))
                .and_then(|()| receive_all(&stream, |body| tell(Event::Received(client, body))));
            network.end(client);
            let _ = tell(Event::Ended(client));
        });
    }

    fn outboxes(&self) -> MutexGuard<'_, Outboxes> {
        self.outboxes.lock().expect("nobody panics with it")
    }
}

/// Tells each body until the stream ends, or is none of ours.
fn receive_all(
    mut stream: &TcpStream,
    mut tell: impl FnMut(Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let mut received = Vec::new();
    let mut chunk = [0; 512];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        received.extend_from_slice(&chunk[..count]);
        while let Some(body) = wire::take_body(&mut received)? {
            tell(body)?;
        }
    }
}

/// Sends each frame until no more will come; then the stream ends, both ways.
fn send_all(mut stream: &TcpStream, frames: &Receiver<Frame>) {
    let sent = stream
        .set_nodelay(true)
        .and_then(|()| stream.set_write_timeout(Some(STALLED_MAX)))
        .and_then(|()| frames.iter().try_for_each(|frame| stream.write_all(&frame)));
    if let Err(error) = sent {
        eprintln!("a client takes no more: {error}");
    }
    // Wakes the receiving thread too. It fails when the client was faster.
    let _ = stream.shutdown(Shutdown::Both);
}
