//! Echo through content against the two peers: server CPU per message and median latency.

use crate::process::{Server, json_number, median, run_bots};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds of each measurement.
const SECONDS: &str = "3";

struct Row {
    name: &'static str,
    start: fn(u16) -> Server,
    cpu_us: Vec<f64>,
    p50_us: Vec<f64>,
}

/// Measures `rounds` rounds and prints medians and the ratios to Wharf.
pub fn run(rounds: u32, sessions: u32) {
    let row = |name, start| Row {
        name,
        start,
        cpu_us: Vec::new(),
        p50_us: Vec::new(),
    };
    let mut rows = [
        row("wharf", |port| Server::wharf(port, &[])),
        row("wharf again", |port| Server::wharf(port, &[])),
        row("wharf split", |port| {
            Server::wharf(port, &["placement=split"])
        }),
        row("bare io_uring", |port| Server::peer("peer-uring", port)),
        row("tokio", |port| Server::peer("peer-tokio", port)),
    ];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for round in 0..rounds {
        shuffle(&mut order);
        for &index in &order {
            let port = 20_000 + (round * 8) as u16 + index as u16;
            let (cpu_us, p50_us) = measure((rows[index].start)(port), sessions);
            rows[index].cpu_us.push(cpu_us);
            rows[index].p50_us.push(p50_us);
            eprintln!(
                "round {round}: {:<14} {cpu_us:6.2} us/message",
                rows[index].name
            );
        }
    }
    println!("{sessions} sessions, 64-byte frames, one in flight, {rounds} rounds");
    println!("server           CPU us/msg (min-max)      wharf/it   p50 us   wharf/it");
    let (cpu, p50) = (rows[0].cpu_us.clone(), rows[0].p50_us.clone());
    for row in &rows {
        println!(
            "{:<15} {:6.2} ({:5.2}-{:5.2}) {:14.3} {:8.0} {:10.3}",
            row.name,
            median(&row.cpu_us),
            row.cpu_us.iter().copied().fold(f64::MAX, f64::min),
            row.cpu_us.iter().copied().fold(0.0, f64::max),
            median(&ratios(&cpu, &row.cpu_us)),
            median(&row.p50_us),
            median(&ratios(&p50, &row.p50_us)),
        );
    }
}

fn measure(server: Server, sessions: u32) -> (f64, f64) {
    let sessions = sessions.to_string();
    let arguments = [
        "echo",
        "--target",
        &server.address,
        "--sessions",
        &sessions,
        "--seconds",
        SECONDS,
        "--rate",
        "0",
        "--in-flight",
        "1",
        "--no-login",
    ];
    let before = server.usage();
    let report = run_bots(&arguments);
    let cpu_ns = server.usage().cpu_ns - before.cpu_ns;
    let messages = json_number(&report, "delivered");
    (
        cpu_ns as f64 / 1_000.0 / messages,
        json_number(&report, "p50_us"),
    )
}

fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect()
}

/// A new order each round, so that no server always runs after the same one.
fn shuffle(order: &mut [usize]) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut state = now.as_nanos() as u64 | 1;
    for index in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(index, (state % (index as u64 + 1)) as usize);
    }
}
