//! Calls of rooms that have a name, and what these ask for.

use super::{Effect, From, OF_ROOMS, Platform, StoreTag, Ticket};
use crate::rooms::{Rooms, Step};
use wharf_accounts::{HashJob, JobId};
use wharf_base::Instant;
use wharf_data::access::Error;
use wharf_data::{AccountId, UnixMs, rooms};

impl Platform {
    pub(super) fn rooms(
        &mut self,
        times: (Instant, UnixMs),
        from: From,
        ticket: Ticket,
        by: AccountId,
        request: rooms::Request,
    ) {
        let session = match from {
            From::Session(session, _) => Some(session),
            From::Room => None,
        };
        // Who has been taken over meanwhile speaks for nobody; but that somebody left is so.
        let is_leaving = matches!(request, rooms::Request::Left { .. });
        let account = session.and_then(|session| self.presence.account(session));
        if session.is_some() && account != Some(by) && !is_leaving {
            return self.reply(ticket, Err(Error::WrongState));
        }
        if let (rooms::Request::Count { number, moves, .. }, None) = (&request, session) {
            for (account, is_there) in moves {
                self.presence.moved(*account, *number, *is_there);
            }
        }
        match &mut self.rooms {
            Some(rooms) => rooms.call(times, session, ticket, by, request),
            None => self.reply(ticket, Err(Error::Unavailable)),
        }
    }

    /// Does what rooms ask for; whether an operator has an answer.
    pub(super) fn run_rooms(&mut self) -> bool {
        let mut has_answered = false;
        while let Some(step) = self.rooms.as_mut().and_then(Rooms::poll) {
            let effect = match step {
                Step::Ask(number, ask) => Effect::Ask {
                    tag: StoreTag(number | OF_ROOMS),
                    ask: *ask,
                },
                Step::Hash(HashJob { id, work }) => Effect::Hash(HashJob {
                    id: JobId(id.0 | OF_ROOMS),
                    work,
                }),
                Step::Reply(to, reply) if self.room_answered(to, &reply) => {
                    has_answered = true;
                    continue;
                }
                Step::Reply(to, reply) => Effect::Reply { to, reply },
            };
            self.effects.push_back(effect);
        }
        has_answered
    }

    /// The rooms that have a name, if there are any, for counters.
    pub fn rooms_open(&self) -> usize {
        self.rooms.as_ref().map_or(0, Rooms::open)
    }
}
