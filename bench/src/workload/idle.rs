//! Idle: many sessions in rooms that say nothing, then each an 8-byte echo every second.

use super::{Cell, Method, Sample, metered};
use crate::client::{Crowd, Dialect, Event, Outcome, latencies, tick};
use crate::server::{Scale, Server, Who, kernel_tcp_kib};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a server may be busy with those who came.
const AFTERMATH: Duration = Duration::from_secs(2);

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let sessions = if quick { 1_000 } else { 19_000 };
    let servers = [
        Who::Wharf,
        Who::WharfAgain,
        Who::Peer("peer-tokio-chat"),
        Who::Redis,
        Who::Nats,
    ];
    vec![Cell {
        workload: "idle",
        scale: Scale {
            sessions,
            per_room: 10,
        },
        in_flight: 0,
        rate: sessions as f64,
        span: Duration::from_secs(if quick { 1 } else { 60 }),
        servers: servers.to_vec(),
        counts: false,
        method: Method::Alone(measure),
    }]
}

/// Memory after everybody is in, CPU of silence, and what an echo a second costs where the server
/// has an echo.
fn measure(cell: &Cell, who: Who) -> Result<Sample, String> {
    let span = cell.span;
    let Scale { sessions, per_room } = cell.scale;
    let server = Server::start(who, cell.scale)?;
    let empty = server.usage();
    let echoes = who.room_dialect() == Dialect::Classic;
    let mut crowd = Crowd::gather(server.address, who.room_dialect(), sessions, per_room)?;
    settle(&mut crowd)?;
    // What it does behind its clients' backs, once they are in, is not silence yet.
    std::thread::sleep(AFTERMATH);
    let before = server.usage();
    std::thread::sleep(span);
    let after = server.usage();
    let silence = Sample {
        server_busy: after.since(before)?.cpu_ns as f64 / span.as_nanos() as f64,
        resident_kib: after.resident_kib as f64,
        kernel_kib: kernel_tcp_kib() as f64,
        bytes_per_session: after.resident_kib.saturating_sub(empty.resident_kib) as f64 * 1_024.0
            / sessions as f64,
        ..Sample::default()
    };
    if !echoes {
        return Ok(silence);
    }
    let ticks = metered(&server, || tick_each_second(&mut crowd, span))?;
    Ok(Sample {
        server_busy: silence.server_busy,
        resident_kib: silence.resident_kib,
        bytes_per_session: silence.bytes_per_session,
        ..Sample::at_a_rate(&ticks)
    })
}

/// Reads what is still on its way: who entered, mostly.
fn settle(crowd: &mut Crowd) -> Result<(), String> {
    let mut is_quiet = false;
    while !is_quiet {
        is_quiet = true;
        crowd.turn(Duration::from_millis(300), |_, _| {
            is_quiet = false;
            Ok(())
        })?;
    }
    Ok(())
}

/// Each client ticks once a second, all of them evenly spread; each tick comes back.
fn tick_each_second(crowd: &mut Crowd, span: Duration) -> Result<Outcome, String> {
    let began_ns = crowd.now_ns();
    let interval_ns = 1_000_000_000 / crowd.len() as u64;
    let expected = crowd.len() as u64 * span.as_secs();
    // When each tick was due that has not come back yet, oldest first.
    let mut under_way: Vec<VecDeque<u64>> = vec![VecDeque::new(); crowd.len()];
    let (mut latency, mut lag) = (latencies(), latencies());
    let (mut begun, mut came) = (0, Vec::new());
    while latency.len() < expected {
        let now_ns = crowd.now_ns();
        while begun < expected && began_ns + begun * interval_ns <= now_ns {
            let client = (begun % crowd.len() as u64) as usize;
            let due_ns = began_ns + begun * interval_ns;
            lag.saturating_record((now_ns - due_ns) / 1_000);
            under_way[client].push_back(due_ns);
            crowd.send(client, &tick());
            begun += 1;
        }
        let patience = if begun < expected {
            Duration::ZERO
        } else {
            Crowd::patience()
        };
        crowd.turn(patience, |client, event| {
            came.extend((event == Event::Tick).then_some(client));
            Ok(())
        })?;
        let now_ns = crowd.now_ns();
        for client in came.drain(..) {
            let due_ns = under_way[client].pop_front();
            let due_ns = due_ns.ok_or_else(|| format!("client {client} got a tick twice"))?;
            latency.saturating_record(now_ns.saturating_sub(due_ns) / 1_000);
        }
    }
    Ok(Outcome {
        deliveries: expected,
        seconds: (crowd.now_ns() - began_ns) as f64 / 1e9,
        latency,
        lag,
    })
}
