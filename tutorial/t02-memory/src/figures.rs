//! What the README's tables say.

use lesson_lab::{Client, Figures, Plot, Server, Table, crowd, number, side_by_side};
use std::io;
use std::time::Instant;
use t01_echo::descriptors;

const CLIENTS: usize = 1_000;
const ROUNDS: usize = 7;
const BUFFER_BYTES: [usize; 6] = [64, 256, 1024, 4096, 16_384, 65_536];
const MESSAGE_BYTES: [usize; 3] = [64, 1024, 16_384];
/// What the echoes of one measurement come to, if they are more than a few.
const BYTES: usize = 1 << 20;
const ECHOES_MAX: usize = 2_000;

/// Measures all of it.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    descriptors::provide(2 * CLIENTS)?;
    figures.write_table("memory", "Memory of the process, 1,000 clients", &memory()?)?;
    figures.write_table("speed", "What lending costs", &speed()?)?;
    let mut plot = Plot::new(
        "Server CPU a KiB echoed, by buffer size (us)",
        &BUFFER_BYTES,
    );
    for message_bytes in MESSAGE_BYTES {
        let title = format!("Messages of {message_bytes} bytes");
        let (table, medians) = sweep(message_bytes)?;
        figures.write_table(&format!("messages-{message_bytes}"), &title, &table)?;
        plot = plot.line(&title, medians);
    }
    figures.write_plot("buffers", &plot.logarithmic())
}

/// What a process uses while 1,000 clients come, talk, fall silent, and go.
fn memory() -> io::Result<Table> {
    let clients_max = CLIENTS.to_string();
    let mut servers = [
        start(&["step-one", "--port", "0", "--clients-max", &clients_max])?,
        start(&["--port", "0", "--clients-max", &clients_max])?,
    ];
    let mut clients = [Vec::new(), Vec::new()];
    let mut table = Table::new(&["", "step 1, KiB", "step 2, KiB", "less, bytes a client"]);
    let mut row = |what: &str, servers: &[Server; 2]| {
        let [then, now] = [0, 1].map(|step| servers[step].usage().resident_bytes as f64);
        let kib = |bytes: f64| number(bytes / 1024.0);
        let less = number((then - now) / CLIENTS as f64);
        table.row(&[what, &kib(then), &kib(now), &less]);
    };
    row("at start", &servers);
    for (server, clients) in servers.iter().zip(&mut clients) {
        *clients = crowd(server.address(), CLIENTS)?;
    }
    row("all connected", &servers);
    for client in clients.iter_mut().flatten() {
        client.echo(&[b'x'; 1000])?;
    }
    row("all have talked", &servers);
    clients.into_iter().flatten().try_for_each(Client::reset)?;
    for server in &mut servers {
        let mut gone = 0;
        server.wait_for_line(|line| {
            gone += usize::from(line.contains("disconnected"));
            gone == CLIENTS
        })?;
    }
    row("all have gone", &servers);
    let times = format!("{} bytes a client", size_of::<[Instant; 2]>());
    table.row(&["of which `connected` and `last_active`", "", &times, ""]);
    Ok(table)
}

/// Server CPU for an echo, beside step 1.
fn speed() -> io::Result<Table> {
    let mut echoing = [
        Echoing::with(&["step-one", "--port", "0"], 64)?,
        Echoing::with(&["--port", "0"], 64)?,
    ];
    let measured = side_by_side(ROUNDS, &[0, 1], |&step| echoing[step].echo_us());
    let steps = ["step 1", "step 2"];
    let column = "server CPU an echo of 64 bytes, us";
    Ok(Table::of_cases("", column, &steps, &measured))
}

/// Server CPU for an echo by size of the buffers; and of each KiB.
fn sweep(message_bytes: usize) -> io::Result<(Table, Vec<f64>)> {
    let echoing = |bytes: &usize| {
        let buffer_bytes = bytes.to_string();
        Echoing::with(
            &["--port", "0", "--buffer-bytes", &buffer_bytes],
            message_bytes,
        )
    };
    let mut echoing = BUFFER_BYTES
        .iter()
        .map(echoing)
        .collect::<io::Result<Vec<_>>>()?;
    let cases: Vec<usize> = (0..echoing.len()).collect();
    let measured = side_by_side(ROUNDS, &cases, |&case| echoing[case].echo_us());
    let column = "server CPU an echo, us";
    let table = Table::of_cases("bytes of a buffer", column, &BUFFER_BYTES, &measured);
    let of_a_kib = |us: f64| us * 1024.0 / message_bytes as f64;
    let medians = measured.iter().map(|it| of_a_kib(it.figure.median));
    Ok((table, medians.collect()))
}

/// A server, and a client that has it echo.
struct Echoing {
    server: Server,
    client: Client,
    message: Vec<u8>,
}

impl Echoing {
    fn with(arguments: &[&str], message_bytes: usize) -> io::Result<Echoing> {
        let server = start(arguments)?;
        let mut client = server.connect()?;
        let message = vec![b'x'; message_bytes];
        client.echo(&message)?;
        Ok(Echoing {
            server,
            client,
            message,
        })
    }

    fn echo_us(&mut self) -> f64 {
        let echoes = (BYTES / self.message.len()).min(ECHOES_MAX);
        let before = self.server.usage();
        for _ in 0..echoes {
            let echo = self.client.echo(&self.message);
            assert_eq!(echo.unwrap().len(), self.message.len());
        }
        self.server.usage().since(before).cpu.as_secs_f64() * 1e6 / echoes as f64
    }
}

fn start(arguments: &[&str]) -> io::Result<Server> {
    Server::start(std::env::current_exe()?, arguments)
}
