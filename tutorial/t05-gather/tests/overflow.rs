//! One who does not read, and what that costs whom.

use lesson_lab::{Client, wait_until};
use std::io;
use std::sync::Arc;
use std::thread;
use t04_logic::{Balancer, Server, Settings};
use t05_gather::outgoing::{Gathering, Limits};
use t05_gather::overflow::{Account, Overflow, Sums};
use t05_gather::room::Room;

const MESSAGE_BYTES: usize = 4096;
const WAITING_BYTES_MAX: usize = 64 * 1024;
/// More than any socket takes for one who does not read.
const MESSAGES_MAX: u32 = 4_000;

/// A room in which somebody talks and reads, and somebody does not read.
struct Talk {
    account: Arc<Account>,
    talker: Client,
    stalled: Client,
    said: u32,
}

impl Talk {
    fn with(overflow: Overflow) -> io::Result<Talk> {
        let limits = Limits {
            waiting_bytes_max: WAITING_BYTES_MAX,
            parts_max: 16,
            overflow,
        };
        let settings = Settings {
            basic: t03_events::Settings {
                port: 0,
                clients_max: 10,
                idle_ms: 1_000_000,
                trace: false,
            },
            io_threads: 1,
            logic_threads: 2,
            balancer: Balancer::WhoeverIsFree,
            packets: 64,
        };
        let account = Arc::new(Account::default());
        let room = Room::new(1, limits, account.clone());
        let outgoing = Gathering::new(limits, account.clone());
        let server = Server::start(&settings, outgoing, room)?;
        let mut stalled = Client::narrow(server.address(), 16 * 1024)?;
        stalled.echo(b"here")?;
        let talker = Client::connect(server.address())?;
        Ok(Talk {
            account,
            talker,
            stalled,
            said: 0,
        })
    }

    fn sums(&self) -> Sums {
        self.account.read()
    }

    fn say(&mut self) -> io::Result<()> {
        say(&mut self.talker, self.said)?;
        self.said += 1;
        Ok(())
    }

    /// Talks until so many messages were lost.
    fn talk_until_lost(&mut self, lost: u64) -> io::Result<()> {
        while self.sums().lost < lost && self.said < MESSAGES_MAX {
            self.say()?;
        }
        assert!(self.sums().lost >= lost, "nothing is lost by rule");
        Ok(())
    }
}

/// Says a message that bears its number, and hears it.
fn say(talker: &mut Client, number: u32) -> io::Result<()> {
    let message = number.to_be_bytes().repeat(MESSAGE_BYTES / 4);
    assert!(talker.echo(&message)? == message, "other bytes");
    Ok(())
}

/// The numbers of the messages that come, until `is_last`, or the end.
fn read(client: &mut Client, is_last: impl Fn(u32) -> bool) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    let mut message = [0; MESSAGE_BYTES];
    while !numbers.last().is_some_and(|&last| is_last(last)) {
        match client.receive_into(&mut message) {
            Ok(()) => {
                let (words, _) = message.as_chunks::<4>();
                assert!(words.iter().all(|word| word == &words[0]), "a torn message");
                numbers.push(u32::from_be_bytes(words[0]));
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(numbers)
}

#[test]
fn by_closing_one_that_does_not_read_is_cut_and_the_others_go_on() -> io::Result<()> {
    let mut talk = Talk::with(Overflow::Close)?;
    talk.talk_until_lost(1)?;
    talk.say()?;
    let got = read(&mut talk.stalled, |_| false)?;
    let count = u32::try_from(got.len()).unwrap();
    assert!(got.into_iter().eq(0..count), "not what came first");
    Ok(())
}

#[test]
fn by_dropping_the_oldest_one_that_does_not_read_has_the_newest_in_the_end() -> io::Result<()> {
    let mut talk = Talk::with(Overflow::DropOldest)?;
    talk.talk_until_lost(100)?;
    let last = talk.said - 1;
    let got = read(&mut talk.stalled, |number| number == last)?;
    let lost = u64::from(talk.said) - got.len() as u64;
    assert_eq!(talk.sums().lost, lost);
    assert!(got.is_sorted(), "out of order");
    Ok(())
}

#[test]
fn by_dropping_the_newest_one_that_does_not_read_has_all_that_was_first() -> io::Result<()> {
    let mut talk = Talk::with(Overflow::DropNewest)?;
    talk.talk_until_lost(100)?;
    let kept = talk.said - u32::try_from(talk.sums().lost).unwrap();
    let got = read(&mut talk.stalled, |number| number == kept - 1)?;
    assert!(got.into_iter().eq(0..kept), "not what came first");
    Ok(())
}

#[test]
fn by_blocking_nobody_loses_anything_and_all_wait_for_one() -> io::Result<()> {
    const MESSAGES: u32 = 3_000;
    let Talk {
        account,
        mut talker,
        mut stalled,
        ..
    } = Talk::with(Overflow::Block)?;
    let talk = thread::spawn(move || (0..MESSAGES).try_for_each(|number| say(&mut talker, number)));
    wait_until("all wait for one", || {
        account.read().bytes > WAITING_BYTES_MAX
    });
    let got = read(&mut stalled, |number| number == MESSAGES - 1)?;
    assert!(got.into_iter().eq(0..MESSAGES), "something is lost");
    talk.join().unwrap()?;
    assert_eq!(account.read().lost, 0);
    Ok(())
}
