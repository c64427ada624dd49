//! Logins by token: connect, log in, enter, close, over and over. What the accounts cost shows
//! beside a program that only exchanges the same bytes.

use super::{Cell, Method, Sample, used, why_of};
use crate::client::{BUSY, Crowd, Dialect, Event, platform};
use crate::server::{Scale, Server, Who};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Clients at once.
const AT_ONCE: usize = 50;
/// Accounts, which come one after the other: when one comes again, it has long gone.
const ACCOUNTS: usize = 500;
/// Logins of a measurement, and before it.
const LOGINS: u64 = 10_000;
const WARM_UP: u64 = 1_000;

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    vec![Cell {
        workload: "token login",
        scale: Scale {
            sessions: ACCOUNTS,
            per_room: 1,
        },
        in_flight: 1,
        rate: (if quick { LOGINS / 5 } else { LOGINS }) as f64,
        span: Duration::ZERO,
        servers: vec![Who::Wharf, Who::WharfAgain, Who::Peer("peer-tokio-login")],
        counts: false,
        method: Method::Alone(measure),
    }]
}

fn measure(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut people = People::gather(&server)?;
    people.come_and_go(WARM_UP)?;
    let store = |name: &str| name.starts_with("store-");
    let store_before = server.usage_of(store);
    let (before, began) = (server.usage(), Instant::now());
    let logins = cell.rate as u64;
    let came = people.come_and_go(logins);
    came.map_err(|why| why_of(&server, why))?;
    let (after, seconds) = (server.usage(), began.elapsed().as_secs_f64());
    let store_used = server.usage_of(store).since(store_before)?;
    let used = used(after, before)?;
    let (cpu_ns, switches) = (used.cpu_ns as f64, used.switches as f64);
    Ok(Sample {
        cpu_us_per_message: cpu_ns / 1e3 / logins as f64,
        store_us_per_message: store_used.cpu_ns as f64 / 1e3 / logins as f64,
        per_second: logins as f64 / seconds,
        resident_kib: after.resident_kib as f64,
        switches_per_message: switches / logins as f64,
        server_busy: cpu_ns / 1e9 / seconds,
        ..Sample::default()
    })
}

/// People with accounts. All links are of one crowd, as those of churn.
struct People<'a> {
    server: &'a Server,
    crowd: Crowd,
    /// Tokens of those who are away, the longest first; each with its room, where it is alone.
    away: VecDeque<(Vec<u8>, u32)>,
    /// The room and the new token of each link.
    links: Vec<(u32, Vec<u8>)>,
}

impl<'a> People<'a> {
    /// Makes the accounts.
    fn gather(server: &'a Server) -> Result<Self, String> {
        let mut people = Self {
            server,
            crowd: Crowd::empty(Dialect::Platform)?,
            away: VecDeque::new(),
            links: Vec::new(),
        };
        let (mut come, mut gone) = (0, 0);
        while gone < ACCOUNTS {
            while come < ACCOUNTS && come - gone < AT_ONCE {
                people.crowd.connect(server.address, come as u32)?;
                people.links.push((come as u32, Vec::new()));
                come += 1;
            }
            gone += people.turn()?;
        }
        Ok(people)
    }

    /// Has so many come, log in by their tokens, enter, and go.
    fn come_and_go(&mut self, logins: u64) -> Result<(), String> {
        let (mut come, mut gone) = (0, 0);
        while gone < logins {
            while come < logins && come - gone < AT_ONCE as u64 {
                let (token, room) = self.away.pop_front().ok_or("nobody is away")?;
                let hello = platform::returning(&token, room);
                self.crowd
                    .connect_saying(self.server.address, room, hello)?;
                self.links.push((room, Vec::new()));
                come += 1;
            }
            gone += self.turn()? as u64;
        }
        Ok(())
    }

    /// Those who are in their rooms go; how many.
    fn turn(&mut self) -> Result<usize, String> {
        let (links, mut ready) = (&mut self.links, Vec::new());
        self.crowd.turn(Crowd::patience(), |client, event| {
            match event {
                Event::LoggedIn { token, .. } => links[client].1 = token,
                Event::Entered { .. } => ready.push(client),
                Event::Busy => return Err(BUSY.into()),
                _ => {}
            }
            Ok(())
        })?;
        for client in &ready {
            self.crowd.close(*client);
            let (room, token) = &mut self.links[*client];
            self.away.push_back((std::mem::take(token), *room));
        }
        Ok(ready.len())
    }
}
