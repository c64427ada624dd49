//! Keeping what is said: before it is told (durable), or soon after (buffered).

use super::talking::tell;
use super::{Asked, Asker, Hall, Wake, busy, said_so};
use crate::platform::error_of;
use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};
use wharf_base::Instant;
use wharf_content::RoomCx;
use wharf_data::message::{self, Kept, NewMessage};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, Answer, Ask, access};
use wharf_proto::chat::{Content, Message};
use wharf_proto::session::{Code, Error};

/// Messages of a durable room that wait for the store. One more is answered "busy".
pub(super) const WAITING_MAX: usize = 256;
/// Messages that the store is given at once.
const BATCH_MAX: usize = 64;
/// Messages of a buffered room that the store has not taken; beyond it the oldest are not kept.
const UNSAVED_MAX: usize = 4_096;
/// How long they wait at the most until the store is given them, while it answers.
const SOON: Duration = Duration::from_millis(200);
/// The same when it did not.
const LATER: Duration = Duration::from_secs(1);
/// Messages of which it is not known whether they were kept.
const UNSURE_MAX: usize = 1_024;

/// Something that was said, and is told when it has been kept.
pub(super) struct Saying {
    pub(super) asker: Asker,
    pub(super) new: NewMessage,
    pub(super) message: Message,
    pub(super) content: Content,
    /// When it was said.
    pub(super) said: Instant,
}

/// What waits for the store in a durable room. One batch is with it at a time, so that messages are
/// told in the order of their numbers; the more there is to keep, the larger the batches.
#[derive(Default)]
pub(super) struct Durable {
    waiting: VecDeque<Saying>,
    with_store: usize,
    /// Kept or not, nobody has been told: whoever says it again has it told if it was.
    unsure: BTreeSet<(AccountId, u64)>,
}

impl Durable {
    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() + self.with_store < WAITING_MAX
    }

    /// Which number the next message has if all are kept that wait behind number `last`.
    pub(super) fn next(&self, last: i64) -> i64 {
        last + (self.waiting.len() + self.with_store) as i64 + 1
    }

    pub(super) fn push(&mut self, saying: Saying) {
        self.waiting.push_back(saying);
    }

    /// Those whose messages have not been given to the store; they are not kept.
    pub(super) fn take_askers(&mut self) -> Vec<Asker> {
        self.waiting.drain(..).map(|saying| saying.asker).collect()
    }

    fn is_unsure(&mut self, new: &NewMessage) -> bool {
        new.client_id
            .is_some_and(|id| self.unsure.remove(&(new.author, id)))
    }

    fn note_unsure(&mut self, new: &NewMessage) {
        if let Some(id) = new.client_id
            && self.unsure.len() < UNSURE_MAX
        {
            self.unsure.insert((new.author, id));
        }
    }
}

/// What was told in a buffered room and is not kept yet, the oldest first.
#[derive(Default)]
pub(super) struct Buffered {
    unsaved: VecDeque<NewMessage>,
    /// How many of them, from the front, the store is at.
    with_store: usize,
    /// Whether a timer runs.
    pub(super) is_waking: bool,
    /// Messages that were given up since the store last took some.
    lost: u64,
    /// Who asks for what was said, until all of it is kept.
    pub(super) readers: Vec<(Asker, message::From, u32)>,
}

impl Buffered {
    pub(super) fn push(&mut self, new: NewMessage) {
        if self.unsaved.len() >= UNSAVED_MAX {
            self.unsaved.remove(self.with_store);
            self.lost += 1;
        }
        self.unsaved.push_back(new);
    }

    pub(super) fn is_kept(&self) -> bool {
        self.unsaved.is_empty()
    }
}

impl Hall {
    /// Gives the store what waits in a durable room, unless it is at a batch already.
    pub(super) fn append(&mut self, cx: &mut RoomCx<'_>) {
        let Some(opened) = &mut self.opened else {
            return;
        };
        let durable = &mut opened.durable;
        if durable.with_store > 0 || durable.waiting.is_empty() {
            return;
        }
        let count = durable.waiting.len().min(BATCH_MAX);
        let sayings: Vec<Saying> = durable.waiting.drain(..count).collect();
        let ask = message::Ask::Append {
            room: (opened.here.room, opened.epoch),
            messages: sayings.iter().map(|it| it.new.clone()).collect(),
        };
        durable.with_store = count;
        let call = Call::Store(Ask::Message(ask));
        if let Err((_, Asked::Append(sayings))) = self.ask(cx, call, Asked::Append(sayings)) {
            let Some(opened) = &mut self.opened else {
                return;
            };
            opened.durable.with_store = 0;
            for saying in sayings {
                opened.slow_mode.forget(saying.new.author, saying.said);
                saying.asker.answer(cx, &busy());
            }
        }
    }

