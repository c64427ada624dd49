//! Outside the rooms: echo, login, entering and leaving.

use crate::lobby::reason_of;
use crate::platform::{self, PlatformFacts};
use core::time::Duration;
use wharf_content::{
    Dialect, EnterRefusal, Foyer, FoyerCx, Handled, LeaveReason, LoginRefusal, MemberId, Refusal,
    RoomId, RoomKind, UserId,
};
use wharf_data::Notice;
use wharf_data::service::Reply;
use wharf_proto::room::Removed;
use wharf_proto::session::{Code, Error, Goodbye};
use wharf_wire::classic::{
    ChatRequest, EnterRequest, LeaveRequest, LoginRequest, ResultCode, chat_response,
    enter_response, id, leave_response, login_response,
};
use wharf_wire::{FIRST_MODERN_ID, FrameRun, Violation, extensions, is_utf8};

/// What answers whoever is in no room, and leads in and out.
pub(crate) struct ChatFoyer {
    /// The kind of the numbered rooms.
    pub(crate) lobby: RoomKind,
    /// The kind of those that have a name; the same if there are none.
    pub(crate) hall: RoomKind,
    /// What the server says of itself.
    pub(crate) facts: PlatformFacts,
}

impl ChatFoyer {
    /// 1: the same text comes back, before login too.
    pub(crate) fn echo(&self, cx: &mut FoyerCx<'_>, frames: &mut FrameRun<'_>) -> Handled {
        // Plain text in short frames is all seen at one look, for their headers are ASCII too.
        let texts = match frames.as_bytes().is_ascii() {
            true => frames.take_all(),
            false => frames.take_front(|frame| is_utf8(frame.body)),
        };
        cx.reply_run(&texts);
        match frames.next() {
            None => Ok(()),
            Some(_) => Err(Violation::InvalidText { id: id::ECHO }.into()),
        }
    }

    /// 201: answered at once where no authenticator is needed to see that it will not do.
    pub(crate) fn log_in(&self, cx: &mut FoyerCx<'_>, request: LoginRequest) -> Handled {
        of_classic(cx.dialect(), id::LOGIN_REQUEST)?;
        if cx.user().is_some() {
            cx.reply(&login_response(ResultCode::LoginUserAlready));
        } else if request.user.is_empty()
            || platform::is_reserved(request.user.as_str())
            || self.facts.is_unspeakable(request.user.as_str())
        {
            cx.reply(&login_response(ResultCode::LoginUserInvalid));
        } else {
            cx.log_in(request.user.as_str(), request.password.as_str());
        }
        Ok(())
    }

    /// 206: whether that may be is found out where the room lives.
    pub(crate) fn enter(&self, cx: &mut FoyerCx<'_>, request: EnterRequest) -> Handled {
        of_classic(cx.dialect(), id::ENTER_REQUEST)?;
        // A negative number becomes one above every lobby's.
        cx.enter(RoomId::new(self.lobby, request.room as u32));
        Ok(())
    }

    /// 215: the answer first, then the others learn of it.
    pub(crate) fn leave(&self, cx: &mut FoyerCx<'_>, _: LeaveRequest) -> Handled {
        of_classic(cx.dialect(), id::LEAVE_REQUEST)?;
        if cx.room().is_some() {
            cx.reply(&leave_response(ResultCode::None));
            cx.leave();
            platform::report_left(cx, false);
        } else {
            cx.reply(&leave_response(ResultCode::RoomInvalidIndex));
        }
        Ok(())
    }

    /// 221, from somebody who is in no room.
    pub(crate) fn say_outside(&self, cx: &mut FoyerCx<'_>, _: ChatRequest) -> Handled {
        of_classic(cx.dialect(), id::CHAT_REQUEST)?;
        cx.reply(&chat_response(ResultCode::ChatRoomInvalid));
        Ok(())
    }
}

impl Foyer for ChatFoyer {
    fn on_verdict(&self, cx: &mut FoyerCx<'_>, verdict: Result<UserId, LoginRefusal>) {
        let result = match verdict {
            Ok(_) => ResultCode::None,
            Err(LoginRefusal::InUse) => ResultCode::LoginUserAlready,
            Err(LoginRefusal::Full) => ResultCode::LoginUserUsedAll,
            // The client knows no better word for "ask again later".
            Err(LoginRefusal::Invalid | LoginRefusal::Unavailable) => ResultCode::LoginUserInvalid,
        };
        cx.reply(&login_response(result));
        if result == ResultCode::LoginUserUsedAll {
            cx.finish();
        }
    }

    fn on_reply(&self, cx: &mut FoyerCx<'_>, context: u64, reply: Reply) {
        if let Some(reply) = platform::give_rooms(self, cx, context, reply) {
            platform::give_answer(cx, context, reply);
        }
    }

