//! Changing a room, and looking after those who are in it. Whether somebody may is decided by
//! whoever keeps the ranks; the room does what was decided.

use super::{Asked, Asker, EARLY_MAX, Early, Hall, info_of};
use crate::canary::Canary;
use crate::lobby::checked;
use crate::platform::error_of;
use wharf_content::{Handled, MemberId, RoomCx};
use wharf_data::room::{Role, Until};
use wharf_data::rooms::{self, EntryId, Measure, Moderated, Outcome, Request};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, PageToken, access};
use wharf_proto::chat::{Remove, RemovedSo, WasRemoved};
use wharf_proto::room::{
    self as proto, Bans, Change, Changed, Close, Closed, ListBans, Moderate, MutedHere, NowChanged,
    Reason, Removed,
};
use wharf_proto::session::{Code, Error};

/// Bans that an answer has at the most; those who keep them give as many as fit.
const BANS_MAX: u32 = 50;

/// What a moderator has asked for.
pub(super) struct Moderation {
    /// The moderator.
    by: Option<AccountId>,
    measure: Measure,
    text: String,
}

impl Hall {
    /// 1212.
    pub(crate) fn change(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: Change,
    ) -> Handled {
        checked(cx, request, |cx, request| {
            let topic = request.topic.as_deref().unwrap_or_default();
            let name = request.name.as_deref().unwrap_or_default();
            let checked = self.words.check_name("topic", topic);
            if let Err(error) = checked.and_then(|()| self.words.check_name("name", name)) {
                return cx.reply(&error);
            }
            let change = rooms::Change {
                name: request.name,
                topic: request.topic,
                password: request.password.map(Into::into),
                members_max: request.members_max,
                is_hidden: request.is_hidden,
                is_locked: request.is_locked,
                slow_ms: request.slow_seconds.map(|seconds| seconds * 1_000),
            };
            let wish = |here| Request::Change(here, Box::new(change));
            self.wish(cx, from, Role::Owner, wish, Asked::Change);
        })
    }

    /// 1215.
    pub(crate) fn moderate(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: Moderate,
    ) -> Handled {
        checked(cx, request, |cx, request| {
            let measure = match request.measure() {
                proto::Measure::Kick | proto::Measure::Unspecified => Measure::Kick,
                proto::Measure::Ban => Measure::Ban(request.seconds),
                proto::Measure::Unban => Measure::Unban,
                proto::Measure::Mute => Measure::Mute(request.seconds),
                proto::Measure::Unmute => Measure::Unmute,
                proto::Measure::Promote => Measure::Promote,
                proto::Measure::Demote => Measure::Demote,
                proto::Measure::HandOver => Measure::HandOver,
            };
            let (account, text) = (AccountId::new(request.account), request.text);
            let (name, reason) = (self.name_of(cx, account), text.clone());
            let wish = |here| Request::Moderate {
                here,
                account,
                name,
                measure,
                reason,
            };
            let by = self.seat(from).ok().map(|seat| seat.account);
            let moderation = Moderation { by, measure, text };
            let asked = |asker| Asked::Moderate(asker, moderation);
            self.wish(cx, from, Role::Moderator, wish, asked);
        })
    }

    /// 1307.
    pub(crate) fn remove(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: Remove,
    ) -> Handled {
        checked(cx, request, |cx, Remove { seq }| {
            let wish = |here| Request::Remove { here, seq };
            let asked = |asker| Asked::Remove(asker, seq);
            self.wish(cx, from, Role::Member, wish, asked);
        })
    }

    /// 1222.
    pub(crate) fn list_bans(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: ListBans,
    ) -> Handled {
        checked(cx, request, |cx, ListBans { page }| {
            let page = Some(page).filter(|page| !page.is_empty());
            let wish = |here| Request::Bans {
                here,
                page: page.map(PageToken::received),
                limit: BANS_MAX,
            };
            self.wish(cx, from, Role::Moderator, wish, Asked::Bans);
        })
    }

