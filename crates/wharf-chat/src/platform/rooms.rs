//! Rooms that have a name, from outside: making, listing, entering and leaving them.

use super::access::{Meanwhile, hand_on, parts_of};
use super::guest::Inside;
use super::{Guest, Reply, serve};
use crate::foyer::ChatFoyer;
use crate::hall::info_of;
use wharf_content::{EnterRefusal, FoyerBuilder, FoyerCx, RoomId};
use wharf_data::room::History;
use wharf_data::rooms::{NewRoom, Outcome, Request};
use wharf_data::service::{Call, Given};
use wharf_data::{AccountId, PageToken, access};
use wharf_proto::chat::Remove;
use wharf_proto::room::enter::By;
use wharf_proto::room::{
    self as proto, Change, Close, Create, Enter, Entered, Leave, Left, List, ListBans, Moderate,
    Rooms,
};
use wharf_proto::session::{Code, Error};
use wharf_wire::Packet;

const LIST_DEFAULT: u32 = 20;
const LIST_MAX: u32 = 50;

/// Has the foyer serve rooms.
pub(super) fn register(foyer: FoyerBuilder<'_, ChatFoyer>) -> FoyerBuilder<'_, ChatFoyer> {
    let foyer = serve(foyer, create);
    let foyer = serve(foyer, list);
    let foyer = serve(foyer, enter);
    let foyer = serve(foyer, leave);
    let foyer = serve(foyer, nobodys::<Change>);
    let foyer = serve(foyer, nobodys::<Moderate>);
    let foyer = serve(foyer, nobodys::<Remove>);
    let foyer = serve(foyer, nobodys::<ListBans>);
    serve(foyer, nobodys::<Close>)
}

/// 1200: the room answers, when its owner comes in.
fn create(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, create: Create) -> Reply<Entered> {
    outside(cx)?;
    foyer.facts.words.check_name("name", &create.name)?;
    foyer.facts.words.check_name("topic", &create.topic)?;
    let history = match create.history() {
        proto::History::Unspecified => None,
        proto::History::Off => Some(History::Off),
        proto::History::Buffered => Some(History::Buffered),
        proto::History::Durable => Some(History::Durable),
    };
    let request = Request::Create(Box::new(NewRoom {
        name: create.name,
        topic: create.topic,
        password: create.password.into(),
        members_max: create.members_max,
        is_hidden: create.is_hidden,
        is_persistent: create.is_persistent,
        history,
        slow_ms: create.slow_seconds * 1_000,
    }));
    ask::<Create>(cx, Meanwhile::Wait, request)
}

/// 1201.
fn list(_: &ChatFoyer, cx: &mut FoyerCx<'_>, list: List) -> Reply<Rooms> {
    let is_busiest = list.order() == proto::Order::Busiest;
    for (field, text) in [("search", &list.search), ("page", &list.page)] {
        if is_busiest && !text.is_empty() {
            let whole = "the busiest rooms are listed as they are, in one part";
            return Err(Error::new(Code::Invalid, whole).in_field(field));
        }
    }
    let limit = match list.limit {
        0 => LIST_DEFAULT,
        limit => limit.min(LIST_MAX),
    };
    let request = match is_busiest {
        true => Request::Busiest { limit },
        false => Request::List {
            search: list.search,
            page: Some(list.page)
                .filter(|page| !page.is_empty())
                .map(PageToken::received),
            limit,
        },
    };
    ask::<List>(cx, Meanwhile::Serve, request)
}

/// 1203: whether that may be is found out where the room lives, which answers. What is wrong with
/// entering one that has a name is known before.
fn enter(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, enter: Enter) -> Reply<Entered> {
    let (number, room) = match enter.by {
        Some(By::Number(number)) => (Some(number), 0),
        Some(By::Room(room)) => (super::room::number_of_id(room), room),
        None => return Err(Error::new(Code::NotFound, "there is no such room")),
    };
    if let Some(number) = number {
        cx.enter(RoomId::new(foyer.lobby, number));
        return Ok(None);
    }
    outside(cx)?;
    let request = Request::Enter {
        room: wharf_data::RoomId::new(room),
        password: enter.password.into(),
    };
    ask::<Enter>(cx, Meanwhile::Wait, request)
}

/// 1205: the answer first, then the others learn of it.
fn leave(_: &ChatFoyer, cx: &mut FoyerCx<'_>, _: Leave) -> Reply<Left> {
    cx.leave();
    report_left(cx, false);
    Ok(Some(Left {}))
}

/// What is an owner's or a moderator's, in a room that has neither.
fn nobodys<R: wharf_proto::Request>(_: &ChatFoyer, _: &mut FoyerCx<'_>, _: R) -> Reply<R::Reply> {
    Err(Error::new(Code::Forbidden, "this room is nobody's"))
}

fn outside(cx: &FoyerCx<'_>) -> Result<(), Error> {
    match cx.room() {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::WrongState, "leaving the room comes first")),
    }
}

