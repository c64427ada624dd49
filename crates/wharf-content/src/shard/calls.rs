//! Runs the game's handlers, and survives them.

use super::{State, Todo, turn::Turn};
use crate::foyer::Request;
use crate::{Cause, Dismissal, Foyer, FoyerCx, HandlerWatch, Place, Room, RoomCx};
use core::any::Any;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wharf_base::{Key, SessionId};

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
        };
        let room_logic = slot.room.as_mut();
        let (outcome, took) = watched(watch, place, cause, || call(room_logic, &mut cx));
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

    /// Runs `call` on the foyer, for a session. `None` if there is no such session, or if the call
    /// panicked and the session is being closed now.
    pub(super) fn with_foyer<T>(
        &mut self,
        id: SessionId,
        cause: Cause,
        call: impl FnOnce(&'a dyn Foyer, &mut FoyerCx<'_>) -> T,
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
            request: None,
        };
        let foyer = app.foyer.as_ref();
        let (outcome, _) = watched(watch, Place::Foyer, cause, || call(foyer, &mut cx));
        let request = cx.request;
        match outcome {
            Ok(value) => {
                if let Some(request) = request {
                    desk.todo.push_back(todo_of(id, request));
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

fn todo_of(session: SessionId, request: Request) -> Todo {
    match request {
        Request::Enter(room) => Todo::Enter { session, room },
        Request::Leave => Todo::Leave { session },
        Request::Finish => Todo::Finish { session },
        Request::Dismiss(code) => Todo::Dismiss { session, code },
    }
}

/// Runs `call` under the eyes of `watch`. An error is the panic's message.
///
/// Whatever `call` was changing when it panicked is thrown away by the caller (the room, or the
/// session); what it changed of ours (arenas, timers, rosters) is changed by methods that do not
/// panic half-way. Hence the assertion of unwind safety.
fn watched<T>(
    watch: &mut Option<Box<dyn HandlerWatch>>,
    place: Place,
    cause: Cause,
    call: impl FnOnce() -> T,
) -> (Result<T, String>, Option<Duration>) {
    if let Some(watch) = watch {
        watch.begin(place, cause);
    }
    let outcome = catch_unwind(AssertUnwindSafe(call));
    let took = watch.as_mut().and_then(|watch| watch.end());
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
