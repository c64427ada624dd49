//! Clients that say as much as they can, and a server that is stopped in the midst of it.

use crate::{Limits, Stopped, local};
use lesson_lab::Client;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

/// How a stop in the midst of talk went.
#[derive(Clone, Debug)]
pub struct StopUnderLoad {
    /// What each client heard.
    pub heard: Vec<Heard>,
    /// What the server says about it.
    pub stopped: Stopped,
}

/// What one client heard.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Bytes, until the end.
    pub bytes: u64,
    /// Whether they were what it had said, in order.
    pub is_what_was_said: bool,
    /// Whether the end was the end of the stream, not a reset.
    pub ended_in_order: bool,
}

/// The server stops when each client has heard that much.
const BYTES_BEFORE: u64 = 64 * 1024;
/// How much of an answer a client's system takes before the client reads: little, so that at the
/// stop much is on its way.
const NARROW: usize = 4096;
/// How long the clients have to end.
const GRACE: Duration = Duration::from_secs(20);

/// Has so many clients talk, and stops the server.
///
/// # Errors
/// If the server or a client does not come about, or the server does not stop.
///
/// # Panics
/// If a thread had panicked.
pub fn stop_under_load(clients: usize) -> io::Result<StopUnderLoad> {
    let server = local(
        Limits {
            clients,
            workers: 2,
        },
        Box::new(|_| {}),
    )?;
    let address = server.address();
    let (is_talking, who_is_talking) = mpsc::channel();
    let talkers: Vec<_> = (0..clients)
        .map(|_| {
            thread::spawn({
                let is_talking = is_talking.clone();
                move || talk(address, &is_talking)
            })
        })
        .collect();
    drop(is_talking);
    // Or fewer, if one of them failed.
    let talking = who_is_talking.iter().take(clients).count();
    let stopped = server.stop(GRACE)?;
    let joined = talkers
        .into_iter()
        .map(|talker| talker.join().expect("a client panicked"));
    let heard = joined.collect::<io::Result<Vec<_>>>()?;
    assert_eq!(
        talking, clients,
        "all were talking when the server was stopped"
    );
    Ok(StopUnderLoad { heard, stopped })
}

/// Talks until nobody listens, and listens until nobody answers.
fn talk(address: SocketAddr, is_talking: &Sender<()>) -> io::Result<Heard> {
    let client = Client::narrow(address, NARROW)?;
    let stream = client.stream();
    thread::scope(|scope| {
        scope.spawn(|| say_much(stream));
        let heard = hear_all(stream, is_talking);
        // Whatever it still had to say.
        let _ = stream.shutdown(Shutdown::Both);
        Ok(heard)
    })
}

/// The byte at that place of what every client says: numbers, four bytes each.
fn said_at(place: u64) -> u8 {
    (place as u32 / 4).to_le_bytes()[(place % 4) as usize]
}

fn say_much(mut stream: &TcpStream) {
    let mut place = 0;
    loop {
        let some: Vec<u8> = (place..place + 4096).map(said_at).collect();
        if stream.write_all(&some).is_err() {
            return;
        }
        place += 4096;
    }
}

fn hear_all(mut stream: &TcpStream, is_talking: &Sender<()>) -> Heard {
    let mut heard = Heard {
        bytes: 0,
        is_what_was_said: true,
        ended_in_order: false,
    };
    let mut some = [0; 4096];
    while let Ok(count) = stream.read(&mut some) {
        if count == 0 {
            heard.ended_in_order = true;
            break;
        }
        let expected = (heard.bytes..).map(said_at);
        heard.is_what_was_said &= some[..count].iter().copied().eq(expected.take(count));
        let had_enough = heard.bytes >= BYTES_BEFORE;
        heard.bytes += count as u64;
        if !had_enough && heard.bytes >= BYTES_BEFORE {
            let _ = is_talking.send(());
        }
    }
    heard
}
