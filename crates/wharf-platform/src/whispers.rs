//! What people say to one other: kept first, then told once, now or when they come.
//!
//! There is one way to be told, whoever is where: what waits for somebody is taken from the store,
//! as one delivery, and given to their session. A delivery that the store has not answered is asked
//! for again, by its number, and is the same then: so nothing is told twice, and nothing is lost
//! between a store that hangs and a session that comes.

#[cfg(test)]
mod tests;

use crate::platform::Ticket;
use std::collections::{BTreeMap, VecDeque};
use wharf_base::{Duration, IdShare, Instant, Latest, UniqueIds};
use wharf_data::account;
use wharf_data::message::{self, Message, NewMessage};
use wharf_data::people::Whisper;
use wharf_data::{AccountId, Ask, ConversationId, NameKey, Refusal, Reply, UnixMs};

/// How many messages a delivery has at the most.
const DELIVERY_MAX: u32 = 100;
/// How long a delivery that the store could not make waits until it is asked for again.
const RETRY: Duration = Duration::from_secs(2);
/// Of how many accounts it is remembered that nothing waits for them, some 100 bytes each.
const NOTHING_WAITS_MAX: usize = 65_536;

/// What the store is asked on account of whispers.
#[derive(Debug)]
pub(crate) enum Pending {
    /// Who is meant.
    Resolving(Ticket, AccountId, Whisper),
    /// That it is kept.
    Keeping(Ticket, AccountId),
    /// What waits for somebody.
    Taking(AccountId),
}

/// What is to be done next.
pub(crate) enum Step {
    /// The store is to be asked, and this waits for its answer.
    Ask(Pending, Box<Ask>),
    /// A call is over: what it said to that account is kept, or not.
    Reply(Ticket, Result<(AccountId, message::Kept), Refusal>),
    /// Somebody is told.
    Tell(AccountId, Box<Message>),
}

/// Whispers under way.
///
/// Whoever is known to have nothing that waits is told so without a question to the store, however
/// often they come.
///
/// Invariant: of each account in `deliveries` one delivery is asked for, is to be asked for again
/// at its time, or when they come.
pub(crate) struct Whispers {
    ids: UniqueIds,
    deliveries: BTreeMap<AccountId, Delivery>,
    nothing_waits: Latest<AccountId>,
    is_alone: bool,
    steps: VecDeque<Step>,
}

struct Delivery {
    number: i64,
    /// Whether there may be more behind it.
    again: bool,
    /// Whether the store was asked to keep something since it was asked for.
    is_behind: bool,
    /// When it is asked for again; `None` while it is asked for.
    retry_at: Option<Instant>,
    /// Not asked for: they went before it came.
    is_left: bool,
}

impl Whispers {
    /// Of the node with this number. Whoever is not alone on the store asks it each time.
    pub(crate) fn new(node: u16, is_alone: bool) -> Self {
        Self {
            ids: UniqueIds::of_share(node, IdShare::Whispers),
            deliveries: BTreeMap::new(),
            nothing_waits: Latest::new(NOTHING_WAITS_MAX),
            is_alone,
            steps: VecDeque::new(),
        }
    }

    /// Somebody says something to somebody: to an account, or to whoever is called so.
    pub(crate) fn whisper(
        &mut self,
        at: UnixMs,
        ticket: Ticket,
        by: AccountId,
        whisper: Whisper,
        to: Result<AccountId, NameKey>,
    ) {
        match to {
            Ok(to) => self.keep(at, ticket, by, to, whisper),
            Err(name) => {
                let ask = Ask::Account(account::Ask::Named { name });
                let pending = Pending::Resolving(ticket, by, whisper);
                self.steps.push_back(Step::Ask(pending, Box::new(ask)));
            }
        }
    }

    /// Whatever waits for `account` is to be told, now that they are here.
    pub(crate) fn deliver(&mut self, at: UnixMs, account: AccountId) {
        if self.nothing_waits.has(&account) {
            return;
        }
        if let Some(delivery) = self.deliveries.get_mut(&account) {
            delivery.again = true;
            let number = delivery.number;
            if core::mem::take(&mut delivery.is_left) {
                self.take(account, number);
            }
            return;
        }
        let number = self.next_id(at);
        self.deliveries.insert(
            account,
            Delivery {
                number,
                again: false,
                is_behind: false,
                retry_at: None,
                is_left: false,
            },
        );
        self.take(account, number);
    }

