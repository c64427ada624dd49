//! Some clients on one port: what they do, and when.

use crate::actor::Actor;
use crate::books::Books;
use crate::claims::LinkNumber;
use crate::client::Client;
use crate::guise::Guise;
use crate::patron::Patron;
use crate::roll_call::Belief;
use crate::server::ADDRESS;
use crate::setup::tables;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use wharf_base::{Duration, Instant, Rng, SessionId};
use wharf_net::{Admission, CloseReason, Net, NetLimits, Origin, Outgoing, SessionEvents};
use wharf_port::sim::{SimPort, SimPulse, SimWorld};
use wharf_port::{Checked, Completion, ConnectOptions, Port, PortOptions};
use wharf_wire::{FrameRules, FrameRun, Header, SendClass};

/// What a crowd is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Connect, talk, leave, break off.
    Lively,
    /// Say nothing more and listen.
    Quiet,
    /// Those with accounts whisper to everybody, once.
    Whispering,
    /// Everybody with an account comes and hears what was whispered meanwhile.
    Returning,
    /// The same, but they come by what they were given when they came last, and look into a room.
    Resuming,
    /// Go home.
    Leaving,
}

impl Mood {
    /// Whether everybody with an account comes.
    fn is_coming(self) -> bool {
        matches!(self, Self::Returning | Self::Resuming)
    }
}

/// What crowds and run share.
pub(crate) struct Shared {
    pub(crate) books: Books,
    pub(crate) mood: Mood,
}

/// Clients that share a port.
pub(crate) struct Crowd {
    port: Checked<SimPort>,
    net: Net,
    rng: Rng,
    shared: Rc<RefCell<Shared>>,
    seats: Vec<Seat>,
    links: Links,
    batch: Vec<Completion>,
    pause_max: Duration,
}

/// One client's place: its link comes and goes.
struct Seat {
    number: u64,
    lives: u64,
    session: Option<SessionId>,
    acts_at: Instant,
    reads: bool,
}

/// The links of a crowd, as its sessions see them.
struct Links {
    clients: BTreeMap<SessionId, Link>,
    shared: Rc<RefCell<Shared>>,
    ended: Vec<SessionId>,
}

struct Link {
    number: LinkNumber,
    client: Guise,
    open: bool,
    /// Whether this side has said that it sends no more.
    finished: bool,
}

impl SessionEvents for Links {
    fn opened(&mut self, session: SessionId, _: SocketAddr) {
        self.clients
            .get_mut(&session)
            .expect("it was connected")
            .open = true;
    }

    fn frames(&mut self, session: SessionId, frames: FrameRun<'_>) {
        let link = self.clients.get_mut(&session).expect("it was connected");
        let books = &mut self.shared.borrow_mut().books;
        frames.for_each(|frame| link.client.hear(frame, books));
    }

    fn input_ended(&mut self, session: SessionId) {
        self.ended.push(session);
    }

    fn closed(&mut self, session: SessionId, reason: &CloseReason) {
        assert!(
            !matches!(reason, CloseReason::Protocol(_)),
            "the server said {reason}"
        );
        let books = &mut self.shared.borrow_mut().books;
        books.cut += u64::from(!reason.is_ordinary());
        if let Some(link) = self.clients.remove(&session) {
            books.guesses.ended(link.number);
        }
    }
}

impl Crowd {
    pub(crate) fn new(
        world: &SimWorld,
        numbers: core::ops::Range<u64>,
        shared: &Rc<RefCell<Shared>>,
        mut rng: Rng,
    ) -> (Self, SimPulse) {
        let count = (numbers.end - numbers.start) as u32;
        let limits = NetLimits {
            connects_max: count,
            outbound: FrameRules {
                table: &tables().from_server,
                ..NetLimits::default().outbound
            },
            ..NetLimits::for_sessions(2 * count, 1)
        };
        let options = PortOptions {
            recv_buffers: 16,
            ..PortOptions::for_sockets(limits.sockets_per_port(0))
        };
        // Bans end after seconds, and services take their time.
        let pause_min_us = match shared.borrow().books.rules.halls {
            0 => 1_000,
            _ => 100_000,
        };
        let port = SimPort::new(world, &options);
        let pulse = port.pulse();
        let admission = Arc::new(Admission::new(&limits));
        let seat = |number| Seat {
            number,
            lives: 0,
            session: None,
            acts_at: Instant::from_nanos(1 + rng.below(50_000_000)),
            reads: true,
        };
        let crowd = Self {
            port: Checked::new(port),
            net: Net::new(0, limits, admission),
            seats: numbers.map(seat).collect(),
            pause_max: Duration::from_micros(pause_min_us + rng.below(400_000)),
            rng,
            shared: Rc::clone(shared),
            links: Links {
                clients: BTreeMap::new(),
                shared: Rc::clone(shared),
                ended: Vec::new(),
            },
            batch: Vec::with_capacity(64),
        };
        (crowd, pulse)
    }

