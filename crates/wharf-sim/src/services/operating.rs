//! What whoever runs the server asks of the services, and what those say to many.

use super::ServiceActor;
use crate::door::Work;
use std::sync::Arc;
use wharf_base::{Instant, SessionId};
use wharf_data::access::Error;
use wharf_data::operators::Request;
use wharf_data::{Kick, Notice, Tally};
use wharf_host::Replies;
use wharf_platform::{CountTag, Effect, Ticket};

impl ServiceActor {
    /// Whoever runs the server asks; [`ServiceActor::take_operated`] tells what came of it.
    pub(crate) fn operate(&mut self, now: Instant, request: Request) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        if self.dead_until.is_some_and(|until| now < until) {
            self.operated.insert(ticket, Some(Err(Error::Unavailable)));
            return ticket;
        }
        self.operated.insert(ticket, None);
        let at = self.unix_ms(now);
        self.platform.operate(now, at, ticket, request);
        self.do_effects(now);
        // What it waits for now is looked at in a turn.
        self.waker.wake();
        ticket
    }

    /// What came of it, once that is known.
    pub(crate) fn take_operated(&mut self, ticket: Ticket) -> Option<Result<(), Error>> {
        let result = self.operated.get_mut(&ticket)?.take()?;
        self.operated.remove(&ticket);
        Some(result)
    }

    /// Nobody answers any more what has no answer.
    pub(super) fn give_up_operating(&mut self) {
        for result in self.operated.values_mut() {
            result.get_or_insert(Err(Error::Unavailable));
        }
    }

    /// So many have heard what was counted, by the platform of that life.
    pub(super) fn heard(&mut self, now: Instant, (life, tag): (u64, CountTag), count: u32) {
        if life == self.lives {
            let at = self.unix_ms(now);
            self.platform.heard(now, at, tag, count);
        }
    }

    /// Does what concerns more than who is known to be in a session.
    pub(super) fn spread(&mut self, replies: Option<&Replies>, effect: Effect) {
        match (effect, replies) {
            (
                Effect::Kick {
                    tag,
                    to,
                    account,
                    reason,
                },
                Some(replies),
            ) => {
                let tally = self.tally(tag);
                let kick = Notice::Kicked(Arc::new(Kick {
                    account,
                    reason,
                    tally,
                }));
                match to.map(|to| SessionId::from_bits(to.0)) {
                    Some(session) if !self.forgets_kick() => replies.notice(session, kick),
                    Some(_) => {}
                    None => replies.tell_all(&kick),
                }
            }
            (Effect::TellAll(notice), Some(replies)) => replies.tell_all(&notice),
            (Effect::Publish(bulletin), replies) => {
                let bulletin = self.misprinted(bulletin);
                match replies {
                    Some(replies) => replies.publish(&bulletin),
                    None => self.unpublished = Some(bulletin),
                }
            }
            // Nobody has come yet.
            (_, None) => {}
            _ => unreachable!("nothing is announced here"),
        }
    }

    /// A count that comes back when the last has heard.
    fn tally(&self, tag: CountTag) -> Tally {
        let (queue, waker, life) = (Arc::clone(&self.queue), self.waker.clone(), self.lives);
        Tally::new(move |count| {
            let mut queue = queue.lock().expect("nobody panics under it");
            queue.work.push_back(Work::Heard((life, tag), count));
            drop(queue);
            waker.wake();
        })
    }
}