    /// The store answers; `is_here` tells whether somebody is.
    pub(crate) fn stored(
        &mut self,
        now: Instant,
        at: UnixMs,
        pending: Pending,
        reply: Reply,
        is_here: impl Fn(AccountId) -> bool,
    ) {
        match pending {
            Pending::Resolving(ticket, by, whisper) => match reply {
                Ok(wharf_data::Answer::Account(account::Answer::Found(found))) => {
                    self.keep(at, ticket, by, found.account, whisper);
                }
                Ok(_) => self
                    .steps
                    .push_back(Step::Reply(ticket, Err(Refusal::Unavailable))),
                Err(refusal) => self.steps.push_back(Step::Reply(ticket, Err(refusal))),
            },
            Pending::Keeping(ticket, to) => {
                let kept = match reply {
                    Ok(wharf_data::Answer::Message(message::Answer::Kept(kept))) => {
                        kept.first().copied().ok_or(Refusal::Unavailable)
                    }
                    Ok(_) => Err(Refusal::Unavailable),
                    Err(refusal) => Err(refusal),
                };
                // Where it is not known whether it was kept, it may wait.
                let may_wait = !matches!(kept, Err(refusal) if refusal != Refusal::Unavailable);
                let kept = kept.map(|kept| (to, kept));
                self.steps.push_back(Step::Reply(ticket, kept));
                if may_wait {
                    self.will_wait(to);
                }
                if may_wait && is_here(to) {
                    self.deliver(at, to);
                }
            }
            Pending::Taking(account) => self.taken(now, at, account, reply, is_here(account)),
        }
    }

    /// When [`Whispers::handle_timeout`] is to be called.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deliveries.values().filter_map(|it| it.retry_at).min()
    }

    /// Asks again for what the store could not give.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let due: Vec<(AccountId, i64)> = self
            .deliveries
            .iter_mut()
            .filter(|(_, delivery)| delivery.retry_at.is_some_and(|at| at <= now))
            .map(|(account, delivery)| {
                delivery.retry_at = None;
                (*account, delivery.number)
            })
            .collect();
        for (account, number) in due {
            self.take(account, number);
        }
    }

    /// What is to be done next, if anything.
    pub(crate) fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// The store is about to be asked to keep something for somebody.
    pub(crate) fn will_wait(&mut self, to: AccountId) {
        self.nothing_waits.remove(&to);
        if let Some(delivery) = self.deliveries.get_mut(&to) {
            delivery.is_behind = true;
        }
    }

    fn keep(&mut self, at: UnixMs, ticket: Ticket, by: AccountId, to: AccountId, whisper: Whisper) {
        self.will_wait(to);
        let message = NewMessage {
            author: by,
            client_id: whisper.client_id,
            seq: None,
            kind: whisper.kind,
            body: whisper.body,
            at,
        };
        let ask = Ask::Message(message::Ask::Whisper {
            to,
            conversation: ConversationId::new(self.next_id(at)),
            message,
            waits: true,
        });
        self.steps
            .push_back(Step::Ask(Pending::Keeping(ticket, to), Box::new(ask)));
    }

    fn take(&mut self, account: AccountId, delivery: i64) {
        let ask = Ask::Message(message::Ask::TakeWaiting {
            account,
            delivery,
            limit: DELIVERY_MAX,
        });
        self.steps
            .push_back(Step::Ask(Pending::Taking(account), Box::new(ask)));
    }

    /// A delivery: told if they are still here. What is taken and told to nobody is read in the
    /// history, as any direct message.
    fn taken(&mut self, now: Instant, at: UnixMs, account: AccountId, reply: Reply, is_here: bool) {
        let (messages, has_more) = match reply {
            Ok(wharf_data::Answer::Message(message::Answer::Messages { messages, has_more })) => {
                (messages, has_more)
            }
            // It may have been taken: only the same delivery gives it once more.
            _ => {
                if let Some(delivery) = self.deliveries.get_mut(&account) {
                    delivery.is_left = !is_here;
                    delivery.retry_at = is_here.then_some(now + RETRY);
                }
                return;
            }
        };
        for message in messages {
            self.steps.push_back(Step::Tell(account, Box::new(message)));
        }
        let delivery = self.deliveries.remove(&account);
        let (again, is_behind) = delivery.map_or((false, false), |it| (it.again, it.is_behind));
        if (has_more || again) && is_here {
            self.deliver(at, account);
        } else if self.is_alone && !has_more && !again && !is_behind {
            self.nothing_waits.add(account);
        }
    }

    fn next_id(&mut self, at: UnixMs) -> i64 {
        self.ids.next(u64::try_from(at).unwrap_or_default())
    }
}
