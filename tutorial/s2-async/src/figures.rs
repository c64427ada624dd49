//! How often each server waits, and how many clients it can wait for. None of it is a time, so
//! that it can be counted under Wine as well.

use lesson_lab::{Client, Figures, Plot, Spread, Table, crowd, number};
use s2_async::{Counts, Model};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

const MODELS: [Model; 2] = [Model::Readiness, Model::Completion];
/// How many clients talk at the same time; the last number is all that Windows takes.
const CLIENTS: [usize; 4] = [1, 4, 16, 63];
const ROUNDS: usize = 9;
/// Of each client in each round.
const MESSAGES: usize = 50;
const MESSAGE: &[u8] = b"thirty-two bytes, as in a chat..";
/// So many come to see where the wall is.
const VISITORS: usize = 200;

/// Writes the tables and the plot, for the system that this is.
pub(crate) fn write() -> io::Result<()> {
    let figures = Figures::of(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"));
    let on = std::env::consts::OS;
    let (table, plot) = waits()?;
    figures.write_table(&format!("waits-{on}"), "Waits a message", &table)?;
    figures.write_plot(&format!("waits-{on}"), &plot)?;
    figures.write_table(
        &format!("wall-{on}"),
        "Who is served by one thread",
        &wall()?,
    )
}

fn waits() -> io::Result<(Table, Plot)> {
    let mut table = Table::new(&["model", "clients", "waits a message", "min", "max"]);
    let mut plot = Plot::new("Waits a message, by clients that talk at once", &CLIENTS);
    for model in MODELS {
        let (address, counts) = model.start()?;
        let mut all = crowd(address, CLIENTS[CLIENTS.len() - 1])?;
        talk(&mut all)?;
        let mut medians = Vec::new();
        for talking in CLIENTS {
            let rounds = (0..ROUNDS).map(|_| waits_a_message(&counts, &mut all[..talking]));
            let spread = Spread::of(&rounds.collect::<io::Result<Vec<_>>>()?);
            let figures = [spread.median, spread.min, spread.max].map(number);
            let mut row = vec![format!("{model:?}"), talking.to_string()];
            row.extend(figures);
            table.row(&row);
            medians.push(spread.median);
        }
        plot = plot.line(&format!("{model:?}"), medians);
    }
    Ok((table, plot))
}

fn waits_a_message(counts: &Counts, clients: &mut [Client]) -> io::Result<f64> {
    let now = || [&counts.waits, &counts.messages].map(|count| count.load(Ordering::Relaxed));
    let [waits, messages] = now();
    talk(clients)?;
    let [waits_then, messages_then] = now();
    Ok((waits_then - waits) as f64 / (messages_then - messages) as f64)
}

/// Every client says something, and every client hears it; again and again.
fn talk(clients: &mut [Client]) -> io::Result<()> {
    for _ in 0..MESSAGES {
        for client in clients.iter_mut() {
            client.send(MESSAGE)?;
        }
        for client in clients.iter_mut() {
            client.receive(MESSAGE.len())?;
        }
    }
    Ok(())
}

fn wall() -> io::Result<Table> {
    let mut table = Table::new(&["model", "clients that came", "that are served"]);
    for model in MODELS {
        let (address, _) = model.start()?;
        let served = served_of(address, VISITORS)?;
        table.row(&[
            format!("{model:?}"),
            VISITORS.to_string(),
            served.to_string(),
        ]);
    }
    Ok(table)
}

/// How many of so many clients are served, all of them there at the same time.
fn served_of(address: SocketAddr, visitors: usize) -> io::Result<usize> {
    let mut clients = crowd(address, visitors)?;
    Ok(clients
        .iter_mut()
        .filter_map(|client| client.echo(MESSAGE).ok())
        .count())
}
