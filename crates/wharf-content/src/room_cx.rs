//! What a room can do.

use crate::canary::Canary;
use crate::commands::{Audience, Spread};
use crate::letter::Contents;
use crate::note::OwnedMessage;
use crate::query::RoomAddress;
use crate::room_core::{Owed, RoomCore};
use crate::roster::Seat;
use crate::shard::{Desk, Todo};
use crate::timers::Rings;
use crate::{
    AskError, AskId, Asker, Commands, Dialect, Letter, MemberId, Origin, Outbox, RoomId, Ticket,
    TimerId, User, UserId,
};
use bytes::Bytes;
use core::any::Any;
use core::time::Duration;
use wharf_base::{CapacityError, Instant, Rng, SessionId};
use wharf_data::Bulletin;
use wharf_data::service::Call;
use wharf_wire::Packet;

/// What a room's handler can do.
///
/// Sending happens at once and in order; kicks and the room's end happen when the handler has
/// returned.
pub struct RoomCx<'a> {
    pub(crate) core: &'a mut RoomCore,
    pub(crate) desk: &'a mut Desk,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) now: Instant,
    /// Whose packet is being served.
    pub(crate) sender: Option<SessionId>,
    /// The request that it is.
    pub(crate) answering: Option<u32>,
    /// What a newcomer shows at the door.
    pub(crate) carried: Option<Box<dyn Any + Send>>,
}

