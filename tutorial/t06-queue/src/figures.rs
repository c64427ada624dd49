//! What the README's tables say.

use lesson_lab::{Client, Figures, Plot, Server, Spread, Table, number, side_by_side};
use std::io;
use std::thread;
use std::time::Duration;
use t06_queue::feed;

const ROUNDS: usize = 5;
const PACKET_BYTES: [usize; 4] = [16, 256, 4096, 65_536];
const DEPTHS: [usize; 4] = [1, 4, 16, 64];
/// What is sent in one measurement: so many packets, if that is not too many bytes.
const PACKETS: usize = 2_048;
const BYTES: usize = 16 << 20;
/// The bulk that a control message meets, packet by packet.
const BULK: (usize, usize) = (1_024, 4_096);
const MOMENT: Duration = Duration::from_millis(200);

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    let (table, plot) = sizes_and_depths()?;
    figures.write_table("depths", "Server CPU a packet, by size and depth", &table)?;
    figures.write_plot("depths", &plot.logarithmic())?;
    figures.write_table(
        "ahead",
        "What a ping has to wait for that comes a moment after 4 MiB",
        &ahead()?,
    )?;
    figures.write_table("cost", "What the priorities cost", &cost()?)
}

/// Server CPU a packet: packets of one size after another, so many of them in the queue at once.
fn sizes_and_depths() -> io::Result<(Table, Plot)> {
    let mut table = Table::new(&[
        "bytes of a packet",
        "queued at once",
        "server CPU a packet, us",
        "min",
        "max",
        "ratio",
        "min",
        "max",
    ]);
    let mut plot = Plot::new(
        "Server CPU a packet, by packets queued at once (us)",
        &DEPTHS,
    );
    for bytes in PACKET_BYTES {
        let mut feeding = Feeding::start(&[])?;
        let measured = side_by_side(ROUNDS, &DEPTHS, |&depth| feeding.packet_us(depth, bytes));
        for (depth, measured) in DEPTHS.iter().zip(&measured) {
            let mut row = vec![bytes.to_string(), depth.to_string()];
            row.extend(spread(measured.figure));
            row.extend(spread(measured.ratio));
            table.row(&row);
        }
        let medians = measured.iter().map(|it| it.figure.median).collect();
        plot = plot.line(&format!("packets of {bytes} bytes"), medians);
    }
    Ok((table, plot))
}

/// How many bytes of bulk a client reads before the answer to its ping, if it asked for them a
/// moment before and has not read anything until now.
fn ahead() -> io::Result<Table> {
    let mut table = Table::new(&[
        "order",
        "what the kernel may hold",
        "KiB before the answer",
        "min",
        "max",
    ]);
    let as_they_come = ("as they come", ["--no-priorities"].as_slice());
    let control_first = ("control first", [].as_slice());
    let as_it_likes = ("as it likes", [].as_slice());
    let little = ("16 KiB", ["--kernel-bytes", "16384"].as_slice());
    for (order, ordered) in [as_they_come, control_first] {
        for (holding, held) in [as_it_likes, little] {
            let measured: io::Result<Vec<f64>> = (0..ROUNDS)
                .map(|_| Feeding::start(&[ordered, held].concat())?.kib_before_the_answer())
                .collect();
            let mut row = vec![order.to_string(), holding.to_string()];
            row.extend(spread(Spread::of(&measured?)));
            table.row(&row);
        }
    }
    Ok(table)
}

/// Server CPU a packet of bulk, with and without priorities.
fn cost() -> io::Result<Table> {
    let mut feeding = [Feeding::start(&["--no-priorities"])?, Feeding::start(&[])?];
    let measured = side_by_side(ROUNDS + 2, &[0, 1], |&case| feeding[case].packet_us(64, 64));
    let names = ["as they come", "control first"];
    let column = "server CPU a packet of 64 bytes, us";
    Ok(Table::of_cases("order", column, &names, &measured))
}

/// A server, and a client that asks it for bulk.
struct Feeding {
    server: Server,
    client: Client,
}

impl Feeding {
    fn start(arguments: &[&str]) -> io::Result<Feeding> {
        let arguments = [&["--port", "0"], arguments].concat();
        let server = Server::start(std::env::current_exe()?, &arguments)?;
        let client = Client::narrow(server.address(), 64 * 1024)?;
        Ok(Feeding { server, client })
    }

    /// Server CPU a packet, in microseconds, when `depth` of them are asked for at once.
    fn packet_us(&mut self, depth: usize, bytes: usize) -> f64 {
        let packets = PACKETS.min(BYTES / bytes).max(depth);
        let mut received = vec![0; depth * bytes];
        let before = self.server.usage();
        for _ in 0..packets / depth {
            let asked = self
                .client
                .send(format!("bulk {depth} {bytes}\n").as_bytes());
            asked
                .and_then(|()| self.client.receive_into(&mut received))
                .unwrap();
        }
        assert!(received.ends_with(&feed::line(depth - 1, bytes)));
        let used = self.server.usage().since(before);
        used.cpu.as_secs_f64() * 1e6 / (packets / depth * depth) as f64
    }

    fn kib_before_the_answer(mut self) -> io::Result<f64> {
        let (count, bytes) = BULK;
        self.client
            .send(format!("bulk {count} {bytes}\n").as_bytes())?;
        // By then the kernels have taken what they do.
        thread::sleep(MOMENT);
        self.client.send(b"ping me\n")?;
        let mut before = 0;
        // As long as the number of a packet is.
        while self.client.receive(8)? != b"pong me\n" {
            self.client.receive(bytes - 8)?;
            before += bytes;
        }
        Ok(before as f64 / 1024.0)
    }
}

fn spread(it: Spread) -> [String; 3] {
    [it.median, it.min, it.max].map(number)
}
