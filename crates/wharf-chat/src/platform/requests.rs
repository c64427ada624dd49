//! Serving requests: their state and fields are checked before a handler sees them.

use super::Guest;
use super::access::parts_of;
use crate::foyer::ChatFoyer;
use wharf_content::{FoyerBuilder, FoyerCx};
use wharf_proto::room::Leave;
use wharf_proto::session::{Code, Error};
use wharf_proto::{Request, Role, State, packet_info, read};
use wharf_wire::Packet;

/// What a handler says: the answer, or that it follows later, or why there is none.
pub(crate) type Reply<R> = Result<Option<R>, Error>;

/// Has `handler` serve requests `R`.
pub(crate) fn serve<R: Request>(
    builder: FoyerBuilder<'_, ChatFoyer>,
    handler: impl Fn(&ChatFoyer, &mut FoyerCx<'_>, R) -> Reply<R::Reply> + Send + Sync + 'static,
) -> FoyerBuilder<'_, ChatFoyer> {
    builder.on_frame(R::ID, move |foyer, cx, frame| {
        let reply = may_come_now::<R>(cx)
            .and_then(|()| read::<R>(frame.body))
            .and_then(|request| handler(foyer, cx, request));
        match reply {
            Ok(Some(reply)) => cx.reply(&reply),
            Ok(None) => {}
            Err(error) => cx.reply(&error),
        }
        Ok(())
    })
}

/// The session is about to end: what it has asked of the services is answered now, whatever they
/// say.
pub(crate) fn give_up_requests(cx: &mut FoyerCx<'_>) {
    for context in cx.drop_queries() {
        let (request, packet) = parts_of(context);
        // That it has left a room is no request.
        if packet != Leave::ID {
            cx.reply_to(request, &unanswered());
        }
    }
}

/// The session is about to be ended: what waits to be served is not done any more, and says so.
pub(crate) fn give_up_held(cx: &mut FoyerCx<'_>) {
    for request in cx.drop_held() {
        let text = "the session ended before its turn: nothing was done";
        cx.reply_to(request, &Error::new(Code::Unavailable, text));
    }
}

/// What is said to a request whose answer does not come.
pub(crate) fn unanswered() -> Error {
    let text = "ended before it was answered: whether it was done is not known";
    Error::new(Code::Unavailable, text)
}

/// Whether a session may make that request now.
fn may_come_now<R: Request>(cx: &mut FoyerCx<'_>) -> Result<(), Error> {
    let role = packet_info(R::ID).map(|info| info.role);
    let Some(Role::Request { state, .. }) = role else {
        unreachable!("a request is in the table of packets as one")
    };
    let guest = cx.data::<Guest>();
    let (has_greeted, is_user) = (guest.has_greeted, guest.user.is_some());
    let wanted = match state {
        State::First if !has_greeted => return Ok(()),
        State::First => "Hello comes once, before anything else",
        _ if !has_greeted => "Hello comes first",
        State::Guest if is_user || cx.user().is_some() => "somebody is logged in already",
        State::User | State::Member if !is_user => "logging in comes first",
        State::Member if cx.room().is_none() => "entering a room comes first",
        State::Any | State::Guest | State::User | State::Member => return Ok(()),
    };
    Err(Error::new(Code::WrongState, wanted))
}
