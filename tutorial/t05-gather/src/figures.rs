//! What the README's tables say.

use lesson_lab::{Client, Figures, Spread, Table, number, side_by_side};
use std::io::{self, Read as _};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use t05_gather::outgoing::Limits;
use t05_gather::overflow::{Account, Overflow, Sums};
use t05_gather::talk::{Talk, hear, start};

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
/// How many words do not leave for one who does not read: four times what may wait.
const UNSENT: usize = 1_024;
/// Nobody is silent for that long.
const IDLE_MS: u64 = 600_000;
/// For how long nothing has to move until nothing will.
const STILL: Duration = Duration::from_millis(500);

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    figures.write_table("gather", "How many messages leave together", &gather()?)?;
    figures.write_table("sizes", "One by one, and sixteen together", &sizes()?)?;
    figures.write_table("buffer", "How much may wait", &buffer()?)?;
    figures.write_table("policies", "What each policy holds and loses", &policies()?)
}

/// A server of this process, with one client that hears all that it says a thousand times.
struct Echoes {
    client: Client,
    account: Arc<Account>,
}

impl Echoes {
    fn with(limits: Limits) -> io::Result<Echoes> {
        let (server, account) = start(TIMES, limits, IDLE_MS)?;
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

/// What each policy holds and loses for one who does not read until [`UNSENT`] words are behind.
fn policies() -> io::Result<Table> {
    let columns = [
        "",
        "KiB that waited at most",
        "min",
        "max",
        "words lost",
        "min",
        "max",
        "of these counted",
        "words the others heard before it read",
    ];
    let mut table = Table::new(&columns);
    for (overflow, name) in POLICIES {
        let outcomes = (0..ROUNDS).map(|_| Outcome::of(overflow));
        let outcomes = outcomes.collect::<io::Result<Vec<Outcome>>>()?;
        let spread = |figure: fn(&Outcome) -> f64| {
            let figures: Vec<f64> = outcomes.iter().map(figure).collect();
            Spread::of(&figures)
        };
        let (most, lost) = (spread(|it| it.most_kib), spread(|it| it.lost));
        let (counted, heard) = (spread(|it| it.counted), spread(|it| it.heard_meanwhile));
        let row = [
            most.median,
            most.min,
            most.max,
            lost.median,
            lost.min,
            lost.max,
        ];
        let row = row.into_iter().chain([counted.median, heard.median]);
        let mut cells = vec![name.to_string()];
        cells.extend(row.map(number));
        table.row(&cells);
    }
    Ok(table)
}

/// What became of one talk.
struct Outcome {
    most_kib: f64,
    /// Words that the one has not heard in the end.
    lost: f64,
    /// Words of which the server knows that they are lost.
    counted: f64,
    /// Words that the others had heard when the one began to read, since it was left behind.
    heard_meanwhile: f64,
}

impl Outcome {
    fn of(overflow: Overflow) -> io::Result<Outcome> {
        let limits = Limits {
            waiting_bytes_max: 1 << 20,
            parts_max: 16,
            overflow,
        };
        let mut talk = Talk::with(limits, IDLE_MS)?;
        let sums = talk.until_unsent(UNSENT)?;
        let unsent = talk.unsent(sums);
        // Who has to wait says the rest while the one reads.
        let rest = UNSENT - unsent;
        let last = match overflow {
            Overflow::Close => usize::MAX,
            Overflow::DropNewest => talk.circle.said - 1 - sums.lost as usize,
            Overflow::DropOldest | Overflow::Block | Overflow::BeginAgain => {
                talk.circle.said - 1 + rest
            }
        };
        let heard = thread::scope(|scope| {
            let hearing = scope.spawn(|| hear(&mut talk.stalled, last));
            (0..rest).try_for_each(|_| talk.circle.say())?;
            hearing.join().expect("nothing in it panics")
        })?;
        let sums = talk.account.read();
        Ok(Outcome {
            most_kib: sums.most_bytes as f64 / 1024.0,
            lost: (talk.circle.said - heard.len()) as f64,
            counted: sums.lost as f64,
            heard_meanwhile: unsent as f64,
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
