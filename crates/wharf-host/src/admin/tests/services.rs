//! What is told of the services.

use super::format::{self, Page};
use super::{Rig, Times, options};
use crate::admin::service_tables::{self, STORE};
use crate::doorman::Doorman;
use crate::hash_workers::HashStats;
use crate::server::{Placement, ServerOptions};
use crate::service_desk::{DeskStats, ServiceReport};
use crate::services::{Replies, Services};
use crate::switchboard::Answer;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use wharf_base::SessionId;
use wharf_content::Query;
use wharf_data::access::Error;
use wharf_data::service::Reply;
use wharf_platform::PlatformStats;
use wharf_store::StoreStats;

/// Services that say what they are told to, or keep who asks waiting while they are told nothing.
struct Counted {
    report: Mutex<Option<ServiceReport>>,
    waiting: Mutex<Option<Answer<ServiceReport>>>,
}

impl Counted {
    fn new(report: ServiceReport) -> Arc<Self> {
        Arc::new(Self {
            report: Mutex::new(Some(report)),
            waiting: Mutex::default(),
        })
    }

    fn set(&self, report: Option<ServiceReport>) {
        self.report.lock().unwrap().clone_from(&report);
        let waiting = self.waiting.lock().unwrap().take();
        if let (Some(answer), Some(report)) = (waiting, report) {
            answer(report);
        }
    }
}

impl Services for Counted {
    fn query(&self, _: Query, _: Option<IpAddr>, _: &Replies) -> Option<Reply> {
        Some(Err(Error::Unavailable))
    }

    fn session_closed(&self, _: SessionId) {}

    fn report(&self, answer: Answer<ServiceReport>) {
        match &*self.report.lock().unwrap() {
            Some(report) => answer(report.clone()),
            None => *self.waiting.lock().unwrap() = Some(answer),
        }
    }
}

fn report(is_answering: bool) -> ServiceReport {
    let mut store = StoreStats {
        waiting: 3,
        waiting_max: 4_096,
        is_answering,
        steady_for: Duration::from_millis(2_500),
        answered: 40,
        refused_busy: 5,
        expired: 6,
        refused_lost: 7,
        failed: 8,
        groups: 10,
        grouped: 30,
        commit_time: Duration::from_millis(1_250),
        ..StoreStats::default()
    };
    store.answer_times.record(Duration::from_micros(1_500));
    ServiceReport {
        desk: DeskStats {
            open: 2,
            ..DeskStats::default()
        },
        platform: PlatformStats {
            online: 11,
            hashes_refused: 4,
            unrecalled: 9,
            shown: 20,
            unshown: 3,
            ..PlatformStats::default()
        },
        hashing: HashStats {
            refused: 1,
            busy: Duration::from_millis(500),
            ..HashStats::default()
        },
        store_kind: "mariadb".into(),
        redis: Some(StoreStats::default()),
        store,
    }
}

/// A server whose users need accounts, or need none.
fn rig(services: &Arc<Counted>, wants_accounts: bool) -> Rig {
    let (echo, told) = mpsc::channel();
    let mut options = ServerOptions {
        services: Arc::<Counted>::clone(services),
        ..options(1, Placement::Fused, told)
    };
    if wants_accounts {
        options.doorman = Arc::new(Doorman::of_accounts());
    }
    Rig::serving(&options, echo, None, Times::default())
}

/// The sample with these labels.
fn value(page: &Page, family: &str, labels: &[(&str, &str)]) -> f64 {
    let family = page.get(family).unwrap_or_else(|| panic!("no {family}"));
    let fits = |it: &&(String, format::Labels, f64)| {
        it.1.len() == labels.len() && labels.iter().all(|(name, value)| it.1[*name] == *value)
    };
    let mut samples = family.samples.iter().filter(fits);
    samples.next().expect("a sample with these labels").2
}

