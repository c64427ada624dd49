//! What was found, as text: a headline, a table, what it means, a verdict.

use super::measure::{Limit, Measured};
use super::plan::Kind;
use super::report::{Report, carried};
use indicatif::{BinaryBytes, HumanCount};
use std::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_headline(f)?;
        writeln!(f)?;
        self.write_table(f)?;
        writeln!(f)?;
        self.write_notes(f)?;
        writeln!(f)?;
        self.write_verdict(f)
    }
}

impl Report {
    fn write_headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        let mut line = |kind, what: &str, condition: fn(&Measured) -> String| {
            let found = self
                .of(kind)
                .filter_map(|it| Some((about(carried(it)?), it)));
            let parts = found.enumerate().map(|(index, (count, it))| {
                let what = if index == 0 { what } else { "" };
                format!("{count}{what} {}", condition(it))
            });
            let parts: Vec<String> = parts.collect();
            if !parts.is_empty() {
                lines.push(parts.join(", "));
            }
        };
        line(Kind::Echo, " echoes a second", |it| {
            format!("with {} in flight", it.load.in_flight)
        });
        line(Kind::Chat, " chat deliveries a second", |it| {
            format!("in rooms of {}", it.load.per_room)
        });
        if lines.is_empty() {
            writeln!(f, "Nothing was measured to its end.")?;
        } else {
            let lines = lines.join(";\n  ");
            writeln!(f, "One core, fully busy, would carry about\n  {lines}.")?;
        }
        if let Some(bytes) = self.summary().bytes_per_session {
            writeln!(f, "A session in a room costs {}.", kibibytes(bytes))?;
        }
        Ok(())
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = [
            "server CPU",
            "messages",
            "server",
            "client",
            "latency",
            "",
            "longest",
        ];
        row(f, "", &heads.map(str::to_owned))?;
        let heads = [
            "a message",
            "a second",
            "busy",
            "busy",
            "p50",
            "p99",
            "hiccup",
        ];
        row(f, "", &heads.map(str::to_owned))?;
        for it in &self.measured {
            let latency = |of: fn(&wharf_bots::LatencySummary) -> f64| {
                it.latency
                    .as_ref()
                    .map_or_else(String::new, |all| micros(of(all)))
            };
            let cells = [
                it.cpu_us_per_message
                    .map_or_else(String::new, |cpu| format!("{cpu:.2} us")),
                HumanCount(it.per_second.round() as u64).to_string(),
                percent(it.server_busy),
                percent(it.client_busy),
                latency(|all| all.p50_us),
                latency(|all| all.p99_us),
                micros(it.hiccup_max_us),
            ];
            row(f, &it.load.to_string(), &cells)?;
        }
        Ok(())
    }

    /// What a reader must know to judge the numbers.
    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(it) = self.measured.first() {
            writeln!(f, "The server ran on {}.", it.port)?;
        }
        if let Some(names) = self.limited_by(Limit::Client) {
            writeln!(
                f,
                "The client was the limit in: {names}.\n  What the server's core carries there \
                 follows from its CPU for each message."
            )?;
        }
        if let Some(names) = self.limited_by(Limit::Neither) {
            writeln!(
                f,
                "Nobody was the limit in: {names}.\n  Server and client waited for each other, \
                 or for what else runs here."
            )?;
        }
        if !self.apart {
            writeln!(
                f,
                "Server and client had no cores of their own: they got into each other's way."
            )?;
        }
        self.write_idle_sessions(f)?;
        let longest = self.summary().hiccup_max_us;
        writeln!(
            f,
            "The machine itself paused for up to {}; latencies of that size may be its doing.",
            micros(longest)
        )
    }

    /// The loads that met this limit, but for the idle, who want none.
    fn limited_by(&self, limit: Limit) -> Option<String> {
        let met = |it: &&Measured| it.limit == limit && it.load.kind != Kind::Idle;
        let names = self
            .measured
            .iter()
            .filter(met)
            .map(|it| it.load.to_string());
        let names: Vec<String> = names.collect();
        (!names.is_empty()).then(|| names.join("; "))
    }

    fn write_idle_sessions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.summary();
        let Some(by_memory) = summary.sessions_by_memory else {
            return Ok(());
        };
        write!(
            f,
            "Idle sessions: {} of memory hold about {}, less what the kernel keeps for each;\n  ",
            BinaryBytes(self.machine.available_bytes),
            about(by_memory as f64)
        )?;
        match summary.sessions_by_descriptors {
            Some(most) => writeln!(
                f,
                "the descriptors of a process allow {}.",
                HumanCount(most)
            ),
            None => writeln!(f, "this system sets no limit of descriptors."),
        }
    }

    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.measured.iter().any(|it| it.ended_early) {
            writeln!(f, "Ended early.")?;
        }
        for it in self.measured.iter().filter(|it| !it.is_right()) {
            let name = it.load;
            if it.faults.total() > 0 {
                writeln!(f, "WRONG in {name}: {}.", it.faults)?;
            }
            if let Some(trouble) = &it.trouble {
                writeln!(f, "WRONG in {name}: {trouble}")?;
            }
        }
        if self.is_right() {
            write!(f, "Every delivery was right.")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, cells: &[String; 7]) -> fmt::Result {
    let [cpu, rate, server, client, p50, p99, hiccup] = cells;
    let line = format!(
        "  {name:<29}{cpu:>10}{rate:>12}{server:>8}{client:>8}{p50:>10}{p99:>10}{hiccup:>10}"
    );
    writeln!(f, "{}", line.trim_end())
}

