//! TCP under the socket calls: what goes over the wire when a program connects, ends, resets, or
//! sends little pieces.
//!
//! No capture, which would need root: after each step both ends of a connection ask their own TCP
//! what it has sent and received so far (`TCP_INFO` on Linux; Windows counts no segments for
//! programs, so there the steps stand alone).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use socket2::SockRef;

use crate::sys::{Counts, counts};

/// One step of an experiment, and what both ends say after it.
pub struct Step {
    /// What was done, and what the program saw of it.
    pub what: String,
    /// The end that connected, while it is open.
    pub client: Option<Counts>,
    /// The end that was accepted.
    pub server: Option<Counts>,
}

/// Three segments make a connection, before the server's program knows of it; then bytes take one
/// segment each way, and an answer carries the acknowledgement of its question.
///
/// # Errors
///
/// When the system has no sockets to spare; so all the experiments.
pub fn handshake() -> io::Result<Vec<Step>> {
    let mut pair = Pair::connect()?;
    pair.client().write_all(b"hello")?;
    pair.note("client: send 5 bytes");
    let received = pair.server.read(&mut [0; 9])?;
    pair.note(format!("server: receive {received} bytes"));
    pair.server.write_all(b"world")?;
    pair.note("server: answer 5 bytes");
    Ok(pair.steps)
}

/// The end of a stream is sent like a byte behind the last one, each way by itself.
///
/// # Errors
///
/// As [`handshake`].
pub fn half_close() -> io::Result<Vec<Step>> {
    let mut pair = Pair::connect()?;
    pair.client().shutdown(Shutdown::Write)?;
    pair.note("client: shutdown of its sending half");
    let received = pair.server.read(&mut [0; 9])?;
    pair.note(format!("server: receive {received} bytes, the end"));
    pair.server.write_all(b"late")?;
    pair.note("server: send 4 bytes all the same");
    let received = pair.client().read(&mut [0; 9])?;
    pair.note(format!("client: receive {received} bytes"));
    pair.server.shutdown(Shutdown::Write)?;
    pair.note("server: shutdown of the other half");
    Ok(pair.steps)
}

/// Closing a socket with bytes in it that nobody has read is no end but a reset: the peer learns
/// that something was lost, and loses what was on its way to itself.
///
/// # Errors
///
/// As [`handshake`].
pub fn reset() -> io::Result<Vec<Step>> {
    let mut pair = Pair::connect()?;
    pair.server.write_all(b"unread")?;
    pair.note("server: send 6 bytes");
    pair.client = None;
    let told = match pair.server.read(&mut [0; 9]) {
        Ok(received) => format!("receive {received} bytes"),
        Err(error) => format!("receive fails, {:?}", error.kind()),
    };
    pair.note(format!("client: close without reading; server: {told}"));
    Ok(pair.steps)
}

/// Three sends of one byte. By Nagle's rule a small segment waits while another one is not
/// acknowledged, and by the rule of delayed acknowledgement the receiver waits for something to
/// acknowledge along with: together they wait for a timer. `TCP_NODELAY` ends it.
///
/// # Errors
///
/// As [`handshake`].
pub fn little_pieces(nodelay: bool) -> io::Result<Vec<Step>> {
    let mut pair = Pair::connect()?;
    pair.client().set_nodelay(nodelay)?;
    // A young connection acknowledges at once; this makes it an old one.
    #[cfg(target_os = "linux")]
    SockRef::from(&pair.server).set_tcp_quickack(false)?;
    let begun = Instant::now();
    for nth in ["first", "second", "third"] {
        pair.client().write_all(b"x")?;
        pair.note(format!("client: send the {nth} byte"));
    }
    pair.server.read_exact(&mut [0; 3])?;
    let waited = begun.elapsed().as_millis();
    pair.note(format!("server: receive 3 bytes, {waited} ms later"));
    Ok(pair.steps)
}

/// The two ends of one connection, and what was noted down of it.
struct Pair {
    client: Option<TcpStream>,
    server: TcpStream,
    steps: Vec<Step>,
}

