//! What a run has shown: two headline numbers, a table, one line of JSON, a verdict.

use crate::latency::LatencySummary;
use crate::progress::show_latency;
use crate::tally::{Faults, SlowReaders, Tally};
use crate::{BotOptions, BotsError, Workload};
use core::fmt;
use indicatif::HumanCount;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use wharf_base::Duration;
use wharf_wire::classic::ResultCode;

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Wharf's version.
    pub version: &'static str,
    /// What was run.
    pub options: BotOptions,
    /// The port the bots ran on.
    pub port: &'static str,
    /// Sessions that came as far as the workload asks (for churn, over and over).
    pub ready: u64,
    /// Whether it was ended before its time.
    pub ended_early: bool,
    /// How long it ran, in seconds, what came late included.
    pub ran_seconds: f64,
    /// Messages that left.
    pub sent: u64,
    /// Messages that the server accepted.
    pub accepted: u64,
    /// Messages that arrived, counted once for each receiver.
    pub delivered: u64,
    /// Whole rounds of churn.
    pub cycles: u64,
    /// Chat of people who are not bots of this run; ignored.
    pub foreign: u64,
    /// Deliveries (cycles, for churn) a second, over the running phase and what came late of it.
    pub per_second: f64,
    /// From the intended time on where a rate is given; `None` if nothing was measured.
    pub latency: Option<LatencySummary>,
    /// What went wrong.
    pub faults: Faults,
    /// Refused requests: what was asked, the result, how often.
    pub refusals: BTreeMap<String, u64>,
    /// How sessions ended, by the name of the reason as the bots saw it.
    pub closes: BTreeMap<String, u64>,
    /// What became of the sessions that stopped reading.
    pub slow: SlowReaders,
}

