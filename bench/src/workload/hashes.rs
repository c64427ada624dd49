//! A storm of passwords: while those of a thousand newcomers wait for the one hash worker, people
//! chat. What do they notice?

use super::{Cell, Metered, Method, Sample, metered};
use crate::client::{BUSY, Crowd, Dialect, Event, Load, platform};
use crate::server::{Scale, Server, Who};
use std::time::{Duration, Instant};

/// Deliveries a second.
const RATE: f64 = 40_000.0;
const PER_ROOM: usize = 10;
const SPAN: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(300);
/// Newcomers. Each password takes tens of milliseconds.
const NEWCOMERS: usize = 1_000;
/// Those of them whose passwords must wait from the beginning to the end.
const WAITING_MIN: f64 = 750.0;
/// Of the time, what the worker must have been at it. What it is at in the end is not told yet.
const BUSY_MIN: f64 = 0.9;
/// How long newcomers are listened to between two looks at the worker.
const LOOK: Duration = Duration::from_millis(20);
/// Who waits for a thousand others is given the time; at the default the later ones are told at
/// once that the server is busy.
const SETTINGS: [&str; 1] = ["limits.login_seconds=1200"];

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
        span: if quick { SPAN / 2 } else { SPAN },
        servers: vec![Who::Wharf, Who::WharfAgain],
        counts: false,
        method: Method::Alone(measure),
    };
    vec![
        cell("hash storm, none", calm as _),
        cell("hash storm, a thousand", storm),
    ]
}

fn calm(cell: &Cell, who: Who) -> Result<Sample, String> {
    let mut people = People::gather(cell, who)?;
    let run = people.chat(cell)?;
    Ok(Sample::at_a_rate(&run))
}

fn storm(cell: &Cell, who: Who) -> Result<Sample, String> {
    let mut people = People::gather(cell, who)?;
    let before = people.newcomers.register(&people.server)?;
    let run = people.chat(cell)?;
    let after = Hashing::of(&people.server)?;
    people.newcomers.listen(Duration::ZERO)?;
    let busy = (after.busy_seconds - before.busy_seconds) / (after.at_seconds - before.at_seconds);
    check(&after, busy)?;
    Ok(Sample {
        passwords_waiting_first: before.waiting,
        passwords_waiting: after.waiting,
        passwords_hashed: after.done - before.done,
        hashing_busy: busy,
        ..Sample::at_a_rate(&run)
    })
}

/// Whether it was a storm, from the beginning to the end.
///
/// # Errors
/// What was missing.
fn check(after: &Hashing, busy: f64) -> Result<(), String> {
    let Hashing {
        waiting, refused, ..
    } = *after;
    if refused > 0.0 {
        return Err(format!("{refused} passwords were refused"));
    }
    if waiting < WAITING_MIN {
        return Err(format!(
            "only {waiting} passwords waited to the end, {WAITING_MIN} were to"
        ));
    }
    if busy < BUSY_MIN {
        let percent = 100.0 * busy;
        return Err(format!("the hash worker was busy for {percent:.0} % only"));
    }
    Ok(())
}

/// What is told of the hash workers, and when.
struct Hashing {
    at_seconds: f64,
    waiting: f64,
    done: f64,
    refused: f64,
    busy_seconds: f64,
}

impl Hashing {
    fn of(server: &Server) -> Result<Self, String> {
        let metrics = server.metrics()?;
        Ok(Self {
            at_seconds: metrics.figure("wharf_uptime_seconds")?,
            waiting: metrics.figure("wharf_hash_waiting")?,
            done: metrics.figure("wharf_hash_done_total")?,
            refused: metrics.figure("wharf_hash_refused_total")?,
            busy_seconds: metrics.figure("wharf_hash_busy_seconds_total")?,
        })
    }
}

/// Those who chat, and as many newcomers whether or not they want anything.
struct People {
    server: Server,
    load: Load,
    newcomers: Newcomers,
}

impl People {
    fn gather(cell: &Cell, who: Who) -> Result<Self, String> {
        let mut server = Server::start_with(who, cell.scale, &SETTINGS)?;
        // What I/O and content cost, and not what the hash worker does.
        server.count_threads(|name| name.starts_with("io-") || name.starts_with("logic-"));
        let Scale { sessions, per_room } = cell.scale;
        let crowd = Crowd::gather(server.address, Dialect::Classic, sessions, per_room)?;
        Ok(Self {
            load: Load::new(crowd, per_room),
            newcomers: Newcomers::gather(&server)?,
            server,
        })
    }

    fn chat(&mut self, cell: &Cell) -> Result<Metered, String> {
        let Self { server, load, .. } = self;
        let sessions = cell.scale.sessions;
        load.open_loop(sessions, cell.rate, WARM_UP)?;
        metered(server, || load.open_loop(sessions, cell.rate, cell.span))
    }
}

/// Clients who have said hello.
struct Newcomers {
    crowd: Crowd,
    /// How often each was answered.
    answers: Vec<u32>,
}

impl Newcomers {
    fn gather(server: &Server) -> Result<Self, String> {
        let mut newcomers = Self {
            crowd: Crowd::empty(Dialect::Platform)?,
            answers: Vec::new(),
        };
        let greeted = |newcomers: &Self| newcomers.answers.iter().filter(|it| **it > 0).count();
        while greeted(&newcomers) < NEWCOMERS {
            let unanswered = newcomers.answers.len() - greeted(&newcomers);
            let missing = NEWCOMERS - newcomers.answers.len();
            for _ in 0..missing.min(100 - unanswered) {
                let hello = platform::stranger();
                newcomers.crowd.connect_saying(server.address, 0, hello)?;
                newcomers.answers.push(0);
            }
            newcomers.listen(Crowd::patience())?;
        }
        Ok(newcomers)
    }

    /// Has all of them want to log in, and waits until all passwords are with the worker.
    fn register(&mut self, server: &Server) -> Result<Hashing, String> {
        for client in 0..NEWCOMERS {
            self.crowd.send(client, &platform::register(client as u32));
        }
        let deadline = Instant::now() + Crowd::patience();
        loop {
            self.listen(LOOK)?;
            let hashing = Hashing::of(server)?;
            let Hashing { waiting, done, .. } = hashing;
            // The worker is at one of them.
            if waiting + done + 1.0 >= NEWCOMERS as f64 {
                return Ok(hashing);
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "{waiting} passwords wait and {done} are hashed, of {NEWCOMERS}"
                ));
            }
        }
    }

    /// # Errors
    /// When one of them is told to come again later.
    fn listen(&mut self, patience: Duration) -> Result<(), String> {
        let answers = &mut self.answers;
        self.crowd.turn(patience, |client, event| {
            answers[client] += 1;
            match event {
                Event::Busy => Err(format!("newcomer {client}: {BUSY}")),
                _ => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_that_was_none_is_told() {
        let told = |waiting, refused, busy| {
            let hashing = Hashing {
                at_seconds: 9.0,
                waiting,
                done: 90.0,
                refused,
                busy_seconds: 2.0,
            };
            check(&hashing, busy).err().unwrap_or_default()
        };
        assert_eq!(told(WAITING_MIN, 0.0, BUSY_MIN), "");
        assert_eq!(told(900.0, 3.0, 1.0), "3 passwords were refused");
        assert!(told(749.0, 0.0, 1.0).starts_with("only 749 passwords waited"));
        assert!(told(900.0, 0.0, 0.5).ends_with("busy for 50 % only"));
    }
}
