//! One look at everything: what all pages are made from.

use super::About;
use super::desk::{Desk, Line, ShardLook, has_not_turned};
use super::process::{Meter, Usage};
use crate::server::{Placement, Server, ServerOptions};
use crate::service_desk::ServiceReport;
use crate::services::Services;
use crate::switchboard::Switchboard;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;
use wharf_net::{Admission, AdmissionStats};

/// A look serves everybody who asks within this time: shards are not disturbed more often.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A shard that has not turned for so long is in trouble. Longer than any turn of a busy machine.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// Everything about a server that does not change.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) about: About,
    pub(super) placement: Placement,
    pub(super) listen: SocketAddr,
    /// Since 1970.
    pub(super) started: Duration,
    pub(super) sessions_max: u32,
    pub(super) not_logged_in_max: u32,
    pub(super) rooms_max: u64,
    pub(super) send_queues_bytes_per_shard: u64,
    pub(super) reassembly_bytes_per_shard: u64,
    pub(super) recv_buffers_per_shard: u64,
    /// Whether nobody logs in without an account, which the store knows of.
    pub(super) wants_accounts: bool,
}

/// Everything about a server at one time.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) facts: Arc<Facts>,
    pub(super) uptime: Duration,
    pub(super) is_stopping: bool,
    /// What people are told while the server is being looked after.
    pub(super) maintenance: Option<String>,
    pub(super) admission: AdmissionStats,
    pub(super) usage: Usage,
    pub(super) shards: Vec<ShardLook>,
    pub(super) services: ServiceLook,
}

/// What is known of the services.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceLook {
    /// The last report, and how old it is; none where there are no services.
    pub(super) report: Option<(ServiceReport, Duration)>,
    /// Why their thread does not serve, if so.
    pub(super) trouble: Option<String>,
}

impl Look {
    /// For how long the store has not answered without which nobody logs in, if so.
    fn missed_store(&self) -> Option<Duration> {
        let (report, _) = self.services.report.as_ref()?;
        let is_missed = self.facts.wants_accounts && !report.store.is_answering;
        is_missed.then_some(report.store.steady_for)
    }

    /// Why no client would be let in now: a word, and a sentence.
    pub(super) fn not_ready(&self) -> Option<(&'static str, String)> {
        let (now, facts) = (&self.admission, &self.facts);
        if self.is_stopping {
            Some((
                "stopping",
                format!("{} sessions are waited for", now.sessions),
            ))
        } else if let Some(text) = &self.maintenance {
            Some(("maintenance", text.clone()))
        } else if let Some(silent) = self.missed_store() {
            let detail = format!(
                "the store has not answered for {:.1} s",
                silent.as_secs_f32()
            );
            Some(("store-unavailable", detail))
        } else if now.sessions >= facts.sessions_max {
            let detail = format!("{} of {} sessions", now.sessions, facts.sessions_max);
            Some(("full", detail))
        } else if now.not_logged_in >= facts.not_logged_in_max {
            let (waiting, most) = (now.not_logged_in, facts.not_logged_in_max);
            let detail = format!("{waiting} of {most} sessions that have not logged in");
            Some(("login-queue-full", detail))
        } else {
            let troubles = self.troubles();
            let detail = troubles.trim_end().to_owned();
            (!detail.is_empty()).then_some(("unhealthy", detail))
        }
    }

    /// What is wrong with each shard, and with the services, a line each.
    pub(super) fn troubles(&self) -> String {
        let of_shards = self.shards.iter().filter_map(|it| {
            let trouble = it.trouble.as_ref()?;
            Some(format!("shard {}: {trouble}\n", it.shard))
        });
        let of_services = self.services.trouble.iter();
        of_shards
            .chain(of_services.map(|trouble| format!("services: {trouble}\n")))
            .collect()
    }
}

/// Looks at a server whenever somebody wants to know.
pub(super) struct Office {
    facts: Arc<Facts>,
    began: Instant,
    switchboard: Arc<Switchboard>,
    admission: Arc<Admission>,
    services: Arc<dyn Services>,
    stuck_after: Duration,
    books: Mutex<Books>,
}

/// Held by the one who looks.
struct Books {
    desk: Desk,
    services: Line<ServiceReport>,
    meter: Meter,
    last: Option<(Arc<Look>, Instant)>,
}

impl Office {
    pub(super) fn new(server: &Server, options: &ServerOptions, about: About) -> Self {
        Self::with_patience(server, options, about, STUCK_AFTER)
    }

    /// As [`Office::new`], with another time after which a shard is in trouble.
    pub(super) fn with_patience(
        server: &Server,
        options: &ServerOptions,
        about: About,
        stuck_after: Duration,
    ) -> Self {
        let (limits, switchboard) = (&options.limits, Arc::clone(server.switchboard()));
        let facts = Facts {
            about,
            placement: options.placement,
            listen: server.local_addr(),
            started: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            sessions_max: limits.sessions_max,
            not_logged_in_max: limits.sessions_not_logged_in,
            rooms_max: options.app.rooms(),
            send_queues_bytes_per_shard: limits.send_queues_bytes,
            reassembly_bytes_per_shard: limits.reassembly_bytes.into(),
            recv_buffers_per_shard: options.port.recv_buffers.into(),
            wants_accounts: options.doorman.wants_accounts(),
        };
        let is_split = options.placement == Placement::Split;
        let books = Books {
            desk: Desk::new(Arc::clone(&switchboard), is_split, stuck_after),
            services: Line::default(),
            meter: Meter::new(),
            last: None,
        };
        Self {
            facts: Arc::new(facts),
            began: Instant::now(),
            switchboard,
            admission: Arc::clone(&options.admission),
            services: Arc::clone(&options.services),
            stuck_after,
            books: Mutex::new(books),
        }
    }

    /// Who does what operators ask for.
    pub(super) fn services(&self) -> &dyn Services {
        &*self.services
    }

    /// How everything is: now, or a moment ago.
    pub(super) async fn look(&self) -> Arc<Look> {
        let mut books = self.books.lock().await;
        let books = &mut *books;
        if let Some((look, at)) = &books.last
            && at.elapsed() < LOOK_EVERY
        {
            return Arc::clone(look);
        }
        let ask = |answer| self.services.report(answer);
        books.services.ask(Instant::now(), ask);
        let shards = books.desk.look().await;
        books.services.hear().await;
        let look = Arc::new(Look {
            facts: Arc::clone(&self.facts),
            uptime: self.began.elapsed(),
            is_stopping: self.switchboard.is_stopping(),
            maintenance: self.services.bulletin().maintenance.clone(),
            admission: self.admission.stats(),
            usage: books.meter.read(),
            shards,
            services: self.known_of(&books.services),
        });
        books.last = Some((Arc::clone(&look), Instant::now()));
        look
    }

    fn known_of(&self, services: &Line<ServiceReport>) -> ServiceLook {
        let now = Instant::now();
        let silent = services.silent(now);
        let silent = silent.filter(|silent| *silent >= self.stuck_after);
        ServiceLook {
            report: services.last(now),
            trouble: silent.map(has_not_turned),
        }
    }
}
