//! A room in which people talk, in two dialects: what everybody is to hear is said once in each.

use crate::counting::Counting;
use crate::foyer::of_classic;
use crate::lately::Lately;
use crate::platform::room::{enter_reply, id_of_number, member_of, members_page, shown};
use crate::platform::{self, WordList, muted_everywhere, report_of, reported};
use core::time::Duration;
use std::collections::BTreeMap;
use wharf_content::{Dialect, Handled, LeaveReason, MemberId, Note, Owed, Room, RoomCx, User};
use wharf_data::AccountId;
use wharf_data::service::{Call, Reply};
use wharf_proto::chat::content::What;
use wharf_proto::chat::{Content, Message, Report, Said, SaidSo, Say};
use wharf_proto::room::{Joined, ListMembers, MemberChanged, Parted, Reason};
use wharf_proto::session::{Code, Error};
use wharf_proto::{Request, Validate};
use wharf_wire::classic::{
    ChatNotify, ChatRequest, ChatText, LeaveUserNotify, NewUserNotify, ResultCode, UserEntry,
    UserListNotify, UserName, chat_response, id,
};

/// One of the numbered rooms. It keeps nothing.
pub(crate) struct Lobby {
    /// Unix time when content's clock was at zero, in milliseconds.
    pub(crate) epoch_ms: i64,
    /// How many may be there.
    pub(crate) members_max: u32,
    /// What is not to be said.
    pub(crate) words: WordList,
    /// What lists say of that.
    pub(crate) counting: Counting,
    /// What was said last where clients of the platform hear it, for reports.
    pub(crate) lately: Lately,
    /// Reports that the services have not answered.
    pub(crate) asked: BTreeMap<u64, Owed>,
    pub(crate) last_asked: u64,
}

impl Lobby {
    /// 221: the answer first, then the line to everybody, whoever said it included.
    pub(crate) fn say(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: ChatRequest,
    ) -> Handled {
        of_classic(cx.dialect(from), id::CHAT_REQUEST)?;
        if muted_everywhere(cx, from, self.unix_ms(cx)).is_some() {
            // The client knows no better word for it.
            cx.reply(&chat_response(ResultCode::ChatRoomInvalid));
            return Ok(());
        }
        cx.reply(&chat_response(ResultCode::None));
        let masked = self.words.mask(request.message.as_str());
        let message = masked.map_or(request.message, |shown| ChatText::truncated(&shown));
        if cx.speaks(Dialect::Platform) {
            let text = message.as_str().to_owned();
            self.say_to_platform(cx, from, What::Text(text));
        }
        let user = UserName::truncated(cx.name(from));
        cx.broadcast_in(Dialect::Classic, &ChatNotify { user, message }, None);
        Ok(())
    }

    /// 1300: the same from a client of the platform.
    pub(crate) fn say_modern(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: Say,
    ) -> Handled {
        checked(cx, request, |cx, request| {
            if let Some(error) = muted_everywhere(cx, from, self.unix_ms(cx)) {
                return cx.reply(&error);
            }
            let Some(mut what) = request.content.and_then(|content| content.what) else {
                unreachable!("a content says something, or is refused")
            };
            if let Err(error) = self.words.filter(&mut what) {
                return cx.reply(&error);
            }
            cx.reply(&SaidSo::default());
            if cx.speaks(Dialect::Classic) {
                let user = UserName::truncated(cx.name(from));
                let message = ChatText::truncated(&shown(&what));
                cx.broadcast_in(Dialect::Classic, &ChatNotify { user, message }, None);
            }
            self.say_to_platform(cx, from, what);
        })
    }

    /// 1210.
    pub(crate) fn list_members(
        &mut self,
        cx: &mut RoomCx<'_>,
        _: MemberId,
        request: ListMembers,
    ) -> Handled {
        checked(cx, request, |cx, request| {
            match members_page(cx, &request, member_of) {
                Ok(members) => cx.reply(&members),
                Err(error) => cx.reply(&error),
            }
        })
    }

    /// 1313: what was said last goes with it.
    pub(crate) fn report(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: Report,
    ) -> Handled {
        tried(cx, request, |cx, request| {
            self.try_report(cx, from, request)
        })
    }

    fn try_report(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        report: Report,
    ) -> Result<(), Error> {
        let by = AccountId::new(cx.user(from).map_or(0, |user| user.id.get()));
        let room = wharf_data::RoomId::new(id_of_number(cx.room().number()));
        let request = report_of(by, report, platform::Said::Not(self.lately.recall(room)))?;
        let request = Box::new(request);
        self.last_asked += 1;
        let asked = cx.query(Call::Operate { by, request }, self.last_asked);
        if asked.is_err() {
            let text = "too much of this room waits for an answer already";
            return Err(Error::new(Code::Busy, text).retry_after(Duration::from_secs(1)));
        }
        if let Some(owed) = cx.owe() {
            self.asked.insert(self.last_asked, owed);
        }
        Ok(())
    }

    fn unix_ms(&self, cx: &RoomCx<'_>) -> i64 {
        self.epoch_ms + (cx.now().as_nanos() / 1_000_000) as i64
    }

