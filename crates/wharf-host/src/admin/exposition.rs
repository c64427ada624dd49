//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only ever grows; its name ends in `_total`.
    Counter,
    /// What is there now.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A page, written family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
    family: &'static str,
}

/// A label's name and its value.
pub(super) type Label<'a> = (&'a str, &'a str);

impl Exposition {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        self.family = name;
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = writeln!(
            self.text,
            "# HELP {name} {help}\n# TYPE {name} {}",
            kind.name()
        );
        self
    }

    /// One sample of the family that was begun last.
    pub(super) fn sample(&mut self, labels: &[Label<'_>], value: impl Display) -> &mut Self {
        self.line("", labels, value);
        self
    }

    /// One histogram of the family that was begun last. `buckets` are the counts below rising
    /// bounds, each with its own; the last has none.
    pub(super) fn histogram(
        &mut self,
        labels: &[Label<'_>],
        buckets: impl Iterator<Item = (Option<f64>, u64)>,
        sum: f64,
    ) {
        let mut count = 0;
        for (bound, here) in buckets {
            count += here;
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            let labels = [labels, &[("le", &bound)]].concat();
            self.line("_bucket", &labels, count);
        }
        self.line("_sum", labels, sum);
        self.line("_count", labels, count);
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        let _ = write!(self.text, "{}{suffix}", self.family);
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"{}\"", escaped(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', r"\\").replace('"', "\\\"");
    value.replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_page_has_help_type_and_samples_with_what_is_special_escaped() {
        let mut page = Exposition::default();
        page.family("a_total", Kind::Counter, "One\\two\nthree.")
            .sample(&[("name", "a\"b\\c\nd"), ("shard", "0")], 7);
        page.family("b", Kind::Gauge, "Now.").sample(&[], 0.5);
        page.family("c_seconds", Kind::Histogram, "Times.");
        let buckets = [(Some(0.001), 2), (Some(1.0), 0), (None, 1)];
        page.histogram(&[("shard", "1")], buckets.into_iter(), 3.25);
        expect![[r#"
            # HELP a_total One\\two\nthree.
            # TYPE a_total counter
            a_total{name="a\"b\\c\nd",shard="0"} 7
            # HELP b Now.
            # TYPE b gauge
            b 0.5
            # HELP c_seconds Times.
            # TYPE c_seconds histogram
            c_seconds_bucket{shard="1",le="0.001"} 2
            c_seconds_bucket{shard="1",le="1"} 2
            c_seconds_bucket{shard="1",le="+Inf"} 3
            c_seconds_sum{shard="1"} 3.25
            c_seconds_count{shard="1"} 3
        "#]]
        .assert_eq(&page.into_text());
    }
}