    fn on_notice(&self, cx: &mut FoyerCx<'_>, notice: Notice) {
        match notice {
            Notice::TakenOver => {
                let text = "the account has logged in elsewhere";
                say_goodbye(cx, Code::TakenOver, text);
            }
            Notice::LoginEnded => say_goodbye(cx, Code::Revoked, "this login was ended"),
            Notice::Banned { reason, .. } => {
                say_goodbye(cx, Code::Banned, or(&reason, "the account is banned"));
            }
            Notice::Kicked(kick) => {
                if platform::is_kicked(cx, &kick) {
                    let text = or(&kick.reason, "the operators have ended the session");
                    say_goodbye(cx, Code::Kicked, text);
                }
            }
            Notice::Muted { until, reason } => platform::tell_mute(cx, until, reason),
            Notice::Queued { before, wait } => platform::tell_place(cx, before, wait),
            Notice::Whispered(told) => platform::tell_whisper(cx, &told),
            Notice::Removed { with, seq } => platform::tell_removed(cx, with, seq),
            Notice::Announced(announcement) => {
                platform::tell_announcement(self, cx, &announcement);
            }
            Notice::Maintenance(planned) => {
                platform::tell_maintenance(self, cx, planned.as_deref())
            }
        }
    }

    /// Of a request that a room has not answered it is not known whether it was done.
    fn on_unanswered(&self, cx: &mut FoyerCx<'_>) {
        cx.reply(&platform::unanswered());
    }

    /// Whoever makes requests too fast is told when to make the next.
    fn on_too_fast(&self, cx: &mut FoyerCx<'_>, _: u16, retry_after: Duration) {
        let text = format!("too fast: again in {} ms", retry_after.as_millis().max(1));
        cx.reply(&Error::new(Code::Rate, text).retry_after(retry_after));
    }

    /// Whoever speaks the platform's packets is told what was wrong with one.
    fn forgives(&self, cx: &mut FoyerCx<'_>, packet: u16, violation: Violation) -> bool {
        let is_told = packet >= FIRST_MODERN_ID && cx.dialect() == Dialect::Platform;
        if is_told {
            cx.reply(&broken(violation));
        }
        is_told
    }

    fn on_entered(
        &self,
        cx: &mut FoyerCx<'_>,
        room: RoomId,
        outcome: Result<MemberId, EnterRefusal>,
    ) {
        if cx.dialect() == Dialect::Platform {
            let is_hall = room.kind() == self.hall && self.hall != self.lobby;
            if let Err(refusal) = &outcome
                && is_hall
            {
                return platform::on_shut_out(cx, refusal);
            }
            // Who got in is answered by the room, which knows who is there.
            if let Err(refusal) = outcome {
                cx.reply(&platform::entry_error(&refusal));
            }
            return;
        }
        let result = match outcome {
            Ok(_) => ResultCode::None,
            Err(EnterRefusal::NotLoggedIn | EnterRefusal::AlreadyInRoom) => {
                ResultCode::EnterRoomInvalidStatus
            }
            Err(EnterRefusal::Full) => ResultCode::EnterRoomFull,
            Err(EnterRefusal::NoSuchRoom | EnterRefusal::Unavailable) => {
                ResultCode::RoomInvalidIndex
            }
            Err(EnterRefusal::Refused(Refusal { code, .. })) => ResultCode::from_wire(code),
        };
        cx.reply(&enter_response(result));
    }

    /// The client has no packet for being sent out; the answer to a leave shows the same.
    fn on_left(&self, cx: &mut FoyerCx<'_>, room: RoomId, why: LeaveReason) {
        if cx.dialect() == Dialect::Platform {
            if room.kind() == self.hall && self.hall != self.lobby {
                let is_broken = matches!(why, LeaveReason::RoomClosed | LeaveReason::RoomPanicked);
                platform::report_left(cx, is_broken);
                // Otherwise the room has said why, in its own words.
                if why != LeaveReason::RoomPanicked {
                    return;
                }
            }
            return cx.notify(&Removed {
                reason: reason_of(why).into(),
                ..Removed::default()
            });
        }
        cx.reply(&leave_response(ResultCode::None));
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    match text {
        "" => otherwise,
        text => text,
    }
}

/// Whoever has said Hello speaks the platform's packets for good: of the classic ones echo alone.
pub(crate) fn of_classic(dialect: Dialect, id: u16) -> Result<(), Violation> {
    match dialect {
        Dialect::Classic => Ok(()),
        Dialect::Platform => Err(Violation::UnknownId { id }),
    }
}

/// What a packet is answered that breaks a rule.
fn broken(violation: Violation) -> Error {
    match violation {
        Violation::UnknownFlags { flags, .. } if flags & extensions::ROOM > 0 => {
            let text = "a session is in one room at a time: no handle stands before a packet";
            Error::new(Code::Invalid, text)
        }
        other => Error::from(other),
    }
}

/// Ends the session, with the reason if it has a word for it.
fn say_goodbye(cx: &mut FoyerCx<'_>, code: Code, text: &str) {
    platform::give_up_requests(cx);
    platform::give_up_held(cx);
    platform::report_left(cx, false);
    if cx.dialect() == Dialect::Classic {
        return cx.finish();
    }
    let goodbye = Goodbye {
        code: code.into(),
        text: text.to_owned(),
        retry_after_ms: 0,
    };
    cx.finish_with(None, &goodbye);
}
