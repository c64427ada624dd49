//! Sends each session's events to the logic shard that is its home.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wharf_base::{Key, SessionId};
use wharf_content::{Asker, ContentEvent, Inbox};
use wharf_data::Notice;
use wharf_net::{CloseReason, Seat, SessionEvents, TurnedAway};
use wharf_wire::FrameRun;

use crate::doorman::Doorman;
use crate::services::Services;
use crate::session_log;

/// The I/O shard's side of content: one inbox for each logic shard, and each session's home.
///
/// Invariant: a session has a home from `opened` until `closed`; nothing is routed for one that has
/// none, so an answer that comes late reaches nobody.
pub(crate) struct Router {
    /// By slot: generation and home of the session that is there.
    homes: Vec<Option<Home>>,
    pub(crate) inboxes: Vec<Inbox>,
    /// The seats of sessions that are over and of which content has not heard everything.
    vacated: BTreeMap<SessionId, Seat>,
    first_home: u8,
    doorman: Arc<Doorman>,
    services: Arc<dyn Services>,
}

#[derive(Clone, Copy)]
struct Home {
    generation: u32,
    logic: u8,
    /// Whether services know of it.
    has_asked: bool,
    peer: IpAddr,
}

impl Router {
    /// Sessions of I/O shard `shard` begin at logic shard `shard % logic_shards`.
    pub(crate) fn new(
        shard: u8,
        logic_shards: u8,
        doorman: Arc<Doorman>,
        services: Arc<dyn Services>,
    ) -> Self {
        Self {
            homes: Vec::new(),
            inboxes: (0..logic_shards).map(|_| Inbox::default()).collect(),
            vacated: BTreeMap::new(),
            first_home: shard % logic_shards,
            doorman,
            services,
        }
    }

    /// Whether the session has not been closed.
    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        self.home(session).is_some()
    }

    /// Puts an event into the inbox of the session's home.
    pub(crate) fn push(&mut self, session: SessionId, event: ContentEvent<'_>) {
        if let Some(home) = self.home(session) {
            self.inboxes[usize::from(home)].push(event);
        }
    }

    /// Passes on what services say to a session that is open.
    pub(crate) fn push_word(&mut self, word: ContentEvent<'_>) {
        let (ContentEvent::Reply {
            asker: Asker::Session(session),
            ..
        }
        | ContentEvent::Notice { session, .. }
        | ContentEvent::Verdict { session, .. }) = word
        else {
            unreachable!("words to sessions are what an I/O shard is given")
        };
        self.push(session, word);
    }

    /// Passes on what services say to every session that is open on this shard.
    pub(crate) fn push_to_all(&mut self, shard: u8, notice: &Notice) {
        for (slot, home) in self.homes.iter().enumerate() {
            let Some(home) = home else { continue };
            let key = Key::from_parts(slot as u32, home.generation);
            let session = SessionId::new(shard, key);
            let notice = Box::new(notice.clone());
            self.inboxes[usize::from(home.logic)].push(ContentEvent::Notice { session, notice });
        }
    }

    /// The address of an open session, which asks the services: they hear of its end.
    pub(crate) fn asks(&mut self, session: SessionId) -> Option<IpAddr> {
        let home = self.home_mut(session)?;
        home.has_asked = true;
        Some(home.peer)
    }

    /// Moves a session: the old home gets the marker behind everything it was sent, the new home
    /// everything that comes after.
    pub(crate) fn switch(&mut self, session: SessionId, logic: u8) {
        self.push(session, ContentEvent::Switched { session });
        if let Some(home) = self.home_mut(session) {
            home.logic = logic;
        }
    }

    /// Gives back the seat of a session that is over.
    pub(crate) fn release(&mut self, session: SessionId) {
        self.vacated.remove(&session);
    }

    /// Whether an event waits for anybody.
    pub(crate) fn has_events(&self) -> bool {
        self.inboxes.iter().any(|inbox| !inbox.is_empty())
    }

    fn home(&self, session: SessionId) -> Option<u8> {
        let key = session.key();
        let home = (*self.homes.get(key.index() as usize)?)?;
        (home.generation == key.generation()).then_some(home.logic)
    }

    fn home_mut(&mut self, session: SessionId) -> Option<&mut Home> {
        let key = session.key();
        let home = self.homes.get_mut(key.index() as usize)?.as_mut()?;
        (home.generation == key.generation()).then_some(home)
    }

    /// The place of the slot of `session`.
    fn home_slot(&mut self, session: SessionId) -> &mut Option<Home> {
        let slot = session.key().index() as usize;
        if self.homes.len() <= slot {
            self.homes.resize(slot + 1, None);
        }
        &mut self.homes[slot]
    }
}

impl SessionEvents for Router {
    fn opened(&mut self, session: SessionId, peer: SocketAddr) {
        session_log::opened(session, peer);
        *self.home_slot(session) = Some(Home {
            generation: session.key().generation(),
            logic: self.first_home,
            has_asked: false,
            peer: peer.ip(),
        });
        self.push(session, ContentEvent::Opened { session });
    }

    fn frames(&mut self, session: SessionId, frames: FrameRun<'_>) {
        self.push(session, ContentEvent::Frames { session, frames });
    }

    fn input_ended(&mut self, session: SessionId) {
        self.push(session, ContentEvent::InputEnded { session });
    }

    fn closed(&mut self, session: SessionId, reason: &CloseReason) {
        session_log::closed(session, reason);
        self.push(session, ContentEvent::Closed { session });
        let home = self.home_slot(session).take();
        if self.doorman.leave(session) {
            self.services.place_freed();
        }
        if home.is_some_and(|home| home.has_asked) {
            self.services.session_closed(session);
        }
    }

    fn vacated(&mut self, session: SessionId, seat: Seat) {
        self.vacated.insert(session, seat);
    }

    fn turned_away(&mut self, peer: SocketAddr, why: TurnedAway) {
        session_log::turned_away(peer, why);
    }
}
