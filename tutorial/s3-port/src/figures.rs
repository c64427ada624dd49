//! How many workers a port should have: what an echo costs with 1, 2, 4 and 8 of them.

use lesson_lab::{Client, Figures, Measured, Plot, Server, Table, Usage, crowd, side_by_side};
use std::cell::RefCell;
use std::io;

const WORKERS: [&str; 4] = ["1", "2", "4", "8"];
const CLIENTS: usize = 64;
const ROUNDS: usize = 7;
/// Of each client in each round.
const MESSAGES: usize = 100;
const MESSAGE: &[u8] = b"thirty-two bytes, as in a chat..";

/// Writes the tables and the plot.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    let pools = WORKERS
        .map(Pool::start)
        .into_iter()
        .collect::<io::Result<Vec<_>>>()?;

    let cpu = measure(&pools, |used| used.cpu.as_nanos() as f64 / 1_000.0);
    let table = Table::of_cases("workers", "CPU a message, us", &WORKERS, &cpu);
    figures.write_table(
        "cpu",
        "What an echo costs, by the number of workers",
        &table,
    )?;

    let switches = measure(&pools, |used| used.switches as f64);
    let table = Table::of_cases("workers", "context switches a message", &WORKERS, &switches);
    figures.write_table(
        "switches",
        "Context switches, by the number of workers",
        &table,
    )?;

    let medians = |of: &[Measured]| of.iter().map(|it| it.figure.median).collect();
    let plot = Plot::new("An echo, by the number of workers", &WORKERS)
        .line("CPU a message, us", medians(&cpu))
        .line("context switches a message", medians(&switches));
    figures.write_plot("workers", &plot)
}

/// A server with so many workers, and its clients.
struct Pool {
    server: Server,
    clients: RefCell<Vec<Client>>,
}

impl Pool {
    fn start(workers: &str) -> io::Result<Self> {
        let arguments = ["--port", "0", "--quiet", "--workers", workers];
        let server = Server::start(std::env::current_exe()?, &arguments)?;
        let clients = RefCell::new(crowd(server.address(), CLIENTS)?);
        let pool = Self { server, clients };
        pool.talk().map(|()| pool)
    }

    /// Every client says something, and every client hears it; again and again.
    fn talk(&self) -> io::Result<()> {
        let mut clients = self.clients.borrow_mut();
        let mut heard = [0; MESSAGE.len()];
        for _ in 0..MESSAGES {
            for client in clients.iter_mut() {
                client.send(MESSAGE)?;
            }
            for client in clients.iter_mut() {
                client.receive_into(&mut heard)?;
            }
        }
        Ok(())
    }
}

/// What the servers use, divided by the messages.
fn measure(pools: &[Pool], figure: impl Fn(Usage) -> f64) -> Vec<Measured> {
    side_by_side(ROUNDS, pools, |pool| {
        let before = pool.server.usage();
        pool.talk().expect("the server answers everybody");
        figure(pool.server.usage().since(before)) / (CLIENTS * MESSAGES) as f64
    })
}
