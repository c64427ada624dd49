//! Durable messages: whispers, and lines in rooms that keep what is said before they deliver it.
//! Each is acknowledged once a power cut cannot take it any more. Many are under way at once, so
//! the store commits them in groups.

use super::{Cell, Method, Sample, used, why_of};
use crate::client::{BUSY, Crowd, Dialect, Event, Mark, Order, latencies, platform};
use crate::hiccup::Probe;
use crate::server::{Scale, Server, Who};
use hdrhistogram::Histogram;
use std::time::Duration;

const SESSIONS: usize = 64;
const PER_ROOM: usize = 8;
/// Messages that each has under way.
const IN_FLIGHT: u32 = 4;
/// Messages of each, and before that.
const MESSAGES: u32 = 500;
const WARM_UP: u32 = 20;

pub(super) fn cells(quick: bool) -> Vec<Cell> {
    let cell = |workload, measure| Cell {
        workload,
        scale: Scale {
            sessions: SESSIONS,
            per_room: PER_ROOM,
        },
        in_flight: IN_FLIGHT,
        rate: f64::from(if quick { MESSAGES / 5 } else { MESSAGES }),
        span: Duration::ZERO,
        servers: vec![Who::Wharf, Who::WharfAgain],
        counts: false,
        method: Method::Alone(measure),
    };
    vec![
        cell("durable whispers", whispers as _),
        cell("durable room messages", rooms),
    ]
}

fn whispers(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, Talk::Whispers)
}

fn rooms(cell: &Cell, who: Who) -> Result<Sample, String> {
    measure(cell, who, Talk::Rooms)
}

fn measure(cell: &Cell, who: Who, talk: Talk) -> Result<Sample, String> {
    let server = Server::start(who, cell.scale)?;
    let mut people = People::gather(&server, talk)?;
    people.talk(WARM_UP)?;
    let store = |name: &str| name.starts_with("store-");
    let before = (server.usage(), server.usage_of(store));
    let (began_ns, probe) = (people.crowd.now_ns(), Probe::start());
    let latency = people.talk(cell.rate as u32);
    let seconds = (people.crowd.now_ns() - began_ns) as f64 / 1e9;
    let (after, hiccups) = ((server.usage(), server.usage_of(store)), probe.stop());
    let latency = latency.map_err(|why| why_of(&server, why))?;
    let messages = latency.len() as f64;
    let (all, of_store) = (used(after.0, before.0)?, used(after.1, before.1)?);
    let cpu_ns = all.cpu_ns as f64;
    let quantile = |quantile| latency.value_at_quantile(quantile) as f64;
    Ok(Sample {
        cpu_us_per_message: cpu_ns / 1e3 / messages,
        store_us_per_message: of_store.cpu_ns as f64 / 1e3 / messages,
        per_second: messages / seconds,
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        p999_us: quantile(0.999),
        resident_kib: after.0.resident_kib as f64,
        switches_per_message: all.switches as f64 / messages,
        server_busy: cpu_ns / 1e9 / seconds,
        hiccup_p99_us: hiccups.p99_us,
        hiccup_max_us: hiccups.max_us,
        ..Sample::default()
    })
}

/// To whom people talk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Talk {
    /// Each to the next.
    Whispers,
    /// Each to its durable room.
    Rooms,
}

/// Those who talk.
struct People {
    talk: Talk,
    crowd: Crowd,
    accounts: Vec<i64>,
    /// What each says next.
    serials: Vec<u32>,
    /// What each has heard in its room.
    order: Order,
    /// Lines that are still to be heard there.
    unheard: usize,
}

impl People {
    fn gather(server: &Server, talk: Talk) -> Result<Self, String> {
        let mut crowd = Crowd::empty(Dialect::Platform)?;
        for client in 0..SESSIONS as u32 {
            crowd.connect_saying(server.address, 0, platform::visitor(client))?;
        }
        let mut people = Self {
            talk,
            crowd,
            accounts: vec![0; SESSIONS],
            serials: vec![0; SESSIONS],
            order: Order::new(SESSIONS, PER_ROOM),
            unheard: 0,
        };
        people.log_in()?;
        if talk == Talk::Rooms {
            people.make_rooms()?;
        }
        Ok(people)
    }

