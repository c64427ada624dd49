//! What a room says to everybody in it: kept once, and given to each of them in one run.

use super::{Commands, ContentCommand, Origin, Record, Sending, Verb};
use crate::{Dialect, arena};
use wharf_base::{Key, SessionId};

/// Who hears a room: the same sessions, in the same order, as long as this is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    /// The room.
    pub(crate) room: Key,
    /// Changes whenever somebody comes or goes.
    pub(crate) version: u32,
    /// Those of the room who speak this.
    pub(crate) dialect: Dialect,
}

/// A frame for an audience.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) sending: Sending,
    /// Gets it on its own account: it caused it.
    pub(crate) sender: Option<SessionId>,
    /// Does not get it.
    pub(crate) except: Option<SessionId>,
}

/// A spread, and who hears it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    spread: Spread,
    receivers: Receivers,
}

/// A part of [`Commands::receivers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receivers {
    start: u32,
    count: u32,
}

impl Receivers {
    fn of(self, receivers: &[SessionId]) -> &[SessionId] {
        &receivers[self.start as usize..][..self.count as usize]
    }
}

/// Memory for giving a block of commands away; reused.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What everybody hears, one frame behind the other.
    bytes: Vec<u8>,
    /// Where it lies there, what leaves as one in one piece.
    parts: Vec<Sending>,
    /// The places in the block of what goes to everybody.
    spreads: Vec<usize>,
    /// What goes to single sessions, with its place; sorted.
    sends: Vec<(SessionId, usize)>,
    /// Those who hear something else as well, or not all of it; sorted.
    apart: Vec<SessionId>,
    /// Of each of them, whether it is in the audience.
    is_present: Vec<bool>,
}

impl Commands {
    /// Sends `spread` to `seats`, who are `audience`.
    pub(crate) fn spread(
        &mut self,
        audience: Audience,
        seats: impl ExactSizeIterator<Item = SessionId>,
        spread: Spread,
    ) {
        let receivers = match self.audience {
            Some((last, receivers)) if last == audience => receivers,
            _ => {
                let start = self.receivers.len() as u32;
                self.receivers.extend(seats);
                let count = self.receivers.len() as u32 - start;
                Receivers { start, count }
            }
        };
        self.audience = Some((audience, receivers));
        self.told += receivers.count as usize;
        self.spreads.push(Kept { spread, receivers });
        let index = self.spreads.len() as u32 - 1;
        self.records.push(Record {
            session: SessionId::from_bits(0),
            verb: Verb::Spread(index),
        });
    }

    /// How many records from `at` on are given away together: from one spread to the last that has
    /// the same audience, with what single sessions are sent in between. 0 if there is no spread.
    pub(super) fn block_at(&self, at: usize) -> usize {
        let Verb::Spread(first) = self.records[at].verb else {
            return 0;
        };
        let audience = self.spreads[first as usize].receivers;
        let mut count = 0;
        for (place, record) in self.records[at..].iter().enumerate() {
            match record.verb {
                Verb::Spread(index) if self.spreads[index as usize].receivers == audience => {
                    count = place + 1;
                }
                Verb::Send(_) => {}
                _ => break,
            }
        }
        count
    }

