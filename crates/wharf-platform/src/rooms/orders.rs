//! What whoever runs the server does to a room, and how the room hears of it: each room that has
//! members has one question open, which is answered when something was done to it from outside.

use super::flow::{Caller, Deed, Flow, Order};
use super::{BUSY, Rooms, Step};
use crate::Ticket;
use crate::platform::error_of;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use wharf_base::Instant;
use wharf_data::access::Error;
use wharf_data::operators::RoomAct;
use wharf_data::room::{self, Answer, By, Standing};
use wharf_data::rooms::{Here, Info, Insider, Measure, News, Outcome, Shown};
use wharf_data::service::Given;
use wharf_data::{AccountId, Ask, Reply, RoomId, UnixMs};

/// What a room has not heard yet, at the most; the oldest is forgotten beyond it.
const NEWS_MAX: usize = 256;
/// Those of whom the store knows something, shown of one room.
const STANDINGS_MAX: u32 = 500;
/// Characters of a topic.
const TOPIC_CHARS_MAX: usize = 256;

/// The answer to a room's question when there is nothing to hear.
pub(super) fn no_news(watch: Ticket) -> Step {
    Step::Reply(watch, Ok(Given::Rooms(Outcome::News(Vec::new()))))
}

impl Rooms {
    /// Whoever runs the server wants something done; the answer is a reply to `ticket`.
    pub(crate) fn operate(
        &mut self,
        (now, at): (Instant, UnixMs),
        ticket: Ticket,
        (room, act): (RoomId, RoomAct),
        reason: String,
    ) {
        self.set_time(now, at);
        let caller = Caller {
            ticket,
            session: None,
            by: AccountId::new(0),
            is_operator: true,
            is_gone: false,
        };
        if self.is_full() {
            return self.refuse(caller, BUSY);
        }
        let deed = match act {
            RoomAct::Show => return self.show(caller, room),
            RoomAct::Close => Deed::Close,
            RoomAct::HandOver(account) => Deed::Moderate {
                account,
                name: String::new(),
                measure: Measure::HandOver,
                reason: reason.clone(),
            },
            RoomAct::Change {
                name,
                topic,
                is_locked,
            } => match change_of(name.as_deref(), topic, is_locked) {
                Ok(change) => Deed::Change(change),
                Err(error) => return self.refuse(caller, error),
            },
        };
        let order = Order {
            caller,
            deed,
            reason,
        };
        if self.halls.contains_key(&room) {
            return self.carry_out(room, order);
        }
        if self.is_making(room) {
            return self.refuse(order.caller, Error::NotFound);
        }
        self.orders.entry(room).or_default().push(order);
        if let Entry::Vacant(nobody) = self.opening.entry(room) {
            nobody.insert(Vec::new());
            self.ask(Flow::Opening(room), Ask::Room(room::Ask::Open { room }));
        }
    }

    /// The room is open: it is done when it is its turn.
    pub(super) fn carry_out(&mut self, room: RoomId, order: Order) {
        let Order {
            caller,
            deed,
            reason,
        } = order;
        let Some(opening) = self.halls.get(&room).map(|hall| hall.opening) else {
            return self.refuse(caller, Error::NotFound);
        };
        self.act(caller, Here { room, opening }, deed, reason);
    }

    /// What whoever runs the server has removed in a room is no longer shown there.
    pub(crate) fn removed(&mut self, room: RoomId, seq: i64) {
        self.tell(room, News::Removed(seq));
    }

    /// Something was done to a room, which hears of it now or when it asks.
    pub(super) fn tell(&mut self, room: RoomId, news: News) {
        let Some(hall) = self.halls.get_mut(&room) else {
            return;
        };
        if hall.news.len() >= NEWS_MAX {
            hall.news.pop_front();
        }
        hall.news.push_back(news);
        if let Some(watch) = hall.watch.take() {
            let news = hall.news.drain(..).collect();
            let reply = Ok(Given::Rooms(Outcome::News(news)));
            self.steps.push_back(Step::Reply(watch, reply));
        }
    }

