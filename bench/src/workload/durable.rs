//! Durable messages: whispers, each acknowledged once a power cut cannot take it any more. Many are
//! under way at once, so the store commits them in groups.

use super::{Cell, Sample};
use crate::client::{BUSY, Crowd, Dialect, Event, latencies, platform};
use crate::hiccup::Probe;
use crate::server::{Scale, Server, Who};
use hdrhistogram::Histogram;

const SESSIONS: usize = 64;
/// Whispers that each has under way.
const IN_FLIGHT: u32 = 4;
/// Whispers of each, and before that.
const WHISPERS: u32 = 500;
const WARM_UP: u32 = 20;

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    vec![Cell {
        workload: "durable messages",
        scale: Scale {
            sessions: SESSIONS,
            per_room: 10,
        },
        in_flight: IN_FLIGHT,
        rate: f64::from(if quick { WHISPERS / 5 } else { WHISPERS }),
        servers: vec![Who::Wharf, Who::WharfAgain],
        counts: false,
        measure,
    }]
}

fn measure(cell: &Cell, who: Who) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut people = People::gather(&server)?;
    people.whisper(WARM_UP)?;
    let store = |name: &str| name.starts_with("store-");
    let before = (server.usage(), server.usage_of(store));
    let (began_ns, probe) = (people.crowd.now_ns(), Probe::start());
    let latency = people.whisper(cell.rate as u32);
    let seconds = (people.crowd.now_ns() - began_ns) as f64 / 1e9;
    let (after, hiccups) = ((server.usage(), server.usage_of(store)), probe.stop());
    let latency = latency?;
    let messages = latency.len() as f64;
    let cpu_ns = (after.0.cpu_ns - before.0.cpu_ns) as f64;
    let quantile = |quantile| latency.value_at_quantile(quantile) as f64;
    Ok(Sample {
        cpu_us_per_message: cpu_ns / 1e3 / messages,
        store_us_per_message: (after.1.cpu_ns - before.1.cpu_ns) as f64 / 1e3 / messages,
        per_second: messages / seconds,
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        p999_us: quantile(0.999),
        resident_kib: after.0.resident_kib as f64,
        switches_per_message: after.0.switches.saturating_sub(before.0.switches) as f64 / messages,
        server_busy: cpu_ns / 1e9 / seconds,
        hiccup_p99_us: hiccups.p99_us,
        hiccup_max_us: hiccups.max_us,
        ..Sample::default()
    })
}

/// Those who whisper: each to the next.
struct People {
    crowd: Crowd,
    accounts: Vec<i64>,
    /// What each says next.
    serials: Vec<u32>,
}

impl People {
    fn gather(server: &Server) -> Result<Self, String> {
        let mut crowd = Crowd::empty(Dialect::Platform)?;
        for client in 0..SESSIONS {
            crowd.connect(server.address, client as u32 / 10)?;
        }
        let (mut accounts, mut ready) = (vec![0; SESSIONS], 0);
        while ready < SESSIONS {
            crowd.turn(Crowd::patience(), |client, event| {
                match event {
                    Event::LoggedIn { account, .. } => accounts[client] = account,
                    Event::Ready => ready += 1,
                    Event::Busy => return Err(BUSY.into()),
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(Self {
            crowd,
            accounts,
            serials: vec![0; SESSIONS],
        })
    }

    /// Has each say so much more; how long each acknowledgement took, in microseconds.
    fn whisper(&mut self, count: u32) -> Result<Histogram<u64>, String> {
        let mut latency = latencies();
        let first = self.serials.clone();
        // When each was said, by sender and number.
        let mut said: Vec<Vec<u64>> = vec![Vec::new(); SESSIONS];
        let mut due: Vec<usize> = (0..SESSIONS)
            .flat_map(|it| [it; IN_FLIGHT as usize])
            .collect();
        while latency.len() < u64::from(count) * SESSIONS as u64 {
            let now_ns = self.crowd.now_ns();
            for sender in due.drain(..) {
                if said[sender].len() < count as usize {
                    said[sender].push(now_ns);
                    let to = self.accounts[(sender + 1) % SESSIONS];
                    let whisper = platform::whisper(to, self.serials[sender]);
                    self.serials[sender] += 1;
                    self.crowd.send(sender, &whisper);
                }
            }
            let mut heard = Vec::new();
            self.crowd.turn(Crowd::patience(), |client, event| {
                let (request, stored) = match event {
                    Event::Said { request, stored } => (request, stored),
                    Event::Busy => return Err(BUSY.into()),
                    _ => return Ok(()),
                };
                let serial = platform::serial_of(request).ok_or("an answer to nothing")?;
                heard.push((client, serial));
                match stored {
                    true => Ok(()),
                    false => Err("a whisper is not durable".into()),
                }
            })?;
            let now_ns = self.crowd.now_ns();
            for (client, serial) in heard {
                let number = serial.checked_sub(first[client]).map(|it| it as usize);
                let since = number.and_then(|number| said[client].get(number));
                let since = since.ok_or("an answer to what was not said")?;
                latency.saturating_record((now_ns - since) / 1_000);
                due.push(client);
            }
        }
        Ok(latency)
    }
}
