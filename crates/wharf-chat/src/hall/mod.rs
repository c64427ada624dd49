//! Rooms that have a name. What one is, and who comes in, it learns from the entry that everybody
//! shows at the door (`wharf_data::rooms`); what more than it must know of, it asks the services.

mod ending;
mod governing;
mod keeping;
mod living;
mod memory;
mod put_by;
mod reading;
mod talking;
#[cfg(test)]
mod tests;
mod watching;

use crate::canary::Canary;
use crate::lately::Lately;
use crate::platform::WordList;
use crate::platform::room::{as_many_as_fit, member_of};
use ending::closing;
use keeping::{Buffered, Durable};
use memory::{Remembered, SlowMode};
use put_by::Looked;
pub(crate) use put_by::PutBy;
use std::borrow::Cow;
use std::collections::BTreeMap;
use wharf_base::{CapacityError, Instant, Planted};
use wharf_content::{MemberId, Owed, Refusal, RoomCx};
use wharf_data::room::{Epoch, History, Role, Standing, Until};
use wharf_data::rooms::{Entry, EntryId, Here, Info, Request};
use wharf_data::service::{Call, Reply};
use wharf_data::{AccountId, UnixMs, access};
use wharf_proto::room::{Entered, MemberChanged, Rank, Reason};
use wharf_proto::session::{Code, Error};
use wharf_proto::{chat, room as proto};
use wharf_wire::{Packet, Violation};

/// Members that an answer has at the most.
const MEMBERS_MAX: usize = 100;
/// Verdicts on people who are on their way; beyond it the oldest are forgotten.
const EARLY_MAX: usize = 1_024;

/// One place for a room. What is open in it now, and who is there.
pub(crate) struct Hall {
    /// Unix time when content's clock was at zero, in milliseconds.
    epoch_ms: i64,
    /// What is not to be said.
    words: WordList,
    /// What is remembered of rooms that nobody is in.
    put_by: PutBy,
    seats: BTreeMap<MemberId, Seat>,
    opened: Option<Opened>,
    /// Who was admitted, and sits down next.
    arriving: Option<Seat>,
    asked: BTreeMap<u64, Asked>,
    last_asked: u64,
    planted: Planted<Canary>,
}

/// Somebody who is there.
#[derive(Clone, Copy)]
struct Seat {
    entry: EntryId,
    account: AccountId,
    role: Role,
    mute: Option<Until>,
    /// Why they are sent out, if they are.
    out: Option<Reason>,
    /// Of an opening that is over: their session is, too.
    is_old: bool,
}

/// The opening that a room is in.
struct Opened {
    here: Here,
    epoch: Epoch,
    info: Info,
    last_seq: i64,
    /// Whether the services know that it has begun.
    has_begun: bool,
    /// It is over: nobody is served any more.
    is_ended: bool,
    by_entry: BTreeMap<EntryId, MemberId>,
    /// What was decided about those who are on their way.
    early: BTreeMap<EntryId, Early>,
    remembered: Remembered,
    /// How much of what openings have put by is in that.
    looked: Looked,
    slow_mode: SlowMode,
    durable: Durable,
    buffered: Buffered,
    /// What was said last, if it keeps nothing of it.
    lately: Lately,
}

/// What was decided about somebody who has not come yet.
struct Early {
    standing: Standing,
    is_out: bool,
    /// Why, for people; empty if nobody said.
    reason: String,
}

/// What was asked of the services.
enum Asked {
    Begin,
    Watch,
    Append(Vec<keeping::Saying>),
    Flush(usize),
    History(Asker),
    Change(Asker),
    Moderate(Asker, governing::Moderation),
    Remove(Asker, i64),
    Bans(Asker),
    Close(Asker),
    Report(Asker),
}

/// Who waits for an answer.
#[derive(Clone, Copy)]
struct Asker {
    member: MemberId,
    owed: Option<Owed>,
}

impl Asker {
    /// Whoever sent what is being served.
    fn of(cx: &mut RoomCx<'_>, member: MemberId) -> Self {
        let owed = cx.owe();
        Self { member, owed }
    }

    fn answer<P: Packet>(self, cx: &mut RoomCx<'_>, packet: &P) {
        if let Some(owed) = self.owed {
            cx.pay(owed, packet);
        }
    }
}