/// Members, and what is sent to them.
impl RoomCx<'_> {
    /// This room.
    pub fn room(&self) -> RoomId {
        self.core.id
    }

    /// What holds for the whole server, as far as services have said.
    pub fn bulletin(&self) -> &Bulletin {
        &self.desk.bulletin
    }

    /// Every member, those included whose link is cut and whose seat is kept. The order is the
    /// same in every run.
    pub fn members(&self) -> impl Iterator<Item = MemberId> {
        self.core.roster.ids()
    }

    /// How many members there are.
    pub fn count(&self) -> u32 {
        self.core.roster.count()
    }

    /// Who sits on this seat.
    pub fn user(&self, member: MemberId) -> Option<&User> {
        Some(&self.core.roster.get(member)?.user)
    }

    /// The name of a member; empty if there is no such member.
    pub fn name(&self, member: MemberId) -> &str {
        self.user(member).map_or("", |user| &user.name)
    }

    /// What the room keeps of a member, made at first use. `None` if there is no such member.
    ///
    /// # Panics
    /// If it was a value of another type before.
    pub fn data<T: Any + Send + Default>(&mut self, member: MemberId) -> Option<&mut T> {
        let member = self.core.roster.get_mut(member)?;
        let data = member.data.get_or_insert_with(|| Box::<T>::default());
        Some(
            data.downcast_mut()
                .expect("a room keeps one type of data with its members"),
        )
    }

    /// What a newcomer brings along ([`crate::FoyerCx::enter_with`]), taken once, in
    /// [`crate::Room::admit`]. `None` if that is nothing, or something else.
    pub fn carried<T: Any>(&mut self) -> Option<T> {
        let carried = self.carried.take()?;
        carried.downcast().ok().map(|carried| *carried)
    }

    /// Sends `packet` to one member.
    pub fn send<P: Packet>(&mut self, to: MemberId, packet: &P) {
        if let Some(session) = self.core.roster.session(to) {
            self.send_to(session, None, packet);
        }
    }

    /// Sends `packet` to whoever sent what is being served, to nobody in a tick or a note; if that
    /// was a request that has no answer yet, `packet` is the answer to it.
    pub fn reply<P: Packet>(&mut self, packet: &P) {
        if let Some(session) = self.sender {
            let request = self.answering.take();
            self.core.settle(Owed { session, request });
            self.send_to(session, request, packet);
        }
    }

    /// What is being served gets no answer from this call any more.
    pub(crate) fn break_off(&mut self) {
        if let (Some(session), Some(_)) = (self.sender, self.answering) {
            let request = self.answering.take();
            let owed = Owed { session, request };
            self.core.settle(owed);
            self.core.owed.push(owed);
        }
    }

    /// The number of the request that is served, if it is one that wants an answer: for answering
    /// it later with [`RoomCx::reply_to`].
    pub fn request(&self) -> Option<u32> {
        self.answering
    }

    /// Answers a request of `member` that was left open.
    pub fn reply_to<P: Packet>(&mut self, member: MemberId, request: u32, packet: &P) {
        if let Some(session) = self.core.roster.session(member) {
            let request = Some(request);
            if self.sender == Some(session) && self.answering == request {
                self.answering = None;
            }
            self.core.settle(Owed { session, request });
            self.send_to(session, request, packet);
        }
    }

    /// The answer to what is being served, to be given later: also when whoever asked has left the
    /// room by then. `None` in a tick or a note. Should the room end before, or the session be let
    /// go, the foyer answers ([`crate::Foyer::on_unanswered`]).
    pub fn owe(&mut self) -> Option<Owed> {
        let session = self.sender?;
        let request = self.answering;
        let owed = Owed { session, request };
        if request.is_some() && !self.core.owed.contains(&owed) {
            self.core.owed.push(owed);
        }
        Some(owed)
    }

    /// Gives an answer that was owed, once. It goes nowhere if the session is over.
    pub fn pay<P: Packet>(&mut self, owed: Owed, packet: &P) {
        if self.core.settle(owed) {
            if self.sender == Some(owed.session) && self.answering == owed.request {
                self.answering = None;
            }
            self.send_to(owed.session, owed.request, packet);
        }
    }

    /// Sends `packet` to every member.
    pub fn broadcast<P: Packet>(&mut self, packet: &P) {
        self.spread(packet, &Dialect::ALL, None);
    }

    /// Sends `packet` to every member but one.
    pub fn send_except<P: Packet>(&mut self, except: MemberId, packet: &P) {
        self.spread(packet, &Dialect::ALL, Some(except));
    }

    /// Sends `packet` to every member that speaks `dialect`, but for `except`.
    pub fn broadcast_in<P: Packet>(
        &mut self,
        dialect: Dialect,
        packet: &P,
        except: Option<MemberId>,
    ) {
        self.spread(packet, &[dialect], except);
    }

    /// Whether any member that is linked speaks `dialect`.
    pub fn speaks(&self, dialect: Dialect) -> bool {
        let mut seats = self.core.roster.seats(dialect).iter();
        seats.any(|seats| !seats.is_empty())
    }

    /// Which packets `member` speaks; the last that were heard, of one whose link is cut.
    pub fn dialect(&self, member: MemberId) -> Dialect {
        let member = self.core.roster.get(member);
        member.map_or_else(Dialect::default, |member| member.dialect)
    }

    /// Sends `member` out of the room when this handler has returned; the session lives on in the
    /// foyer.
    pub fn kick(&mut self, member: MemberId) {
        let room = self.core.key;
        self.desk.todo.push_back(Todo::Kick { room, member });
    }

    /// Closes the session of `member` when this handler has returned, with a code of the game's
    /// own.
    pub fn dismiss(&mut self, member: MemberId, code: u16) {
        if let Some(session) = self.core.roster.session(member) {
            self.desk.todo.push_back(Todo::Dismiss { session, code });
        }
    }

    /// Closes this room when this handler has returned.
    pub fn close(&mut self) {
        let room = self.core.key;
        self.desk.todo.push_back(Todo::CloseRoom { room });
    }

    fn send_to<P: Packet>(&mut self, session: SessionId, request: Option<u32>, packet: &P) {
        let commands = &mut self.outbox.commands[usize::from(session.shard())];
        let sending = commands.encode(request, packet);
        commands.send_alone(session, origin(self.sender, session), sending);
        self.desk.stats.sends += 1;
    }

    /// Encodes once, stores once per I/O shard and dialect, and names each receiver there.
    fn spread<P: Packet>(&mut self, packet: &P, to: &[Dialect], except: Option<MemberId>) {
        let frame = &mut self.desk.scratch;
        frame.clear();
        packet.encode_frame(frame);
        let is_shared = frame.len() > Commands::SHARED_BYTES_MIN;
        let mut shared = None;
        let mut sends = 0;
        let roster = &self.core.roster;
        let except = except.and_then(|member| roster.session(member));
        for &dialect in to {
            let audience = Audience {
                room: self.core.key,
                version: roster.version(),
                dialect,
            };
            let by_shard = roster.seats(dialect).iter().zip(&mut self.outbox.commands);
            for (seats, commands) in by_shard.filter(|(seats, _)| !seats.is_empty()) {
                let sending = if is_shared {
                    let share = shared.get_or_insert_with(|| Bytes::copy_from_slice(frame));
                    commands.share(P::CLASS, share.clone())
                } else {
                    commands.store(P::CLASS, frame)
                };
                let is_short = self.desk.planted.is(Canary::ShortBroadcast) && seats.len() > 1;
                let seats = &seats[..seats.len() - usize::from(is_short)];
                let spread = Spread {
                    sending,
                    sender: self.sender,
                    except,
                };
                let is_left_out = |seat: &Seat| Some(seat.session) == except;
                sends += seats.len() as u64 - u64::from(seats.iter().any(is_left_out));
                commands.spread(audience, seats.iter().map(|seat| seat.session), spread);
            }
        }
        self.desk.stats.broadcasts += 1;
        self.desk.stats.sends += sends;
    }
}

