//! The page for Prometheus.

use super::desk::ShardLook;
use super::exposition::{Exposition, Kind, Label};
use super::look::Look;
use super::service_metrics;
use super::snapshot::placement_name;
use super::tables::{ADMISSION, LOGIC, NET, PORT, Row};
use crate::switchboard::ShardReport;
use wharf_content::{Histogram, LogicStats};
use wharf_net::CloseReason;

/// Everything there is to know, as Prometheus reads it.
pub(super) fn page(look: &Look) -> String {
    let mut page = Exposition::default();
    server(&mut page, look);
    process(&mut page, look);
    limits(&mut page, look);
    for row in ADMISSION {
        page.family(row.name, row.kind, row.help)
            .sample(&[], (row.read)(&look.admission));
    }
    shards(&mut page, look);
    let reports = Reports::of(look);
    reports.rows(&mut page, NET, |report| Some(&report.net));
    closes(&mut page, &reports);
    reports.rows(&mut page, PORT, |report| Some(&report.port));
    reports.rows(&mut page, LOGIC, |report| report.logic.as_ref());
    ticks(&mut page, &reports);
    service_metrics::write(&mut page, &look.services);
    page.into_text()
}

fn server(page: &mut Exposition, look: &Look) {
    let facts = &look.facts;
    let help = "Always 1; its labels say what runs.";
    let labels = [
        ("version", &*facts.about.version),
        ("backend", &facts.about.backend),
        ("placement", placement_name(facts.placement)),
    ];
    page.family("wharf_build_info", Kind::Gauge, help)
        .sample(&labels, 1);
    let help = "Seconds since the server began to listen.";
    page.family("wharf_uptime_seconds", Kind::Gauge, help)
        .sample(&[], look.uptime.as_secs_f64());
    let help = "1 if a client would be let in.";
    page.family("wharf_ready", Kind::Gauge, help)
        .sample(&[], u8::from(look.not_ready().is_none()));
}

fn process(page: &mut Exposition, look: &Look) {
    let usage = &look.usage;
    let mut gauge = |name, help, value: Option<u64>| {
        if let Some(value) = value {
            page.family(name, Kind::Gauge, help).sample(&[], value);
        }
    };
    let resident = Some(usage.resident_bytes);
    let swappable = Some(usage.virtual_bytes);
    gauge(
        "process_resident_memory_bytes",
        "Memory that is not swapped out.",
        resident,
    );
    gauge("process_virtual_memory_bytes", "Address space.", swappable);
    gauge(
        "process_open_fds",
        "Open descriptors (Windows: handles).",
        usage.descriptors,
    );
    gauge(
        "process_max_fds",
        "Descriptors that may be open.",
        usage.descriptors_max,
    );
    let help = "When the server began to listen, in seconds since 1970.";
    page.family("process_start_time_seconds", Kind::Gauge, help)
        .sample(&[], look.facts.started.as_secs_f64());
    let help = "CPU of all threads.";
    page.family("process_cpu_seconds_total", Kind::Counter, help)
        .sample(&[], usage.cpu.as_secs_f64());
    if usage.threads.is_empty() {
        return;
    }
    let help = "CPU by the names of threads (Linux only).";
    page.family("wharf_thread_cpu_seconds_total", Kind::Counter, help);
    for (thread, cpu) in &usage.threads {
        page.sample(&[("thread", thread)], cpu.as_secs_f64());
    }
}

fn limits(page: &mut Exposition, look: &Look) {
    let facts = &look.facts;
    let mut gauge = |name, help, value: u64| {
        page.family(name, Kind::Gauge, help).sample(&[], value);
    };
    let (sessions, waiting) = (facts.sessions_max.into(), facts.not_logged_in_max.into());
    let send_memory = facts.send_queues_bytes_per_shard;
    let reassembly = facts.reassembly_bytes_per_shard;
    gauge("wharf_sessions_max", "Sessions at once.", sessions);
    let help = "Sessions among them that have not logged in.";
    gauge("wharf_sessions_not_logged_in_max", help, waiting);
    gauge(
        "wharf_rooms_max",
        "Rooms that can be named.",
        facts.rooms_max,
    );
    let help = "Bytes on their way to the sessions of one shard.";
    gauge("wharf_shard_send_memory_max_bytes", help, send_memory);
    let help = "Memory of frames that have arrived in part, for one shard.";
    gauge("wharf_shard_reassembly_max_bytes", help, reassembly);
    let help = "Receive buffers of one shard.";
    gauge(
        "wharf_shard_receive_buffers",
        help,
        facts.recv_buffers_per_shard,
    );
}

