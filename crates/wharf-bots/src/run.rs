//! A whole run: threads, ports, and somebody who watches.

use crate::drive::Driver;
use crate::fleet::Fleet;
use crate::gate::Gate;
use crate::plan::Plan;
use crate::progress::{Progress, Snapshot};
use crate::report::Report;
use crate::tally::Tally;
use crate::{BotArgs, BotOptions, BotsError, Console, Stop, descriptors};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use wharf_base::Instant;
use wharf_net::{Admission, Net, NetLimits};
use wharf_port::{Backend, NativePort, PortOptions};
use wharf_wire::HEADER_BYTES;

/// Runs what was typed, with progress on standard error and the report on standard output, and
/// appends the report to the JSON file if there is one. The run ends early if `stop` is asked.
///
/// # Errors
/// [`BotsError`] if there was no run (nothing listens at the target, say), or its report could not
/// be written. What the server did wrong is in the report.
pub fn run_args(args: &BotArgs, stop: &Stop) -> Result<Report, BotsError> {
    let options = args.options()?;
    if let Some(path) = &options.json {
        Report::check_json(path)?;
    }
    let report = run(&options, &mut Console::new(), stop)?;
    // A reader who has gone (`| head`) is no reason to fail: the exit code still says it.
    let _ = writeln!(io::stdout(), "{report}");
    if let Some(path) = &options.json {
        report.append_json(path)?;
    }
    Ok(report)
}

/// Carries out a workload on the completion port that the options name, until its end or until
/// `stop` is asked, and reports.
///
/// # Errors
/// [`BotsError`] if there was no run. What the server did wrong is in the report.
pub fn run(
    options: &BotOptions,
    progress: &mut dyn Progress,
    stop: &Stop,
) -> Result<Report, BotsError> {
    let chosen = wharf_port::choose(options.port_backend).map_err(BotsError::Backend)?;
    match chosen.backend {
        #[cfg(target_os = "linux")]
        Backend::Uring => run_on::<wharf_port::UringPort>(options, progress, stop),
        #[cfg(unix)]
        Backend::Readiness => run_on::<wharf_port::ReadinessPort>(options, progress, stop),
        #[cfg(windows)]
        Backend::Iocp => run_on::<wharf_port::IocpPort>(options, progress, stop),
    }
}

/// Sessions of a thread beyond its bots: those of churn that are still closing.
const SPARE_SESSIONS: u32 = 64;

/// Carries out a workload on a port of type `P` and reports.
///
/// # Errors
/// [`BotsError`] if the run could not be made. What the server did wrong is in the report.
fn run_on<P: NativePort>(
    options: &BotOptions,
    progress: &mut dyn Progress,
    stop: &Stop,
) -> Result<Report, BotsError> {
    options.validate()?;
    descriptors::provide(options.sessions)?;
    progress.begun(options);
    let outcome = run_threads::<P>(options, progress, stop);
    progress.ended();
    Ok(Report::new(options, P::NAME, &outcome?))
}

/// Where a thread stands, and when.
type Sighting = (u32, Snapshot, Instant);

fn run_threads<P: NativePort>(
    options: &BotOptions,
    progress: &mut dyn Progress,
    stop: &Stop,
) -> Result<Tally, BotsError> {
    let gate = Gate::new(options.threads);
    // A thread that finds the channel full drops its sighting: the next one is as good.
    let (sender, sightings) = sync_channel::<Sighting>(options.threads as usize * 4);
    thread::scope(|scope| {
        let start = |index| {
            let (gate, sender) = (&gate, sender.clone());
            scope.spawn(move || run_thread::<P>(options, index, (gate, stop), &sender))
        };
        let threads: Vec<_> = (0..options.threads).map(start).collect();
        drop(sender);
        watch(options.threads, &sightings, progress);
        let mut tally = Tally::new();
        for thread in threads {
            let outcome = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            tally.add(&outcome?);
        }
        Ok(tally)
    })
}

fn run_thread<P: NativePort>(
    options: &BotOptions,
    index: u32,
    (gate, stop): (&Gate, &Stop),
    sender: &SyncSender<Sighting>,
) -> Result<Tally, BotsError> {
    let fleet = Fleet::new(Plan::new(options, index));
    let (net, port_options) = client_side(options, &fleet);
    let port = P::open(&port_options).inspect_err(|_| gate.give_up_one())?;
    let watch = |snapshot, now| {
        let _ = sender.try_send((index, snapshot, now));
    };
    Driver::new(port, net, fleet, options.target).run(gate, stop, watch)
}

/// The sessions of a thread's bots, and what their port needs.
pub(crate) fn client_side(options: &BotOptions, fleet: &Fleet) -> (Net, PortOptions) {
    let limits = net_limits(options, fleet.sessions());
    let admission = Arc::new(Admission::new(&limits));
    let port_options = PortOptions {
        connects_max: limits.connects_max,
        ..PortOptions::for_sockets(limits.sockets_per_port(0))
    };
    (Net::new(0, limits, admission), port_options)
}

/// The limits of a thread's client side.
fn net_limits(options: &BotOptions, sessions: u32) -> NetLimits {
    let frame_bytes = u32::from(options.size).max(257) + HEADER_BYTES as u32;
    let usual = NetLimits::default();
    // Twice what a session may have under way, and as much for all (of which an even share is cut
    // at half): no queue is what bounds it.
    let queue_bytes = usual
        .send_queue_bytes
        .max(options.in_flight * frame_bytes * 2);
    NetLimits {
        send_queue_bytes: queue_bytes,
        send_queue_messages: usual.send_queue_messages.max(options.in_flight * 2),
        send_queues_bytes: 2 * u64::from(queue_bytes) * u64::from(sessions.max(1)),
        refusals_max: 0,
        ..NetLimits::for_sessions(sessions + SPARE_SESSIONS, 1)
    }
}

/// Shows where the run stands until every thread has ended.
fn watch(threads: u32, sightings: &Receiver<Sighting>, progress: &mut dyn Progress) {
    let mut latest = vec![None; threads as usize];
    for (thread, snapshot, now) in sightings {
        latest[thread as usize] = Some(snapshot);
        if let Some(sum) = Snapshot::sum(&latest) {
            progress.at(&sum, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workload;

    #[test]
    fn the_limits_are_valid_for_the_largest_run_of_each_workload() {
        for workload in [Workload::Chat, Workload::Echo, Workload::Churn] {
            let options = BotOptions {
                in_flight: 1_024,
                size: if workload == Workload::Echo {
                    16_379
                } else {
                    257
                },
                ..BotOptions::of_workload(workload)
            };
            options.validate().unwrap();
            for sessions in [0, 1, 1_000_000] {
                net_limits(&options, sessions).validate().unwrap();
            }
        }
    }
}
