//! What answers the queries of content: whoever knows about accounts, rooms and the store, on
//! threads of their own.

use crate::service_desk::ServiceReport;
use crate::switchboard::{Answer, Control, Switchboard};
use std::net::IpAddr;
use std::sync::Arc;
use wharf_base::SessionId;
use wharf_content::{Asker, ContentEvent, Inbox, LoginRefusal, Query, QueryId, UserId};
use wharf_data::access::Error;
use wharf_data::service::Reply;
use wharf_data::{Bulletin, Notice, operators};

/// Answers queries. Called on the server's threads: it takes what it is given and returns at once.
pub trait Services: Send + Sync {
    /// Takes a query. Exactly one reply follows: at once, if it is known, or by
    /// [`Replies::reply`], soon, from whatever thread; also if the asker has gone meanwhile. `from`
    /// is the address of the session that asks; `None` for a room.
    fn query(&self, query: Query, from: Option<IpAddr>, replies: &Replies) -> Option<Reply>;

    /// A classic client wants to log in. Exactly one [`Replies::verdict`] follows, soon. Services
    /// that know of no accounts refuse it at once.
    fn log_in(&self, login: ClassicLogin<'_>, replies: &Replies) {
        replies.verdict(login.session, Err(LoginRefusal::Unavailable));
    }

    /// A session that has asked something is over.
    fn session_closed(&self, session: SessionId);

    /// The server's shards are there: before their first session.
    fn begin(&self, shards: &Replies) {
        let _ = shards;
    }

    /// Whoever runs the server asks for something. `answer` is called once, soon, from whatever
    /// thread, or dropped if the services end before.
    fn operate(&self, request: operators::Request, answer: OperatorAnswer) {
        let _ = request;
        answer(Err(Error::Unavailable));
    }

    /// What holds for the whole server.
    fn bulletin(&self) -> Arc<Bulletin> {
        Arc::default()
    }

    /// Somebody wants to know what was counted: `answer` is called soon, from whatever thread, or
    /// dropped if there is nothing to tell.
    fn report(&self, answer: Answer<ServiceReport>) {
        drop(answer);
    }

    /// A place of users is free for which somebody may wait.
    fn place_freed(&self) {}
}

/// Takes the answer to what whoever runs the server has asked for.
pub type OperatorAnswer = Box<dyn FnOnce(Result<operators::Outcome, Error>) + Send>;

/// Who wants to log in by the classic packets, and from where.
#[derive(Clone, Copy)]
pub struct ClassicLogin<'a> {
    /// The session.
    pub session: SessionId,
    /// Its address.
    pub from: IpAddr,
    /// The id as typed.
    pub user: &'a str,
    /// The password as typed. Not to be logged or kept.
    pub password: &'a str,
}

/// How services answer, from any thread; never blocks for longer than a push takes.
#[derive(Clone)]
pub struct Replies(pub(crate) Arc<Switchboard>);

impl Replies {
    /// The way back through `switchboard`.
    pub fn new(switchboard: Arc<Switchboard>) -> Self {
        Self(switchboard)
    }

    /// Answers a query.
    pub fn reply(&self, asker: Asker, query: QueryId, reply: Reply) {
        let mut inbox = Inbox::new();
        inbox.push(ContentEvent::Reply {
            asker,
            query,
            reply: Box::new(reply),
        });
        match asker {
            Asker::Session(session) => self.0.give_words(session.shard(), &mut inbox),
            Asker::Room(room) => {
                let home = room.id.home(self.0.logic.len());
                self.0.give_events(home.into(), &mut inbox);
            }
        }
    }

    /// Says whether a classic login succeeded.
    pub fn verdict(&self, session: SessionId, verdict: Result<UserId, LoginRefusal>) {
        let mut inbox = Inbox::new();
        inbox.push(ContentEvent::Verdict { session, verdict });
        self.0.give_words(session.shard(), &mut inbox);
    }

    /// Says something to a session; nothing happens if it is over.
    pub fn notice(&self, session: SessionId, notice: Notice) {
        let mut inbox = Inbox::new();
        inbox.push(ContentEvent::Notice {
            session,
            notice: Box::new(notice),
        });
        self.0.give_words(session.shard(), &mut inbox);
    }

    /// Says something to every session that there is now: each hears it once, wherever it moves.
    pub fn tell_all(&self, notice: &Notice) {
        for shard in 0..self.0.io.len() {
            self.0
                .control(shard as u8, Control::TellAll(notice.clone()));
        }
    }

    /// Tells every shard what holds for the whole server.
    pub fn publish(&self, bulletin: &Arc<Bulletin>) {
        for shard in 0..self.0.logic.len() {
            let mut inbox = Inbox::new();
            inbox.push(ContentEvent::Bulletin(Arc::clone(bulletin)));
            self.0.give_events(shard, &mut inbox);
        }
    }
}

/// No services: every query is answered that there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoServices;

impl Services for NoServices {
    fn query(&self, _: Query, _: Option<IpAddr>, _: &Replies) -> Option<Reply> {
        Some(Err(Error::Unavailable))
    }

    fn session_closed(&self, _: SessionId) {}
}
