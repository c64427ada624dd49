//! Churn: connect, log in, enter, leave, close, over and over.

use super::{AGAIN_WARM, Cell, Measure, Method, Sample, used, why_of};
use crate::client::{Crowd, Dialect, Event, leave};
use crate::server::{Scale, Server, Usage, Who};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Clients at once.
const AT_ONCE: usize = 50;
/// Logins of a measurement, and before the first.
const LOGINS: u64 = 3_000;
const WARM_UP: u64 = 2_000;
/// Logins after which a leak of a byte each would show.
const MANY_LOGINS: u64 = 1_000_000;
const LONG_WARM_UP: u64 = 50_000;

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let rivals = vec![Who::Wharf, Who::WharfAgain, Who::Peer("peer-tokio-chat")];
    let cell = Cell {
        workload: "churn",
        // Whoever is alone hears what the peer says too; to others in the room Wharf tells who
        // comes and goes, and the peer does not.
        scale: Scale {
            sessions: AT_ONCE,
            per_room: 1,
        },
        in_flight: 1,
        rate: 0.0,
        span: Duration::ZERO,
        servers: rivals,
        counts: false,
        method: Method::Together(begin),
    };
    let long = Cell {
        workload: "long churn",
        servers: vec![Who::Wharf, Who::WharfAgain],
        method: Method::Alone(measure_long),
        ..cell.clone()
    };
    if quick { vec![cell] } else { vec![cell, long] }
}

fn begin(cell: &Cell, who: Who) -> Result<Measure, String> {
    let server = Server::start(who, cell.scale)?;
    let mut churn = Churn::new(server.address)?;
    churn.run(WARM_UP)?;
    Ok(Box::new(move || {
        churn.run(LOGINS / u64::from(AGAIN_WARM))?;
        measure(&server, &mut churn, LOGINS)
    }))
}

fn measure_long(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut churn = Churn::new(server.address)?;
    churn.run(LONG_WARM_UP)?;
    measure(&server, &mut churn, MANY_LOGINS)
}

fn measure(server: &Server, churn: &mut Churn, logins: u64) -> Result<Sample, String> {
    let before = server.usage();
    let began = Instant::now();
    churn.run(logins).map_err(|why| why_of(server, why))?;
    let after = server.usage();
    let seconds = began.elapsed().as_secs_f64();
    let used = used(after, before)?;
    let cpu_ns = used.cpu_ns as f64;
    Ok(Sample {
        cpu_us_per_message: cpu_ns / 1e3 / logins as f64,
        per_second: logins as f64 / seconds,
        resident_kib: after.resident_kib as f64,
        bytes_per_session: grown(before, after) / logins as f64,
        switches_per_message: used.switches as f64 / logins as f64,
        server_busy: cpu_ns / 1e9 / seconds,
        ..Sample::default()
    })
}

fn grown(before: Usage, after: Usage) -> f64 {
    after.resident_kib.saturating_sub(before.resident_kib) as f64 * 1_024.0
}

/// Clients that come and go. All are of one crowd, whose numbers rise: so they leave from one
/// address after the other, and no port is wanted again while it rests (TIME_WAIT).
struct Churn {
    server: SocketAddr,
    crowd: Crowd,
    leaving: Vec<(usize, bool)>,
}

impl Churn {
    fn new(server: SocketAddr) -> Result<Self, String> {
        Ok(Self {
            server,
            crowd: Crowd::empty(Dialect::Classic)?,
            leaving: Vec::new(),
        })
    }

    /// Lets so many come and go; each is replaced as soon as the server has closed it.
    fn run(&mut self, logins: u64) -> Result<(), String> {
        let goodbye = leave();
        let (mut come, mut gone) = (0, 0);
        while gone < logins {
            while come < logins && come - gone < AT_ONCE as u64 {
                let room = (come % AT_ONCE as u64) as u32;
                self.crowd.connect(self.server, room)?;
                come += 1;
            }
            let leaving = &mut self.leaving;
            self.crowd.turn(Crowd::patience(), |client, event| {
                match event {
                    Event::Ready => leaving.push((client, false)),
                    Event::Left => leaving.push((client, true)),
                    _ => {}
                }
                Ok(())
            })?;
            for (client, left) in self.leaving.drain(..) {
                if left {
                    self.crowd.close(client);
                    gone += 1;
                } else {
                    self.crowd.send(client, &goodbye);
                }
            }
        }
        Ok(())
    }
}
