//! What is done to a room by those who run the server: it asks, and hears when something was.

use super::governing::tell_changed;
use super::{Asked, Hall};
use wharf_content::{MemberId, RoomCx};
use wharf_data::room::Role;
use wharf_data::rooms::{News, Outcome, Request};
use wharf_data::service::{Call, Given, Reply};
use wharf_data::{AccountId, access};
use wharf_proto::chat::WasRemoved;

impl Hall {
    /// Asks, unless it has asked, or nobody is there.
    pub(super) fn watch(&mut self, cx: &mut RoomCx<'_>) {
        let opened = self.opened.as_ref();
        let opened = opened.filter(|opened| opened.has_begun && !opened.is_ended);
        let has_asked = self.asked.values().any(|it| matches!(it, Asked::Watch));
        let Some(here) = opened.map(|opened| opened.here) else {
            return;
        };
        if has_asked || self.seats.is_empty() {
            return;
        }
        let (by, request) = (AccountId::new(0), Request::Watch(here));
        let asked = self.ask(cx, Call::Rooms { by, request }, Asked::Watch);
        if asked.is_err() {
            self.wake_later(cx);
        }
    }

    /// Something was done, or nobody is known to be here.
    pub(super) fn on_news(&mut self, cx: &mut RoomCx<'_>, reply: Reply) {
        match reply {
            Ok(Given::Rooms(Outcome::News(news))) if !news.is_empty() => {
                news.into_iter().for_each(|news| self.hear(cx, news));
                self.watch(cx);
            }
            // It is another room's place now: whoever comes next brings its opening.
            Err(access::Error::Conflict) => {}
            _ if self.seats.is_empty() => {}
            _ => self.wake_later(cx),
        }
    }

    fn hear(&mut self, cx: &mut RoomCx<'_>, news: News) {
        match news {
            News::Changed(info) => {
                if let Some(opened) = &mut self.opened {
                    opened.info = *info;
                    tell_changed(cx, &opened.info, None);
                }
            }
            News::HandedOver(owner) => self.is_handed_over(cx, owner),
            News::Removed(seq) => cx.broadcast(&WasRemoved { seq, with: 0 }),
            News::Closed(reason) => self.end(cx, None, &reason),
        }
    }

    fn is_handed_over(&mut self, cx: &mut RoomCx<'_>, owner: AccountId) {
        let mut changed: Vec<MemberId> = Vec::new();
        for (member, seat) in self.seats.iter_mut().filter(|(_, seat)| !seat.is_old) {
            let role = match seat.role {
                _ if seat.account == owner => Role::Owner,
                Role::Owner => Role::Moderator,
                role => role,
            };
            if seat.role != role {
                seat.role = role;
                changed.push(*member);
            }
        }
        for member in changed {
            self.tell_change(cx, member);
        }
    }
}
