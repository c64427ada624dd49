//! Reading what was said, and who is there.

use super::{Asked, Asker, Hall, keeping};
use crate::lobby::{checked, tried};
use crate::platform::room::members_page;
use crate::platform::{Said, error_of, from_of, history_limit, history_page, report_of, reported};
use wharf_content::{Handled, MemberId, RoomCx};
use wharf_data::message::{self, From, Place};
use wharf_data::room::History;
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, Answer, Ask};
use wharf_proto::chat::{GetHistory, Report};
use wharf_proto::room::ListMembers;
use wharf_proto::session::{Code, Error};

/// Those who wait until all that was said is kept.
const READERS_MAX: usize = 64;

impl Hall {
    /// 1210.
    pub(crate) fn list_members(
        &mut self,
        cx: &mut RoomCx<'_>,
        _: MemberId,
        request: ListMembers,
    ) -> Handled {
        checked(cx, request, |cx, request| {
            match members_page(cx, &request, |cx, member| self.member(cx, member)) {
                Ok(members) => cx.reply(&members),
                Err(error) => cx.reply(&error),
            }
        })
    }

    /// 1305: of the room, or of what was whispered.
    pub(crate) fn history(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        request: GetHistory,
    ) -> Handled {
        tried(cx, request, |cx, request| {
            self.try_history(cx, from, &request)
        })
    }

    /// 1313: what was said around it, or last, goes with it.
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
        member: MemberId,
        report: Report,
    ) -> Result<(), Error> {
        let by = self.seat(member)?.account;
        let asker = Asker::of(cx, member);
        let opened = self.open()?;
        let room = opened.here.room;
        let here = match opened.info.history {
            History::Off => Said::Not(opened.lately.recall(room)),
            History::Buffered | History::Durable => Said::Kept(room),
        };
        let request = Box::new(report_of(by, report, here)?);
        self.ask_for(cx, Call::Operate { by, request }, Asked::Report(asker))
    }

    fn try_history(
        &mut self,
        cx: &mut RoomCx<'_>,
        member: MemberId,
        request: &GetHistory,
    ) -> Result<(), Error> {
        let me = self.seat(member)?.account;
        let asker = Asker::of(cx, member);
        let (from, limit) = (from_of(request), history_limit(request));
        if request.with != 0 {
            let place = Place::Direct(me, AccountId::new(request.with));
            let ask = message::Ask::History { place, from, limit };
            let call = Call::Store(Ask::Message(ask));
            return self.ask_for(cx, call, Asked::History(asker));
        }
        let opened = self.open()?;
        if opened.info.history == History::Off {
            let text = "this room keeps nothing of what is said";
            return Err(Error::new(Code::NotFound, text));
        }
        if opened.buffered.is_kept() {
            self.read(cx, asker, from, limit);
            return Ok(());
        }
        if opened.buffered.readers.len() >= READERS_MAX {
            return Err(keeping::too_many_readers());
        }
        opened.buffered.readers.push((asker, from, limit));
        self.flush(cx);
        Ok(())
    }

    /// Asks the store for a page of what was said here.
    pub(super) fn read(&mut self, cx: &mut RoomCx<'_>, asker: Asker, from: From, limit: u32) {
        let Some(opened) = &self.opened else { return };
        let place = Place::Room(opened.here.room);
        let ask = message::Ask::History { place, from, limit };
        let call = Call::Store(Ask::Message(ask));
        if self.ask(cx, call, Asked::History(asker)).is_err() {
            asker.answer(cx, &super::busy());
        }
    }
}

/// Answers whoever has reported somebody.
pub(super) fn give_reported(cx: &mut RoomCx<'_>, asker: Asker, reply: Reply) {
    match reported(reply) {
        Ok(told) => asker.answer(cx, &told),
        Err(error) => asker.answer(cx, &error),
    }
}

/// Answers with a page of a history.
pub(super) fn give_history(cx: &mut RoomCx<'_>, asker: Asker, reply: Reply) {
    match reply {
        Ok(Given::Store(Answer::Message(message::Answer::Messages { messages, has_more }))) => {
            asker.answer(cx, &history_page(&messages, has_more));
        }
        Ok(_) => asker.answer(cx, &Error::new(Code::Internal, "another answer")),
        Err(error) => asker.answer(cx, &error_of(&error)),
    }
}