#[test]
fn prometheus_reads_what_the_services_have_counted() {
    let rig = rig(&Counted::new(report(true)), false);
    let text = rig.get("/metrics").1;
    let page = format::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for (name, _) in service_tables::names() {
        let stores = if name.starts_with("wharf_store_") {
            2
        } else {
            1
        };
        let samples = &page
            .get(name)
            .unwrap_or_else(|| panic!("no {name}"))
            .samples;
        assert_eq!(samples.len(), stores, "{name}");
    }
    let sql = ("store", "sql");
    for (outcome, count) in [
        ("answered", 40.0),
        ("busy", 5.0),
        ("late", 6.0),
        ("unavailable", 7.0),
        ("failed", 8.0),
    ] {
        let labels = [sql, ("outcome", outcome)];
        assert_eq!(value(&page, "wharf_store_requests_total", &labels), count);
    }
    for (family, labels, expected) in [
        ("wharf_store_info", &[sql, ("kind", "mariadb")][..], 1.0),
        ("wharf_store_up", &[sql], 1.0),
        ("wharf_store_up", &[("store", "redis")], 0.0),
        ("wharf_store_state_seconds", &[sql], 2.5),
        ("wharf_store_commit_seconds_total", &[sql], 1.25),
        ("wharf_store_committed_requests_total", &[sql], 30.0),
        ("wharf_hash_refused_total", &[], 5.0),
        ("wharf_hash_busy_seconds_total", &[], 0.5),
        ("wharf_people_online", &[], 11.0),
        ("wharf_login_unrecalled_total", &[], 9.0),
        ("wharf_shown_written_total", &[], 20.0),
        ("wharf_shown_failed_total", &[], 3.0),
        ("wharf_services_up", &[], 1.0),
        (
            "wharf_logins_total",
            &[("way", "token"), ("outcome", "ok")],
            0.0,
        ),
    ] {
        assert_eq!(value(&page, family, labels), expected, "{family}");
    }
    let times = &page["wharf_store_answer_seconds"];
    assert_eq!(times.kind, "histogram");
    let count = times.samples.iter().find(|it| it.0.ends_with("_count"));
    assert_eq!(count.expect("a count").2, 1.0);
}

#[test]
fn every_metric_that_operators_read_of_is_there() {
    let rig = rig(&Counted::new(report(true)), false);
    let page = format::read(&rig.get("/metrics").1).unwrap();
    let text = include_str!("../../../../../docs/OPERATIONS.md");
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut names: Vec<&str> = words.filter(|word| word.starts_with("wharf_")).collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 30, "{names:?}");
    // Where the system does not tell the CPU of threads, nor do we.
    names.retain(|name| cfg!(target_os = "linux") || !name.starts_with("wharf_thread_cpu"));
    for name in names {
        let family = name.trim_end_matches("_bucket");
        // Tables name what several begin with.
        let is_there = page.keys().any(|known| known.starts_with(family));
        assert!(is_there, "{name} is no metric");
    }
}

#[test]
fn the_same_of_the_services_is_told_as_a_snapshot() {
    let rig = rig(&Counted::new(report(true)), false);
    let services = rig.client.snapshot().unwrap().services.expect("there are");
    assert_eq!(services.people["online"], 11);
    assert_eq!(services.hashing["refused"], 5);
    assert_eq!(
        (&*services.store.kind, services.store.is_answering),
        ("mariadb", true)
    );
    assert_eq!(services.store.figures.len(), STORE.len());
    assert_eq!(services.store.requests["late"], 6);
    assert_eq!(services.store.answer_times[11], 1, "under 2,048 us");
    assert!(!services.redis.expect("there is one").is_answering);
}

#[test]
fn a_server_without_services_tells_nothing_of_them() {
    let rig = Rig::start(1, Placement::Fused);
    let page = format::read(&rig.get("/metrics").1).unwrap();
    assert!(!page.keys().any(|name| name.starts_with("wharf_store")));
    assert_eq!(rig.client.snapshot().unwrap().services, None);
    assert_eq!(rig.get("/readyz").0, 200);
    assert_eq!(rig.get("/healthz").0, 200);
}

#[test]
fn a_store_that_does_not_answer_is_missed_where_everybody_needs_an_account() {
    let services = Counted::new(report(false));
    let needy = rig(&services, true);
    let (status, said) = needy.get("/readyz");
    assert_eq!(status, 503);
    assert!(said.contains("\"reason\":\"store-unavailable\""), "{said}");
    assert!(said.contains("for 2.5 s"), "{said}");
    assert_eq!(
        needy.get("/healthz").0,
        200,
        "a new process would not mend it"
    );
    assert_eq!(needy.client.snapshot().unwrap().state, "store-unavailable");
    let open = rig(&services, false);
    assert_eq!(open.get("/readyz").0, 200, "whoever comes is let in");
    services.set(Some(report(true)));
    needy.wait_for("/readyz", |status, _| status == 200);
}

#[test]
fn services_that_do_not_turn_are_named_until_they_do() {
    let services = Counted::new(report(true));
    let rig = rig(&services, false);
    assert_eq!(rig.get("/healthz").0, 200);
    services.set(None);
    let said = rig.wait_for("/healthz", |status, _| status == 503);
    assert!(said.starts_with("services: has not turned for"), "{said}");
    let page = format::read(&rig.get("/metrics").1).unwrap();
    assert_eq!(value(&page, "wharf_services_up", &[]), 0.0);
    assert_eq!(
        value(&page, "wharf_people_online", &[]),
        11.0,
        "the last that is known"
    );
    services.set(Some(report(true)));
    rig.wait_for("/healthz", |status, _| status == 200);
}