impl Report {
    pub(crate) fn new(options: &BotOptions, port: &'static str, tally: &Tally) -> Self {
        let work = tally.delivered + tally.cycles;
        let seconds = tally.busy.as_secs_f64();
        let refusal = |(&(request, code), &count): (&(&str, u16), &u64)| {
            (format!("{request} {}", ResultCode::from_wire(code)), count)
        };
        let close = |(&reason, &count): (&&str, &u64)| (reason.to_owned(), count);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            options: options.clone(),
            port,
            ready: tally.ready,
            ended_early: tally.ended_early,
            ran_seconds: seconds,
            sent: tally.said,
            accepted: tally.accepted,
            delivered: tally.delivered,
            cycles: tally.cycles,
            foreign: tally.foreign,
            per_second: if seconds > 0.0 {
                work as f64 / seconds
            } else {
                0.0
            },
            latency: tally.latencies.summary(),
            faults: tally.faults,
            refusals: tally.refusals.iter().map(refusal).collect(),
            closes: tally.closes.iter().map(close).collect(),
            slow: tally.slow,
        }
    }

    /// Whether everything was as it should be.
    pub fn is_right(&self) -> bool {
        self.faults.total() == 0
    }

    /// Appends the report to a file, as one line of JSON.
    ///
    /// # Errors
    /// [`BotsError::Json`] if the file cannot be written.
    pub fn append_json(&self, path: &Path) -> Result<(), BotsError> {
        let mut line = serde_json::to_string(self).map_err(std::io::Error::from);
        line.iter_mut().for_each(|line| line.push('\n'));
        let append = |line: String| open(path)?.write_all(line.as_bytes());
        line.and_then(append)
            .map_err(|error| unwritable(path, error))
    }

    /// Whether [`Report::append_json`] will be able to: nobody should learn that after a long run.
    ///
    /// # Errors
    /// [`BotsError::Json`] if not. The file is made if it was not there.
    pub(crate) fn check_json(path: &Path) -> Result<(), BotsError> {
        open(path)
            .map(drop)
            .map_err(|error| unwritable(path, error))
    }

    fn write_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ended_early {
            write!(f, "ended early, after {:.1} s: ", self.ran_seconds)?;
        }
        let rate = HumanCount(self.per_second.round() as u64);
        let workload = self.options.workload;
        match workload {
            Workload::Chat | Workload::Slow => write!(f, "{rate} deliveries per second")?,
            Workload::Echo => write!(f, "{rate} echoes per second")?,
            Workload::Churn => write!(f, "{rate} cycles per second")?,
            Workload::Idle => {
                let seconds = self.options.seconds;
                write!(
                    f,
                    "{} sessions held for {seconds} s",
                    HumanCount(self.ready)
                )?;
            }
        }
        if let Some(offered) = self.options.offered_per_second() {
            let offered = HumanCount(offered.round() as u64);
            if workload.chats() {
                write!(f, " from {offered} messages per second offered")?;
            } else {
                write!(f, " of {offered} offered")?;
            }
        }
        match self.latency {
            Some(latency) => writeln!(f, ", p99 latency {}", show_micros(latency.p99_us)),
            None => writeln!(f),
        }
    }

    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chats = self.options.workload.chats();
        row(f, "sessions", HumanCount(self.options.sessions.into()))?;
        match self.options.workload {
            Workload::Churn => row(f, "cycles", HumanCount(self.cycles))?,
            _ => {
                row(f, "sent", HumanCount(self.sent))?;
                if chats {
                    row(f, "accepted", HumanCount(self.accepted))?;
                }
                row(f, "delivered", HumanCount(self.delivered))?;
            }
        }
        if self.slow.stopped > 0 {
            row(f, "stopped reading", HumanCount(self.slow.stopped))?;
            row(f, "  cut by the server", HumanCount(self.slow.cut))?;
            row(f, "  caught up", HumanCount(self.slow.caught_up))?;
        }
        if self.foreign > 0 {
            row(f, "chat of others", HumanCount(self.foreign))?;
        }
        Ok(())
    }

    fn write_latency(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(latency) = self.latency else {
            return Ok(());
        };
        row(f, "latency p50", show_micros(latency.p50_us))?;
        row(f, "        p99", show_micros(latency.p99_us))?;
        row(f, "        p99.9", show_micros(latency.p999_us))?;
        row(f, "        max", show_micros(latency.max_us))
    }

    fn write_faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, count)) in self.faults.by_name().into_iter().enumerate() {
            // The first three are always shown: that they are 0 is what the run is for.
            if index < 3 && self.options.workload != Workload::Churn || count > 0 {
                row(f, name, HumanCount(count))?;
            }
        }
        for (refusal, &count) in &self.refusals {
            writeln!(f, "    {} x {refusal}", HumanCount(count))?;
        }
        for (index, (reason, &count)) in self.closes.iter().enumerate() {
            let name = if index == 0 { "closed by" } else { "" };
            writeln!(
                f,
                "  {name:<20}{:>12}  {reason}",
                HumanCount(count).to_string()
            )?;
        }
        Ok(())
    }

    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_right() {
            let what = match self.options.workload {
                Workload::Chat | Workload::Slow => "Every delivery was right.",
                Workload::Echo | Workload::Idle => "Every echo was right.",
                Workload::Churn => "Every cycle was right.",
            };
            return write!(f, "{what}");
        }
        write!(f, "WRONG: {}.", self.faults)?;
        for hint in self.hints() {
            write!(f, "\n{hint}")?;
        }
        Ok(())
    }

    /// Whether nothing came back from anybody, not even an end.
    fn is_unanswered(&self) -> bool {
        let ended_by_us = |reason: &String| reason == "by-the-bot";
        self.faults.never_ready == u64::from(self.options.sessions)
            && self.refusals.is_empty()
            && self.closes.keys().all(ended_by_us)
    }

    /// What may be behind the faults, and what to type.
    fn hints(&self) -> Vec<&'static str> {
        let refused = |result: ResultCode| {
            let said = result.to_string();
            self.refusals.keys().any(|refusal| refusal.ends_with(&said))
        };
        let closed_early = self.faults.closed_early > 0;
        let all_closed = self.faults.closed_early == u64::from(self.options.sessions);
        let packets_a_second = self.options.rate == 0.0 || self.options.rate >= 200.0;
        let echoes = self.options.workload == Workload::Echo;
        let hints = [
            (
                refused(ResultCode::LoginUserAlready),
                "Those names are in use: two runs at once need different seeds (--seed 2).",
            ),
            (
                refused(ResultCode::LoginUserInvalid),
                "The server lets in accounts only, so the rest was not tried. Start a test server \
                 with --set accounts.classic=open (or register); `insecure = true` means that too.",
            ),
            (
                refused(ResultCode::LoginUserUsedAll),
                "The server is full or in maintenance (`wharf admin maintenance show` tells which): \
                 start it with --set limits.sessions_max=N or use fewer --sessions, or wait until \
                 maintenance is over.",
            ),
            (
                refused(ResultCode::EnterRoomFull),
                "Rooms are full: use more --rooms, or start the server with --set chat.rooms=N or \
                 --set chat.room_members_max=N.",
            ),
            (
                refused(ResultCode::RoomInvalidIndex),
                "The server has fewer rooms: use fewer --rooms, or start it with --set \
                 chat.rooms=N.",
            ),
            (
                self.is_unanswered(),
                "Nothing was ever answered: is that a wharf, and can it be reached? If it listens \
                 elsewhere, say where: --target ADDR",
            ),
            (
                all_closed,
                "The server closed every connection: was it stopped?",
            ),
            (
                closed_early && echoes && packets_a_second,
                "The server cuts sessions that send more packets than its limit: start it with \
                 --set limits.inbound_packets_per_second=0, or use a lower --rate.",
            ),
            (
                self.closes.contains_key("connect-address-unavailable"),
                "Local ports have run out: connect from several addresses \
                 (--source-addresses 8).",
            ),
        ];
        hints
            .into_iter()
            .filter(|&(applies, _)| applies)
            .map(|(_, hint)| hint)
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_headline(f)?;
        writeln!(f)?;
        self.write_counts(f)?;
        self.write_latency(f)?;
        self.write_faults(f)?;
        writeln!(f)?;
        self.write_verdict(f)
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn unwritable(path: &Path, error: std::io::Error) -> BotsError {
    BotsError::Json {
        path: path.to_owned(),
        error,
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:<20}{:>12}", value.to_string())
}

