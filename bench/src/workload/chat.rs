//! Chat: everybody speaks now and then, in rooms of several sizes; at a rate that all servers keep
//! up with, then at rising rates until it is too much.

use super::{AFTERMATH, AGAIN_WARM, Cell, Measure, Method, Sample, fanout, metered};
use crate::client::{Crowd, Load, SERVER_ENDED};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Deliveries a second of the fixed rate, which is the first of the rising ones, and for how long.
const RATE: f64 = 40_000.0;
const SPAN: Duration = Duration::from_millis(250);
const GROWTH_SPAN: Duration = Duration::from_secs(2);
/// Each rate is so many times the one before, for so long.
const RISE: f64 = 1.25;
const STEP: Duration = Duration::from_secs(1);
const STEPS_MAX: u32 = 30;
/// A server keeps up with a rate if it delivers that share of it while it is offered.
const KEPT_UP: f64 = 0.97;
/// The workload of the rising rates.
pub const SATURATION: &str = "chat saturation";

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let shapes: &[(usize, usize)] = match quick {
        true => &[(100, 10)],
        false => &[(1_000, 10), (1_000, 100), (1_000, 1_000)],
    };
    let at_rate = |&(sessions, per_room): &(usize, usize)| Cell {
        counts: !quick,
        span: SPAN,
        method: Method::Together(begin),
        ..cell("chat", sessions, per_room, &fanout::SERVERS)
    };
    let rising = |&(sessions, per_room): &(usize, usize)| Cell {
        method: Method::Alone(measure_rising),
        ..cell(SATURATION, sessions, per_room, &fanout::SERVERS)
    };
    let saturation = if quick { &[] } else { shapes };
    let cells = shapes.iter().map(at_rate);
    cells.chain(saturation.iter().map(rising)).collect()
}

/// How a delivery's cost grows with the sessions, in rooms of ten.
pub(super) fn growth() -> Vec<Cell> {
    let servers = [
        Who::Wharf,
        Who::WharfAgain,
        Who::Peer("peer-tokio-chat"),
        Who::Redis,
    ];
    let sizes = [10, 100, 1_000, 10_000, 19_000];
    sizes
        .into_iter()
        .map(|sessions| cell("chat growth", sessions, 10, &servers))
        .collect()
}

fn cell(workload: &'static str, sessions: usize, per_room: usize, servers: &[Who]) -> Cell {
    Cell {
        workload,
        scale: Scale { sessions, per_room },
        in_flight: 0,
        rate: RATE / per_room as f64,
        span: GROWTH_SPAN,
        servers: servers.to_vec(),
        counts: false,
        method: Method::Alone(measure_at_rate),
    }
}

fn gather(cell: &Cell, who: Who, server: &Server) -> Result<Load, String> {
    let Scale { sessions, per_room } = cell.scale;
    let crowd = Crowd::gather(server.address, who.room_dialect(), sessions, per_room)?;
    let mut load = Load::new(crowd, per_room);
    load.open_loop(sessions, cell.rate, AFTERMATH)?;
    Ok(load)
}

fn measure_at_rate(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut load = gather(cell, who, &server)?;
    let senders = cell.scale.sessions;
    let run = metered(&server, || load.open_loop(senders, cell.rate, cell.span))?;
    Ok(Sample::at_a_rate(&run))
}

fn begin(cell: &Cell, who: Who) -> Result<Measure, String> {
    let cell = cell.clone();
    let server = Server::start(who, cell.scale)?;
    let mut load = gather(&cell, who, &server)?;
    let senders = cell.scale.sessions;
    let counted = cell.counted(&server, || load.open_loop(senders, cell.rate, cell.span))?;
    Ok(Box::new(move || {
        load.open_loop(senders, cell.rate, cell.span / AGAIN_WARM)?;
        let run = metered(&server, || load.open_loop(senders, cell.rate, cell.span))?;
        Ok(Sample::at_a_rate(&run).and_counts(counted))
    }))
}

fn measure_rising(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut load = gather(cell, who, &server)?;
    let senders = cell.scale.sessions;
    let run = metered(&server, || load.open_loop(senders, cell.rate, STEP))?;
    let most = saturate(cell, &server, &mut load, &Sample::at_a_rate(&run))?;
    Ok(Sample {
        capacity_per_second: most.per_second,
        ..most
    })
}

/// Offers more and more until it is too much; the step with the most deliveries a second. A step
/// that is not kept up with is tried once more: it may have been the machine that paused. One in
/// which the server ends connections, as it does with those that cannot take what others send them,
/// was too much as well, and the last.
fn saturate(
    cell: &Cell,
    server: &Server,
    load: &mut Load,
    at_rate: &Sample,
) -> Result<Sample, String> {
    let senders = cell.scale.sessions;
    let mut most = at_rate.clone();
    let (mut rate, mut tries) = (cell.rate * RISE, 0);
    for _ in 0..STEPS_MAX {
        let run = match metered(server, || load.open_loop(senders, rate, STEP)) {
            Err(error) if error.starts_with(SERVER_ENDED) && server.lives() => {
                most.cut_above_per_second = rate * cell.scale.per_room as f64;
                break;
            }
            run => run?,
        };
        let step = Sample::at_a_rate(&run);
        let kept_up = step.per_second > KEPT_UP * rate * cell.scale.per_room as f64;
        if step.per_second > most.per_second {
            most = step;
        }
        tries = if kept_up { 0 } else { tries + 1 };
        match tries {
            0 => rate *= RISE,
            1 => {}
            _ => break,
        }
    }
    Ok(most)
}
