//! What the README's tables say, counted.

use lesson_lab::{Client, Figures, Spread, Table, number, wait_until};
use s4_echo::load::stop_under_load;
use s4_echo::mishaps::{self, Fate, MISHAPS, Mishap};
use std::io;

/// How often each mishap happens.
const TIMES: usize = 50;
/// How often a server is stopped, and how many clients talk then.
const STOPS: usize = 10;
const TALKERS: usize = 16;

/// Writes all tables.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    figures.write_table("errors", "Ten errors, and who notices", &errors()?)?;
    figures.write_table("stop", "Stopped under load", &stops()?)
}

fn errors() -> io::Result<Table> {
    let columns = [
        "what goes wrong",
        "times",
        "its client is served on",
        "bystander's echoes lost",
        "newcomers not served",
        "structures not freed",
    ];
    let mut table = Table::new(&columns);
    for mishap in &MISHAPS {
        let counts = [TIMES].into_iter().chain(consequences(mishap)?);
        let mut row = vec![mishap.name.to_owned()];
        row.extend(counts.map(|count| count.to_string()));
        table.row(&row);
    }
    Ok(table)
}

/// Who was served on, what a bystander lost, which newcomers were not served, what was not freed.
fn consequences(mishap: &Mishap) -> io::Result<[usize; 4]> {
    let server = mishaps::server()?;
    let mut bystander = Client::connect(server.address())?;
    bystander.echo(b"I am here")?;
    let [mut served, mut lost, mut turned_away] = [0; 3];
    for _ in 0..TIMES {
        served += usize::from(mishap.happen(&server)? == Fate::Served);
        lost += usize::from(bystander.echo(b"and me?").is_err());
        let newcomer = Client::connect(server.address());
        let echoed = newcomer.and_then(|mut newcomer| newcomer.echo(b"hello"));
        turned_away += usize::from(echoed.is_err());
        wait_until("the others have left", || server.clients().len() <= 1);
    }
    drop(bystander);
    let alive = server.stop(lesson_lab::PATIENCE)?.alive;
    Ok([served, lost, turned_away, alive.handles + alive.ios])
}

fn stops() -> io::Result<Table> {
    let mut table = Table::new(&["of each stop", "median", "min", "max"]);
    let stops = (0..STOPS)
        .map(|_| stop_under_load(TALKERS))
        .collect::<io::Result<Vec<_>>>()?;
    let mut row = |what: &str, figure: &dyn Fn(&s4_echo::load::StopUnderLoad) -> u64| {
        let figures: Vec<f64> = stops.iter().map(|stop| figure(stop) as f64).collect();
        let Spread { median, min, max } = Spread::of(&figures);
        table.row(&[what.to_owned(), number(median), number(min), number(max)]);
    };
    row("bytes taken from clients", &|stop| {
        stop.stopped.counts.taken
    });
    row("bytes that clients got back", &|stop| {
        stop.heard.iter().map(|it| it.bytes).sum()
    });
    row("clients whose stream did not end in order", &|stop| {
        stop.heard.iter().filter(|it| !it.ended_in_order).count() as u64
    });
    Ok(table)
}
