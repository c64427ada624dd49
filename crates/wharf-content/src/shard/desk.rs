//! What handlers of rooms and foyer share: timers, mail, counters, and what is to be done next.

use super::LogicOptions;
use crate::canary::Canary;
use crate::letter::Contents;
use crate::note::OwnedMessage;
use crate::query::Open;
use crate::timers::Timers;
use crate::{
    AskError, AskId, Asker, ContentCommand, ContentEvent, Letter, LogicStats, MailLoad, MemberId,
    Outbox, Query, QueryId, RoomId, Ticket, UserId,
};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use wharf_base::{CapacityError, Key, Planted, SessionId};
use wharf_data::Bulletin;
use wharf_data::service::Call;
use wharf_wire::Packet;

/// The shared part of a shard's state that handlers may write to.
pub(crate) struct Desk {
    pub(crate) options: LogicOptions,
    pub(crate) planted: Planted<Canary>,
    pub(crate) timers: Timers,
    /// Letters from this shard to itself.
    pub(crate) own_mail: VecDeque<Letter>,
    /// Memory that they occupy.
    own_mail_bytes: usize,
    /// What handlers asked for and is done when they have returned, in order. Bounded by what one
    /// event's handlers ask for.
    pub(crate) todo: VecDeque<Todo>,
    /// Where a broadcast is encoded.
    pub(crate) scratch: Vec<u8>,
    pub(crate) stats: LogicStats,
    /// What holds for the whole server.
    pub(crate) bulletin: Arc<Bulletin>,
    asks: u64,
    queries: u64,
}

/// Something that must not happen while a handler runs.
#[derive(Clone, Debug)]
pub(crate) enum Todo {
    Enter {
        session: SessionId,
        room: RoomId,
    },
    Leave {
        session: SessionId,
    },
    Rename {
        session: SessionId,
    },
    Finish {
        session: SessionId,
        last: Option<Bytes>,
    },
    Dismiss {
        session: SessionId,
        code: u16,
    },
    Kick {
        room: Key,
        member: MemberId,
    },
    CloseRoom {
        room: Key,
    },
}

impl Desk {
    pub(crate) fn new(options: LogicOptions, planted: Planted<Canary>) -> Self {
        Self {
            options,
            planted,
            timers: Timers::default(),
            own_mail: VecDeque::new(),
            own_mail_bytes: 0,
            todo: VecDeque::new(),
            scratch: Vec::new(),
            stats: LogicStats::default(),
            bulletin: Arc::default(),
            asks: 0,
            queries: 0,
        }
    }

    /// Asks the services on behalf of `asker`, of whom `open` queries have no reply yet; of the I/O
    /// shards `io` carries it.
    ///
    /// # Errors
    /// [`CapacityError`] if `asker` has `capacity` such queries.
    pub(crate) fn query(
        &mut self,
        outbox: &mut Outbox,
        io: u8,
        asker: Asker,
        open: (&mut Open, u32),
        question: (Call, u64),
    ) -> Result<QueryId, CapacityError> {
        let (open, capacity) = open;
        let (call, context) = question;
        if open.len() >= capacity as usize {
            self.stats.queries_full += 1;
            return Err(CapacityError { capacity });
        }
        // The shard's number in it: an id stays unique when its session moves.
        self.queries += 1;
        let id = QueryId(self.queries << 8 | u64::from(self.options.index));
        open.push(id, context);
        let query = Query { asker, id, call };
        outbox.commands[usize::from(io)].push(ContentCommand::Query(Box::new(query)));
        self.stats.queries += 1;
        Ok(id)
    }

    pub(crate) fn next_ask(&mut self) -> AskId {
        self.asks += 1;
        AskId(self.asks)
    }

    /// Sends a letter that is bounded by something else (sessions, open questions).
    pub(crate) fn post(&mut self, outbox: &mut Outbox, to: u8, letter: Letter) {
        if to == self.options.index {
            self.own_mail_bytes += letter.size_bytes();
            self.own_mail.push_back(letter);
        } else {
            outbox.mail[usize::from(to)].push(ContentEvent::Letter(letter));
        }
    }

    /// The next letter from this shard to itself.
    pub(crate) fn next_own_letter(&mut self) -> Option<Letter> {
        let letter = self.own_mail.pop_front()?;
        self.own_mail_bytes -= letter.size_bytes();
        Some(letter)
    }

    /// Sends a letter that a game caused, unless too many are under way, or too long ones.
    pub(crate) fn post_if_room(
        &mut self,
        outbox: &mut Outbox,
        to: u8,
        letter: Letter,
    ) -> Result<(), CapacityError> {
        let waiting = if to == self.options.index {
            MailLoad {
                letters: self.own_mail.len(),
                bytes: self.own_mail_bytes,
            }
        } else {
            outbox.mail_load(to)
        };
        let limits = &self.options.limits;
        if waiting.letters >= limits.mail_max || waiting.bytes >= limits.mail_bytes_max {
            self.stats.mail_full += 1;
            let capacity = u32::try_from(limits.mail_max).unwrap_or(u32::MAX);
            return Err(CapacityError { capacity });
        }
        self.post(outbox, to, letter);
        Ok(())
    }

    pub(crate) fn tell_user<P: Packet>(
        &mut self,
        outbox: &mut Outbox,
        user: UserId,
        packet: &P,
    ) -> Result<(), CapacityError> {
        let letter = Letter(Contents::Word {
            user,
            class: P::CLASS,
            frame: Bytes::from(packet.to_frame()),
        });
        let desk = self.directory_of(user);
        self.post_if_room(outbox, desk, letter)
    }

    pub(crate) fn answer(
        &mut self,
        outbox: &mut Outbox,
        ticket: Ticket,
        answer: Result<OwnedMessage, AskError>,
    ) {
        let Ticket { from: to, ask } = ticket;
        let home = to.home(self.options.logic_count);
        self.post(outbox, home, Letter(Contents::Answer { to, ask, answer }));
    }

    /// The shard that knows where `user` is.
    pub(crate) fn directory_of(&self, user: UserId) -> u8 {
        (user.get() as u64 % self.options.logic_count as u64) as u8
    }
}
