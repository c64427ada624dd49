//! One workload: a server, its clients, and what both used.

use super::cores::Cores;
use super::hiccup;
use super::plan::{Kind, Load, Plan};
use super::server::Server;
use super::usage::{Meter, Usage};
use serde::Serialize;
use wharf_base::Instant;
use wharf_bots::{BotOptions, Console, Faults, LatencySummary, Progress, Snapshot, Stop};

/// As busy as this is full: the rest is switching and reading the meter.
const FULL: f64 = 0.93;

/// What was found out with one workload.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measured {
    #[serde(flatten)]
    pub(super) load: Load,
    /// The server's completion port, as it names it.
    pub(super) port: String,
    /// Whether it was ended before its time.
    pub(super) ended_early: bool,
    /// Seconds between the first reading of the meters and the last.
    pub(super) seconds: f64,
    /// Deliveries meanwhile, counted once for each receiver.
    pub(super) messages: u64,
    pub(super) per_second: f64,
    /// Of the server, for each message that was delivered; not of idle ones, which are too few.
    pub(super) cpu_us_per_message: Option<f64>,
    /// Deliveries a second that fill one core at that price.
    pub(super) carried_per_second: Option<f64>,
    /// Share of the time in which the server had its core.
    pub(super) server_busy: f64,
    /// The same of the clients' threads, on the average.
    pub(super) client_busy: f64,
    /// Who could not do more.
    pub(super) limit: Limit,
    /// Of all messages of the run.
    pub(super) latency: Option<LatencySummary>,
    /// The longest pause that the machine itself made.
    pub(super) hiccup_max_us: f64,
    /// Resident memory above that of the empty server, for each session (idle).
    pub(super) bytes_per_session: Option<f64>,
    pub(super) faults: Faults,
    /// What the server's end was like, if it was not as it should be.
    pub(super) trouble: Option<String>,
}

/// Who could not do more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Limit {
    Server,
    Client,
    /// Nobody was full: they waited for one another.
    Neither,
}

impl Measured {
    pub(super) fn is_right(&self) -> bool {
        self.faults.total() == 0 && self.trouble.is_none()
    }
}

/// Measures one workload.
///
/// # Errors
/// When server or clients do not start.
pub(super) fn measure(
    load: &Load,
    plan: &Plan,
    cores: &Cores,
    stop: &Stop,
) -> Result<Measured, String> {
    let server = Server::start(load, plan, cores)?;
    let options = BotOptions {
        target: server.address,
        ..load.options(plan.seconds, cores.client_threads())
    };
    let mut watcher = Watcher::new(Meter::new(server.process_id()));
    let (run, hiccup) = hiccup::watch(cores, || wharf_bots::run(&options, &mut watcher, stop));
    let run = run.map_err(|error| error.to_string())?;
    let port = server.port.clone();
    let trouble = server.stop().err();
    let span = watcher.span();
    let client_busy = span.clients_cpu_seconds / span.seconds / f64::from(options.threads);
    let server_busy = span.server_cpu_seconds / span.seconds;
    let bytes = span.grown_bytes as f64 / f64::from(load.sessions);
    let counts = span.messages > 0 && span.server_cpu_seconds > 0.0 && load.kind != Kind::Idle;
    let cpu = counts.then_some(span.server_cpu_seconds * 1e6 / span.messages as f64);
    Ok(Measured {
        load: *load,
        port,
        ended_early: run.ended_early,
        seconds: span.seconds,
        messages: span.messages,
        per_second: span.messages as f64 / span.seconds,
        cpu_us_per_message: cpu,
        carried_per_second: cpu.map(|micros| 1e6 / micros),
        server_busy,
        client_busy,
        limit: match () {
            () if server_busy >= FULL => Limit::Server,
            () if client_busy >= FULL => Limit::Client,
            () => Limit::Neither,
        },
        latency: run.latency,
        hiccup_max_us: hiccup.as_nanos() as f64 / 1e3,
        bytes_per_session: (load.kind == Kind::Idle).then_some(bytes),
        faults: run.faults,
        trouble,
    })
}

/// Reads the meters a few times a second while the clients do what they came for.
struct Watcher {
    console: Console,
    meter: Meter,
    /// Before anybody came.
    empty: Usage,
    first: Option<Reading>,
    last: Option<Reading>,
}

#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    messages: u64,
    usage: Usage,
}

/// What lies between the first reading and the last. Nothing but zeros, and a second, if there were
/// none.
struct Span {
    seconds: f64,
    messages: u64,
    server_cpu_seconds: f64,
    clients_cpu_seconds: f64,
    /// Of the server's memory, since it was empty.
    grown_bytes: u64,
}

impl Watcher {
    fn new(mut meter: Meter) -> Self {
        Self {
            console: Console::new(),
            empty: meter.read(),
            meter,
            first: None,
            last: None,
        }
    }

    fn span(&self) -> Span {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return Span {
                seconds: 1.0,
                messages: 0,
                server_cpu_seconds: 0.0,
                clients_cpu_seconds: 0.0,
                grown_bytes: 0,
            };
        };
        let seconds = (last.at - first.at).as_secs_f64();
        let between = |of: fn(&Usage) -> std::time::Duration| {
            of(&last.usage)
                .saturating_sub(of(&first.usage))
                .as_secs_f64()
        };
        let resident = last.usage.server_resident_bytes;
        Span {
            seconds: if seconds > 0.0 { seconds } else { 1.0 },
            messages: last.messages - first.messages,
            server_cpu_seconds: between(|usage| usage.server_cpu),
            clients_cpu_seconds: between(|usage| usage.clients_cpu),
            grown_bytes: resident.saturating_sub(self.empty.server_resident_bytes),
        }
    }
}

impl Progress for Watcher {
    fn begun(&mut self, _: &BotOptions) {}

    fn at(&mut self, snapshot: &Snapshot, now: Instant) {
        if snapshot.phase == "running" {
            let reading = Reading {
                at: now,
                messages: snapshot.delivered,
                usage: self.meter.read(),
            };
            self.first.get_or_insert(reading);
            self.last = Some(reading);
        }
        self.console.at(snapshot, now);
    }

    fn ended(&mut self) {
        self.console.ended();
    }
}