    fn log_in(&mut self) -> Result<(), String> {
        let (accounts, mut missing) = (&mut self.accounts, SESSIONS);
        while missing > 0 {
            self.crowd.turn(Crowd::patience(), |client, event| {
                match event {
                    Event::LoggedIn { account, .. } => {
                        accounts[client] = account;
                        missing -= 1;
                    }
                    Event::Busy => return Err(BUSY.into()),
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The first of each room makes it, and the others follow.
    fn make_rooms(&mut self) -> Result<(), String> {
        for (number, first) in (0..SESSIONS).step_by(PER_ROOM).enumerate() {
            let make = platform::make_durable_room(number as u32);
            self.crowd.send(first, &make);
        }
        let mut missing = SESSIONS;
        while missing > 0 {
            let mut made = Vec::new();
            self.crowd.turn(Crowd::patience(), |client, event| {
                match event {
                    Event::Entered { room } => {
                        missing -= 1;
                        made.extend((client % PER_ROOM == 0).then_some((client, room)));
                    }
                    Event::Busy => return Err(BUSY.into()),
                    _ => {}
                }
                Ok(())
            })?;
            for (first, room) in made {
                let follow = platform::enter_room(room);
                (first + 1..first + PER_ROOM).for_each(|client| self.crowd.send(client, &follow));
            }
        }
        Ok(())
    }

    /// Has each say so much more; how long each acknowledgement took, in microseconds.
    fn talk(&mut self, count: u32) -> Result<Histogram<u64>, String> {
        let mut latency = latencies();
        let first = self.serials.clone();
        // When each was said, by sender and number.
        let mut said: Vec<Vec<u64>> = vec![Vec::new(); SESSIONS];
        let mut due: Vec<usize> = (0..SESSIONS)
            .flat_map(|it| [it; IN_FLIGHT as usize])
            .collect();
        while latency.len() < u64::from(count) * SESSIONS as u64 || self.unheard > 0 {
            let now_ns = self.crowd.now_ns();
            for sender in due.drain(..) {
                if said[sender].len() < count as usize {
                    said[sender].push(now_ns);
                    self.say(sender, now_ns);
                }
            }
            let answered = self.listen()?;
            let now_ns = self.crowd.now_ns();
            for (client, serial) in answered {
                let number = serial.checked_sub(first[client]).map(|it| it as usize);
                let since = number.and_then(|number| said[client].get(number));
                let since = since.ok_or("an answer to what was not said")?;
                latency.saturating_record((now_ns - since) / 1_000);
                due.push(client);
            }
        }
        Ok(latency)
    }

    fn say(&mut self, sender: usize, due_ns: u64) {
        let serial = self.serials[sender];
        self.serials[sender] += 1;
        match self.talk {
            Talk::Whispers => {
                let to = self.accounts[(sender + 1) % SESSIONS];
                self.crowd.send(sender, &platform::whisper(to, serial));
            }
            Talk::Rooms => {
                let mark = Mark {
                    sender: sender as u32,
                    serial,
                    due_ns,
                };
                self.crowd.publish(sender, mark);
                self.unheard += PER_ROOM;
            }
        }
    }

    /// One turn: whose message was acknowledged, and which.
    fn listen(&mut self) -> Result<Vec<(usize, u32)>, String> {
        let mut answered = Vec::new();
        let (order, unheard) = (&mut self.order, &mut self.unheard);
        self.crowd.turn(Crowd::patience(), |client, event| {
            match event {
                Event::Said { stored: false, .. } => return Err("it is not durable".into()),
                Event::Said { request, .. } => {
                    let serial = platform::serial_of(request).ok_or("an answer to nothing")?;
                    answered.push((client, serial));
                }
                Event::Delivery(mark) => {
                    order.heard(client, mark.sender, mark.serial)?;
                    *unheard -= 1;
                }
                Event::Busy => return Err(BUSY.into()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(answered)
    }
}
