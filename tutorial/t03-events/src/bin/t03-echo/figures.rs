//! What the README's table says.

use lesson_lab::{Client, Figures, Server, Table, side_by_side};
use std::io;

const ROUNDS: usize = 9;
const ECHOES: usize = 4_000;

/// Measures what events cost beside step 2, which has none.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    let mut steps = [
        start(&["step-two", "--port", "0"])?,
        start(&["--port", "0"])?,
    ];
    let measured = side_by_side(ROUNDS, &[0, 1], |&step| {
        let (server, client) = &mut steps[step];
        echo_us(server, client)
    });
    let names = ["step 2, in one piece", "step 3, over the library"];
    let table = Table::of_cases("", "server CPU an echo of 64 bytes, us", &names, &measured);
    figures.write_table("events", "What the events cost", &table)
}

fn start(arguments: &[&str]) -> io::Result<(Server, Client)> {
    let server = Server::start(std::env::current_exe()?, arguments)?;
    let client = server.connect()?;
    Ok((server, client))
}

/// CPU time of the server for an echo, in microseconds.
fn echo_us(server: &Server, client: &mut Client) -> f64 {
    let before = server.usage();
    for _ in 0..ECHOES {
        let echo = client.echo(&[b'x'; 64]);
        assert_eq!(echo.unwrap().len(), 64);
    }
    server.usage().since(before).cpu.as_secs_f64() * 1e6 / ECHOES as f64
}
