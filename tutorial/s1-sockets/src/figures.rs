//! What a message costs each of the servers, by how many clients are connected.

use std::env;
use std::fmt::{self, Display};
use std::io;

use lesson_lab::{Client, Figures, Plot, Server, Table, crowd, side_by_side};

use crate::wall;

const ROUNDS: usize = 5;
const MESSAGES: usize = 4_000;
const SERVERS: [&str; 2] = ["threads", "select"];
/// As many as fit into C's sets on this system.
const CLIENTS: &[usize] = if cfg!(windows) {
    &[1, 10, 60]
} else {
    &[1, 10, 100, 1_000]
};

struct Case {
    server: &'static str,
    clients: usize,
}

impl Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", self.server, self.clients)
    }
}

/// Measures, and writes all figures of this package.
///
/// # Errors
///
/// When a file cannot be written.
///
/// # Panics
///
/// When a server does not start or does not answer.
pub fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    let system = env::consts::OS;

    let mut table = Table::new(&["tried", "what happens"]);
    wall::tried()?.iter().for_each(|row| table.row(row));
    let title = format!("One socket beyond the wall of select, on {system}");
    figures.write_table(&format!("wall-{system}"), &title, &table)?;

    let cases: Vec<Case> = SERVERS
        .iter()
        .flat_map(|server| CLIENTS.iter().map(|&clients| Case { server, clients }))
        .collect();
    let measured = side_by_side(ROUNDS, &cases, |case| {
        cpu_us_per_message(case).expect("a server that starts and answers")
    });
    let title = "The server's CPU time for a message, by connected clients";
    let table = Table::of_cases("server, clients", "us a message", &cases, &measured);
    figures.write_table(&format!("cpu-{system}"), title, &table)?;
    let mut plot = Plot::new(&format!("{title} (us)"), CLIENTS);
    for (server, measured) in SERVERS.iter().zip(measured.chunks(CLIENTS.len())) {
        plot = plot.line(server, measured.iter().map(|it| it.figure.median).collect());
    }
    figures.write_plot(&format!("cpu-{system}"), &plot)
}

/// All clients are connected; one of them speaks at a time, each in its turn.
fn cpu_us_per_message(case: &Case) -> io::Result<f64> {
    let server = Server::start(env::current_exe()?, &[case.server, "--port", "0"])?;
    let mut clients = crowd(server.address(), case.clients)?;
    let speak = |client: &mut Client| client.echo(b"sixteen bytes...");
    for client in &mut clients {
        speak(client)?;
    }
    let before = server.usage();
    for nth in 0..MESSAGES {
        speak(&mut clients[nth % case.clients])?;
    }
    let cpu = server.usage().since(before).cpu;
    Ok(cpu.as_secs_f64() * 1e6 / MESSAGES as f64)
}
