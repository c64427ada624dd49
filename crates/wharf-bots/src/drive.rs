//! One thread of bots: a port, the sessions on it, and the fleet that owns them.

use crate::commands::Command;
use crate::fleet::{DONE, FirstFailure, Fleet};
use crate::gate::{Gate, Ticket};
use crate::progress::Snapshot;
use crate::tally::Tally;
use crate::{BotsError, Stop};
use std::net::SocketAddr;
use wharf_base::{Duration, Instant};
use wharf_net::{Net, Origin, Outgoing};
use wharf_port::{Completion, ConnectOptions, Port};
use wharf_wire::SendClass;

/// How often somebody who watches hears where the run stands.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// Completions taken in one turn.
const BATCH: usize = 256;

/// Carries out a fleet's commands on a port, turn by turn.
pub(crate) struct Driver<P> {
    port: P,
    net: Net,
    fleet: Fleet,
    target: SocketAddr,
    batch: Vec<Completion>,
    begun: bool,
}

impl<P: Port> Driver<P> {
    /// A driver at the start of its run.
    pub(crate) fn new(port: P, net: Net, fleet: Fleet, target: SocketAddr) -> Self {
        Self {
            port,
            net,
            fleet,
            target,
            batch: Vec::with_capacity(BATCH),
            begun: false,
        }
    }

    /// Runs to the end on this thread, which comes soon once `stop` is asked. `watch` hears a few
    /// times a second where the run stands.
    ///
    /// # Errors
    /// [`BotsError`] if nobody is there to talk to, or the port breaks.
    pub(crate) fn run(
        mut self,
        gate: &Gate,
        stop: &Stop,
        mut watch: impl FnMut(Snapshot, Instant),
    ) -> Result<Tally, BotsError> {
        let waker = self.port.waker();
        stop.wakes(waker.clone());
        let ticket = gate.enter(move || waker.wake());
        let mut watch_at = Instant::ZERO;
        while !self.is_done() {
            let now = self.step(gate, &ticket, watch_at)?;
            if stop.is_asked() {
                self.fleet.end_early(now);
                self.carry_out(now);
            }
            if now >= watch_at {
                watch_at = now + WATCH_EVERY;
                watch(self.fleet.snapshot(), now);
            }
        }
        Ok(self.into_tally())
    }

    /// One turn, begun at `until` at the latest, and through the gate when it is open; returns the
    /// time.
    ///
    /// # Errors
    /// As [`Driver::run`].
    pub(crate) fn step(
        &mut self,
        gate: &Gate,
        ticket: &Ticket<'_>,
        until: Instant,
    ) -> Result<Instant, BotsError> {
        let now = self.turn(until).map_err(BotsError::Port)?;
        if let Some(failure) = self.fleet.first_failure() {
            return Err(self.explain(failure));
        }
        if self.fleet.is_gathered() {
            ticket.ready(now);
            if let Some(start) = gate.start() {
                self.fleet.start(start);
                self.carry_out(now);
            }
        }
        Ok(now)
    }

    /// What was counted, once the run is over.
    pub(crate) fn into_tally(self) -> Tally {
        self.fleet.into_tally()
    }

    /// Whether the run is over.
    pub(crate) fn is_done(&self) -> bool {
        self.fleet.is_done()
    }

    /// Waits, handles what came and sends what is to be sent; returns the time.
    fn turn(&mut self, until: Instant) -> std::io::Result<Instant> {
        let until = self
            .next_deadline()
            .map_or(until, |deadline| deadline.min(until));
        let now = self.port.wait(&mut self.batch, Some(until))?;
        if self.begun {
            self.fleet.begin_turn(now);
        } else {
            self.begun = true;
            self.fleet.begin(now);
        }
        let mut batch = core::mem::take(&mut self.batch);
        for completion in batch.drain(..) {
            self.net
                .handle_completion(now, completion, &mut self.port, &mut self.fleet);
        }
        self.batch = batch;
        self.fleet.handle_timeout(now);
        self.carry_out(now);
        self.net.handle_timeout(now);
        self.net.flush(now, &mut self.port, &mut self.fleet);
        self.carry_out(now);
        Ok(now)
    }

    /// When the next turn is due, whatever the port has by then.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if !self.begun {
            return Some(Instant::ZERO);
        }
        let deadlines = [self.net.next_deadline(), self.fleet.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn carry_out(&mut self, now: Instant) {
        // A connect that cannot begin makes the fleet want something else, so: until it is content.
        while !self.fleet.commands().is_empty() {
            let mut commands = core::mem::take(self.fleet.commands());
            commands.drain(|command| self.carry_out_one(now, command));
            self.fleet.take_back(commands);
        }
    }

    fn carry_out_one(&mut self, now: Instant, command: Command<'_>) {
        match command {
            Command::Connect { bot, local } => {
                let options = ConnectOptions { local };
                match self.net.connect(now, &mut self.port, self.target, &options) {
                    Ok(session) => self.fleet.connecting(bot, session),
                    Err(_) => self.fleet.connect_refused(bot),
                }
            }
            Command::Send { session, frame } => {
                let frame = Outgoing::Copy(frame);
                self.net
                    .send(now, session, SendClass::Reliable, Origin::Own, frame);
            }
            Command::LogIn { session } => self.net.log_in(session),
            Command::PauseReading { session } => self.net.hold_input(session),
            Command::ResumeReading { session } => self.net.resume_input(session),
            Command::Finish { session, reason } => self.net.finish(now, session, reason),
            Command::Close { session } => self.net.close(session, DONE),
        }
    }

    fn explain(&self, failure: &FirstFailure) -> BotsError {
        let target = self.target;
        match failure {
            FirstFailure::Refused => BotsError::NobodyListens { target },
            FirstFailure::Other(reason) => BotsError::Unreachable {
                target,
                reason: reason.clone(),
            },
        }
    }
}
