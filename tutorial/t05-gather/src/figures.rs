//! What the README's tables say.

use lesson_lab::{Client, Figures, Table, number, side_by_side};
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use t04_logic::{Balancer, Server, Settings};
use t05_gather::outgoing::{Gathering, Limits};
use t05_gather::overflow::{Account, Overflow, Sums};
use t05_gather::room::Room;

const ROUNDS: usize = 9;
const PARTS: [u16; 4] = [1, 4, 16, 64];
const MESSAGE_BYTES: [usize; 5] = [16, 64, 256, 1024, 4096];
const WAITING_BYTES_MAX: [usize; 5] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
const POLICIES: [(Overflow, &str); 5] = [
    (Overflow::Close, "close"),
    (Overflow::DropOldest, "drop the oldest"),
    (Overflow::DropNewest, "drop the newest"),
    (Overflow::Block, "block"),
    (Overflow::BeginAgain, "begin again, as the reference"),
];
/// How often one word is told.
const TIMES: usize = 1_000;
/// How many words are told for one figure.
const WORDS: usize = 8;
/// For how long nothing has to move until nothing will.
const STILL: Duration = Duration::from_millis(500);

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    figures.write_table("gather", "How many messages leave together", &gather()?)?;
    figures.write_table("sizes", "One by one, and sixteen together", &sizes()?)?;
    figures.write_table("buffer", "How much may wait", &buffer()?)?;
    figures.write_table("policies", "One of four does not read", &policies()?)
}

/// A server of this process, with one client that hears all that it says a thousand times.
struct Echoes {
    client: Client,
    account: Arc<Account>,
}

impl Echoes {
    fn with(limits: Limits) -> io::Result<Echoes> {
        let (server, account) = start(TIMES, limits)?;
        let client = Client::connect(server.address())?;
        Ok(Echoes { client, account })
    }

    /// Says a word of so many bytes, and returns how many come.
    fn say(&mut self, bytes: usize) -> usize {
        self.client.send(&vec![b'x'; bytes]).unwrap();
        receive(&self.client, &mut vec![0; TIMES * bytes])
    }

    /// Microseconds of this process for a message of so many bytes.
    fn message_us(&mut self, bytes: usize) -> f64 {
        let cpu = lesson_lab::cpu::of_this_process(|| {
            for _ in 0..WORDS {
                assert_eq!(self.say(bytes), TIMES * bytes, "nothing may be lost here");
            }
        });
        cpu.as_secs_f64() * 1e6 / (WORDS * TIMES) as f64
    }
}

/// Processor time by how many messages leave together.
fn gather() -> io::Result<Table> {
    let mut echoes = Vec::new();
    for parts_max in PARTS {
        echoes.push(Echoes::with(Limits {
            waiting_bytes_max: 1 << 20,
            parts_max,
            overflow: Overflow::Block,
        })?);
    }
    let cases: Vec<usize> = (0..PARTS.len()).collect();
    let measured = side_by_side(ROUNDS, &cases, |&case| echoes[case].message_us(64));
    let names = PARTS.map(|parts| format!("{parts} at most"));
    let column = "CPU a message of 64 bytes, both ends, us";
    Ok(Table::of_cases(
        "messages together",
        column,
        &names,
        &measured,
    ))
}

/// The same for messages of several sizes, one by one and sixteen together.
fn sizes() -> io::Result<Table> {
    let columns = [
        "bytes",
        "us, one by one",
        "us, together",
        "ratio",
        "min",
        "max",
    ];
    let mut table = Table::new(&columns);
    let limits = |parts_max| Limits {
        waiting_bytes_max: 8 << 20,
        parts_max,
        overflow: Overflow::Block,
    };
    let mut echoes = [Echoes::with(limits(1))?, Echoes::with(limits(16))?];
    for bytes in MESSAGE_BYTES {
        let measured = side_by_side(ROUNDS, &[0, 1], |&case| echoes[case].message_us(bytes));
        let (alone, together) = (measured[0].figure, measured[1]);
        let ratio = together.ratio;
        let row = [
            alone.median,
            together.figure.median,
            ratio.median,
            ratio.min,
            ratio.max,
        ];
        let row: Vec<String> = std::iter::once(bytes as f64)
            .chain(row)
            .map(number)
            .collect();
        table.row(&row);
    }
    Ok(table)
}

/// What a larger buffer buys: a thousand messages of 256 bytes, of which the newest are dropped.
fn buffer() -> io::Result<Table> {
    let columns = [
        "bytes that may wait",
        "KiB that did",
        "lost, %",
        "lost as the reference does, %",
    ];
    let mut table = Table::new(&columns);
    for waiting_bytes_max in WAITING_BYTES_MAX {
        let lost = |overflow| -> io::Result<(f64, Sums)> {
            let mut echoes = Echoes::with(Limits {
                waiting_bytes_max,
                parts_max: 16,
                overflow,
            })?;
            let heard = echoes.say(256);
            let lost = 100.0 - 100.0 * heard as f64 / (256 * TIMES) as f64;
            Ok((lost, echoes.account.read()))
        };
        let (by_rule, sums) = lost(Overflow::DropNewest)?;
        let (silently, _) = lost(Overflow::BeginAgain)?;
        table.row(&[
            number(waiting_bytes_max as f64),
            number(sums.most_bytes as f64 / 1024.0),
            number(by_rule),
            number(silently),
        ]);
    }
    Ok(table)
}

