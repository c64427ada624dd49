//! What whoever runs the server asks of the services, and what those say to many sessions.

use super::clerk::{Clerk, times};
use super::queue::{Shared, Work};
use super::waiting::Waits;
use crate::services::OperatorAnswer;
use std::sync::Arc;
use wharf_base::SessionId;
use wharf_data::access::Error;
use wharf_data::operators::Request;
use wharf_data::{Announcement, Kick, Notice, Tally};
use wharf_platform::{CountTag, Effect, Ticket};

/// Requests of operators that wait for the services' thread; one more is answered "busy".
const OPERATIONS_MAX: usize = 64;

impl Shared {
    /// Hands a request on, or says at once that too many wait.
    pub(super) fn push_operation(&self, request: Request, answer: OperatorAnswer) {
        let mut queue = self.lock();
        if queue.is_over {
            drop(queue);
            return answer(Err(Error::Unavailable));
        }
        if queue.operations >= OPERATIONS_MAX {
            drop(queue);
            let retry_after = super::BUSY;
            return answer(Err(Error::Busy { retry_after }));
        }
        queue.operations += 1;
        let request = Box::new(request);
        queue.work.push_back(Work::Operate { request, answer });
        self.wake(queue);
    }
}

impl Clerk {
    pub(super) fn operate(&mut self, request: Request, answer: OperatorAnswer) {
        let (now, at) = times();
        let ticket = Ticket(self.next_number());
        self.waiting.insert(ticket, Waits::Operator(answer));
        self.platform.operate(now, at, ticket, request);
    }

    /// So many sessions were reached by what was counted under that number.
    pub(super) fn heard(&mut self, number: u64, count: u32) {
        if let Some(tag) = self.counting.remove(&number) {
            let (now, at) = times();
            self.platform.heard(now, at, tag, count);
        }
    }

    /// Does what concerns many sessions, or all shards.
    pub(super) fn spread(&mut self, effect: Effect) {
        match effect {
            Effect::Kick {
                tag,
                to,
                account,
                reason,
            } => {
                let kick = Notice::Kicked(Arc::new(Kick {
                    account,
                    reason,
                    tally: self.tally(tag),
                }));
                match (to, &self.replies) {
                    (Some(session), Some(replies)) => {
                        replies.notice(SessionId::from_bits(session.0), kick);
                    }
                    _ => self.board.tell_all(&kick),
                }
            }
            Effect::Announce {
                tag,
                scope,
                text,
                at,
            } => {
                let announcement = Announcement {
                    scope,
                    text,
                    at,
                    tally: self.tally(tag),
                };
                self.board
                    .tell_all(&Notice::Announced(Arc::new(announcement)));
            }
            Effect::TellAll(notice) => self.board.tell_all(&notice),
            Effect::Publish(bulletin) => self.board.publish(bulletin),
            _ => unreachable!("only what concerns many comes here"),
        }
    }

    /// A count that comes back when the last shard has told its sessions.
    fn tally(&mut self, tag: CountTag) -> Tally {
        let number = self.next_number();
        self.counting.insert(number, tag);
        let shared = Arc::clone(&self.shared);
        Tally::new(move |count| shared.push(Work::Heard(number, count)))
    }
}
