//! Carries a session from one logic shard to another (`docs/decisions/0001`).
//!
//! The old home holds what still arrives, behind its last reply says `SetHome`, and on `Switched`,
//! which comes behind the session's last event here, sends one letter. The new home holds direct
//! events until that letter has come. So no frame overtakes another and no reply either.

use super::turn::Turn;
use super::{Phase, Session};
use crate::canary::Canary;
use crate::letter::{Arrival, Contents};
use crate::{ContentCommand, Letter, RoomId};
use wharf_base::SessionId;

impl Turn<'_> {
    /// Begins to move a session to shard `to`, where `room` lives.
    pub(super) fn move_out(&mut self, id: SessionId, room: RoomId, to: u8) {
        if let Some(session) = self.state.sessions.get_mut(id) {
            session.phase = Phase::Moving { room, to };
            let (session, logic) = (id, to);
            self.command(id, ContentCommand::SetHome { session, logic });
        }
    }

    /// The I/O shard sends the session's events to the new home now: so does everything else.
    pub(super) fn on_switched(&mut self, id: SessionId) {
        let phase = self.state.sessions.get(id).map(|session| &session.phase);
        let Some(&Phase::Moving { room, to }) = phase else {
            self.state.desk.stats.strays += 1;
            return;
        };
        let session = self.state.sessions.remove(id).expect("found above");
        assert_eq!(
            session.owed, 0,
            "the batch that said SetHome gave all credit back"
        );
        let mut held = session.held.map(|held| *held).unwrap_or_default();
        self.state.desk.stats.frames_held -= held.frames() as u64;
        if self.state.desk.planted.is(Canary::LostAtMove) {
            held.serve(|frames| {
                frames.next();
            });
        }
        self.state.desk.stats.moved_out += 1;
        let arrival = Arrival {
            session: id,
            user: session.user,
            dialect: session.dialect,
            data: session.data,
            queries: session.queries,
            entering: session.entering,
            carried: session.carried,
            violations: session.violations,
            usage: session.usage,
            room,
            held,
        };
        let letter = Letter(Contents::Arrive(Box::new(arrival)));
        self.state.desk.post(self.outbox, to, letter);
    }

    /// A session moves in: first what it asked for, then what was held there, then what came here.
    pub(super) fn on_arrive(&mut self, arrival: Arrival) {
        let Arrival {
            session: id,
            user,
            dialect,
            data,
            queries,
            entering,
            carried,
            violations,
            usage,
            room,
            mut held,
        } = arrival;
        let sessions = &mut self.state.sessions;
        if sessions.get(id).is_none() {
            sessions.insert(Session::new(id, Phase::Expected));
        }
        let session = sessions.get_mut(id).expect("inserted if it was not there");
        assert_eq!(session.phase, Phase::Expected, "{id} arrives twice");
        self.state.desk.stats.moved_in += 1;
        self.state.desk.stats.frames_held += held.frames() as u64;
        if let Some(direct) = session.held.take() {
            held.append(*direct);
        }
        session.user = user;
        session.dialect = dialect;
        session.data = data;
        session.queries = queries;
        session.entering = entering;
        session.carried = carried;
        session.violations = violations;
        session.usage = usage;
        let (is_closed, is_overloaded) = (held.closed, held.overloaded);
        held.closed = false;
        session.phase = if is_overloaded {
            Phase::Closing
        } else {
            Phase::Open
        };
        let words = held.take_words();
        session.held = (!held.is_empty()).then(|| Box::new(held));
        if !is_overloaded {
            self.enter_here(id, room);
            self.settle();
            words.into_iter().for_each(|word| self.give_word(id, word));
            self.serve_held(id);
        }
        if is_closed {
            self.forget(id);
        }
    }
}
