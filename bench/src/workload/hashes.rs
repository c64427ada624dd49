//! A storm of passwords: while a thousand newcomers want to be served by the one hash worker,
//! people chat. What do they notice?

use super::{Cell, Sample, metered};
use crate::client::{Crowd, Dialect, Event, Load, platform};
use crate::server::{Scale, Server, Who};
use std::time::Duration;

/// Deliveries a second.
const RATE: f64 = 40_000.0;
const PER_ROOM: usize = 10;
const SPAN: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(300);
/// Newcomers. Each password takes tens of milliseconds: as many wait as are served in good time,
/// for all of the run; the others are told to come again.
const NEWCOMERS: u32 = 1_000;

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let sessions = if quick { 100 } else { 1_000 };
    let cell = |workload, measure| Cell {
        workload,
        scale: Scale {
            sessions,
            per_room: PER_ROOM,
        },
        in_flight: 0,
        rate: RATE / PER_ROOM as f64,
        servers: vec![Who::Wharf, Who::WharfAgain],
        counts: false,
        measure,
    };
    vec![
        cell("hash storm, none", calm as _),
        cell("hash storm, a thousand", storm),
    ]
}

fn calm(cell: &Cell, who: Who) -> Result<Sample, String> {
    let (_server, sample, _) = measure(cell, who, |_| Ok(()))?;
    Ok(sample)
}

fn storm(cell: &Cell, who: Who) -> Result<Sample, String> {
    let (_server, sample, mut newcomers) = measure(cell, who, Newcomers::gather)?;
    newcomers.turn(Duration::ZERO)?;
    let Newcomers {
        served, refused, ..
    } = newcomers;
    match NEWCOMERS - served - refused {
        0 => Err(format!(
            "no password waited any more at the end: {served} were served, {refused} refused"
        )),
        _ if served == 0 => Err("no password was hashed meanwhile".into()),
        waiting => Ok(Sample {
            passwords_waiting: f64::from(waiting),
            passwords_refused: f64::from(refused),
            ..sample
        }),
    }
}

/// Chat as ever, with whoever else `gather` brings; what I/O and content cost.
fn measure<T>(
    cell: &Cell,
    who: Who,
    gather: impl FnOnce(&Server) -> Result<T, String>,
) -> Result<(Server, Sample, T), String> {
    let mut server = Server::start(who, cell.scale)?;
    server.count_threads(|name| name.starts_with("io-") || name.starts_with("logic-"));
    let Scale { sessions, per_room } = cell.scale;
    let crowd = Crowd::gather(server.address, Dialect::Classic, sessions, per_room)?;
    let mut load = Load::new(crowd, per_room);
    let others = gather(&server)?;
    load.open_loop(sessions, cell.rate, WARM_UP)?;
    let run = metered(&server, || load.open_loop(sessions, cell.rate, SPAN))?;
    Ok((server, Sample::at_a_rate(&run), others))
}

/// Newcomers whose passwords are with the server.
struct Newcomers {
    crowd: Crowd,
    /// Those whose Hello was answered.
    greeted: u32,
    /// Those who are in.
    served: u32,
    /// Those who were told to come again.
    refused: u32,
}

impl Newcomers {
    fn gather(server: &Server) -> Result<Self, String> {
        let mut newcomers = Self {
            crowd: Crowd::empty(Dialect::Platform)?,
            greeted: 0,
            served: 0,
            refused: 0,
        };
        let mut come = 0;
        while newcomers.greeted < NEWCOMERS {
            while come < NEWCOMERS && come - newcomers.greeted < 100 {
                let hello = platform::newcomer(come);
                newcomers.crowd.connect_saying(server.address, 0, hello)?;
                come += 1;
            }
            newcomers.turn(Crowd::patience())?;
        }
        Ok(newcomers)
    }

    fn turn(&mut self, patience: Duration) -> Result<(), String> {
        let (greeted, served, refused) = (&mut self.greeted, &mut self.served, &mut self.refused);
        self.crowd.turn(patience, |_, event| {
            match event {
                Event::Other => *greeted += 1,
                Event::LoggedIn { .. } => *served += 1,
                Event::Busy => *refused += 1,
                _ => {}
            }
            Ok(())
        })
    }
}