    /// How somebody who is there is called; empty if they are not.
    fn name_of(&self, cx: &RoomCx<'_>, account: AccountId) -> String {
        let mut seats = self.seats.iter();
        let seat = seats.find(|(_, seat)| seat.account == account && !seat.is_old);
        seat.map_or_else(String::new, |(member, _)| cx.name(*member).to_owned())
    }

    /// 1224.
    pub(crate) fn close(&mut self, cx: &mut RoomCx<'_>, from: MemberId, request: Close) -> Handled {
        checked(cx, request, |cx, _| {
            self.wish(cx, from, Role::Owner, Request::Close, Asked::Close);
        })
    }

    /// Hands on what a member wants done. Who is of too low a rank here is told so at once; whether
    /// the rank still holds when it is done is seen there.
    fn wish(
        &mut self,
        cx: &mut RoomCx<'_>,
        member: MemberId,
        least: Role,
        wish: impl FnOnce(rooms::Here) -> Request,
        asked: impl FnOnce(Asker) -> Asked,
    ) {
        let asker = Asker::of(cx, member);
        let seat = self.seat(member);
        let here = self.open().map(|opened| opened.here);
        let done = match (seat, here) {
            (Err(error), _) | (_, Err(error)) => Err(error),
            (Ok(seat), _) if seat.role < least => Err(Error::new(
                Code::Forbidden,
                "of too low a rank in this room",
            )),
            (Ok(seat), Ok(here)) => {
                let request = wish(here);
                let by = seat.account;
                self.ask_for(cx, Call::Rooms { by, request }, asked(asker))
            }
        };
        if let Err(error) = done {
            cx.reply(&error);
        }
    }

    pub(super) fn on_changed(&mut self, cx: &mut RoomCx<'_>, asker: Asker, reply: Reply) {
        match (reply, &mut self.opened) {
            (Ok(Given::Rooms(Outcome::Changed(info))), Some(opened)) => {
                opened.info = *info;
                tell_changed(cx, &opened.info, Some(asker));
            }
            (reply, _) => self.on_refused(cx, asker, &reply),
        }
    }

    pub(super) fn on_moderated(
        &mut self,
        cx: &mut RoomCx<'_>,
        asker: Asker,
        moderation: &Moderation,
        reply: Reply,
    ) {
        let Ok(Given::Rooms(Outcome::Moderated(moderated))) = reply else {
            if matches!(reply, Err(access::Error::NotFound)) {
                let text = match moderation.measure {
                    Measure::Kick => "they are not in this room",
                    _ => "there is no such account",
                };
                return asker.answer(cx, &Error::new(Code::NotFound, text));
            }
            return self.on_refused(cx, asker, &reply);
        };
        match moderated.is_sure {
            true => asker.answer(cx, &proto::Moderated {}),
            false => asker.answer(cx, &error_of(&access::Error::Unavailable)),
        }
        for entry in &moderated.entries {
            self.apply(cx, *entry, &moderated, moderation);
        }
        if moderation.measure == Measure::HandOver {
            self.hand_over(cx, moderation);
        }
    }

    /// Whoever was the owner is a moderator from now on, by whichever seat they have.
    fn hand_over(&mut self, cx: &mut RoomCx<'_>, moderation: &Moderation) {
        let mut own = Vec::new();
        for (member, seat) in &mut self.seats {
            if Some(seat.account) == moderation.by && !seat.is_old {
                seat.role = Role::Moderator;
                own.push(*member);
            }
        }
        for member in own {
            self.tell_change(cx, member);
        }
    }