    fn say_to_platform(&mut self, cx: &mut RoomCx<'_>, from: MemberId, what: What) {
        let author = cx.user(from).map_or(0, |user| user.id.get());
        self.lately
            .note(AccountId::new(author), &what, self.unix_ms(cx));
        let message = Message {
            seq: 0,
            author,
            author_name: cx.name(from).to_owned(),
            content: Some(Content { what: Some(what) }),
            at_ms: self.unix_ms(cx),
            is_removed: false,
        };
        let said = Said {
            message: Some(message),
        };
        cx.broadcast_in(Dialect::Platform, &said, None);
    }
}

impl Room for Lobby {
    fn on_join(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        if cx.dialect(who) == Dialect::Platform {
            let entered = enter_reply(cx, who, self.members_max);
            cx.reply(&entered);
        }
        tell_arrival(cx, who);
        self.counting.on_move(cx, who, true);
    }

    fn on_note(&mut self, cx: &mut RoomCx<'_>, note: Note<'_>) {
        if let Note::Timer { .. } = note {
            self.counting.on_timer(cx);
        }
    }

    fn on_rename(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        let member = member_of(cx, who);
        cx.broadcast_in(Dialect::Platform, &MemberChanged { member }, None);
    }

    fn on_reply(&mut self, cx: &mut RoomCx<'_>, context: u64, reply: Reply) {
        // Of how many there are, nobody waits to hear.
        let Some(owed) = self.asked.remove(&context) else {
            return;
        };
        match reported(reply) {
            Ok(told) => cx.pay(owed, &told),
            Err(error) => cx.pay(owed, &error),
        }
    }

    fn on_leave(&mut self, cx: &mut RoomCx<'_>, who: MemberId, why: LeaveReason) {
        if cx.count() <= 1 {
            self.lately.forget();
        }
        tell_departure(cx, who, why);
        self.counting.on_move(cx, who, false);
    }
}

/// What clients expect of every room that somebody enters; to be called in `on_join`. A classic
/// newcomer learns who is there, everybody else who came: 209 and 208, or 1207.
pub fn tell_arrival(cx: &mut RoomCx<'_>, who: MemberId) {
    if cx.dialect(who) == Dialect::Classic {
        list_others(cx, who);
    }
    if let Some(user) = entry_of(cx, who) {
        cx.broadcast_in(Dialect::Classic, &NewUserNotify { user }, Some(who));
    }
    if cx.speaks(Dialect::Platform) {
        let member = member_of(cx, who);
        cx.broadcast_in(Dialect::Platform, &Joined { member }, Some(who));
    }
}

/// What clients expect when somebody leaves their room; to be called in `on_leave`. 217 or 1208 to
/// the rest, whatever the reason.
pub fn tell_departure(cx: &mut RoomCx<'_>, who: MemberId, why: LeaveReason) {
    let Some(UserEntry { unique_id, .. }) = entry_of(cx, who) else {
        return;
    };
    // Who has come again by another link, before this one was known to be gone, is here.
    let is_same = |user: &User| user.id.get() == unique_id;
    let is_here = |other| other != who && cx.user(other).is_some_and(is_same);
    if cx.members().any(is_here) {
        return;
    }
    cx.broadcast_in(Dialect::Classic, &LeaveUserNotify { unique_id }, None);
    let parted = Parted {
        account: unique_id,
        reason: reason_of(why).into(),
    };
    cx.broadcast_in(Dialect::Platform, &parted, None);
}

/// Everybody who is there already, one packet even if that is nobody.
fn list_others(cx: &mut RoomCx<'_>, who: MemberId) {
    let others: Vec<MemberId> = cx.members().filter(|&other| other != who).collect();
    if others.is_empty() {
        cx.send(who, &UserListNotify::default());
    }
    for some in others.chunks(UserListNotify::ENTRIES_MAX) {
        let users = some
            .iter()
            .filter_map(|&other| entry_of(cx, other))
            .collect();
        cx.send(who, &UserListNotify { users });
    }
}

/// Gives `request` to `serve` if its fields keep their rules; else whoever asks is told which one
/// does not.
pub(crate) fn checked<'a, R: Request>(
    cx: &mut RoomCx<'a>,
    request: R,
    serve: impl FnOnce(&mut RoomCx<'a>, R),
) -> Handled {
    match Validate::validate(&request) {
        Ok(()) => serve(cx, request),
        Err(broken) => cx.reply(&Error::from(broken)),
    }
    Ok(())
}

/// The same; and what `serve` ends with instead of an answer is the answer.
pub(crate) fn tried<'a, R: Request>(
    cx: &mut RoomCx<'a>,
    request: R,
    serve: impl FnOnce(&mut RoomCx<'a>, R) -> Result<(), Error>,
) -> Handled {
    checked(cx, request, |cx, request| {
        if let Err(error) = serve(cx, request) {
            cx.reply(&error);
        }
    })
}

pub(crate) fn reason_of(why: LeaveReason) -> Reason {
    match why {
        LeaveReason::Left => Reason::Left,
        LeaveReason::Dropped => Reason::Gone,
        LeaveReason::Kicked => Reason::Kicked,
        LeaveReason::RoomClosed | LeaveReason::RoomPanicked => Reason::Closed,
    }
}

fn entry_of(cx: &RoomCx<'_>, member: MemberId) -> Option<UserEntry> {
    let User { id, name } = cx.user(member)?;
    Some(UserEntry {
        unique_id: id.get(),
        name: UserName::truncated(name),
    })
}