fn shards(page: &mut Exposition, look: &Look) {
    let shards = || look.shards.iter().map(|it| (it, it.shard.to_string()));
    let help = "1 if the shard turns.";
    page.family("wharf_shard_up", Kind::Gauge, help);
    for (it, shard) in shards() {
        page.sample(&[("shard", &shard)], u8::from(it.trouble.is_none()));
    }
    let help = "How old what is told of the shard is.";
    page.family("wharf_shard_report_age_seconds", Kind::Gauge, help);
    for (it, shard) in shards() {
        if let Some((_, age)) = &it.report {
            page.sample(&[("shard", &shard)], age.as_secs_f64());
        }
    }
}

/// What the shards have reported, each beside the value of its label.
struct Reports<'a>(Vec<(String, &'a ShardReport)>);

impl<'a> Reports<'a> {
    fn of(look: &'a Look) -> Self {
        let known = |it: &'a ShardLook| Some((it.shard.to_string(), &it.report.as_ref()?.0));
        Self(look.shards.iter().filter_map(known).collect())
    }

    fn rows<T: 'a>(
        &self,
        page: &mut Exposition,
        rows: &[Row<T>],
        part: fn(&'a ShardReport) -> Option<&'a T>,
    ) {
        for row in rows {
            page.family(row.name, row.kind, row.help);
            for (shard, report) in &self.0 {
                if let Some(stats) = part(report) {
                    page.sample(&[("shard", shard)], (row.read)(stats));
                }
            }
        }
    }
}

fn closes(page: &mut Exposition, reports: &Reports<'_>) {
    let help = "Sessions closed, by reason.";
    page.family("wharf_net_sessions_closed_total", Kind::Counter, help);
    for (shard, report) in &reports.0 {
        for (reason, count) in CloseReason::names().zip(report.net.closed) {
            page.sample(&[("shard", shard), ("reason", reason)], count);
        }
    }
}

fn ticks(page: &mut Exposition, reports: &Reports<'_>) {
    let lateness: fn(&LogicStats) -> &Histogram = |stats| &stats.tick_lateness;
    let work: fn(&LogicStats) -> &Histogram = |stats| &stats.tick_work;
    for (name, help, part) in [
        (
            "wharf_content_tick_lateness_seconds",
            "How late ticks ran. The sum is estimated from the buckets.",
            lateness,
        ),
        (
            "wharf_content_tick_work_seconds",
            "How long ticks took. The sum is estimated from the buckets.",
            work,
        ),
    ] {
        page.family(name, Kind::Histogram, help);
        for (shard, report) in &reports.0 {
            if let Some(logic) = &report.logic {
                let labels: &[Label<'_>] = &[("shard", shard)];
                page.histogram(labels, buckets(part(logic)), estimated_sum(part(logic)));
            }
        }
    }
}

/// Upper bounds in seconds, and how many are below each and above the one before.
pub(super) fn buckets(histogram: &Histogram) -> impl Iterator<Item = (Option<f64>, u64)> {
    let last = Histogram::BUCKETS - 1;
    let bound = move |index| (index < last).then(|| bound_seconds(index));
    let counts = histogram.buckets.into_iter().enumerate();
    counts.map(move |(index, count)| (bound(index), count))
}

/// What ends a bucket, in seconds: 1 us, and twice as much for each bucket that follows.
fn bound_seconds(bucket: usize) -> f64 {
    (1_u64 << bucket) as f64 / 1e6
}

/// Each duration taken for the middle of its bucket: at most a third wrong, and it only grows.
pub(super) fn estimated_sum(histogram: &Histogram) -> f64 {
    let middle = |bucket: usize| match bucket {
        0 => 0.5e-6,
        _ => bound_seconds(bucket - 1) * 1.5,
    };
    let counts = histogram.buckets.iter().enumerate();
    counts
        .map(|(bucket, &count)| count as f64 * middle(bucket))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_estimated_sum_is_at_most_a_third_wrong() {
        for micros in [1, 2, 3, 5, 100, 1_000, 4_095, 4_096, 3_000_000] {
            let mut histogram = Histogram::default();
            for _ in 0..10 {
                histogram.record(Duration::from_micros(micros));
            }
            let (sum, exact) = (estimated_sum(&histogram), micros as f64 * 10e-6);
            let ratio = sum / exact;
            assert!(
                (0.66..1.51).contains(&ratio),
                "{micros} us: {sum} for {exact}"
            );
        }
    }

    #[test]
    fn a_duration_is_counted_below_the_bound_that_it_is_below() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_micros(1_500));
        let first = buckets(&histogram).find(|&(_, count)| count > 0);
        assert_eq!(first, Some((Some(0.002_048), 1)));
        histogram = Histogram::default();
        histogram.record(Duration::from_secs(60));
        assert_eq!(buckets(&histogram).last(), Some((None, 1)));
    }
}