fn ask<R: wharf_proto::Request>(
    cx: &mut FoyerCx<'_>,
    meanwhile: Meanwhile,
    request: Request,
) -> Reply<R::Reply> {
    let by = me(cx);
    hand_on::<R>(cx, meanwhile, Call::Rooms { by, request })
}

fn me(cx: &mut FoyerCx<'_>) -> AccountId {
    let user = cx.data::<Guest>().user;
    user.map_or(AccountId::new(0), |user| user.account)
}

/// Says that the session is no more where it was let in. If too much was asked already, it is said
/// with the next answer.
pub(crate) fn report_left(cx: &mut FoyerCx<'_>, is_broken: bool) {
    let guest = cx.data::<Guest>();
    if let Some(inside) = guest.inside.take() {
        guest.left = Some((inside.entry, is_broken));
    }
    say_left(cx);
}

/// Says what is still to be said about a room that the session has left.
fn say_left(cx: &mut FoyerCx<'_>) {
    let Some((entry, is_broken)) = cx.data::<Guest>().left else {
        return;
    };
    let by = me(cx);
    let request = Request::Left { entry, is_broken };
    let context = u64::from(Leave::ID);
    if cx.query(Call::Rooms { by, request }, context).is_ok() {
        cx.data::<Guest>().left = None;
    }
}

/// What the services say about rooms; what they say about something else comes back.
pub(crate) fn give_rooms(
    foyer: &ChatFoyer,
    cx: &mut FoyerCx<'_>,
    context: u64,
    reply: wharf_data::service::Reply,
) -> Option<wharf_data::service::Reply> {
    say_left(cx);
    let (request, packet) = parts_of(context);
    match reply {
        // Nobody waits for the answer to that.
        _ if packet == Leave::ID => {}
        Ok(Given::Rooms(Outcome::Entry(entry))) => {
            cx.data::<Guest>().inside = Some(Inside {
                entry: entry.id,
                room: entry.info.room,
            });
            let room = RoomId::new(foyer.hall, entry.slot);
            cx.enter_with(room, *entry, Some(request));
        }
        Ok(Given::Rooms(Outcome::Listed { rooms, next })) => {
            let next_page = next.map(|next| next.as_str().to_owned());
            let rooms = rooms.iter().map(info_of).collect();
            let next_page = next_page.unwrap_or_default();
            cx.reply_to(request, &Rooms { rooms, next_page });
        }
        Err(error) if packet == Enter::ID || packet == Create::ID => {
            cx.reply_to(request, &refused(&error));
        }
        other => return Some(other),
    }
    None
}

/// Why somebody does not get into a room, in words about rooms.
fn refused(error: &access::Error) -> Error {
    let told = super::error_of(error);
    let banned;
    let text = match error {
        access::Error::Credentials => "the room has a password, and that is another or none",
        access::Error::Banned { until, reason } => {
            let until_and_why = access::until_and_why(*until, reason);
            banned = format!("banned from this room{until_and_why}");
            &banned
        }
        access::Error::Forbidden => "the room is locked",
        access::Error::NotFound => "there is no such room",
        _ => return told,
    };
    Error {
        text: text.into(),
        ..told
    }
}

/// Somebody who was let in did not come in.
pub(crate) fn on_shut_out(cx: &mut FoyerCx<'_>, refusal: &EnterRefusal) {
    let is_broken = match refusal {
        EnterRefusal::Refused(refusal) => refusal.code == Code::Unavailable as u16,
        EnterRefusal::Unavailable => true,
        _ => false,
    };
    report_left(cx, is_broken);
    let error = match refusal {
        EnterRefusal::Refused(refusal) => {
            let code = Code::try_from(i32::from(refusal.code)).unwrap_or(Code::Forbidden);
            Error::new(code, &*refusal.text)
        }
        other => super::entry_error(other),
    };
    cx.reply(&error);
}
