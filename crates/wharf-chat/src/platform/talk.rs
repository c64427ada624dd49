//! What people say to one other, and who is here.

use super::{Guest, Reply, serve};
use crate::foyer::ChatFoyer;
use prost::Message as _;
use wharf_content::{Dialect, FoyerBuilder, FoyerCx};
use wharf_data::message::{self, From, Place};
use wharf_data::people::{self, Addressee};
use wharf_data::service::Call;
use wharf_data::{AccountId, Ask, PageToken, Whispered};
use wharf_proto::chat::whisper::To;
use wharf_proto::chat::{
    self, Block, Blocked, Content, GetHistory, History, ListBlocks, Message, SaidSo, Whisper,
    get_history,
};
use wharf_proto::room::{ListUsers, Presence, PresenceSet, SetPresence, User, Users};
use wharf_proto::session::{Code, Error};
use wharf_wire::Packet;
use wharf_wire::classic::{ChatNotify, ChatText, UserName};

/// What is kept of a message is its content, as a protobuf.
pub(crate) const CONTENT: u32 = 1;
/// Messages of a page.
const HISTORY_DEFAULT: u32 = 20;
const HISTORY_MAX: u32 = 50;
/// Bytes of messages that fit a page.
const HISTORY_BYTES: usize = 15_000;
/// Bytes of a message beside its content and name.
const MESSAGE_BYTES: usize = 48;
/// People of a page.
const USERS_DEFAULT: u32 = 50;
const USERS_MAX: u32 = 100;
/// So many may be blocked.
const BLOCKS_MAX: u32 = 1_000;

