//! Saying something in a room.

use super::keeping::Saying;
use super::{Asker, Hall, busy, said_so};
use crate::canary::Canary;
use crate::lobby::tried;
use crate::platform::{CONTENT, muted_everywhere};
use core::time::Duration;
use prost::Message as _;
use wharf_content::{Handled, MemberId, RoomCx};
use wharf_data::room::{History, Role};
use wharf_data::{AccountId, Utc};
use wharf_proto::chat::{Content, Message, Said, Say};
use wharf_proto::session::{Code, Error};

impl Hall {
    /// 1300: told at once, or when it has been kept.
    pub(crate) fn say(&mut self, cx: &mut RoomCx<'_>, from: MemberId, request: Say) -> Handled {
        tried(cx, request, |cx, request| self.try_say(cx, from, request))
    }

    fn try_say(&mut self, cx: &mut RoomCx<'_>, from: MemberId, mut say: Say) -> Result<(), Error> {
        let (mut seat, at, now) = (self.seat(from)?, self.unix_ms(cx), cx.now());
        let planted = self.planted;
        if planted.is(Canary::KeptTwice) {
            say.client_id = 0;
        }
        if planted.is(Canary::HeardMuted) {
            seat.mute = None;
        }
        if let Some(error) = muted_everywhere(cx, from, at) {
            return Err(error);
        }
        let mut content = say.content.unwrap_or_default();
        if let Some(what) = &mut content.what {
            self.words.filter(what)?;
        }
        self.take_put_by(now);
        let opened = self.open()?;
        let is_durable = opened.info.history == History::Durable;
        if let Some(seq) = opened.remembered.find(seat.account, say.client_id, now) {
            cx.reply(&said_so(seq, is_durable, true));
            return Ok(());
        }
        if let Some(mute) = seat.mute.filter(|mute| mute.lasts(at)) {
            let text = match mute.ends() {
                Some(at) => format!("muted in this room until {}", Utc(at)),
                None => "muted in this room until that is taken back".to_owned(),
            };
            return Err(Error::new(Code::Muted, text).until(mute.ends()));
        }
        let mut slow = Duration::from_millis(opened.info.slow_ms.into());
        if planted.is(Canary::NobodyWaits) {
            slow = Duration::ZERO;
        }
        if seat.role == Role::Member {
            let wait = opened.slow_mode.wait(seat.account, slow, now);
            if wait > Duration::ZERO {
                let text = "members of this room wait between two messages";
                return Err(Error::new(Code::Muted, text).retry_after(wait));
            }
        }
        if is_durable && !opened.durable.has_room() {
            return Err(busy());
        }
        opened.slow_mode.spoke(seat.account, slow, now);
        let message = Message {
            seq: 0,
            author: seat.account.get(),
            author_name: cx.name(from).to_owned(),
            content: None,
            at_ms: at,
            is_removed: false,
        };
        self.take_in(cx, from, (message, content), say.client_id)
    }

    /// Tells what was said, and has it kept, as the room does that.
    fn take_in(
        &mut self,
        cx: &mut RoomCx<'_>,
        from: MemberId,
        (mut message, content): (Message, Content),
        client_id: u64,
    ) -> Result<(), Error> {
        let (planted, now) = (self.planted, cx.now());
        let (author, opened) = (AccountId::new(message.author), self.open()?);
        match opened.info.history {
            History::Off => {
                opened.remembered.add(author, client_id, 0, now);
                cx.reply(&said_so(0, false, false));
                opened.lately.note_content(author, &content, message.at_ms);
                tell(cx, message, content);
            }
            History::Buffered => {
                opened.last_seq += 1;
                message.seq = opened.last_seq;
                let seq = message.seq;
                opened.remembered.add(author, client_id, seq, now);
                opened.buffered.push(new_message(&message, &content, None));
                cx.reply(&said_so(seq, false, false));
                tell(cx, message, content);
                self.wake_soon(cx);
            }
            History::Durable => {
                let mut asker = Asker::of(cx, from);
                if planted.is(Canary::EarlyAcknowledgement) {
                    let seq = opened.durable.next(opened.last_seq);
                    asker.answer(cx, &said_so(seq, true, false));
                    asker.owed = None;
                }
                let client_id = Some(client_id).filter(|id| *id != 0);
                opened.durable.push(Saying {
                    asker,
                    new: new_message(&message, &content, client_id),
                    message,
                    content,
                    said: now,
                });
                self.append(cx);
            }
        }
        Ok(())
    }
}

/// Tells everybody what was said.
pub(super) fn tell(cx: &mut RoomCx<'_>, message: Message, content: Content) {
    let message = Message {
        content: Some(content),
        ..message
    };
    cx.broadcast(&Said {
        message: Some(message),
    });
}

/// What is kept of a message; a seq of 0 is one that the store gives.
fn new_message(
    message: &Message,
    content: &Content,
    client_id: Option<u64>,
) -> wharf_data::message::NewMessage {
    wharf_data::message::NewMessage {
        author: AccountId::new(message.author),
        client_id,
        seq: Some(message.seq).filter(|seq| *seq > 0),
        kind: CONTENT,
        body: content.encode_to_vec(),
        at: message.at_ms,
    }
}
