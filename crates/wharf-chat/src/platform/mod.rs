//! The platform's packets outside rooms: Hello, and whatever is about accounts.
//!
//! Every request gets exactly one answer: at once, or when the services have answered.

mod access;
mod answers;
mod exporting;
mod filter;
mod guest;
mod maintaining;
mod moderating;
mod queue;
mod rates;
mod requests;
pub(crate) mod room;
mod rooms;
mod talk;
mod words;

pub(crate) use answers::{error_of, give_answer};
pub use filter::WordList;
pub(crate) use guest::Guest;
pub(crate) use maintaining::{maintenance_of, tell_maintenance};
pub(crate) use moderating::{
    Said, is_kicked, is_reserved, muted_everywhere, report_of, reported, tell_announcement,
    tell_mute,
};
pub(crate) use queue::tell_place;
pub use rates::{RequestRates, limit_requests};
pub(crate) use requests::{Reply, give_up_held, give_up_requests, serve, unanswered};
pub(crate) use rooms::{give_rooms, on_shut_out, report_left};
pub(crate) use talk::{CONTENT, from_of, history_limit, history_page, tell_removed, tell_whisper};
pub use words::{Judgement, Words, WordsError};

use crate::foyer::ChatFoyer;
use wharf_content::{Dialect, EnterRefusal, FoyerBuilder, FoyerCx};
use wharf_proto::chat::{SaidSo, Say};
use wharf_proto::room::{ListMembers, Members};
use wharf_proto::session::{Code, Error, Hello, Ping, Pong, Welcome};
use wharf_proto::{Speaks, VERSION, VERSION_MIN, agree};

/// What a server says of itself to clients of the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformFacts {
    /// The program and its version.
    pub server: String,
    /// Unix time when the clock of content was at zero, in milliseconds.
    pub epoch_ms: i64,
    /// The longest frame that is taken, header included.
    pub frame_bytes_max: u32,
    /// Silence after which a session ends, in milliseconds; 0 if it never does.
    pub idle_ms: u32,
    /// Words that are not to be said.
    pub words: WordList,
}

impl PlatformFacts {
    /// Whether nobody is to be called so.
    pub(crate) fn is_unspeakable(&self, name: &str) -> bool {
        self.words.check_name("name", name).is_err()
    }

    /// Unix time in a handler, in milliseconds.
    pub(crate) fn unix_ms(&self, cx: &FoyerCx<'_>) -> i64 {
        self.epoch_ms + (cx.now().as_nanos() / 1_000_000) as i64
    }
}

/// Has the foyer serve the platform's packets.
pub(crate) fn register(foyer: FoyerBuilder<'_, ChatFoyer>) {
    let foyer = serve(foyer, hello);
    let foyer = serve(foyer, ping);
    let foyer = serve(foyer, say_outside);
    let foyer = serve(foyer, list_outside);
    let foyer = talk::register(foyer);
    let foyer = moderating::register(foyer);
    let foyer = exporting::register(foyer);
    let foyer = rooms::register(foyer);
    access::register(foyer);
}

/// 1300, from somebody who is in no room: refused before it comes here.
fn say_outside(_: &ChatFoyer, _: &mut FoyerCx<'_>, _: Say) -> Reply<SaidSo> {
    Err(nowhere())
}

/// 1210, from somebody who is in no room: refused before it comes here.
fn list_outside(_: &ChatFoyer, _: &mut FoyerCx<'_>, _: ListMembers) -> Reply<Members> {
    Err(nowhere())
}

fn nowhere() -> Error {
    Error::new(Code::WrongState, "entering a room comes first")
}

/// Why somebody did not get in.
pub(crate) fn entry_error(refusal: &EnterRefusal) -> Error {
    let (code, text) = match refusal {
        EnterRefusal::NotLoggedIn => (Code::WrongState, "logging in comes first"),
        EnterRefusal::AlreadyInRoom => (Code::WrongState, "leaving the room comes first"),
        EnterRefusal::NoSuchRoom => (Code::NotFound, "there is no such room"),
        EnterRefusal::Full => (Code::Full, "every seat is taken"),
        EnterRefusal::Unavailable => (Code::Unavailable, "the room cannot be opened now"),
        EnterRefusal::Refused(refusal) => (Code::Forbidden, &*refusal.text),
    };
    Error::new(code, text)
}

/// 1024: the session is one of the platform from here on.
fn hello(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, hello: Hello) -> Reply<Welcome> {
    let speaks = Speaks {
        version: VERSION,
        version_min: VERSION_MIN,
        features: &[],
    };
    let agreed = agree(&hello, &speaks)?;
    if cx.user().is_some() {
        return Err(Error::new(
            Code::WrongState,
            "Hello comes before anything else",
        ));
    }
    cx.set_dialect(Dialect::Platform);
    cx.data::<Guest>().has_greeted = true;
    let facts = &foyer.facts;
    let welcome = Welcome {
        version: agreed.version,
        features: agreed.features.into_iter().map(String::from).collect(),
        server: facts.server.clone(),
        now_ms: facts.unix_ms(cx),
        frame_bytes_max: facts.frame_bytes_max,
        idle_ms: facts.idle_ms,
        message_bytes_max: facts.frame_bytes_max,
        maintenance: cx.bulletin().planned.as_ref().map(maintenance_of),
    };
    cx.reply(&welcome);
    // The same once more, for clients that know the notice alone.
    if let Some(planned) = cx.bulletin().planned.clone() {
        tell_maintenance(foyer, cx, Some(&planned));
    }
    Ok(None)
}

/// 1027.
fn ping(foyer: &ChatFoyer, cx: &mut FoyerCx<'_>, ping: Ping) -> Reply<Pong> {
    Ok(Some(Pong {
        sent_ms: ping.sent_ms,
        now_ms: foyer.facts.unix_ms(cx),
    }))
}