/// One talks, two listen, one does not read until nothing moves any more.
fn policies() -> io::Result<Table> {
    let columns = [
        "",
        "KiB that waited at most",
        "heard by the others meanwhile, %",
        "lost to them, %",
        "lost to the one, %",
        "of all messages lost by rule, %",
    ];
    let mut table = Table::new(&columns);
    for (overflow, name) in POLICIES {
        let limits = Limits {
            waiting_bytes_max: 1 << 20,
            parts_max: 16,
            overflow,
        };
        let talk = Talk::with(limits)?.talk()?;
        let row = [
            talk.sums.most_bytes as f64 / 1024.0,
            talk.meanwhile,
            talk.lost_to_others,
            talk.lost_to_the_one,
            100.0 * talk.sums.lost as f64 / talk.sums.given as f64,
        ];
        let mut cells = vec![name.to_string()];
        cells.extend(row.map(number));
        table.row(&cells);
    }
    Ok(table)
}

/// How much is said: more than sockets take for one who does not read.
const SAID_BYTES: usize = 16 << 20;
const WORD_BYTES: usize = 4096;

struct Talk {
    account: Arc<Account>,
    others: [Client; 2],
    stalled: Client,
}

/// What became of a talk, in percent.
struct Heard {
    sums: Sums,
    meanwhile: f64,
    lost_to_others: f64,
    lost_to_the_one: f64,
}

impl Talk {
    fn with(limits: Limits) -> io::Result<Talk> {
        let (server, account) = start(1, limits)?;
        let mut stalled = Client::narrow(server.address(), 16 * 1024)?;
        stalled.echo(b"here")?;
        let others = [(); 2].map(|()| Client::connect(server.address()));
        let [talker, listener] = others;
        Ok(Talk {
            account,
            others: [talker?, listener?],
            stalled,
        })
    }

    /// The first of the others talks. They read what comes until nothing does; then so does the
    /// one; then they read the rest.
    fn talk(self) -> io::Result<Heard> {
        let mut mouth = self.others[0].stream().try_clone()?;
        // It ends when all is said, or when the server is gone with this process.
        let talk = thread::spawn(move || {
            let word = [b'x'; WORD_BYTES];
            (0..SAID_BYTES / WORD_BYTES).try_for_each(|_| mouth.write_all(&word))
        });
        let meanwhile: usize = self.listen().iter().sum();
        let mut heard = vec![0; SAID_BYTES];
        let (mut by_the_one, mut by_others) = (0, meanwhile);
        // If they waited for it, there is more for them each time that it has read.
        loop {
            let more = receive(&self.stalled, &mut heard);
            let more_of_others: usize = self.listen().iter().sum();
            by_the_one += more;
            by_others += more_of_others;
            if more + more_of_others == 0 {
                break;
            }
        }
        if talk.is_finished() {
            // Who is cut has said less, and the figures tell.
            let _ = talk.join().expect("nothing in it panics");
        }
        let percent = |bytes: usize, of: usize| 100.0 * bytes as f64 / of as f64;
        Ok(Heard {
            sums: self.account.read(),
            meanwhile: percent(meanwhile, 2 * SAID_BYTES),
            lost_to_others: 100.0 - percent(by_others, 2 * SAID_BYTES),
            lost_to_the_one: 100.0 - percent(by_the_one, SAID_BYTES),
        })
    }

    /// Reads with both others at once, until nothing comes; returns how many bytes each got.
    fn listen(&self) -> [usize; 2] {
        let [one, other] = &self.others;
        let read = |client: &Client| receive(client, &mut vec![0; SAID_BYTES]);
        thread::scope(|scope| {
            let one = scope.spawn(move || read(one));
            [one.join().expect("nothing in it panics"), read(other)]
        })
    }
}

/// Fills `bytes` as far as they come, and returns how far.
fn receive(client: &Client, bytes: &mut [u8]) -> usize {
    let mut stream = client.stream();
    stream.set_read_timeout(Some(STILL)).expect("some time");
    let mut count = 0;
    while count < bytes.len() {
        match stream.read(&mut bytes[count..]) {
            Ok(0) | Err(_) => break,
            Ok(more) => count += more,
        }
    }
    count
}

fn start(times: usize, limits: Limits) -> io::Result<(Server<Gathering>, Arc<Account>)> {
    let settings = Settings {
        basic: t03_events::Settings {
            port: 0,
            clients_max: 10,
            idle_ms: 600_000,
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