fn show_micros(micros: f64) -> String {
    show_latency(Duration::from_nanos((micros * 1e3) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(workload: Workload, change: fn(&mut Tally), expected: Expect) {
        check_options(&BotOptions::of_workload(workload), change, expected);
    }

    fn check_options(options: &BotOptions, change: fn(&mut Tally), expected: Expect) {
        let mut tally = Tally::new();
        tally.ready = 1_000;
        tally.said = 10_000;
        tally.accepted = 10_000;
        tally.delivered = 1_000_000;
        tally.busy = Duration::from_millis(10_010);
        tally.closes.insert("by-the-bot", 1_000);
        for micros in [200, 300, 400, 500, 90_000] {
            tally.latencies.record(Duration::from_micros(micros));
        }
        change(&mut tally);
        expected.assert_eq(&Report::new(options, "uring", &tally).to_string());
    }

    #[test]
    fn a_right_run_reads_so() {
        check(
            Workload::Chat,
            |_| {},
            expect![[r#"
            99,900 deliveries per second from 1,000 messages per second offered, p99 latency 90.05 ms

              sessions                   1,000
              sent                      10,000
              accepted                  10,000
              delivered              1,000,000
              latency p50               400 us
                      p99             90.05 ms
                      p99.9           90.05 ms
                      max             90.05 ms
              lost                           0
              duplicated                     0
              out of order                   0
              closed by                  1,000  by-the-bot

            Every delivery was right."#]],
        );
    }

    #[test]
    fn a_wrong_run_says_what_went_wrong_and_what_to_type() {
        check(
            Workload::Chat,
            |tally| {
                tally.faults.lost = 3;
                tally.faults.closed_early = 1;
                tally.refuse("login", ResultCode::LoginUserAlready);
                tally.closes.insert("peer-reset", 1);
            },
            expect![[r#"
                99,900 deliveries per second from 1,000 messages per second offered, p99 latency 90.05 ms

                  sessions                   1,000
                  sent                      10,000
                  accepted                  10,000
                  delivered              1,000,000
                  latency p50               400 us
                          p99             90.05 ms
                          p99.9           90.05 ms
                          max             90.05 ms
                  lost                           3
                  duplicated                     0
                  out of order                   0
                  refused                        1
                  closed early                   1
                    1 x login 31 (that id is in use)
                  closed by                  1,000  by-the-bot
                                                 1  peer-reset

                WRONG: 3 lost, 1 refused, 1 closed early.
                Those names are in use: two runs at once need different seeds (--seed 2)."#]],
        );
    }

    #[test]
    fn echoes_that_were_cut_for_their_rate_get_a_hint() {
        let options = BotOptions {
            rate: 0.0,
            ..BotOptions::of_workload(Workload::Echo)
        };
        check_options(
            &options,
            |tally| {
                tally.faults.closed_early = 64;
                tally.closes = BTreeMap::from([("peer-reset", 64)]);
            },
            expect![[r#"
                99,900 echoes per second, p99 latency 90.05 ms

                  sessions                      64
                  sent                      10,000
                  delivered              1,000,000
                  latency p50               400 us
                          p99             90.05 ms
                          p99.9           90.05 ms
                          max             90.05 ms
                  lost                           0
                  duplicated                     0
                  out of order                   0
                  closed early                  64
                  closed by                     64  peer-reset

                WRONG: 64 closed early.
                The server closed every connection: was it stopped?
                The server cuts sessions that send more packets than its limit: start it with --set limits.inbound_packets_per_second=0, or use a lower --rate."#]],
        );
    }

    #[test]
    fn a_target_that_answers_nothing_gets_a_hint() {
        let last = |change: fn(&mut Tally)| {
            let mut tally = Tally::new();
            tally.faults.never_ready = 1_000;
            tally.closes.insert("by-the-bot", 1_000);
            change(&mut tally);
            let report = Report::new(&BotOptions::of_workload(Workload::Chat), "uring", &tally);
            report.to_string().lines().last().map(str::to_owned)
        };
        let hint = "Nothing was ever answered: is that a wharf, and can it be reached? If it \
            listens elsewhere, say where: --target ADDR";
        assert_eq!(last(|_| {}).unwrap(), hint);
        let answered: fn(&mut Tally) = |tally| tally.faults.never_ready = 999;
        assert_ne!(last(answered).unwrap(), hint);
        let ended: fn(&mut Tally) = |tally| _ = tally.closes.insert("peer-reset", 1);
        assert_ne!(last(ended).unwrap(), hint);
    }

    #[test]
    fn a_server_that_lets_in_accounts_only_gets_a_hint() {
        let mut tally = Tally::new();
        tally.ended_early = true;
        tally.refuse("login", ResultCode::LoginUserInvalid);
        let report = Report::new(&BotOptions::of_workload(Workload::Chat), "uring", &tally);
        let told = report.to_string();
        assert!(told.contains("--set accounts.classic=open"), "{told}");
    }

    #[test]
    fn a_server_that_lets_nobody_in_gets_a_hint_with_both_reasons() {
        let mut tally = Tally::new();
        tally.refuse("login", ResultCode::LoginUserUsedAll);
        let report = Report::new(&BotOptions::of_workload(Workload::Chat), "uring", &tally);
        let told = report.to_string();
        for words in [
            "login 32 (the server is full or in maintenance)",
            "maintenance show",
        ] {
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn slow_readers_have_rows_of_their_own() {
        check(
            Workload::Slow,
            |tally| {
                tally.slow = SlowReaders {
                    stopped: 20,
                    cut: 19,
                    caught_up: 1,
                };
            },
            expect![[r#"
                99,900 deliveries per second from 900 messages per second offered, p99 latency 90.05 ms

                  sessions                     200
                  sent                      10,000
                  accepted                  10,000
                  delivered              1,000,000
                  stopped reading               20
                    cut by the server           19
                    caught up                    1
                  latency p50               400 us
                          p99             90.05 ms
                          p99.9           90.05 ms
                          max             90.05 ms
                  lost                           0
                  duplicated                     0
                  out of order                   0
                  closed by                  1,000  by-the-bot

                Every delivery was right."#]],
        );
    }

    #[test]
    fn churn_and_idle_have_headlines_of_their_own() {
        let headline = |workload| {
            let mut tally = Tally::new();
            tally.ready = 1_000;
            tally.busy = Duration::from_secs(2);
            tally.cycles = if workload == Workload::Churn {
                9_000
            } else {
                0
            };
            let report = Report::new(&BotOptions::of_workload(workload), "uring", &tally);
            report.to_string().lines().next().map(str::to_owned)
        };
        assert_eq!(
            headline(Workload::Churn).unwrap(),
            "4,500 cycles per second"
        );
        assert_eq!(
            headline(Workload::Idle).unwrap(),
            "1,000 sessions held for 10 s"
        );
    }

    #[test]
    fn json_is_one_line_with_all_parameters() {
        let report = Report::new(
            &BotOptions::of_workload(Workload::Chat),
            "sim",
            &Tally::new(),
        );
        let line = serde_json::to_string(&report).unwrap();
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["options"]["workload"], "chat");
        assert_eq!(value["options"]["target"], "127.0.0.1:11021");
        assert_eq!(value["faults"]["out_of_order"], 0);
        assert!(value["latency"].is_null());
    }
}
