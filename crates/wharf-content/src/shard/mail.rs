//! Letters: what other shards, and this one, have to say.

use super::turn::Turn;
use crate::letter::Contents;
use crate::note::OwnedMessage;
use crate::{AskError, AskId, Cause, ContentCommand, Letter, Note, Origin, RoomId, Ticket, UserId};
use bytes::Bytes;
use wharf_base::{Key, SessionId};
use wharf_wire::SendClass;

impl Turn<'_> {
    /// Letters from this shard to itself. What they cause waits for the next batch, so that two
    /// rooms that talk without end cannot hold up the shard.
    pub(super) fn handle_own_mail(&mut self) {
        for _ in 0..self.state.desk.own_mail.len() {
            if let Some(letter) = self.state.desk.next_own_letter() {
                self.on_letter(letter);
                self.settle();
            }
        }
    }

    pub(super) fn on_letter(&mut self, letter: Letter) {
        match letter.0 {
            Contents::Arrive(arrival) => self.on_arrive(*arrival),
            Contents::Tell { to, by, message } => self.on_tell(to, by, &message),
            Contents::Ask {
                to,
                ticket,
                message,
            } => self.on_ask(to, ticket, &message),
            Contents::Answer { to, ask, answer } => self.on_answer(to, ask, &answer),
            Contents::UserIn { user, session } => self.state.directory.came(user, session),
            Contents::UserOut { user, session } => {
                self.state.directory.went(user, session);
                self.release(session);
            }
            Contents::Word { user, class, frame } => self.on_word(user, class, frame),
        }
    }

    pub(super) fn note(&mut self, room: Key, note: Note<'_>) {
        self.state.desk.stats.notes += 1;
        let cause = Cause::Note(note.message_id());
        self.with_room(room, cause, None, |room, cx| room.on_note(cx, note));
    }

    fn on_tell(&mut self, to: RoomId, by: RoomId, message: &OwnedMessage) {
        match self.open_room(to) {
            Ok(room) => {
                let message = message.as_message();
                self.note(room, Note::Told { by, message });
            }
            Err(_) => self.state.desk.stats.strays += 1,
        }
    }

    /// A question that kills the room, or finds none, is answered for it.
    fn on_ask(&mut self, to: RoomId, ticket: Ticket, message: &OwnedMessage) {
        let room = self.open_room(to).ok();
        if let Some(room) = room {
            let message = message.as_message();
            self.note(room, Note::Asked { ticket, message });
        }
        let lives = room.is_some_and(|room| self.state.rooms.get(room).is_some());
        if !lives {
            let unavailable = Err(AskError::Unavailable);
            self.state.desk.answer(self.outbox, ticket, unavailable);
        }
    }

    fn on_answer(&mut self, to: RoomId, ask: AskId, answer: &Result<OwnedMessage, AskError>) {
        let room = self.state.rooms.find(to);
        let Some(room) = room.filter(|&room| self.close_ask(room, ask)) else {
            self.state.desk.stats.strays += 1;
            return;
        };
        let answer = match answer {
            Ok(message) => Ok(message.as_message()),
            Err(error) => Err(*error),
        };
        self.note(room, Note::Answered { ask, answer });
    }

    /// Removes an open question and its timer; whether it was open.
    pub(super) fn close_ask(&mut self, room: Key, ask: AskId) -> bool {
        let Some(slot) = self.state.rooms.get_mut(room) else {
            return false;
        };
        let asks = &mut slot.core.asks;
        let Some(index) = asks.iter().position(|&(open, _)| open == ask) else {
            return false;
        };
        let (_, timer) = asks.swap_remove(index);
        self.state.desk.timers.cancel(room, timer);
        true
    }

    /// Nothing of a session waits anywhere any more. Said by whoever was the last to hear of its
    /// end, so that what waits for a busy shard is bounded by the sessions that are counted.
    pub(super) fn release(&mut self, session: SessionId) {
        self.command(session, ContentCommand::Release { session });
    }

    fn on_word(&mut self, user: UserId, class: SendClass, frame: Bytes) {
        let Some(session) = self.state.directory.find(user) else {
            self.state.desk.stats.strays += 1;
            return;
        };
        let commands = &mut self.outbox.commands[usize::from(session.shard())];
        let sending = commands.share(class, frame);
        commands.send(session, Origin::Others, sending);
        self.state.desk.stats.sends += 1;
    }
}