    /// What was decided about somebody happens to them: now, or when they come.
    fn apply(
        &mut self,
        cx: &mut RoomCx<'_>,
        entry: EntryId,
        moderated: &Moderated,
        moderation: &Moderation,
    ) {
        let Moderated {
            standing, is_out, ..
        } = *moderated;
        let Some(opened) = &mut self.opened else {
            return;
        };
        let member = opened.by_entry.get(&entry).copied();
        let Some((member, seat)) =
            member.and_then(|member| Some((member, self.seats.get_mut(&member)?)))
        else {
            if self.planted.is(Canary::ForgottenVerdict) {
                return;
            }
            let reason = moderation.text.clone();
            let early = Early {
                standing,
                is_out,
                reason,
            };
            opened.early.insert(entry, early);
            if opened.early.len() > EARLY_MAX {
                opened.early.pop_first();
            }
            return;
        };
        if !is_out {
            if seat.mute != standing.mute {
                tell_mute(cx, member, standing.mute, &moderation.text);
            }
            (seat.role, seat.mute) = (standing.role, standing.mute);
            return self.tell_change(cx, member);
        }
        let is_banned = matches!(moderation.measure, Measure::Ban(_)) && moderated.is_sure;
        let reason = match is_banned {
            true => Reason::Banned,
            false => Reason::Kicked,
        };
        let ban = standing.ban.filter(|_| is_banned);
        let until_ms = ban.and_then(Until::ends).unwrap_or(0);
        seat.out = Some(reason);
        let text = moderation.text.clone();
        let reason = reason.into();
        cx.send(
            member,
            &Removed {
                reason,
                text,
                until_ms,
            },
        );
        cx.kick(member);
    }

    pub(super) fn on_bans(&mut self, cx: &mut RoomCx<'_>, asker: Asker, reply: Reply) {
        let Ok(Given::Rooms(Outcome::Bans { bans, next })) = reply else {
            return self.on_refused(cx, asker, &reply);
        };
        let bans = bans.into_iter().map(|ban| proto::Ban {
            account: ban.account.get(),
            display_name: ban.name,
            by: ban.by.get(),
            text: ban.reason,
            until_ms: ban.until.ends().unwrap_or(0),
        });
        let next_page = next.map(|next| next.as_str().to_owned());
        let answer = Bans {
            bans: bans.collect(),
            next_page: next_page.unwrap_or_default(),
        };
        asker.answer(cx, &answer);
    }

    pub(super) fn on_closed(&mut self, cx: &mut RoomCx<'_>, asker: Asker, reply: &Reply) {
        match reply {
            Ok(_) => {
                asker.answer(cx, &Closed {});
                self.end(cx, Some(asker.member), "");
            }
            Err(_) => self.on_refused(cx, asker, reply),
        }
    }

    /// It was not done.
    fn on_refused(&mut self, cx: &mut RoomCx<'_>, asker: Asker, reply: &Reply) {
        match reply {
            Ok(_) => asker.answer(cx, &Error::new(Code::Internal, "another answer")),
            Err(error) => asker.answer(cx, &error_of(error)),
        }
    }
}

/// A room is something else now: whoever has asked for that is answered, all others are told.
pub(super) fn tell_changed(cx: &mut RoomCx<'_>, info: &rooms::Info, asker: Option<Asker>) {
    let info = Some(proto::Info {
        members: cx.count(),
        ..info_of(info)
    });
    match asker {
        Some(asker) => {
            asker.answer(cx, &Changed { info: info.clone() });
            cx.send_except(asker.member, &NowChanged { info });
        }
        None => cx.broadcast(&NowChanged { info }),
    }
}

/// Somebody may say nothing here, or may speak again.
fn tell_mute(cx: &mut RoomCx<'_>, member: MemberId, mute: Option<Until>, text: &str) {
    let told = MutedHere {
        is_muted: mute.is_some(),
        text: text.to_owned(),
        until_ms: mute.and_then(Until::ends).unwrap_or(0),
    };
    cx.send(member, &told);
}

/// A message was removed, or not.
pub(super) fn on_removed(cx: &mut RoomCx<'_>, asker: Asker, seq: i64, reply: &Reply) {
    match reply {
        Ok(_) => {
            asker.answer(cx, &RemovedSo {});
            cx.broadcast(&WasRemoved { seq, with: 0 });
        }
        Err(access::Error::NotFound) => {
            let text = "this room keeps no such message";
            asker.answer(cx, &Error::new(Code::NotFound, text));
        }
        Err(error) => asker.answer(cx, &error_of(error)),
    }
}
