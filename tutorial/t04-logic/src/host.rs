//! The threads of the logic, and who of them handles what.

use crate::application::{Application, Sessions};
use crate::handover::Handover;
use crate::inbox::Inbox;
use crate::load::{Counters, Load};
use crate::pool::Packet;
use crate::session::SessionId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Instant;
use t02_memory::sys::Lent;

/// Which thread handles a session. Whichever it is, the session's events stay in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Balancer {
    /// Its place decides, for ever: nothing to find out, nothing to keep
    ByIndex,
    /// When it comes: the thread that has the fewest sessions
    Fewest,
    /// At each event: all threads take from one queue
    WhoeverIsFree,
}

/// What a session is told of.
pub enum Event {
    /// It is here.
    Connected,
    /// This has come from it.
    Received(Packet),
    /// Nothing has come for too long.
    TimedOut,
    /// It ends, and nothing comes behind this.
    Closed,
}

/// What the network does when the logic is done with something.
pub trait Keeper: Sessions {
    /// A packet is read.
    fn give_back(&self, lent: Lent);

    /// The application has handled one thing that the session was told.
    fn on_handled(&self, id: SessionId);
}

/// The logic's threads, seen from the network's.
pub struct Host {
    balancer: Balancer,
    /// A queue for each thread, or one for all: of sessions, by their places.
    lanes: Vec<Handover<usize>>,
    /// For each place.
    desks: Vec<Desk>,
    /// How many sessions each lane has.
    sessions: Vec<AtomicUsize>,
    /// Of each thread.
    counters: Vec<Counters>,
}

/// What a place has with the logic.
#[derive(Default)]
struct Desk {
    inbox: Inbox<(SessionId, Event)>,
    lane: AtomicUsize,
}

impl Host {
    /// A host for so many threads, which do not run yet, and sessions.
    #[must_use]
    pub fn new(threads: usize, balancer: Balancer, sessions_max: usize) -> Arc<Host> {
        let lanes = match balancer {
            Balancer::ByIndex | Balancer::Fewest => threads,
            Balancer::WhoeverIsFree => 1,
        };
        Arc::new(Host {
            balancer,
            lanes: some(lanes),
            desks: some(sessions_max),
            sessions: some(lanes),
            counters: some(threads),
        })
    }

    /// Starts the threads, which run as long as the process.
    pub fn start(
        self: &Arc<Self>,
        application: Arc<dyn Application>,
        keeper: Arc<impl Keeper + 'static>,
    ) {
        for thread in 0..self.counters.len() {
            let (host, application, keeper) = (self.clone(), application.clone(), keeper.clone());
            thread::spawn(move || host.run(thread, &*application, &*keeper));
        }
    }

    /// Tells a session something, behind what it was told before. Nothing is waited for.
    pub fn post(&self, id: SessionId, event: Event) {
        let desk = &self.desks[id.index];
        if matches!(event, Event::Connected) {
            desk.lane.store(self.choose_lane(id), Relaxed);
        }
        if desk.inbox.post((id, event)) {
            self.lane(desk).give(id.index);
        }
    }

    /// What each thread had to do so far.
    #[must_use]
    pub fn loads(&self) -> Vec<Load> {
        let load = |(thread, counters): (usize, &Counters)| {
            let lane = &self.lanes[thread % self.lanes.len()];
            counters.read(format!("logic {thread}"), Some(lane.longest()))
        };
        self.counters.iter().enumerate().map(load).collect()
    }

    fn choose_lane(&self, id: SessionId) -> usize {
        let sessions = |lane: &usize| self.sessions[*lane].load(Relaxed);
        let lane = match self.balancer {
            Balancer::ByIndex => id.index % self.lanes.len(),
            Balancer::Fewest => (0..self.lanes.len()).min_by_key(sessions).unwrap_or(0),
            Balancer::WhoeverIsFree => 0,
        };
        self.sessions[lane].fetch_add(1, Relaxed);
        lane
    }

    fn lane(&self, desk: &Desk) -> &Handover<usize> {
        &self.lanes[desk.lane.load(Relaxed)]
    }

    /// One thread: takes a session, handles what has come for it by now, and so on for ever.
    fn run(&self, thread: usize, application: &dyn Application, keeper: &impl Keeper) {
        let lane = &self.lanes[thread % self.lanes.len()];
        let counters = &self.counters[thread];
        let mut events = VecDeque::new();
        loop {
            let index = lane.take(|| counters.count_wait());
            let begun = Instant::now();
            let desk = &self.desks[index];
            desk.inbox.take(&mut events);
            let count = events.len();
            for (id, event) in events.drain(..) {
                self.handle(application, keeper, id, event);
            }
            if desk.inbox.put_down() {
                // Behind the others that wait: who talks a lot does not hold them up.
                self.lane(desk).give(index);
            }
            counters.count_handled(count, begun);
        }
    }

    fn handle(
        &self,
        application: &dyn Application,
        keeper: &impl Keeper,
        id: SessionId,
        event: Event,
    ) {
        match event {
            Event::Connected => application.on_connect(keeper, id),
            Event::Received(mut packet) => {
                let bytes = &packet.lent.bytes_mut()[..packet.bytes];
                application.on_receive(keeper, id, bytes);
                keeper.give_back(packet.lent);
            }
            Event::TimedOut => application.on_timeout(keeper, id),
            Event::Closed => {
                application.on_close(keeper, id);
                let lane = self.desks[id.index].lane.load(Relaxed);
                self.sessions[lane].fetch_sub(1, Relaxed);
            }
        }
        keeper.on_handled(id);
    }
}

/// So many of what is empty at first.
fn some<T: Default>(count: usize) -> Vec<T> {
    std::iter::repeat_with(T::default).take(count).collect()
}