    /// The store has kept a batch, or not.
    pub(super) fn on_appended(&mut self, cx: &mut RoomCx<'_>, sayings: Vec<Saying>, reply: Reply) {
        let now = cx.now();
        let Some(opened) = &mut self.opened else {
            return;
        };
        opened.durable.with_store = 0;
        match kept_of(reply, sayings.len()) {
            Ok(kept) => {
                let own = opened.here.room.conversation();
                for (saying, kept) in sayings.into_iter().zip(kept) {
                    if kept.conversation != own {
                        saying.asker.answer(cx, &used_elsewhere());
                        continue;
                    }
                    let new = &saying.new;
                    let is_news = opened.durable.is_unsure(new) || !kept.is_duplicate;
                    let client_id = new.client_id.unwrap_or_default();
                    opened.remembered.add(new.author, client_id, kept.seq, now);
                    opened.last_seq = opened.last_seq.max(kept.seq);
                    let so = said_so(kept.seq, true, kept.is_duplicate);
                    saying.asker.answer(cx, &so);
                    if is_news {
                        let message = Message {
                            seq: kept.seq,
                            ..saying.message
                        };
                        tell(cx, message, saying.content);
                    }
                }
            }
            Err(error) => {
                for saying in &sayings {
                    if error == access::Error::Unavailable {
                        opened.durable.note_unsure(&saying.new);
                    }
                    opened.slow_mode.forget(saying.new.author, saying.said);
                    saying.asker.answer(cx, &error_of(&error));
                }
                if is_over(&error) {
                    self.end(cx, None, "");
                }
            }
        }
        self.append(cx);
    }

    /// Has what was told be kept soon.
    pub(super) fn wake_soon(&mut self, cx: &mut RoomCx<'_>) {
        self.wake_in(cx, SOON);
    }

    /// Has what could not be done now be tried again.
    pub(super) fn wake_later(&mut self, cx: &mut RoomCx<'_>) {
        self.wake_in(cx, LATER);
    }

    fn wake_in(&mut self, cx: &mut RoomCx<'_>, delay: Duration) {
        if let Some(opened) = &mut self.opened
            && !opened.buffered.is_waking
        {
            opened.buffered.is_waking = cx.after(delay, &Wake).is_ok();
        }
    }

    /// Gives the store what a buffered room has not kept yet, unless it is at some already.
    pub(super) fn flush(&mut self, cx: &mut RoomCx<'_>) {
        let Some(opened) = &mut self.opened else {
            return;
        };
        let buffered = &mut opened.buffered;
        // Before it is known to be the only one of its opening, its numbers may be another's.
        let may_write = opened.has_begun && !opened.is_ended;
        if buffered.with_store > 0 || buffered.is_kept() || !may_write {
            return;
        }
        let count = buffered.unsaved.len().min(BATCH_MAX);
        let ask = message::Ask::Append {
            room: (opened.here.room, opened.epoch),
            messages: buffered.unsaved.iter().take(count).cloned().collect(),
        };
        buffered.with_store = count;
        let call = Call::Store(Ask::Message(ask));
        if self.ask(cx, call, Asked::Flush(count)).is_err() {
            if let Some(opened) = &mut self.opened {
                opened.buffered.with_store = 0;
            }
            self.wake_later(cx);
        }
    }

    /// Whoever waits until all was kept waits no longer.
    pub(super) fn refuse_readers(&mut self, cx: &mut RoomCx<'_>, error: &access::Error) {
        if let Some(opened) = &mut self.opened {
            for (asker, ..) in core::mem::take(&mut opened.buffered.readers) {
                asker.answer(cx, &error_of(error));
            }
        }
    }

    /// The store has kept some, or not. The same again is kept once, by the numbers.
    pub(super) fn on_flushed(&mut self, cx: &mut RoomCx<'_>, count: usize, reply: &Reply) {
        let Some(opened) = &mut self.opened else {
            return;
        };
        let buffered = &mut opened.buffered;
        buffered.with_store = 0;
        if let Err(error) = reply {
            self.refuse_readers(cx, error);
            return match is_over(error) {
                true => self.end(cx, None, ""),
                false => self.wake_later(cx),
            };
        }
        buffered.unsaved.drain(..count);
        let lost = core::mem::take(&mut buffered.lost);
        if lost > 0 {
            cx.log(&format!(
                "the store was away for long: {lost} messages were not kept"
            ));
        }
        if buffered.is_kept() {
            let readers = core::mem::take(&mut buffered.readers);
            for (asker, from, limit) in readers {
                self.read(cx, asker, from, limit);
            }
        }
        self.flush(cx);
    }
}

/// Whether an answer means that somebody else has the room, or nobody.
fn is_over(error: &access::Error) -> bool {
    matches!(error, access::Error::Conflict | access::Error::NotFound)
}

fn kept_of(reply: Reply, count: usize) -> Result<Vec<Kept>, access::Error> {
    match reply? {
        Given::Store(Answer::Message(message::Answer::Kept(kept))) if kept.len() == count => {
            Ok(kept)
        }
        _ => Err(access::Error::Unavailable),
    }
}

/// What somebody is told whose number for a message is that of one of theirs in another room, or of
/// a whisper.
fn used_elsewhere() -> Error {
    let text = "this number was another message's: take one that was never used";
    Error::new(Code::Conflict, text).in_field("client_id")
}

/// What somebody is told who asks for more than may wait.
pub(super) fn too_many_readers() -> Error {
    Error::new(Code::Busy, "too many ask for what was said").retry_after(LATER)
}