    /// Whether an answer to anybody is still to come.
    pub(crate) fn is_owed(&self) -> bool {
        let is_returning = self.shared.borrow().mood.is_coming();
        self.links
            .clients
            .values()
            .any(|link| link.client.is_owed())
            || is_returning && !self.have_returned()
    }

    /// Whether everybody with an account whose seat is here is logged in.
    fn have_returned(&self) -> bool {
        let people = self.shared.borrow().books.people.count() as u64;
        let mut seats = self.seats.iter().filter(|seat| seat.number < people);
        seats.all(|seat| {
            let link = seat
                .session
                .and_then(|session| self.links.clients.get(&session));
            let has_looked = self.shared.borrow().mood != Mood::Resuming;
            matches!(link, Some(Link { client: Guise::Platform(patron), .. })
                if patron.is_in() && (has_looked || patron.has_looked()))
        })
    }

    /// Asserts that every link is whole and heard everything, now that all is quiet; returns what
    /// each believes.
    pub(crate) fn assert_settled(&self) -> Vec<Belief> {
        let books = &self.shared.borrow().books;
        let settled = |link: &Link| {
            assert!(
                link.open && !link.finished,
                "a link that neither is nor ends"
            );
            link.client.assert_settled(books);
            link.client.belief(books)
        };
        self.links.clients.values().map(settled).collect()
    }

    /// Asserts that everybody has gone home.
    pub(crate) fn assert_empty(&self) {
        assert!(self.links.clients.is_empty(), "clients are left");
        self.port.assert_idle();
    }

    fn act(&mut self, index: usize, now: Instant) {
        let mood = self.shared.borrow().mood;
        let session = self.seats[index]
            .session
            .filter(|id| self.links.clients.contains_key(id));
        self.seats[index].session = session;
        let pause = 1 + self.rng.below(self.pause_max.as_nanos() as u64);
        self.seats[index].acts_at = now + Duration::from_nanos(pause);
        match (session, mood) {
            (None, Mood::Lively) => self.connect(index, now),
            (Some(session), Mood::Lively) => self.live(index, session, now),
            (Some(session), Mood::Quiet) => {
                self.read_again(index, session);
                self.stay_awake(index, session, now);
            }
            (Some(session), Mood::Whispering) => {
                self.read_again(index, session);
                let shared = Rc::clone(&self.shared);
                let books = &mut shared.borrow_mut().books;
                self.say(session, now, |patron, _, out| {
                    patron.whisper_to_all(books, out)
                });
                self.stay_awake(index, session, now);
            }
            (None, Mood::Returning | Mood::Resuming) if self.is_awaited(index) => {
                self.connect(index, now);
            }
            (Some(session), Mood::Returning | Mood::Resuming) => {
                let shared = Rc::clone(&self.shared);
                let books = &mut shared.borrow_mut().books;
                let person = self.seats[index].number as usize;
                self.say(session, now, |patron, rng, out| match mood {
                    Mood::Resuming => patron.resume(person, rng, books, out),
                    _ => patron.come_back(person, books, out),
                });
                self.stay_awake(index, session, now);
            }
            (Some(session), Mood::Leaving) => {
                self.read_again(index, session);
                self.net.finish(now, session, CloseReason::PeerClosed);
            }
            // Somebody may have to come back.
            (None, _) if self.is_awaited(index) => {
                self.seats[index].acts_at = now + Duration::from_secs(10);
            }
            (None, _) => self.seats[index].acts_at = Instant::FAR_FUTURE,
        }
    }

    /// Whether this seat is the one from which somebody with an account comes back.
    fn is_awaited(&self, index: usize) -> bool {
        (self.seats[index].number as usize) < self.shared.borrow().books.people.count()
    }

