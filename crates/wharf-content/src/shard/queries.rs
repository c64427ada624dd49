//! Queries to the services, and what those say.

use super::{Phase, State, turn::Turn};
use crate::held::Word;
use crate::{Asker, Cause, QueryId, RoomAddress};
use wharf_base::SessionId;
use wharf_data::Notice;
use wharf_data::service::Reply;

impl Turn<'_> {
    pub(super) fn on_reply(&mut self, asker: Asker, query: QueryId, reply: Reply) {
        match asker {
            Asker::Session(session) => self.hear(session, Word::Reply(query, reply)),
            Asker::Room(room) => self.on_room_reply(room, query, reply),
        }
    }

    pub(super) fn on_notice(&mut self, session: SessionId, notice: Notice) {
        self.hear(session, Word::Notice(notice));
    }

    fn on_room_reply(&mut self, address: RoomAddress, query: QueryId, reply: Reply) {
        let State { rooms, desk, .. } = &mut *self.state;
        let slot = rooms.get_mut(address.key);
        let slot = slot.filter(|slot| slot.core.id == address.id);
        let Some(context) = slot.and_then(|slot| slot.core.queries.take(query)) else {
            desk.stats.strays += 1;
            return;
        };
        desk.stats.replies += 1;
        let cause = Cause::Occasion("on_reply");
        self.with_room(address.key, cause, None, |room, cx| {
            room.on_reply(cx, context, reply);
        });
    }

    /// The services say something to a session. While that is between two homes it is held, as its
    /// frames are.
    fn hear(&mut self, id: SessionId, word: Word) {
        let words_max = self.state.desk.options.limits.held_frames_max;
        let Some(session) = self.known(id) else {
            return;
        };
        if !matches!(session.phase, Phase::Moving { .. } | Phase::Expected) {
            return self.give_word(id, word);
        }
        let held = session.held.get_or_insert_default();
        held.push_word(word);
        let (words, was_overloaded) = (held.words(), held.overloaded);
        held.overloaded |= words > words_max;
        if words > words_max && !was_overloaded {
            self.state.desk.stats.overloaded += 1;
            self.overload(id, false);
        }
    }

    /// Gives a session that is here what the services said.
    pub(super) fn give_word(&mut self, id: SessionId, word: Word) {
        match word {
            Word::Reply(query, reply) => self.give_reply(id, query, reply),
            Word::Notice(notice) => self.give_notice(id, notice),
        }
    }

    fn give_reply(&mut self, id: SessionId, query: QueryId, reply: Reply) {
        let State { sessions, desk, .. } = &mut *self.state;
        let session = sessions.get_mut(id);
        let session = session.filter(|session| session.phase != Phase::Closing);
        let Some((session, context)) = session.and_then(|session| {
            session
                .queries
                .take(query)
                .map(|context| (session, context))
        }) else {
            desk.stats.strays += 1;
            return;
        };
        desk.stats.replies += 1;
        if session.phase == Phase::Waiting(query) {
            session.phase = Phase::Open;
        }
        self.with_foyer(id, Cause::Occasion("on_reply"), |foyer, cx| {
            foyer.on_reply(cx, context, reply);
        });
        self.settle();
        self.serve_held(id);
    }

    fn give_notice(&mut self, id: SessionId, notice: Notice) {
        let State { sessions, desk, .. } = &mut *self.state;
        let session = sessions.get(id);
        if session.is_none_or(|session| session.phase == Phase::Closing) {
            desk.stats.strays += 1;
            return;
        }
        desk.stats.notices += 1;
        self.with_foyer(id, Cause::Occasion("on_notice"), |foyer, cx| {
            foyer.on_notice(cx, notice);
        });
        self.settle();
        self.serve_held(id);
    }
}
