//! The services' thread: drives the platform with what content calls, what the store answers and
//! what the hash workers have done.

mod at_once;
mod clerk;
mod counted;
mod operating;
mod queue;
mod waiting;

pub use counted::{DeskStats, ServiceReport};

use crate::hash_workers::{HashWorkerOptions, HashWorkers};
use crate::noticeboard::Noticeboard;
use crate::services::{ClassicLogin, OperatorAnswer, Replies, Services};
use crate::stores::{StorePlaces, Stores};
use crate::switchboard::Answer;
use clerk::{Clerk, run};
use queue::{Shared, Work};
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use waiting::{Waiter, Who};
use wharf_accounts::{JobId, Tickets};
use wharf_base::SessionId;
use wharf_content::{Asker, Query};
use wharf_data::access::{Error, Request, UnknownId};
use wharf_data::service::{Call, Reply};
use wharf_data::{Bulletin, operators};
use wharf_platform::{From, Platform, SessionTag};
use wharf_store::Tag;

/// Calls that wait for the services' thread. More are answered "busy": what content may have open
/// bounds them too, but far above what any thread does in a second.
const CALLS_MAX: usize = 65_536;
/// When it is worth asking again.
const BUSY: Duration = Duration::from_secs(1);

/// Makes a platform, and makes it again should it ever break.
pub type MakePlatform = Box<dyn Fn() -> Platform + Send>;

/// The services with their threads: one that decides, the store's, and those that hash. Dropping
/// it does what waits, then ends.
pub struct ServiceDesk {
    shared: Arc<Shared>,
    /// Held by whoever works there: the thread, or for a moment whoever asks for what is known.
    clerk: Arc<Mutex<Clerk>>,
    thread: Option<JoinHandle<()>>,
    unknown: UnknownId,
    board: Arc<Noticeboard>,
}

impl ServiceDesk {
    /// Starts all threads; `unknown` is what happens with classic ids that nobody has.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(
        make: MakePlatform,
        places: &StorePlaces,
        hashing: HashWorkerOptions,
        unknown: UnknownId,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let answers = Arc::clone(&shared);
        let stores = Stores::start(places, move |tag: Tag, reply| {
            answers.push(Work::Stored(tag.0, reply));
        })?;
        let results = Arc::clone(&shared);
        let workers = HashWorkers::start(hashing, move |job: JobId, hashed| {
            results.push(Work::Hashed(job.0, hashed));
        })?;
        let board = Arc::new(Noticeboard::default());
        let clerk = Clerk {
            board: Arc::clone(&board),
            shared: Arc::clone(&shared),
            stats: DeskStats::default(),
            store_kind: places.kept.kind().to_owned(),
            platform: make(),
            make,
            tickets: None,
            stores,
            workers,
            waiting: BTreeMap::new(),
            replies: None,
            asked: BTreeMap::new(),
            counting: BTreeMap::new(),
            hashing: BTreeMap::new(),
            last_number: 0,
            at_once: None,
        };
        let clerk = Arc::new(Mutex::new(clerk));
        let (own, queue) = (Arc::clone(&clerk), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("services".into())
            .spawn(move || run(&own, &queue))?;
        Ok(Self {
            shared,
            clerk,
            thread: Some(thread),
            unknown,
            board,
        })
    }

    /// Waits until it is known what holds for the whole server, at most for so long; whether it is.
    pub fn wait_until_settled(&self, patience: Duration) -> bool {
        self.board.wait(patience)
    }

    /// Takes login tickets that are signed by these keys from now on, or none.
    pub fn set_tickets(&self, tickets: Option<Tickets>) {
        self.shared.push(Work::Tickets(Box::new(tickets)));
    }

    /// Hands a call on, or says at once that too many wait.
    fn hand_on(&self, from: From, waiter: Waiter, call: Box<Call>) {
        if let Err(waiter) = self.shared.push_call(from, waiter, call) {
            waiter.tell(Err(Error::Busy { retry_after: BUSY }));
        }
    }
}

impl Services for ServiceDesk {
    fn query(&self, query: Query, from: Option<IpAddr>, replies: &Replies) -> Option<Reply> {
        let Query { asker, id, call } = query;
        let from = match (asker, from) {
            (Asker::Session(session), Some(address)) => From::Session(tag_of(session), address),
            _ => From::Room,
        };
        let waiter = Waiter {
            who: Who::Query(asker, id),
            replies: replies.clone(),
        };
        match self.answer(from, waiter, Box::new(call)) {
            Ok(reply) => reply,
            Err((waiter, call)) => {
                self.hand_on(from, waiter, call);
                None
            }
        }
    }

    fn log_in(&self, login: ClassicLogin<'_>, replies: &Replies) {
        let from = From::Session(tag_of(login.session), login.from);
        let waiter = Waiter {
            who: Who::Login(login.session),
            replies: replies.clone(),
        };
        let request = Request::LogInClassic {
            id: login.user.to_owned(),
            password: login.password.into(),
            unknown: self.unknown,
        };
        let call = Call::Access { by: None, request };
        self.hand_on(from, waiter, Box::new(call));
    }

    fn begin(&self, shards: &Replies) {
        self.board.connect(shards);
    }

    fn operate(&self, request: operators::Request, answer: OperatorAnswer) {
        self.shared.push_operation(request, answer);
    }

    fn bulletin(&self) -> Arc<Bulletin> {
        self.board.bulletin()
    }

    fn report(&self, answer: Answer<ServiceReport>) {
        self.shared.push_question(answer);
    }

    fn session_closed(&self, session: SessionId) {
        if !self.close(tag_of(session)) {
            self.shared.push(Work::Closed(tag_of(session)));
        }
    }

    fn place_freed(&self) {
        self.shared.push(Work::PlaceFreed);
    }
}

impl Drop for ServiceDesk {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.is_wanted.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has said why, if it panicked.
            let _ = thread.join();
        }
    }
}

fn tag_of(session: SessionId) -> SessionTag {
    SessionTag(session.to_bits())
}
