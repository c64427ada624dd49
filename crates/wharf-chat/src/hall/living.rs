//! What happens to the room: people come and go, time passes, the services answer.

use super::{Asked, Hall, Seat, governing, reading, refusal};
use wharf_content::{LeaveReason, MemberId, Note, Refusal, Room, RoomCx, User};
use wharf_data::AccountId;
use wharf_data::access;
use wharf_data::room::Standing;
use wharf_data::rooms::Entry;
use wharf_data::service::Reply;
use wharf_proto::room::{Joined, Parted};
use wharf_proto::session::Code;

impl Room for Hall {
    fn admit(&mut self, cx: &mut RoomCx<'_>, user: &User) -> Result<(), Refusal> {
        let closed = || refusal(Code::Unavailable, "the room was closed meanwhile");
        let Some(entry) = cx.carried::<Entry>() else {
            return Err(refusal(Code::Forbidden, "nobody comes in without an entry"));
        };
        let present = self.opened.as_ref().map(|opened| opened.here.opening);
        if present.is_none_or(|present| entry.opening > present) {
            if !entry.may_begin {
                return Err(closed());
            }
            self.begin(cx, &entry);
        }
        let Some(opened) = &mut self.opened else {
            return Err(closed());
        };
        if entry.opening < opened.here.opening || opened.is_ended {
            return Err(closed());
        }
        // Whoever lets in may know of an end of a session before the room does.
        let seated = self.seats.values().filter(|seat| !seat.is_old).count();
        if seated >= entry.info.members_max as usize {
            return Err(refusal(Code::Full, "every seat is taken"));
        }
        let mut seat = Seat {
            entry: entry.id,
            account: AccountId::new(user.id.get()),
            role: entry.role,
            mute: entry.mute,
            out: None,
            is_old: false,
        };
        if let Some(early) = opened.early.remove(&entry.id) {
            let Standing { role, ban, mute } = early.standing;
            if let Some(ban) = ban.filter(|_| early.is_out) {
                let until_and_why = access::until_and_why(ban.ends(), &early.reason);
                let text = format!("banned from this room{until_and_why}");
                return Err(refusal(Code::Banned, text));
            }
            if early.is_out {
                return Err(refusal(Code::Forbidden, "sent out of this room"));
            }
            (seat.role, seat.mute) = (role, mute);
        }
        self.arriving = Some(seat);
        Ok(())
    }

    fn on_join(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        let Some(seat) = self.arriving.take() else {
            return cx.kick(who);
        };
        if let Some(opened) = &mut self.opened {
            opened.by_entry.insert(seat.entry, who);
        }
        self.take_put_by(cx.now());
        self.seats.insert(who, seat);
        if let Some(entered) = self.enter_reply(cx, who) {
            cx.reply(&entered);
        }
        let member = self.member(cx, who);
        cx.send_except(who, &Joined { member });
        self.watch(cx);
    }

    fn on_rename(&mut self, cx: &mut RoomCx<'_>, who: MemberId) {
        self.tell_change(cx, who);
    }

    fn on_leave(&mut self, cx: &mut RoomCx<'_>, who: MemberId, why: LeaveReason) {
        let Some(seat) = self.seats.remove(&who).filter(|seat| !seat.is_old) else {
            return;
        };
        if let Some(opened) = &mut self.opened {
            opened.by_entry.remove(&seat.entry);
        }
        // Who has come again by another link, before this one was known to be gone, is here.
        if !self.seats.values().any(|it| it.account == seat.account) {
            let reason = seat.out.unwrap_or(crate::lobby::reason_of(why));
            cx.broadcast(&Parted {
                account: seat.account.get(),
                reason: reason.into(),
            });
        }
        if self.seats.is_empty() {
            if let Some(opened) = &mut self.opened {
                opened.lately.forget();
            }
            self.put_by(cx);
            self.flush(cx);
        }
    }

    fn on_note(&mut self, cx: &mut RoomCx<'_>, note: Note<'_>) {
        let Note::Timer { .. } = note else { return };
        let Some(opened) = &mut self.opened else {
            return;
        };
        opened.buffered.is_waking = false;
        let (here, has_begun) = (opened.here, opened.has_begun);
        let is_asked = self.asked.values().any(|it| matches!(it, Asked::Begin));
        if !has_begun && !is_asked {
            self.say_begin(cx, here);
        }
        self.flush(cx);
        self.watch(cx);
    }

    fn on_reply(&mut self, cx: &mut RoomCx<'_>, context: u64, reply: Reply) {
        // What an earlier opening asked is nobody's.
        let Some(asked) = self.asked.remove(&context) else {
            return;
        };
        match asked {
            Asked::Begin => self.on_begun(cx, &reply),
            Asked::Watch => self.on_news(cx, reply),
            Asked::Append(sayings) => self.on_appended(cx, sayings, reply),
            Asked::Flush(count) => self.on_flushed(cx, count, &reply),
            Asked::History(asker) => reading::give_history(cx, asker, reply),
            Asked::Change(asker) => self.on_changed(cx, asker, reply),
            Asked::Moderate(asker, moderation) => {
                self.on_moderated(cx, asker, &moderation, reply);
            }
            Asked::Remove(asker, seq) => governing::on_removed(cx, asker, seq, &reply),
            Asked::Bans(asker) => self.on_bans(cx, asker, reply),
            Asked::Close(asker) => self.on_closed(cx, asker, &reply),
            Asked::Report(asker) => reading::give_reported(cx, asker, reply),
        }
    }
}
