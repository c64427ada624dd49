//! What a run counts. One per thread; they add up.

use crate::latency::Latencies;
use core::fmt;
use serde::Serialize;
use std::collections::BTreeMap;
use wharf_base::{Duration, Instant};
use wharf_wire::classic::ResultCode;

/// Everything counted by one thread.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Whether the run was ended before its time.
    pub(crate) ended_early: bool,
    /// Bots that came as far as the workload asks before the middle phase.
    pub(crate) ready: u64,
    /// Messages that left.
    pub(crate) said: u64,
    /// Messages that the server accepted.
    pub(crate) accepted: u64,
    /// Messages that arrived, each counted once for each receiver.
    pub(crate) delivered: u64,
    /// Whole rounds of connecting, logging in, entering, leaving and closing.
    pub(crate) cycles: u64,
    /// Chat of people who are not bots of this run.
    pub(crate) foreign: u64,
    pub(crate) latencies: Latencies,
    pub(crate) faults: Faults,
    /// Results other than 0, by request and code.
    pub(crate) refusals: BTreeMap<(&'static str, u16), u64>,
    /// How sessions ended, by the name of the reason.
    pub(crate) closes: BTreeMap<&'static str, u64>,
    pub(crate) slow: SlowReaders,
    /// From the start of the middle phase to its end, or to the last delivery if that came later.
    pub(crate) busy: Duration,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            ended_early: false,
            ready: 0,
            said: 0,
            accepted: 0,
            delivered: 0,
            cycles: 0,
            foreign: 0,
            latencies: Latencies::new(),
            faults: Faults::default(),
            refusals: BTreeMap::new(),
            closes: BTreeMap::new(),
            slow: SlowReaders::default(),
            busy: Duration::ZERO,
        }
    }

    /// Counts a result that is not 0.
    pub(crate) fn refuse(&mut self, request: &'static str, result: ResultCode) {
        self.faults.refused += 1;
        *self
            .refusals
            .entry((request, result.to_wire()))
            .or_default() += 1;
    }

    /// Notes that the run was busy until `now`.
    pub(crate) fn busy_until(&mut self, start: Instant, now: Instant) {
        self.busy = self.busy.max(now - start);
    }

    /// Adds what another thread has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.ended_early |= other.ended_early;
        self.ready += other.ready;
        self.said += other.said;
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.cycles += other.cycles;
        self.foreign += other.foreign;
        self.latencies.add(&other.latencies);
        self.faults.add(&other.faults);
        for (&key, count) in &other.refusals {
            *self.refusals.entry(key).or_default() += count;
        }
        for (&reason, count) in &other.closes {
            *self.closes.entry(reason).or_default() += count;
        }
        self.slow.stopped += other.slow.stopped;
        self.slow.cut += other.slow.cut;
        self.slow.caught_up += other.slow.caught_up;
        self.busy = self.busy.max(other.busy);
    }
}

/// What went wrong, by kind. One of anything fails the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Accepted messages that a member never heard.
    pub lost: u64,
    /// Deliveries of what had been delivered before.
    pub duplicated: u64,
    /// Deliveries that a later message of the same sender had overtaken.
    pub out_of_order: u64,
    /// Packets with a byte that should not be there, or that nobody said.
    pub corrupted: u64,
    /// Deliveries to a session that is not in the sender's room.
    pub strayed: u64,
    /// Members whose list of the room's users (209 and 208) was not the room.
    pub wrong_lists: u64,
    /// Requests that were answered with another result than 0.
    pub refused: u64,
    /// Answers to which there was no request.
    pub unexpected: u64,
    /// Sessions that ended before their bot wanted it.
    pub closed_early: u64,
    /// Sessions that never came as far as the workload asks.
    pub never_ready: u64,
}

impl Faults {
    /// The kinds, for tables.
    pub(crate) fn by_name(&self) -> [(&'static str, u64); 10] {
        [
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("out of order", self.out_of_order),
            ("corrupted", self.corrupted),
            ("strayed", self.strayed),
            ("wrong lists", self.wrong_lists),
            ("refused", self.refused),
            ("unexpected", self.unexpected),
            ("closed early", self.closed_early),
            ("never ready", self.never_ready),
        ]
    }

    /// All together.
    pub fn total(&self) -> u64 {
        self.by_name().iter().map(|(_, count)| count).sum()
    }

    fn add(&mut self, other: &Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.corrupted += other.corrupted;
        self.strayed += other.strayed;
        self.wrong_lists += other.wrong_lists;
        self.refused += other.refused;
        self.unexpected += other.unexpected;
        self.closed_early += other.closed_early;
        self.never_ready += other.never_ready;
    }
}

impl fmt::Display for Faults {
    /// The kinds that happened: `3 lost, 1 duplicated`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let happened = self.by_name().into_iter().filter(|&(_, count)| count > 0);
        for (index, (name, count)) in happened.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {name}")?;
        }
        Ok(())
    }
}

/// What became of the sessions that stopped reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SlowReaders {
    /// Those that stopped.
    pub stopped: u64,
    /// Those that the server cut.
    pub cut: u64,
    /// Those that read on at the end and missed nothing.
    pub caught_up: u64,
}
