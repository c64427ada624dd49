//! The end of a room, and of one opening of it.

use super::{Asked, Asker, Hall};
use wharf_content::{MemberId, RoomCx};
use wharf_data::access;
use wharf_proto::room::{Reason, Removed};
use wharf_proto::session::{Code, Error};

impl Hall {
    /// The room ends: everybody is sent out, and all but whoever ended it are told. What they wait
    /// for comes no more.
    pub(super) fn end(&mut self, cx: &mut RoomCx<'_>, except: Option<MemberId>, text: &str) {
        let Some(opened) = self.opened.as_mut().filter(|opened| !opened.is_ended) else {
            return;
        };
        opened.is_ended = true;
        self.put_by(cx);
        self.give_up_askers(cx);
        let removed = Removed {
            reason: Reason::Closed.into(),
            text: text.to_owned(),
            ..Removed::default()
        };
        match except {
            Some(member) => cx.send_except(member, &removed),
            None => cx.broadcast(&removed),
        }
        cx.close();
    }

    /// What an opening that is over was asked, or has asked, is answered by nobody.
    pub(super) fn give_up_askers(&mut self, cx: &mut RoomCx<'_>) {
        let asked = core::mem::take(&mut self.asked);
        let mut askers: Vec<Asker> = asked.values().flat_map(Asked::askers).collect();
        if let Some(opened) = &mut self.opened {
            askers.extend(opened.durable.take_askers());
        }
        for asker in askers {
            asker.answer(cx, &closing());
        }
        self.refuse_readers(cx, &access::Error::Unavailable);
    }
}

pub(super) fn closing() -> Error {
    Error::new(Code::Unavailable, "the room is being closed")
}
