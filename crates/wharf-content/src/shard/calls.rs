//! Runs the game's handlers, and survives them.

use super::{State, Todo, turn::Turn};
use crate::foyer::Request;
use crate::{
    Cause, Dismissal, Fault, Foyer, FoyerCx, Handled, HandlerWatch, Owed, Place, Room, RoomCx,
};
use core::any::Any;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wharf_base::{Key, SessionId};
use wharf_wire::{Frame, FrameRun};

impl<'a> Turn<'a> {
    /// Runs `call` on a room. `None` if there is no such room, or if the call panicked and the
    /// room is closed now.
    pub(super) fn with_room<T>(
        &mut self,
        key: Key,
        cause: Cause,
        sender: Option<SessionId>,
        call: impl FnOnce(&mut dyn Room, &mut RoomCx<'_>) -> T,
    ) -> Option<T> {
        self.with_room_calls(key, cause, sender, |room, cx, _| call(room, cx))
    }

    /// As [`Turn::with_room`], for a `call` that makes several.
    pub(super) fn with_room_calls<T>(
        &mut self,
        key: Key,
        cause: Cause,
        sender: Option<SessionId>,
        call: impl FnOnce(&mut dyn Room, &mut RoomCx<'_>, &mut Calls<'_>) -> T,
    ) -> Option<T> {
        let State {
            rooms, desk, watch, ..
        } = &mut *self.state;
        let slot = rooms.get_mut(key)?;
        let (kind, room) = (slot.core.kind_name, slot.core.id);
        let place = Place::Room { kind, room };
        let mut cx = RoomCx {
            core: &mut slot.core,
            desk,
            outbox: &mut *self.outbox,
            now: self.now,
            sender,
            answering: None,
            carried: None,
        };
        let room_logic = slot.room.as_mut();
        let made = |calls: &mut Calls<'_>| call(room_logic, &mut cx, calls);
        let (outcome, took) = watched(watch, place, cause, made);
        if outcome.is_err() {
            cx.break_off();
        }
        if cause == Cause::Tick {
            desk.stats.tick_work.record(took.unwrap_or_default());
        }
        match outcome {
            Ok(value) => Some(value),
            Err(panic) => {
                desk.stats.room_panics += 1;
                tracing::error!(kind, %room, ?cause, panic, "a handler panicked; its room closes");
                self.close_broken_room(key);
                None
            }
        }
    }

    /// Nobody else gives that answer any more: the foyer does.
    pub(super) fn leave_unanswered(&mut self, owed: Owed) {
        let Owed { session, request } = owed;
        self.with_foyer(session, Cause::Occasion("on_unanswered"), |foyer, cx| {
            cx.answering = request;
            foyer.on_unanswered(cx);
        });
    }

    /// Runs `call` on the foyer, for a session. `None` if there is no such session, or if the call
    /// panicked and the session is being closed now.
    pub(super) fn with_foyer<T>(
        &mut self,
        id: SessionId,
        cause: Cause,
        call: impl FnOnce(&'a dyn Foyer, &mut FoyerCx<'_>) -> T,
    ) -> Option<T> {
        self.with_foyer_calls(id, cause, |foyer, cx, _| call(foyer, cx))
    }

    /// As [`Turn::with_foyer`], for a `call` that makes several.
    pub(super) fn with_foyer_calls<T>(
        &mut self,
        id: SessionId,
        cause: Cause,
        call: impl FnOnce(&'a dyn Foyer, &mut FoyerCx<'_>, &mut Calls<'_>) -> T,
    ) -> Option<T> {
        let app = self.app;
        let State {
            sessions,
            desk,
            watch,
            ..
        } = &mut *self.state;
        let mut cx = FoyerCx {
            session: sessions.get_mut(id)?,
            desk,
            outbox: &mut *self.outbox,
            now: self.now,
            todo: None,
            answering: None,
        };
        let foyer = app.foyer.as_ref();
        let made = |calls: &mut Calls<'_>| call(foyer, &mut cx, calls);
        let (outcome, _) = watched(watch, Place::Foyer, cause, made);
        let todo = cx.todo;
        match outcome {
            Ok(value) => {
                if let Some(todo) = todo {
                    desk.todo.push_back(todo_of(id, todo));
                }
                Some(value)
            }
            Err(panic) => {
                desk.stats.foyer_panics += 1;
                tracing::error!(session = %id, ?cause, panic, "the foyer panicked: session closes");
                self.dismiss(id, Dismissal::Panicked);
                None
            }
        }
    }
}

/// The calls that are made one after the other under the eyes of a watch.
pub(super) struct Calls<'w> {
    watch: Option<&'w mut (dyn HandlerWatch + 'static)>,
    max: u32,
    made: u32,
}

impl Calls<'_> {
    /// Gives frames of `packet` from the front of `frames` to `serve`, until one of another packet
    /// comes, `serve` says that something has changed, or fails, or there were enough.
    #[inline]
    pub(super) fn serve(
        &mut self,
        packet: u16,
        frames: &mut FrameRun<'_>,
        mut serve: impl FnMut(Frame<'_>) -> Result<Outcome, Fault>,
    ) -> Handled {
        while self.made < self.max && frames.next_id() == Some(packet) {
            let Some(frame) = frames.next() else { break };
            if self.made > 0
                && let Some(watch) = &mut self.watch
            {
                watch.again();
            }
            self.made += 1;
            if serve(frame)? == Outcome::Changed {
                break;
            }
        }
        Ok(())
    }
}

/// What a handler left behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing that the next call would have to know.
    Settled,
    /// Something is to be done before the next call, or the next has to wait.
    Changed,
}

fn todo_of(session: SessionId, request: Request) -> Todo {
    match request {
        Request::Enter(room) => Todo::Enter { session, room },
        Request::Leave => Todo::Leave { session },
        Request::Finish(last) => Todo::Finish { session, last },
        Request::Dismiss(code) => Todo::Dismiss { session, code },
    }
}

/// Runs `call` under the eyes of `watch`. An error is the panic's message.
///
/// Whatever `call` was changing when it panicked is thrown away by the caller (the room, or the
/// session); what it changed of ours (arenas, timers, rosters, how far frames are served) is
/// changed by methods that do not panic half-way. Hence the assertion of unwind safety.
fn watched<T>(
    watch: &mut Option<Box<dyn HandlerWatch>>,
    place: Place,
    cause: Cause,
    call: impl FnOnce(&mut Calls<'_>) -> T,
) -> (Result<T, String>, Option<Duration>) {
    let mut watch = watch.as_deref_mut();
    let max = match &mut watch {
        Some(watch) => watch.begin(place, cause).max(1),
        None => u32::MAX,
    };
    let mut calls = Calls {
        watch,
        max,
        made: 0,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| call(&mut calls)));
    let made = calls.made.max(1);
    let took = calls.watch.and_then(|watch| watch.end(made));
    (outcome.map_err(|panic| message_of(&*panic)), took)
}

/// Drops something of the game's, which may panic too.
pub(super) fn drop_quietly(value: impl Sized) {
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(value)));
    if let Err(panic) = dropped {
        tracing::error!(
            panic = message_of(&*panic),
            "a room panicked while it was dropped"
        );
    }
}

pub(super) fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
