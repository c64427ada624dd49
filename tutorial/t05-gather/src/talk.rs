//! A talk beside somebody who does not read, in lockstep: a word is said when all who read have
//! heard the word before. So nobody else falls behind, and what waits and what is lost is what the
//! policy makes of it, however fast the machine is.

use crate::outgoing::{Gathering, Limits};
use crate::overflow::{Account, Overflow, Sums};
use crate::room::Room;
use lesson_lab::Client;
use std::io;
use std::sync::Arc;
use t04_logic::{Balancer, Server, Settings};

/// How long a word is: its number, again and again.
pub const WORD_BYTES: usize = 4096;
/// More than any system takes for one who does not read.
const WORDS_MAX: usize = 8_000;

/// The talk.
pub struct Talk {
    /// Those who talk.
    pub circle: Circle,
    /// Who does not read.
    pub stalled: Client,
    /// What became of the words.
    pub account: Arc<Account>,
    limits: Limits,
    /// How many greetings there were.
    greetings: u64,
}

/// Those who talk, in turn, and hear all that is said.
pub struct Circle {
    readers: [Client; 2],
    /// How many words were said.
    pub said: usize,
}

impl Talk {
    /// Everybody is here, and nothing is said yet.
    ///
    /// # Errors
    /// The system's.
    pub fn with(limits: Limits, idle_ms: u64) -> io::Result<Talk> {
        let (server, account) = start(1, limits, idle_ms)?;
        let mut stalled = Client::narrow(server.address(), 16 * 1024)?;
        stalled.echo(b"here")?;
        // One after another: who says something and hears it has been let in.
        let mut join = || {
            let mut reader = Client::connect(server.address())?;
            reader.echo(b"here")?;
            stalled.receive(4)?;
            io::Result::Ok(reader)
        };
        let (mut first, second) = (join()?, join()?);
        first.receive(4)?;
        Ok(Talk {
            circle: Circle {
                readers: [first, second],
                said: 0,
            },
            stalled,
            greetings: account.read().left,
            account,
            limits,
        })
    }

    /// Talks until so many words have not left for the one who does not read, or until the next
    /// would have to wait. Returns what has become of all words by then.
    ///
    /// # Errors
    /// As [`Circle::say`]; and if never so many stay.
    pub fn until_unsent(&mut self, words: usize) -> io::Result<Sums> {
        while self.circle.said < WORDS_MAX {
            let sums = self.account.read();
            let is_full = sums.bytes > self.limits.waiting_bytes_max;
            if self.unsent(sums) >= words || is_full && self.limits.overflow == Overflow::Block {
                return Ok(sums);
            }
            self.circle.say()?;
        }
        Err(io::Error::other(
            "whoever does not read was sent everything",
        ))
    }

    /// How many words have not left for the one who does not read: they wait, or are lost.
    #[must_use]
    pub fn unsent(&self, sums: Sums) -> usize {
        // In lockstep all have left for the others.
        let for_all = (self.circle.readers.len() + 1) * self.circle.said;
        for_all - (sums.left - self.greetings) as usize
    }
}

impl Circle {
    /// Says the next word, and waits until the circle has heard it.
    ///
    /// # Errors
    /// As [`Client::receive`]; and if it hears something else.
    pub fn say(&mut self) -> io::Result<()> {
        let speaker = self.said % self.readers.len();
        self.readers[speaker].send(&word(self.said))?;
        for reader in &mut self.readers {
            if reader.receive(WORD_BYTES)? != word(self.said) {
                return Err(io::Error::other("it heard something else"));
            }
        }
        self.said += 1;
        Ok(())
    }
}

/// Has somebody hear words up to that one, or to the end, and returns which came.
///
/// # Errors
/// As [`Client::receive`]; and if a word is none.
pub fn hear(client: &mut Client, last: usize) -> io::Result<Vec<usize>> {
    let mut heard = Vec::new();
    let mut bytes = [0; WORD_BYTES];
    while heard.last() != Some(&last) {
        match client.receive_into(&mut bytes) {
            Ok(()) => {
                let number = bytes.first_chunk().map_or(0, |&it| u32::from_be_bytes(it)) as usize;
                if bytes[..] != word(number) {
                    return Err(io::Error::other("a torn word"));
                }
                heard.push(number);
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(heard)
}

fn word(number: usize) -> Vec<u8> {
    (number as u32).to_be_bytes().repeat(WORD_BYTES / 4)
}

/// A room in this process, which tells each word so many times.
///
/// # Errors
/// The system's.
pub fn start(
    times: usize,
    limits: Limits,
    idle_ms: u64,
) -> io::Result<(Server<Gathering>, Arc<Account>)> {
    let settings = Settings {
        basic: t03_events::Settings {
            port: 0,
            clients_max: 10,
            idle_ms,
            trace: false,
        },
        io_threads: 1,
        logic_threads: 1,
        balancer: Balancer::WhoeverIsFree,
        packets: 64,
    };
    let account = Arc::new(Account::default());
    let room = Room::new(times, limits, account.clone());
    let outgoing = Gathering::new(limits, account.clone());
    Ok((Server::start(&settings, outgoing, room)?, account))
}
