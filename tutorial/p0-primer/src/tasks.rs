//! Six tasks with their solutions. To do one, replace the body of its function by your own until
//! `cargo test -p p0-primer --test tasks` is green; git has the old body.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use crate::deadlock::{Deadlock, Lock, Locks, Thread};
use crate::traits::Handler;

/// **Task 1, ownership.** Takes all whole frames off the front of what was received so far, and
/// leaves the beginning of the next one where it is. A frame is a byte that says how long its body
/// is, and the body.
pub fn take_frames(received: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some((&length, rest)) = received.split_first() {
        let Some(body) = rest.get(..usize::from(length)) else {
            break;
        };
        // What is borrowed from `received` must be let go of before it is changed: so copy first.
        frames.push(body.to_vec());
        received.drain(..=usize::from(length));
    }
    frames
}

/// Why a text is no port.
#[derive(Debug, PartialEq, Eq)]
pub enum BadPort {
    /// Nothing was typed.
    Empty,
    /// Something that is no number.
    NotANumber(String),
    /// A number that no port has.
    OutOfRange(u64),
}

impl fmt::Display for BadPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPort::Empty => write!(formatter, "no port given: type a number up to 65535"),
            BadPort::NotANumber(text) => write!(formatter, "{text:?} is no number"),
            BadPort::OutOfRange(number) => {
                write!(formatter, "{number} is no port: they end at 65535")
            }
        }
    }
}

impl std::error::Error for BadPort {}

/// **Task 2, errors.** Reads a port, or says what is wrong with it.
///
/// # Errors
///
/// See [`BadPort`].
pub fn parse_port(text: &str) -> Result<u16, BadPort> {
    if text.is_empty() {
        return Err(BadPort::Empty);
    }
    let not_a_number = |_| BadPort::NotANumber(text.into());
    let number: u64 = text.parse().map_err(not_a_number)?;
    u16::try_from(number).map_err(|_| BadPort::OutOfRange(number))
}

/// **Task 3, traits.** Any handler, which hears and says nothing longer than `bytes_max`.
pub struct Shortened<H> {
    /// Who answers.
    pub inner: H,
    /// How much of a message goes through, either way.
    pub bytes_max: usize,
}

impl<H: Handler> Handler for Shortened<H> {
    fn on_received(&mut self, bytes: &[u8]) -> Vec<u8> {
        let heard = &bytes[..bytes.len().min(self.bytes_max)];
        let mut answer = self.inner.on_received(heard);
        answer.truncate(self.bytes_max);
        answer
    }
}

/// **Task 4, threads.** Adds all numbers up, one thread for each part. No lock is needed.
///
/// # Panics
///
/// When the sum is too large for its type.
pub fn sum(parts: &[Vec<u64>]) -> u64 {
    thread::scope(|scope| {
        let adders: Vec<_> = parts
            .iter()
            .map(|part| scope.spawn(|| part.iter().sum::<u64>()))
            .collect();
        // The threads all run before the first is waited for: hence the list in between.
        adders
            .into_iter()
            .map(|adder| adder.join().expect("the sum of a part"))
            .sum()
    })
}

/// **Task 5, TCP.** Sends a question whose end is the end of the stream, and returns the answer,
/// however many pieces it comes in.
///
/// # Errors
///
/// When the connection fails or is reset.
pub fn ask(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(question)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// **Task 6, deadlocks.** Does something with two accounts locked; other threads may lock the same
/// two at the same time, named the other way round.
///
/// # Errors
///
/// [`Deadlock`], which the right solution never returns.
pub fn with_both(
    locks: &Locks,
    thread: Thread,
    accounts: [Lock; 2],
    act: impl FnOnce(),
) -> Result<(), Deadlock> {
    let mut order = accounts;
    if !cfg!(feature = "faulty") {
        order.sort_unstable();
    }
    let _first = locks.lock(thread, order[0])?;
    thread::yield_now(); // Where it hurts: another thread's turn between the two.
    let _second = locks.lock(thread, order[1])?;
    act();
    Ok(())
}
