//! A strict reader of Prometheus' text format, version 0.0.4.

use std::collections::{BTreeMap, BTreeSet};

/// Labels, by name.
pub(super) type Labels = BTreeMap<String, String>;

/// A family of samples.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) kind: String,
    /// Name with suffix, labels, value.
    pub(super) samples: Vec<(String, Labels, f64)>,
}

/// The families of a page, by name.
pub(super) type Page = BTreeMap<String, Family>;

/// Reads a page, or says in which line it is not one.
pub(super) fn read(text: &str) -> Result<Page, String> {
    let mut page = Page::new();
    let mut help: Option<String> = None;
    let mut family = String::new();
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        let wrong = |why: &str| Err(format!("{number}: {why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
            if !is_name(name, true) || text.is_empty() || help.is_some() {
                return wrong("help");
            }
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, ""));
            if help.take().as_deref() != Some(name) || page.contains_key(name) {
                return wrong("a type without its help, or once more");
            }
            let is_counter = kind == "counter";
            if !["counter", "gauge", "histogram"].contains(&kind) {
                return wrong("kind");
            }
            if name.ends_with("_total") != is_counter {
                return wrong("_total");
            }
            family = name.to_owned();
            page.entry(family.clone()).or_default().kind = kind.to_owned();
        } else {
            let Some(sample) = sample(line) else {
                return wrong("no sample");
            };
            let Some(here) = page.get_mut(&family).filter(|_| help.is_none()) else {
                return wrong("a sample of no family");
            };
            let suffix = sample.0.strip_prefix(&family);
            let fits = match (suffix, here.kind.as_str()) {
                (Some("_bucket"), "histogram") => sample.1.contains_key("le"),
                (Some("_sum" | "_count"), "histogram") => true,
                (Some(""), "counter") => sample.2 >= 0.0,
                (Some(""), "gauge") => true,
                _ => false,
            };
            let is_double = here
                .samples
                .iter()
                .any(|it| it.0 == sample.0 && it.1 == sample.1);
            if !fits || is_double {
                return wrong("a sample that is not its family's, or once more");
            }
            here.samples.push(sample);
        }
    }
    page.iter()
        .try_for_each(|(name, family)| histograms(name, family))?;
    Ok(page)
}

/// Buckets grow, end in `+Inf`, and there are as many as that says.
fn histograms(name: &str, family: &Family) -> Result<(), String> {
    if family.kind != "histogram" {
        return Ok(());
    }
    let without_bound = |labels: &Labels| {
        let mut labels = labels.clone();
        labels.remove("le");
        labels
    };
    let all: BTreeSet<Labels> = family
        .samples
        .iter()
        .map(|it| without_bound(&it.1))
        .collect();
    for labels in all {
        let of = |suffix: &str| {
            let wanted = format!("{name}{suffix}");
            let labels = labels.clone();
            let samples = family.samples.iter();
            samples.filter(move |it| it.0 == wanted && without_bound(&it.1) == labels)
        };
        let bounds: Vec<f64> = of("_bucket").filter_map(|it| number(&it.1["le"])).collect();
        let counts: Vec<f64> = of("_bucket").map(|it| it.2).collect();
        let rise = bounds.windows(2).all(|two| two[0] < two[1]);
        let grow = counts.windows(2).all(|two| two[0] <= two[1]);
        let ends = bounds.last() == Some(&f64::INFINITY) && bounds.len() == counts.len();
        let count: Vec<f64> = of("_count").map(|it| it.2).collect();
        if !rise || !grow || !ends || count != counts[counts.len() - 1..] || of("_sum").count() != 1
        {
            return Err(format!("{name}{labels:?} is no histogram"));
        }
    }
    Ok(())
}

/// `name{label="value",...} number`.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Labels::new(), rest),
    };
    let value = number(value.strip_prefix(' ')?)?;
    is_name(name, true).then(|| (name.to_owned(), labels, value))
}

/// The labels, and what stands behind their bracket.
fn labels(mut rest: &str) -> Option<(Labels, &str)> {
    let mut labels = Labels::new();
    loop {
        let (name, behind) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = behind.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    same @ ('\\' | '"') => same,
                    _ => return None,
                }),
                plain => value.push(plain),
            }
        }
        let is_new = labels.insert(name.to_owned(), value).is_none();
        if !is_name(name, false) || name.starts_with("__") || !is_new {
            return None;
        }
        rest = chars.as_str();
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        rest = rest.strip_prefix(',')?;
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        text => text.parse().ok().filter(|it: &f64| it.is_finite()),
    }
}

fn is_name(name: &str, may_have_colons: bool) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || (may_have_colons && c == ':');
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

#[test]
fn what_is_no_page_is_found() {
    let fine = "# HELP a_total Help.\n# TYPE a_total counter\na_total{s=\"0\"} 1\n";
    assert_eq!(read(fine).unwrap()["a_total"].samples.len(), 1);
    let head = "# HELP h x\n# TYPE h histogram\n";
    for planted in [
        fine.trim_end().to_owned(),
        format!("{fine}\n"),
        fine.repeat(2),
        fine.replace("HELP a", "HELP b"),
        fine.replace("counter", "summary"),
        fine.replace("counter", "gauge"),
        fine.replace(" 1", " one"),
        fine.replace(" 1", " -1"),
        fine.replace(" 1", "  1"),
        fine.replace("s=", "s-t="),
        fine.replace("\"0\"", "\"\\0\""),
        fine.replace("\"0\"", "\"0"),
        fine.replace("{s", "{s=\"1\",s"),
        format!("{fine}a_total{{s=\"0\"}} 1\n"),
        format!("{fine}b 1\n"),
        fine.replace("\na_total{", "\na_total_count{"),
        format!("{head}h_bucket{{le=\"1\"}} 1\nh_sum 1\nh_count 1\n"),
        format!("{head}h_bucket{{le=\"1\"}} 2\nh_bucket{{le=\"+Inf\"}} 1\nh_sum 1\nh_count 1\n"),
        format!("{head}h_bucket{{le=\"+Inf\"}} 1\nh_sum 1\nh_count 2\n"),
        format!("{head}h_bucket{{le=\"+Inf\"}} 1\nh_count 1\n"),
    ] {
        read(&planted).expect_err(&planted);
    }
}