impl Pair {
    fn connect() -> io::Result<Pair> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let connected = Step {
            what: "client: connect; nobody has called accept".into(),
            client: counts(&client),
            server: None,
        };
        let (server, _) = listener.accept()?;
        let mut pair = Pair {
            client: Some(client),
            server,
            steps: vec![connected],
        };
        pair.note("server: accept");
        Ok(pair)
    }

    fn client(&self) -> &TcpStream {
        self.client.as_ref().expect("open until it is closed")
    }

    /// Notes a step down once nothing of it is on its way.
    fn note(&mut self, what: impl Into<String>) {
        let given_up = Instant::now() + Duration::from_secs(1);
        let mut ends = self.ends();
        while is_on_its_way(ends) && Instant::now() < given_up {
            thread::yield_now();
            ends = self.ends();
        }
        let (client, server) = ends;
        let what = what.into();
        self.steps.push(Step {
            what,
            client,
            server,
        });
    }

    fn ends(&self) -> (Option<Counts>, Option<Counts>) {
        (self.client.as_ref().and_then(counts), counts(&self.server))
    }
}

/// Whether one end has sent what the other has not received. (The server's socket was not there
/// yet when its half of the handshake was sent, so that segment is not among its own.)
fn is_on_its_way(ends: (Option<Counts>, Option<Counts>)) -> bool {
    let (Some(client), Some(server)) = ends else {
        return false;
    };
    client.out != server.received || server.out + 1 != client.received
}

/// Does all experiments, and prints a table of each.
///
/// # Errors
///
/// As [`handshake`].
pub fn show() -> io::Result<()> {
    table("a handshake, and some bytes", &handshake()?);
    table("one half closed, then the other", &half_close()?);
    table("a reset", &reset()?);
    table("three little pieces", &little_pieces(false)?);
    table(
        "three little pieces with TCP_NODELAY",
        &little_pieces(true)?,
    );
    Ok(())
}

fn table(title: &str, steps: &[Step]) {
    println!("{title}");
    println!("{:52} | {:28} | server", "", "client");
    for step in steps {
        let [client, server] = [step.client, step.server].map(cell);
        println!("{:52} | {client:28} | {server}", step.what);
    }
    println!();
}

fn cell(counts: Option<Counts>) -> String {
    let Some(counts) = counts else {
        return "-".into();
    };
    let mut cell = format!(
        "{:12} {:2} out {:2} in",
        counts.state, counts.out, counts.received
    );
    if counts.held_bytes > 0 {
        cell += &format!(", {} held", counts.held_bytes);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both ends say after a step, if this system says anything.
    fn after(step: &Step) -> Option<(Counts, Counts)> {
        step.client.zip(step.server)
    }

    #[test]
    fn three_segments_make_a_connection_and_an_answer_acknowledges_its_question() {
        let steps = handshake().unwrap();
        if let Some(client) = steps[0].client {
            assert_eq!(client.state, "ESTABLISHED");
            assert_eq!(
                (client.out, client.received),
                (2, 1),
                "SYN and ACK; SYN-ACK"
            );
        }
        if let Some((client, server)) = after(&steps[4]) {
            assert_eq!((client.data_out, server.data_out), (1, 1));
        }
    }

    #[test]
    fn a_half_that_is_closed_still_receives() {
        let steps = half_close().unwrap();
        assert_eq!(steps[3].what, "server: receive 0 bytes, the end");
        assert_eq!(steps[5].what, "client: receive 4 bytes");
        if let Some((client, server)) = after(&steps[5]) {
            assert_eq!((client.state, server.state), ("FIN-WAIT-2", "CLOSE-WAIT"));
        }
        if let Some((client, server)) = after(&steps[6]) {
            assert_eq!((client.state, server.state), ("CLOSED", "CLOSED"));
        }
    }

    #[test]
    fn closing_with_unread_bytes_resets_the_peer() {
        let steps = reset().unwrap();
        let told = &steps[3].what;
        // Wine says a goodbye of its own before it closes, and the peer sees that first.
        let is_wines = cfg!(windows) && told.ends_with("receive 0 bytes");
        assert!(is_wines || told.ends_with("ConnectionReset"), "{told}");
    }

    #[test]
    fn nagle_sends_little_pieces_together_and_nodelay_each_alone() {
        let segments = |nodelay| {
            let steps = little_pieces(nodelay).unwrap();
            after(steps.last().unwrap()).map(|(client, _)| client.data_out)
        };
        let Some(alone) = segments(true) else {
            return; // This system does not count them.
        };
        assert_eq!(alone, 3);
        // A pause of this very thread lets the acknowledgement's timer end in between; then again.
        assert!((0..100).any(|_| segments(false) == Some(2)));
    }
}