impl Asked {
    /// Who waits for what comes of it.
    fn askers(&self) -> Vec<Asker> {
        match self {
            Self::Begin | Self::Watch | Self::Flush(_) => Vec::new(),
            Self::Append(sayings) => sayings.iter().map(|saying| saying.asker).collect(),
            Self::History(asker)
            | Self::Change(asker)
            | Self::Moderate(asker, _)
            | Self::Remove(asker, _)
            | Self::Bans(asker)
            | Self::Close(asker)
            | Self::Report(asker) => vec![*asker],
        }
    }
}

impl Hall {
    pub(crate) fn new(epoch_ms: i64, words: WordList, put_by: PutBy) -> Self {
        Self {
            epoch_ms,
            words,
            put_by,
            seats: BTreeMap::new(),
            opened: None,
            arriving: None,
            asked: BTreeMap::new(),
            last_asked: 0,
            planted: Planted::default(),
        }
    }

    /// The same with a fault, if one is planted.
    pub(crate) fn with(self, planted: Planted<Canary>) -> Self {
        Self { planted, ..self }
    }

    fn unix_ms(&self, cx: &RoomCx<'_>) -> UnixMs {
        self.epoch_ms + (cx.now().as_nanos() / 1_000_000) as i64
    }

    /// Asks the services; what they answer comes back with `asked`.
    fn ask(
        &mut self,
        cx: &mut RoomCx<'_>,
        call: Call,
        asked: Asked,
    ) -> Result<(), (CapacityError, Asked)> {
        self.last_asked += 1;
        match cx.query(call, self.last_asked) {
            Ok(()) => {
                self.asked.insert(self.last_asked, asked);
                Ok(())
            }
            Err(error) => Err((error, asked)),
        }
    }

    /// Asks on behalf of a member.
    fn ask_for(&mut self, cx: &mut RoomCx<'_>, call: Call, asked: Asked) -> Result<(), Error> {
        self.ask(cx, call, asked).map_err(|_| busy())
    }

    /// The opening, while it is not over.
    fn open(&mut self) -> Result<&mut Opened, Error> {
        let opened = self.opened.as_mut().filter(|opened| !opened.is_ended);
        opened.ok_or_else(closing)
    }

    fn seat(&self, member: MemberId) -> Result<Seat, Error> {
        let seat = self.seats.get(&member).filter(|seat| !seat.is_old);
        let seat = seat.copied();
        seat.ok_or_else(|| Error::new(Code::WrongState, "entering a room comes first"))
    }

    /// A member, as others see them.
    fn member(&self, cx: &RoomCx<'_>, member: MemberId) -> Option<proto::Member> {
        let seat = self.seats.get(&member).filter(|seat| !seat.is_old)?;
        let is_muted = seat.mute.is_some_and(|mute| mute.lasts(self.unix_ms(cx)));
        Some(proto::Member {
            rank: rank_of(seat.role).into(),
            is_muted,
            ..member_of(cx, member)?
        })
    }

    fn tell_change(&self, cx: &mut RoomCx<'_>, member: MemberId) {
        let member = self.member(cx, member);
        cx.broadcast(&MemberChanged { member });
    }

    /// A later opening of whatever room has this place now.
    fn begin(&mut self, cx: &mut RoomCx<'_>, entry: &Entry) {
        for (member, seat) in &mut self.seats {
            seat.is_old = true;
            cx.kick(*member);
        }
        self.give_up_askers(cx);
        self.put_by(cx);
        if let Some(opened) = &self.opened
            && !opened.buffered.is_kept()
        {
            cx.log("its place is another room's now: what was said last was not kept");
        }
        let here = Here {
            room: entry.info.room,
            opening: entry.opening,
        };
        self.opened = Some(Opened {
            here,
            epoch: entry.epoch,
            info: entry.info.clone(),
            last_seq: entry.last_seq,
            has_begun: false,
            is_ended: false,
            by_entry: BTreeMap::new(),
            early: BTreeMap::new(),
            remembered: Remembered::default(),
            looked: Looked::default(),
            slow_mode: SlowMode::default(),
            durable: Durable::default(),
            buffered: Buffered::default(),
            lately: Lately::default(),
        });
        self.take_put_by(cx.now());
        self.say_begin(cx, here);
    }