/// To two digits: nobody measures more of a machine.
fn about(number: f64) -> HumanCount {
    let unit = 10_f64.powf((number.max(1.0).log10().floor() - 1.0).max(0.0));
    HumanCount(((number / unit).round() * unit) as u64)
}

fn kibibytes(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / 1_024.0)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn micros(micros: f64) -> String {
    match micros {
        micros if micros < 1_000.0 => format!("{micros:.0} us"),
        micros if micros < 1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        micros => format!("{:.1} s", micros / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::super::report::tests::measured;
    use super::*;
    use expect_test::{Expect, expect};

    fn check(change: fn(&mut Vec<Measured>), apart: bool, expected: Expect) {
        let mut report = Report {
            machine: Machine::example(),
            apart,
            measured: measured(),
        };
        change(&mut report.measured);
        expected.assert_eq(&report.to_string());
    }

    #[test]
    fn a_right_run_reads_so() {
        check(
            |_| {},
            true,
            expect![[r#"
            One core, fully busy, would carry about
              250,000 echoes a second with 1 in flight, 2,000,000 with 16 in flight;
              1,000,000 chat deliveries a second in rooms of 10, 1,300,000 in rooms of 20.
            A session in a room costs 3.5 KiB.

                                           server CPU    messages  server  client   latency             longest
                                            a message    a second    busy    busy       p50       p99    hiccup
              echo 64 B, 20 x 1               4.00 us     200,000    80 %    60 %    329 us    4.3 ms      0 us
              echo 64 B, 20 x 16              0.50 us     200,000    10 %    95 %    329 us    4.3 ms    1.1 ms
              chat, 20 in rooms of 10         1.00 us     200,000    20 %    90 %    329 us    4.3 ms    2.2 ms
              chat, 20 in rooms of 20         0.80 us     200,000    16 %    92 %    329 us    4.3 ms    3.3 ms
              idle, 20 in rooms of 10                     200,000     0 %   100 %    329 us    4.3 ms    4.4 ms

            The server ran on sim.
            The client was the limit in: echo 64 B, 20 x 16; chat, 20 in rooms of 10.
              What the server's core carries there follows from its CPU for each message.
            Nobody was the limit in: chat, 20 in rooms of 20.
              Server and client waited for each other, or for what else runs here.
            Idle sessions: 1.00 GiB of memory hold about 300,000, less what the kernel keeps for each;
              the descriptors of a process allow 19,744.
            The machine itself paused for up to 4.4 ms; latencies of that size may be its doing.

            Every delivery was right."#]],
        );
    }

    #[test]
    fn a_wrong_run_says_where_and_what() {
        let spoil = |measured: &mut Vec<Measured>| {
            measured.truncate(2);
            measured[0].faults.lost = 3;
            measured[1].trouble = Some("the server ended with exit code 1".into());
            measured[1].ended_early = true;
        };
        check(
            spoil,
            false,
            expect![[r#"
            One core, fully busy, would carry about
              250,000 echoes a second with 1 in flight.

                                           server CPU    messages  server  client   latency             longest
                                            a message    a second    busy    busy       p50       p99    hiccup
              echo 64 B, 20 x 1               4.00 us     200,000    80 %    60 %    329 us    4.3 ms      0 us
              echo 64 B, 20 x 16              0.50 us     200,000    10 %    95 %    329 us    4.3 ms    1.1 ms

            The server ran on sim.
            The client was the limit in: echo 64 B, 20 x 16.
              What the server's core carries there follows from its CPU for each message.
            Server and client had no cores of their own: they got into each other's way.
            The machine itself paused for up to 1.1 ms; latencies of that size may be its doing.

            Ended early.
            WRONG in echo 64 B, 20 x 1: 3 lost.
            WRONG in echo 64 B, 20 x 16: the server ended with exit code 1
        "#]],
        );
    }

    #[test]
    fn numbers_are_rounded_to_what_was_measured() {
        let shown = |number| about(number).to_string();
        assert_eq!([2.4, 74.0, 748.0].map(shown), ["2", "74", "750"]);
        assert_eq!(shown(2_596_000.0), "2,600,000");
    }
}
