//! One batch: takes events apart, and ends what has to end.

use super::{Phase, Session, State, Todo};
use crate::canary::Canary;
use crate::letter::Contents;
use crate::{
    App, Cause, ContentCommand, ContentEvent, Dismissal, Letter, LoginRefusal, Origin, Outbox,
    Payload, User, UserId,
};
use bytes::Bytes;
use wharf_base::{Instant, SessionId};
use wharf_wire::SendClass;

/// One batch over a shard's state.
pub(super) struct Turn<'a> {
    pub(super) app: &'a App,
    pub(super) state: &'a mut State,
    pub(super) outbox: &'a mut Outbox,
    pub(super) now: Instant,
}

impl Turn<'_> {
    pub(super) fn handle_event(&mut self, event: ContentEvent<'_>) {
        match event {
            ContentEvent::Opened { session } => self.on_opened(session),
            ContentEvent::Frames { session, frames } => self.on_frames(session, frames),
            ContentEvent::InputEnded { session } => self.on_input_ended(session),
            ContentEvent::Closed { session } => self.on_closed(session),
            ContentEvent::Switched { session } => self.on_switched(session),
            ContentEvent::Verdict { session, verdict } => self.on_verdict(session, verdict),
            ContentEvent::Reply {
                asker,
                query,
                reply,
            } => self.on_reply(asker, query, *reply),
            ContentEvent::Notice { session, notice } => self.on_notice(session, *notice),
            ContentEvent::Bulletin(bulletin) => self.state.desk.bulletin = bulletin,
            ContentEvent::Letter(letter) => self.on_letter(letter),
        }
        self.settle();
    }

    fn on_opened(&mut self, id: SessionId) {
        self.state.sessions.insert(Session::new(id, Phase::Open));
        self.with_foyer(id, Cause::Occasion("on_open"), |foyer, cx| {
            foyer.on_open(cx);
        });
    }

    fn on_input_ended(&mut self, id: SessionId) {
        let Some(session) = self.known(id) else {
            return;
        };
        match session.phase {
            Phase::Closing => {}
            _ if session.waits => self.finish(id),
            Phase::Open if session.held.is_none() && session.queries.is_empty() => self.finish(id),
            _ => session.held.get_or_insert_default().input_ended = true,
        }
    }

    fn on_closed(&mut self, id: SessionId) {
        let Some(session) = self.known(id) else {
            return self.release(id);
        };
        match session.phase {
            Phase::Expected => session.held.get_or_insert_default().closed = true,
            Phase::Moving { .. } => {
                self.state.desk.stats.moves_off += 1;
                self.forget(id);
            }
            _ => self.forget(id),
        }
    }

    fn on_verdict(&mut self, id: SessionId, verdict: Result<UserId, LoginRefusal>) {
        let id = if self.state.desk.planted.is(Canary::StaleVerdict) {
            self.state.sessions.newest_in_slot(id).unwrap_or(id)
        } else {
            id
        };
        let stats = &mut self.state.desk.stats;
        let Some(session) = self.state.sessions.get_mut(id) else {
            stats.strays += 1;
            return;
        };
        let Phase::Verdict(name) = &session.phase else {
            stats.strays += 1;
            return;
        };
        let name = name.clone();
        session.phase = Phase::Open;
        match verdict {
            Ok(user) => {
                stats.logins += 1;
                session.user = Some(User { id: user, name });
                self.command(id, ContentCommand::LogIn { session: id });
                self.post_about(user, Contents::UserIn { user, session: id });
            }
            Err(_) => stats.logins_refused += 1,
        }
        self.with_foyer(id, Cause::Occasion("on_verdict"), |foyer, cx| {
            foyer.on_verdict(cx, verdict);
        });
        self.settle();
        self.serve_held(id);
    }

    /// The session `id`. One that is not here yet is on its way: its letter comes from a slower
    /// shard than its events, so they are held.
    pub(super) fn known(&mut self, id: SessionId) -> Option<&mut Session> {
        let State { sessions, desk, .. } = &mut *self.state;
        if sessions.get(id).is_none() {
            if desk.options.logic_count == 1 {
                desk.stats.strays += 1;
                return None;
            }
            sessions.insert(Session::new(id, Phase::Expected));
        }
        sessions.get_mut(id)
    }

    /// Does what handlers asked for, most often nothing.
    #[inline]
    pub(super) fn settle(&mut self) {
        if !self.state.desk.todo.is_empty() {
            self.do_todos();
        }
    }

    /// What a todo causes is done in the same loop, never deeper on the stack.
    fn do_todos(&mut self) {
        // What is asked for when a todo is done is of the next round. Without end there can only be
        // rounds in which somebody enters: every other way leads out.
        let (mut rounds, mut left) = (0, self.state.desk.todo.len());
        while let Some(todo) = self.state.desk.todo.pop_front() {
            match todo {
                Todo::Enter { session, .. }
                    if rounds > self.state.desk.options.limits.enters_max =>
                {
                    self.give_up_entering(session);
                }
                Todo::Enter { session, room } => self.enter(session, room),
                Todo::Leave { session } => self.leave(session),
                Todo::Rename { session } => self.rename(session),
                Todo::Finish { session, last } => self.let_go(session, last),
                Todo::Dismiss { session, code } => self.dismiss(session, Dismissal::Kicked(code)),
                Todo::Kick { room, member } => self.kick(room, member),
                Todo::CloseRoom { room } => self.close_room(room),
            }
            left -= 1;
            if left == 0 {
                (rounds, left) = (rounds + 1, self.state.desk.todo.len());
            }
        }
    }

    fn give_up_entering(&mut self, id: SessionId) {
        tracing::error!(session = %id, "the game asks to enter rooms without end: session closes");
        self.state.desk.stats.overloaded += 1;
        self.dismiss(id, Dismissal::Overloaded);
    }

    /// The foyer ends a session: it is in no room from now on, however long its link takes what was
    /// sent. Its last word leaves behind that.
    fn let_go(&mut self, id: SessionId, last: Option<Bytes>) {
        self.leave_for_good(id);
        if !self.begin_closing(id) {
            return;
        }
        if let Some(frame) = last {
            self.state.desk.stats.sends += 1;
            self.command(
                id,
                ContentCommand::Send {
                    session: id,
                    class: SendClass::Bulk,
                    origin: Origin::Own,
                    payload: Payload::Shared(frame),
                },
            );
        }
        self.command(id, ContentCommand::Finish { session: id });
    }

    /// Everything is answered: what was sent may leave, and nothing more is served.
    pub(super) fn finish(&mut self, id: SessionId) {
        if self.begin_closing(id) {
            self.command(id, ContentCommand::Finish { session: id });
        }
    }

    /// Closes a session. It stays in its room until the close is done, so that it leaves once.
    pub(super) fn dismiss(&mut self, id: SessionId, reason: Dismissal) {
        if self.begin_closing(id) {
            let session = id;
            self.command(id, ContentCommand::Close { session, reason });
        }
    }

    /// Stops serving a session; whether it was served before.
    fn begin_closing(&mut self, id: SessionId) -> bool {
        let State { sessions, desk, .. } = &mut *self.state;
        let Some(session) = sessions.get_mut(id) else {
            return false;
        };
        if session.phase == Phase::Closing {
            return false;
        }
        session.phase = Phase::Closing;
        if let Some(held) = session.held.take() {
            desk.stats.frames_held -= held.frames() as u64;
        }
        true
    }

    /// Removes a session that is over.
    pub(super) fn forget(&mut self, id: SessionId) {
        let Some(session) = self.state.sessions.remove(id) else {
            return;
        };
        if let Some(held) = &session.held {
            self.state.desk.stats.frames_held -= held.frames() as u64;
        }
        match &session.user {
            Some(User { id: user, .. }) => {
                let user = *user;
                self.post_about(user, Contents::UserOut { user, session: id });
            }
            None => self.release(id),
        }
        if let Some(seat) = session.seat {
            self.drop_link(seat);
        }
    }

    pub(super) fn command(&mut self, id: SessionId, command: ContentCommand<'_>) {
        self.outbox.commands[usize::from(id.shard())].push(command);
    }

    /// Tells the shard that knows where `user` is.
    fn post_about(&mut self, user: UserId, contents: Contents) {
        let desk = &mut self.state.desk;
        let to = desk.directory_of(user);
        desk.post(self.outbox, to, Letter(contents));
    }
}