    /// Gives a block away, session by session: each gets what is for it in the order in which it
    /// was said. Takes as long as there are deliveries, and the sorting of what goes to single
    /// sessions.
    pub(super) fn give_block(
        &self,
        block: &[Record],
        scratch: &mut Scratch,
        f: &mut impl FnMut(ContentCommand<'_>),
    ) {
        scratch.clear();
        self.gather(block, scratch);
        let Verb::Spread(first) = block[0].verb else {
            unreachable!("a block begins with a spread")
        };
        let receivers = self.spreads[first as usize].receivers;
        for &session in receivers.of(&self.receivers) {
            match scratch.apart.binary_search(&session) {
                Ok(index) => {
                    scratch.is_present[index] = true;
                    self.give_apart(block, session, &scratch.spreads, &scratch.sends, f);
                }
                Err(_) => scratch.parts.iter().for_each(|part| {
                    f(part.to(session, part.origin, &scratch.bytes, &self.shared));
                }),
            }
        }
        for (&session, is_present) in scratch.apart.iter().zip(&scratch.is_present) {
            if !is_present {
                self.give_apart(block, session, &[], &scratch.sends, f);
            }
        }
    }

    /// Puts what everybody hears behind each other, and notes who hears something else.
    fn gather(&self, block: &[Record], scratch: &mut Scratch) {
        for (place, record) in block.iter().enumerate() {
            match record.verb {
                Verb::Spread(index) => {
                    let Spread {
                        sending,
                        sender,
                        except,
                    } = self.spreads[index as usize].spread;
                    scratch.spreads.push(place);
                    scratch.apart.extend(sender);
                    scratch.apart.extend(except);
                    scratch.add(&sending, &self.bytes);
                }
                _ => {
                    scratch.sends.push((record.session, place));
                    scratch.apart.push(record.session);
                }
            }
        }
        scratch.sends.sort_unstable();
        scratch.apart.sort_unstable();
        scratch.apart.dedup();
        scratch.is_present.resize(scratch.apart.len(), false);
    }

    /// Gives one session what is for it in a block: of `spreads`, which stand in order, and of
    /// `sends`, which are sorted.
    fn give_apart(
        &self,
        block: &[Record],
        session: SessionId,
        mut spreads: &[usize],
        sends: &[(SessionId, usize)],
        f: &mut impl FnMut(ContentCommand<'_>),
    ) {
        let first = sends.partition_point(|(other, _)| *other < session);
        let count = sends[first..].partition_point(|(other, _)| *other == session);
        let mut own = &sends[first..first + count];
        loop {
            let place = match (spreads, own) {
                ([spread, rest @ ..], [(_, send), ..]) if spread < send => {
                    spreads = rest;
                    *spread
                }
                (_, [(_, send), rest @ ..]) => {
                    own = rest;
                    *send
                }
                ([spread, rest @ ..], []) => {
                    spreads = rest;
                    *spread
                }
                ([], []) => return,
            };
            self.give_one(&block[place], session, f);
        }
    }

    /// Gives `session` one record that it may get.
    fn give_one(
        &self,
        record: &Record,
        session: SessionId,
        f: &mut impl FnMut(ContentCommand<'_>),
    ) {
        let (origin, sending) = match &record.verb {
            Verb::Spread(index) => {
                let spread = &self.spreads[*index as usize].spread;
                if spread.except == Some(session) {
                    return;
                }
                let origin = match spread.sender == Some(session) {
                    true => Origin::Own,
                    false => Origin::Others,
                };
                (origin, &spread.sending)
            }
            Verb::Send(sending) => (sending.origin, sending),
            _ => unreachable!("a block has spreads and sends"),
        };
        f(sending.to(session, origin, &self.bytes, &self.shared));
    }
}

impl Kept {
    /// In an arena that has so much before it.
    pub(super) fn shifted(mut self, bytes: usize, shared: u32, receivers: u32) -> Self {
        self.spread.sending.shift(bytes, shared);
        self.receivers.start += receivers;
        self
    }
}

impl Scratch {
    /// Forgets what was given away, so that no frame lives longer than that.
    pub(super) fn clear(&mut self) {
        arena::clear(&mut self.bytes);
        arena::clear(&mut self.parts);
        arena::clear(&mut self.spreads);
        arena::clear(&mut self.sends);
        arena::clear(&mut self.apart);
        arena::clear(&mut self.is_present);
    }

    /// One more frame for everybody, whose run is in `bytes`.
    fn add(&mut self, sending: &Sending, bytes: &[u8]) {
        let part = sending.copied(bytes, &mut self.bytes);
        let before = self.parts.last_mut();
        if !before.is_some_and(|before| before.absorb(&part)) {
            self.parts.push(part);
        }
    }
}