    /// Remembers what was put by of this room, by an earlier opening that has ended since this one
    /// began too. It is looked at with every message, so that costs nothing while nothing is new.
    fn take_put_by(&mut self, now: Instant) {
        if let Some(opened) = self.opened.as_mut().filter(|opened| !opened.is_ended) {
            let said = self.put_by.take(opened.here.room, &mut opened.looked);
            opened.remembered.merge(said, now);
        }
    }

    /// Puts by what is remembered of what was said: the room may be closed, and opened elsewhere.
    /// What is kept durably the store knows.
    fn put_by(&mut self, cx: &RoomCx<'_>) {
        if let Some(opened) = &mut self.opened
            && opened.info.history != History::Durable
        {
            let said = core::mem::take(&mut opened.remembered);
            self.put_by.put(opened.here.room, said, cx.now());
        }
    }

    /// Says that this opening has begun, until it is heard.
    fn say_begin(&mut self, cx: &mut RoomCx<'_>, here: Here) {
        let request = Request::Begin(here);
        let by = AccountId::new(0);
        if self
            .ask(cx, Call::Rooms { by, request }, Asked::Begin)
            .is_err()
        {
            self.wake_later(cx);
        }
    }

    fn on_begun(&mut self, cx: &mut RoomCx<'_>, reply: &Reply) {
        match reply {
            Ok(_) => {
                if let Some(opened) = &mut self.opened {
                    opened.has_begun = true;
                }
                self.flush(cx);
                self.watch(cx);
            }
            Err(access::Error::Conflict) => self.end(cx, None, ""),
            Err(error) => {
                self.refuse_readers(cx, error);
                self.wake_later(cx);
            }
        }
    }

    fn enter_reply(&self, cx: &RoomCx<'_>, who: MemberId) -> Option<Entered> {
        let opened = self.opened.as_ref()?;
        let seat = self.seats.get(&who)?;
        let others = cx.members().filter(|&other| other != who);
        let all = core::iter::once(who).chain(others);
        let members = all.filter_map(|member| self.member(cx, member));
        Some(Entered {
            info: Some(opened.shown(cx.count())),
            rank: rank_of(seat.role).into(),
            members: as_many_as_fit(members, MEMBERS_MAX),
            last_seq: opened.last_seq,
        })
    }
}

impl Opened {
    /// The room as it is shown.
    fn shown(&self, members: u32) -> proto::Info {
        proto::Info {
            members,
            ..info_of(&self.info)
        }
    }
}

fn refusal(code: Code, text: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(code as u16, text)
}

fn busy() -> Error {
    let text = "too much of this room waits for an answer already";
    Error::new(Code::Busy, text).retry_after(core::time::Duration::from_secs(1))
}

fn rank_of(role: Role) -> Rank {
    match role {
        Role::Member => Rank::Member,
        Role::Moderator => Rank::Moderator,
        Role::Owner => Rank::Owner,
    }
}

/// A room, as the protocol shows it.
pub(crate) fn info_of(info: &Info) -> proto::Info {
    let history = match info.history {
        wharf_data::room::History::Off => proto::History::Off,
        wharf_data::room::History::Buffered => proto::History::Buffered,
        wharf_data::room::History::Durable => proto::History::Durable,
    };
    proto::Info {
        room: info.room.get(),
        name: info.name.clone(),
        topic: info.topic.clone(),
        members: info.members,
        members_max: info.members_max,
        has_password: info.has_password,
        is_locked: info.is_locked,
        is_persistent: info.is_persistent,
        history: history.into(),
        slow_seconds: info.slow_ms.div_ceil(1_000),
        number: info.number,
        is_hidden: info.is_hidden,
    }
}

/// Rings when there is something to flush. Never on a wire: its id is reserved there.
struct Wake;

impl Packet for Wake {
    const ID: u16 = 1002;

    fn decode(_: &[u8]) -> Result<Self, Violation> {
        Ok(Self)
    }

    fn encode(&self, _: &mut Vec<u8>) {}
}

/// Says something to the author, or to whoever asked.
fn said_so(seq: i64, stored: bool, is_duplicate: bool) -> chat::SaidSo {
    chat::SaidSo {
        seq,
        stored,
        is_duplicate,
        waits: false,
    }
}
