//! What the README's tables say.

use lesson_lab::{Client, Figures, Server, Spread, Table, crowd, number, side_by_side};
use std::io;
use t01_echo::descriptors;

/// How many clients there may be, and are.
const CLIENTS: [usize; 3] = [1, 100, if cfg!(windows) { 1_000 } else { 10_000 }];
const ROUNDS: usize = 7;
const ECHOES: usize = 4_000;

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    figures.write_table(
        "clients",
        "What the largest number of clients does",
        &clients()?,
    )?;
    figures.write_table("timeline", "One echo, in time", &timeline()?)
}

/// A server with as many clients as it takes, and its memory before and after they came.
struct Full {
    server: Server,
    clients: Vec<Client>,
    at_start: u64,
    when_full: u64,
}

impl Full {
    fn with(clients_max: usize) -> io::Result<Full> {
        let server = start(&["--clients-max", &clients_max.to_string()])?;
        let at_start = server.usage().resident_bytes;
        let mut clients = crowd(server.address(), clients_max)?;
        for client in &mut clients {
            client.echo(&[b'x'; 64])?;
        }
        Ok(Full {
            at_start,
            when_full: server.usage().resident_bytes,
            server,
            clients,
        })
    }

    /// CPU time of the server for an echo, in microseconds.
    fn echo_us(&mut self) -> f64 {
        let before = self.server.usage();
        let clients = self.clients.len();
        for index in 0..ECHOES {
            let echo = self.clients[index % clients].echo(&[b'x'; 64]);
            assert_eq!(echo.unwrap().len(), 64);
        }
        self.server.usage().since(before).cpu.as_secs_f64() * 1e6 / ECHOES as f64
    }
}

fn clients() -> io::Result<Table> {
    descriptors::provide(CLIENTS.iter().sum())?;
    let mut servers = CLIENTS.map(|clients_max| Full::with(clients_max).unwrap());
    let measured = side_by_side(ROUNDS, &[0, 1, 2], |&case| servers[case].echo_us());
    let columns = [
        "clients at most",
        "KiB at start",
        "KiB when full",
        "server CPU an echo, us",
        "min",
        "max",
        "ratio",
        "min",
        "max",
    ];
    let mut table = Table::new(&columns);
    for ((clients_max, full), measured) in CLIENTS.iter().zip(&servers).zip(&measured) {
        let kib = |bytes: u64| number((bytes / 1024) as f64);
        let spread = |it: Spread| [it.median, it.min, it.max].map(number);
        let mut row = vec![
            number(*clients_max as f64),
            kib(full.at_start),
            kib(full.when_full),
        ];
        row.extend(spread(measured.figure));
        row.extend(spread(measured.ratio));
        table.row(&row);
    }
    for full in servers {
        full.clients.into_iter().try_for_each(Client::reset)?;
    }
    Ok(table)
}

fn timeline() -> io::Result<Table> {
    let mut server = start(&["--trace"])?;
    let mut client = server.connect()?;
    client.echo(b"hello")?;
    client.half_close()?;
    server.wait_for_line(|line| line.contains("disconnected"))?;
    let mut table = Table::new(&["what", "ms since start"]);
    for line in server.said() {
        if let Some((ms, what)) = line.split_once(" ms  session 0: ") {
            table.row(&[what, ms.trim()]);
        }
    }
    Ok(table)
}

fn start(arguments: &[&str]) -> io::Result<Server> {
    Server::start(
        std::env::current_exe()?,
        &[&["--port", "0"], arguments].concat(),
    )
}