    /// A room asks what was done to it: answered when something is.
    pub(super) fn watch(&mut self, caller: Caller, here: Here) {
        let Some(hall) = self.hall_of(here) else {
            return self.refuse(caller, Error::Conflict);
        };
        let older = hall.watch.take();
        if hall.news.is_empty() && !hall.inside.is_empty() {
            hall.watch = Some(caller.ticket);
        } else {
            let news = hall.news.drain(..).collect();
            self.reply(caller, Outcome::News(news));
        }
        self.steps.extend(older.map(no_news));
    }

    /// Shows a room: what is known here of one that does not stay, and of one that stays what the
    /// store knows too.
    fn show(&mut self, caller: Caller, room: RoomId) {
        if let Some(hall) = self.halls.get(&room).filter(|hall| !hall.is_persistent) {
            let standings = hall.standings.iter().map(|(who, is)| (*who, *is));
            let (info, standings) = (hall.info(), standings.collect());
            return self.give_shown(caller, (info, 0), standings);
        }
        let ask = room::Ask::Find { by: By::Id(room) };
        let flow = Flow::Showing(Box::new((caller, room, None)));
        self.ask(flow, Ask::Room(ask));
    }

    /// The store has what a room is, or who is what in it.
    pub(super) fn showing(
        &mut self,
        caller: Caller,
        room: RoomId,
        known: Option<room::Room>,
        reply: Reply,
    ) {
        match (known, reply) {
            (None, Ok(wharf_data::Answer::Room(Answer::Room(kept)))) => {
                let ask = room::Ask::Standings {
                    room,
                    at: self.at,
                    page: None,
                    limit: STANDINGS_MAX,
                };
                let flow = Flow::Showing(Box::new((caller, room, Some(kept))));
                self.ask(flow, Ask::Room(ask));
            }
            (Some(kept), Ok(wharf_data::Answer::Room(Answer::Standings { standings, .. }))) => {
                let last_seq = kept.last_seq;
                let info = match self.halls.get(&room) {
                    Some(hall) => hall.info(),
                    None => super::listing::info_of(kept),
                };
                self.give_shown(caller, (info, last_seq), standings);
            }
            (_, Ok(_)) => self.refuse(caller, Error::Unavailable),
            (_, Err(refusal)) => self.refuse(caller, error_of(refusal)),
        }
    }

    fn give_shown(
        &mut self,
        caller: Caller,
        (info, last_seq): (Info, i64),
        standings: Vec<(AccountId, Standing)>,
    ) {
        let mut people: BTreeMap<AccountId, Insider> = BTreeMap::new();
        let insider = |account, standing| Insider {
            account,
            display_name: String::new(),
            standing,
            is_here: false,
        };
        for (account, standing) in standings {
            people.insert(account, insider(account, standing));
        }
        let hall = self.halls.get(&info.room);
        for occupant in hall.into_iter().flat_map(|hall| hall.inside.values()) {
            let standing = Standing {
                role: occupant.role,
                ..super::hall::MEMBER
            };
            let account = occupant.account;
            let known = people.entry(account);
            known.or_insert_with(|| insider(account, standing)).is_here = true;
        }
        let shown = Shown {
            is_open: hall.is_some(),
            info,
            last_seq,
            people: people.into_values().collect(),
        };
        self.reply(caller, Outcome::Shown(Box::new(shown)));
    }
}

/// What changes about a room.
fn change_of(
    name: Option<&str>,
    topic: Option<String>,
    is_locked: Option<bool>,
) -> Result<room::Change, Error> {
    let is_bad = |topic: &String| {
        topic.chars().count() > TOPIC_CHARS_MAX || topic.chars().any(char::is_control)
    };
    if topic.as_ref().is_some_and(is_bad) {
        return Err(Error::Invalid {
            field: "topic",
            text: format!("a topic is one line of at most {TOPIC_CHARS_MAX} characters"),
        });
    }
    let change = room::Change {
        name: name.map(super::making::name_of).transpose()?,
        topic,
        is_locked,
        ..room::Change::default()
    };
    if change == room::Change::default() {
        let text = "nothing is to be changed".to_owned();
        let field = "name";
        return Err(Error::Invalid { field, text });
    }
    Ok(change)
}
