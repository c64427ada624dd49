//! The door between the threads of a simulated server and what is behind it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use wharf_base::SessionId;
use wharf_content::{Asker, Query, QueryId};
use wharf_data::service::{Call, Reply};
use wharf_host::{Replies, Services};
use wharf_platform::{CountTag, From, SessionTag};
use wharf_port::Waker;

/// What the server's threads hand over.
pub(crate) struct ServiceDoor {
    pub(crate) queue: Arc<Mutex<Queue>>,
    pub(crate) waker: Waker,
}

/// What they have handed over, and how they are answered.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) work: VecDeque<Work>,
    pub(crate) replies: Option<Replies>,
}

/// Something to be done.
pub(crate) enum Work {
    Call(From, Asker, QueryId, Box<Call>),
    Closed(SessionTag),
    /// So many have heard what was counted, by the platform of that life.
    Heard((u64, CountTag), u32),
}

impl Services for ServiceDoor {
    fn query(&self, query: Query, from: Option<IpAddr>, replies: &Replies) -> Option<Reply> {
        let Query { asker, id, call } = query;
        let from = match (asker, from) {
            (Asker::Session(session), Some(address)) => {
                From::Session(SessionTag(session.to_bits()), address)
            }
            _ => From::Room,
        };
        let mut queue = self.queue.lock().expect("nobody panics under it");
        queue.replies.get_or_insert_with(|| replies.clone());
        queue
            .work
            .push_back(Work::Call(from, asker, id, Box::new(call)));
        drop(queue);
        self.waker.wake();
        None
    }

    fn session_closed(&self, session: SessionId) {
        let tag = SessionTag(session.to_bits());
        let mut queue = self.queue.lock().expect("nobody panics under it");
        queue.work.push_back(Work::Closed(tag));
        drop(queue);
        self.waker.wake();
    }
}
