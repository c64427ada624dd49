//! Stands between the network and an application, and sees to it that nobody takes too long: the
//! one to say its first word, the other to leave.

use crate::admission::{Admission, Refusal};
use crate::deadlines::Deadlines;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use t06_queue::{Application, Network, SessionId};

/// How long one may take.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
pub struct Patience {
    /// How many milliseconds a client has until its first bytes
    #[arg(long, default_value_t = 10_000)]
    pub first_ms: u64,
    /// How many milliseconds it has to read what it is sent, when it is to leave
    #[arg(long, default_value_t = 10_000)]
    pub leave_ms: u64,
}

/// An application with a gate before it.
pub struct Gate<A> {
    application: A,
    admission: Admission,
    patience: Patience,
    /// Who has not said anything yet, or is to leave.
    deadlines: Deadlines<SessionId>,
    here: BTreeMap<SessionId, Seated>,
}

/// Somebody who has a seat.
struct Seated {
    address: IpAddr,
    is_leaving: bool,
}

impl<A: Application> Gate<A> {
    /// Before that application.
    pub fn before(application: A, admission: Admission, patience: Patience) -> Gate<A> {
        Gate {
            application,
            admission,
            patience,
            deadlines: Deadlines::default(),
            here: BTreeMap::new(),
        }
    }

    /// Gives a seat to somebody from that address. It is given back when the session has ended, or
    /// by [`give_back`](Self::give_back) if there was none.
    ///
    /// # Errors
    /// Why there is none.
    pub fn admit(&mut self, address: IpAddr) -> Result<(), Refusal> {
        self.admission.admit(address)
    }

    /// Takes back a seat of which no session came.
    pub fn give_back(&mut self, address: IpAddr) {
        self.admission.leave(address);
    }

    /// When [`handle_time`](Self::handle_time) has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Ends what has taken too long.
    pub fn handle_time(&mut self, network: &mut Network, now: Instant) {
        while let Some(session) = self.deadlines.take_due(now) {
            let why = match self.here.get(&session) {
                Some(Seated {
                    is_leaving: true, ..
                }) => "it did not leave in time",
                _ => "it said nothing in time",
            };
            network.cut(session, why);
        }
    }
}

impl<A: Application> Application for Gate<A> {
    fn on_connect(&mut self, network: &mut Network, session: SessionId) {
        if let Some(address) = network.address(session) {
            let seated = Seated {
                address: address.ip(),
                is_leaving: false,
            };
            self.here.insert(session, seated);
        }
        let first = Duration::from_millis(self.patience.first_ms);
        self.deadlines.set(session, Instant::now() + first);
        self.application.on_connect(network, session);
    }

    fn on_receive(&mut self, network: &mut Network, session: SessionId, bytes: &[u8]) {
        self.deadlines.clear(session);
        self.application.on_receive(network, session, bytes);
    }

    fn on_leave(&mut self, network: &mut Network, session: SessionId) {
        if let Some(seated) = self.here.get_mut(&session) {
            seated.is_leaving = true;
        }
        let leave = Duration::from_millis(self.patience.leave_ms);
        self.deadlines.set(session, Instant::now() + leave);
        self.application.on_leave(network, session);
    }

    fn on_close(&mut self, network: &mut Network, session: SessionId) {
        self.deadlines.clear(session);
        if let Some(seated) = self.here.remove(&session) {
            self.admission.leave(seated.address);
        }
        let seats = self.admission.free_seats();
        println!("{session} has left, free seats: {seats}");
        self.application.on_close(network, session);
    }
}