    /// Says what a patron has to say, if that is who has this link.
    fn say(
        &mut self,
        session: SessionId,
        now: Instant,
        what: impl FnOnce(&mut Patron, &mut Rng, &mut Vec<u8>),
    ) {
        let link = self.links.clients.get_mut(&session);
        let link = link.filter(|link| link.open && !link.finished);
        let Some(patron) = link.and_then(|link| link.client.patron()) else {
            return;
        };
        let mut bytes = Vec::new();
        what(patron, &mut self.rng, &mut bytes);
        for frame in split(&bytes) {
            let frame = Outgoing::Copy(frame);
            self.net
                .send(now, session, SendClass::Reliable, Origin::Own, frame);
        }
    }

    /// A patron who is silent for a minute is sent away: it shows now and then that it is there.
    fn stay_awake(&mut self, index: usize, session: SessionId, now: Instant) {
        let is_patron = self.links.clients.get_mut(&session);
        if is_patron.is_some_and(|link| link.client.patron().is_some()) {
            self.seats[index].acts_at = now + Duration::from_secs(5 + self.rng.below(15));
            self.say(session, now, |patron, rng, out| patron.stay_awake(rng, out));
        }
    }

    fn connect(&mut self, index: usize, now: Instant) {
        let is_returning = self.shared.borrow().mood.is_coming();
        let has_people = self.shared.borrow().books.people.count() > 0;
        let has_halls = self.shared.borrow().books.rules.halls > 0;
        let share = if has_halls { 0.75 } else { 0.6 };
        let is_patron = is_returning || has_people && self.rng.chance(share);
        let seat = &mut self.seats[index];
        seat.lives += 1;
        seat.reads = true;
        let label = format!("c{}.{}", seat.number, seat.lives);
        let options = ConnectOptions::default();
        if let Ok(session) = self.net.connect(now, &mut self.port, ADDRESS, &options) {
            let number = self.shared.borrow_mut().books.begin_link();
            let link = Link {
                number,
                client: match is_patron {
                    true => Guise::Platform(Box::new(Patron::new(label, number))),
                    false => Guise::Classic(Client::new(label, number)),
                },
                open: false,
                finished: false,
            };
            self.links.clients.insert(session, link);
            seat.session = Some(session);
        }
    }

    fn live(&mut self, index: usize, session: SessionId, now: Instant) {
        let link = self
            .links
            .clients
            .get_mut(&session)
            .expect("looked up by the caller");
        if !link.open || link.finished {
            return;
        }
        match self.rng.below(100) {
            0 => self.net.close(session, CloseReason::PeerClosed),
            1 => self.net.close(session, CloseReason::SlowReader),
            2 | 3 => {
                link.finished = true;
                self.net.end_output(session);
            }
            4 => {
                self.seats[index].reads = false;
                self.net.hold_input(session);
            }
            5..=20 => self.read_again(index, session),
            _ => {
                let mut bytes = Vec::new();
                let books = &mut self.shared.borrow_mut().books;
                for _ in 0..=self.rng.below(8) {
                    let start = bytes.len();
                    link.client.ask(&mut self.rng, books, &mut bytes);
                    let frame = Outgoing::Copy(&bytes[start..]);
                    if bytes.len() > start {
                        self.net
                            .send(now, session, SendClass::Reliable, Origin::Own, frame);
                    }
                }
            }
        }
    }

    fn read_again(&mut self, index: usize, session: SessionId) {
        if !self.seats[index].reads {
            self.seats[index].reads = true;
            self.net.resume_input(session);
        }
    }
}

/// The frames that stand behind one another.
fn split(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let (header, _) = bytes.split_first_chunk()?;
        let length = usize::from(Header::from_bytes(*header).frame_bytes);
        let (frame, rest) = bytes.split_at(length);
        bytes = rest;
        Some(frame)
    })
}

impl Actor for Crowd {
    fn turn(&mut self, _: Instant) -> Option<Instant> {
        let now = self
            .port
            .wait(&mut self.batch, Some(Instant::ZERO))
            .expect("it cannot fail");
        self.shared.borrow_mut().books.now = now;
        for completion in self.batch.drain(..) {
            self.net
                .handle_completion(now, completion, &mut self.port, &mut self.links);
        }
        for session in core::mem::take(&mut self.links.ended) {
            self.net.finish(now, session, CloseReason::PeerClosed);
        }
        self.net.handle_timeout(now);
        let due = |seat: &Seat| seat.acts_at <= now;
        for index in 0..self.seats.len() {
            if due(&self.seats[index]) {
                self.act(index, now);
            }
        }
        self.net.flush(now, &mut self.port, &mut self.links);
        let acts = self.seats.iter().map(|seat| seat.acts_at).min();
        [self.net.next_deadline(), acts].into_iter().flatten().min()
    }
}