/// Has the foyer serve whispers, their history, block lists, and who is here.
pub(super) fn register(foyer: FoyerBuilder<'_, ChatFoyer>) -> FoyerBuilder<'_, ChatFoyer> {
    let foyer = serve(foyer, whisper);
    let foyer = serve(foyer, history);
    let foyer = serve(foyer, block);
    let foyer = serve(foyer, list_blocks);
    let foyer = serve(foyer, list_users);
    serve(foyer, set_presence)
}

/// 1303.
fn whisper(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, mut whisper: Whisper) -> Reply<SaidSo> {
    if let Some(what) = whisper
        .content
        .as_mut()
        .and_then(|content| content.what.as_mut())
    {
        foyer.facts.words.filter(what)?;
    }
    let to = match whisper.to {
        Some(To::Account(account)) => Addressee::Account(AccountId::new(account)),
        Some(To::Name(name)) => Addressee::Name(name),
        None => return Err(Error::new(Code::Invalid, "to is needed").in_field("to")),
    };
    let request = people::Request::Whisper(people::Whisper {
        to,
        client_id: Some(whisper.client_id).filter(|id| *id != 0),
        kind: CONTENT,
        body: whisper.content.unwrap_or_default().encode_to_vec(),
    });
    let by = me(cx);
    ask::<Whisper>(cx, Call::People { by, request })
}

/// 1305, of what was whispered.
fn history(_: &ChatFoyer, cx: &mut FoyerCx<'_>, request: GetHistory) -> Reply<History> {
    if request.with == 0 {
        return Err(Error::new(
            Code::NotFound,
            "this room keeps nothing of what is said",
        ));
    }
    let from = from_of(&request);
    let place = Place::Direct(me(cx), AccountId::new(request.with));
    let limit = history_limit(&request);
    let ask_for = Ask::Message(message::Ask::History { place, from, limit });
    ask::<GetHistory>(cx, Call::Store(ask_for))
}

/// 1310.
fn block(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, request: Block) -> Reply<Blocked> {
    let (account, other) = (me(cx), AccountId::new(request.account));
    let ask_for = match request.is_blocked {
        true => message::Ask::Block {
            account,
            other,
            blocks_max: BLOCKS_MAX,
            at: foyer.facts.unix_ms(cx),
        },
        false => message::Ask::Unblock { account, other },
    };
    ask::<Block>(cx, Call::Store(Ask::Message(ask_for)))
}

/// 1312.
fn list_blocks(_: &ChatFoyer, cx: &mut FoyerCx<'_>, _: ListBlocks) -> Reply<Blocked> {
    let account = me(cx);
    let ask_for = message::Ask::Blocks { account };
    ask::<ListBlocks>(cx, Call::Store(Ask::Message(ask_for)))
}

/// 1218.
fn list_users(_: &ChatFoyer, cx: &mut FoyerCx<'_>, request: ListUsers) -> Reply<Users> {
    let request = people::Request::List {
        search: request.search,
        page: Some(request.page)
            .filter(|page| !page.is_empty())
            .map(PageToken::received),
        limit: limited(request.limit, USERS_DEFAULT, USERS_MAX),
    };
    let by = me(cx);
    ask::<ListUsers>(cx, Call::People { by, request })
}

/// 1220.
fn set_presence(_: &ChatFoyer, cx: &mut FoyerCx<'_>, request: SetPresence) -> Reply<PresenceSet> {
    let is_visible = request.presence() != Presence::Nobody;
    let request = people::Request::SetVisible(is_visible);
    let by = me(cx);
    ask::<SetPresence>(cx, Call::People { by, request })
}

/// Who is logged in; the state of these requests says that somebody is.
pub(super) fn me(cx: &mut FoyerCx<'_>) -> AccountId {
    let user = cx.data::<Guest>().user;
    user.expect("only users make these requests").account
}

fn ask<R: wharf_proto::Request>(cx: &mut FoyerCx<'_>, call: Call) -> Reply<R::Reply> {
    super::access::hand_on::<R>(cx, super::access::Meanwhile::Serve, call)
}

fn limited(limit: u32, default: u32, most: u32) -> u32 {
    match limit {
        0 => default,
        limit => limit.min(most),
    }
}

/// Tells what somebody has whispered; a classic client hears it as a line.
pub(crate) fn tell_whisper(cx: &mut FoyerCx<'_>, told: &Whispered) {
    let Whispered { message, was_kept } = told;
    let told = message_of(message);
    match cx.dialect() {
        Dialect::Platform => cx.notify(&chat::Whispered {
            message: Some(told),
            was_kept: *was_kept,
        }),
        Dialect::Classic => {
            let what = told.content.and_then(|content| content.what);
            let text = what.as_ref().map(super::room::shown).unwrap_or_default();
            cx.notify(&ChatNotify {
                user: UserName::truncated(match message.author.get() {
                    0 => super::moderating::SERVER_NAME,
                    _ => &message.author_name,
                }),
                message: ChatText::truncated(&text),
            });
        }
    }
}

/// Tells that something which was whispered was removed; a classic client cannot take it away.
pub(crate) fn tell_removed(cx: &mut FoyerCx<'_>, with: AccountId, seq: i64) {
    if cx.dialect() == Dialect::Platform {
        let with = with.get();
        cx.notify(&chat::WasRemoved { seq, with });
    }
}

/// Answers a request about people.
pub(super) fn give_people(cx: &mut FoyerCx<'_>, request: u32, outcome: people::Outcome) {
    match outcome {
        people::Outcome::Kept { kept, waits } => cx.reply_to(
            request,
            &SaidSo {
                seq: kept.seq,
                stored: true,
                is_duplicate: kept.is_duplicate,
                waits,
            },
        ),
        people::Outcome::Done => cx.reply_to(request, &PresenceSet {}),
        people::Outcome::People { people, next } => {
            let user = |person: people::Person| User {
                account: person.account.get(),
                display_name: person.display_name,
                room: person.room.map_or(0, wharf_data::RoomId::get),
            };
            let users = people.into_iter().map(user).collect();
            let next_page = next.map(|next| next.as_str().to_owned());
            cx.reply_to(
                request,
                &Users {
                    users,
                    next_page: next_page.unwrap_or_default(),
                },
            );
        }
    }
}

/// Answers a request about messages.
pub(super) fn give_messages(cx: &mut FoyerCx<'_>, request: u32, answer: message::Answer) {
    match answer {
        message::Answer::Messages { messages, has_more } => {
            cx.reply_to(request, &history_page(&messages, has_more));
        }
        message::Answer::Blocks(accounts) => {
            let accounts = accounts.into_iter().map(AccountId::get).collect();
            cx.reply_to(request, &Blocked { accounts });
        }
        message::Answer::Kept(_) | message::Answer::Directs { .. } | message::Answer::Unread(_) => {
            cx.reply_to(request, &Error::new(Code::Internal, "another answer"));
        }
    }
}

/// Where somebody wants to read.
pub(crate) fn from_of(request: &GetHistory) -> From {
    match request.from {
        Some(get_history::From::Before(seq)) => From::Before(seq),
        Some(get_history::From::After(seq)) => From::After(seq),
        None => From::End,
    }
}

/// How much of it.
pub(crate) fn history_limit(request: &GetHistory) -> u32 {
    limited(request.limit, HISTORY_DEFAULT, HISTORY_MAX)
}

/// A page of what was said, as far as it fits.
pub(crate) fn history_page(kept: &[message::Message], has_more: bool) -> History {
    let messages = as_many_as_fit(kept);
    let has_more = has_more || messages.len() < kept.len();
    History { messages, has_more }
}

fn as_many_as_fit(messages: &[message::Message]) -> Vec<Message> {
    let mut bytes = 0;
    let fits = messages.iter().take_while(|message| {
        bytes += MESSAGE_BYTES + message.body.len() + message.author_name.len();
        bytes <= HISTORY_BYTES
    });
    fits.map(message_of).collect()
}

/// A message that was kept, as it is told. One that cannot be read any more has no content.
pub(super) fn message_of(message: &message::Message) -> Message {
    let is_removed = message.removed_by.is_some();
    let content = match message.kind {
        CONTENT if !is_removed => Content::decode(&message.body[..]).ok(),
        _ => None,
    };
    Message {
        seq: message.seq,
        author: message.author.get(),
        author_name: message.author_name.clone(),
        content,
        at_ms: message.at,
        is_removed,
    }
}

/// Whether a refusal by the store means that the addressee does not want to hear.
pub(super) fn is_whisper(packet: u16) -> bool {
    packet == chat::Whisper::ID
}