/// Time, chance and other rooms.
impl RoomCx<'_> {
    /// The time of this batch.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The room's own chance, seeded.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.core.rng
    }

    /// Gives the room `note` as [`crate::Note::Timer`] when `delay` has passed.
    ///
    /// # Errors
    /// [`CapacityError`] if the room has as many timers as it may
    /// ([`crate::ContentLimits::room_timers_max`]).
    pub fn after<P: Packet>(
        &mut self,
        delay: Duration,
        note: &P,
    ) -> Result<TimerId, CapacityError> {
        let capacity = self.desk.options.limits.room_timers_max;
        if self.core.timers >= capacity {
            return Err(CapacityError { capacity });
        }
        self.core.timers += 1;
        let rings = Rings::Note(OwnedMessage::new(note));
        Ok(self.desk.timers.set(self.now + delay, self.core.key, rings))
    }

    /// Forgets a timer; whether it was still to ring.
    pub fn cancel(&mut self, timer: TimerId) -> bool {
        let cancelled = self.desk.timers.cancel(self.core.key, timer);
        self.core.timers -= u32::from(cancelled);
        cancelled
    }

    /// Gives `message` to another room as [`crate::Note::Told`]; dropped if there is no such room.
    ///
    /// # Errors
    /// [`CapacityError`] if too many letters are under way ([`crate::ContentLimits::mail_max`]).
    pub fn tell<P: Packet>(&mut self, to: RoomId, message: &P) -> Result<(), CapacityError> {
        let letter = Letter(Contents::Tell {
            to,
            by: self.core.id,
            message: OwnedMessage::new(message),
        });
        let home = to.home(self.desk.options.logic_count);
        self.desk.post_if_room(self.outbox, home, letter)
    }

    /// Sends `packet` to `user`, wherever that user is; dropped if nowhere. Not ordered with what
    /// other rooms send.
    ///
    /// # Errors
    /// [`CapacityError`] if too many letters are under way ([`crate::ContentLimits::mail_max`]).
    pub fn tell_user<P: Packet>(&mut self, user: UserId, packet: &P) -> Result<(), CapacityError> {
        self.desk.tell_user(self.outbox, user, packet)
    }

    /// Asks another room. It always ends, as [`crate::Note::Answered`]: with the answer, with
    /// [`AskError::Timeout`] after `patience`, or with [`AskError::Unavailable`].
    ///
    /// # Errors
    /// [`CapacityError`] if the room has as many open questions as it may
    /// ([`crate::ContentLimits::room_asks_max`]), or too many letters are under way.
    pub fn ask<P: Packet>(
        &mut self,
        to: RoomId,
        question: &P,
        patience: Duration,
    ) -> Result<AskId, CapacityError> {
        let capacity = self.desk.options.limits.room_asks_max;
        if self.core.asks.len() >= capacity as usize {
            return Err(CapacityError { capacity });
        }
        let ask = self.desk.next_ask();
        let letter = Letter(Contents::Ask {
            to,
            ticket: Ticket {
                from: self.core.id,
                ask,
            },
            message: OwnedMessage::new(question),
        });
        let home = to.home(self.desk.options.logic_count);
        self.desk.post_if_room(self.outbox, home, letter)?;
        let end = self.now + patience;
        let timer = self
            .desk
            .timers
            .set(end, self.core.key, Rings::AskEnds(ask));
        self.core.asks.push((ask, timer));
        Ok(ask)
    }

    /// Asks the services; [`crate::Room::on_reply`] follows, once. `context` is the room's own,
    /// given back with the reply.
    ///
    /// # Errors
    /// [`CapacityError`] if the room has as many queries without a reply as it may
    /// ([`crate::ContentLimits::room_queries_max`]).
    pub fn query(&mut self, call: Call, context: u64) -> Result<(), CapacityError> {
        let (id, key) = (self.core.id, self.core.key);
        let asker = Asker::Room(RoomAddress { id, key });
        let io = usize::from(self.desk.options.index) % self.desk.options.io_count;
        let open = (
            &mut self.core.queries,
            self.desk.options.limits.room_queries_max,
        );
        let question = (call, context);
        self.desk
            .query(self.outbox, io as u8, asker, open, question)
            .map(drop)
    }

    /// Answers a question.
    pub fn answer<P: Packet>(&mut self, ticket: Ticket, answer: &P) {
        let answer = Ok(OwnedMessage::new(answer));
        self.desk.answer(self.outbox, ticket, answer);
    }

    /// Says that a question has no answer here.
    pub fn decline(&mut self, ticket: Ticket) {
        self.desk
            .answer(self.outbox, ticket, Err(AskError::Unavailable));
    }

    /// Writes a line into the server's log, with the room's name. Never per packet.
    pub fn log(&self, line: &str) {
        tracing::info!(kind = self.core.kind_name, room = %self.core.id, "{line}");
    }
}

fn origin(sender: Option<SessionId>, receiver: SessionId) -> Origin {
    if sender == Some(receiver) {
        Origin::Own
    } else {
        Origin::Others
    }
}
