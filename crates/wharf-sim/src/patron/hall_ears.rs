//! What a patron hears of rooms that have a name, and what must be true of it.

use super::Patron;
use super::ears::text_of;
use super::hall::{Entering, HallAsked, Here, Inside, Page, What, Wish};
use crate::books::Books;
use crate::claims::Moment;
use crate::halls::{Order, Outcome, ROUNDING, SLOW};
use std::collections::BTreeSet;
use wharf_base::Instant;
use wharf_proto::chat::{self, Message, RemovedSo, SaidSo, WasRemoved};
use wharf_proto::room::{
    Bans, Changed, Closed, Entered, Left, MemberChanged, Members, Moderated, Rank, Reason, Removed,
};
use wharf_wire::Packet;

impl Patron {
    pub(super) fn on_hall_reply(
        &mut self,
        asked: HallAsked,
        id: u16,
        body: &[u8],
        books: &mut Books,
    ) {
        match (asked, id) {
            (HallAsked::Create(_, key), Entered::ID) => {
                let entered = Entered::decode(body).expect("an entry");
                let info = entered.info.as_ref().expect("a room");
                let now = books.when();
                books.halls.made(info, key, now);
                books.halls.claim_seat(info.room, self.link);
                assert_eq!(entered.rank(), Rank::Owner, "{}: {entered:?}", self.label);
                self.on_entered_hall(entered, now.moment, books);
            }
            (HallAsked::Enter(entering), Entered::ID) => {
                books.halls.answered(self.link);
                let entered = Entered::decode(body).expect("an entry");
                self.assert_may_enter(&entering, &entered, books);
                books.halls.counts.entered += 1;
                self.on_entered_hall(entered, entering.asked.moment, books);
            }
            (HallAsked::Inside(here, wish), id) => {
                self.assert_not_banned(here, books);
                self.on_wish_granted(here, wish, id, body, books);
            }
            (asked, id) => panic!("{}: {id} came to {asked:?}", self.label),
        }
    }

    /// Nobody comes in who is kept out: by a ban, a lock, a password, or because it is gone.
    fn assert_may_enter(&self, entering: &Entering, entered: &Entered, books: &Books) {
        let (me, ..) = self.user.expect("somebody enters");
        let (room, asked) = (entering.room, entering.asked.moment);
        let label = &self.label;
        let holds = |order| books.halls.holds(room, order, asked, books.now);
        assert!(
            !holds(Order::Ban(me)),
            "{label}: {me} is banned, and enters {room}"
        );
        assert!(
            !holds(Order::Close),
            "{label}: {me} enters {room}, which was closed"
        );
        let info = entered.info.as_ref().expect("a room");
        assert_eq!(info.room, room, "{label}: another room: {info:?}");
        if entered.rank() == Rank::Member {
            assert!(
                !holds(Order::Lock),
                "{label}: {me} enters {room}, which is locked"
            );
            let mut keys = books.halls.of(room).key.since(asked);
            let is_open = keys.any(|key| key.opens(entering.shown));
            assert!(is_open, "{label}: {me} enters {room} by a wrong password");
        }
    }

    /// Whoever is banned does nothing more there.
    fn assert_not_banned(&self, here: Here, books: &Books) {
        let (me, ..) = self.user.expect("somebody asked");
        let ban = Order::Ban(me);
        let is_banned = books
            .halls
            .holds(here.room, ban, here.asked.moment, books.now);
        assert!(
            !is_banned,
            "{}: {me} is banned, and served: {here:?}",
            self.label
        );
    }

    fn on_entered_hall(&mut self, entered: Entered, asked: Moment, books: &mut Books) {
        let info = entered.info.as_ref().expect("a room");
        self.hall_stays += 1;
        self.is_moving = false;
        let since = books.when().moment;
        self.hall = Some(Inside {
            room: info.room,
            number: self.hall_stays,
            asked,
            since,
            rank: entered.rank(),
            ranked: since,
            spoke: None,
            next_page: None,
            removed: BTreeSet::new(),
            heard: BTreeSet::new(),
            last_seq: entered.last_seq,
        });
        let account = self.account();
        let first = entered.members.first().map(|it| it.account);
        assert_eq!(first, account, "{}", self.label);
        for member in entered.members {
            // An older session of its own may not be gone yet.
            if Some(member.account) != account {
                self.others.insert(member.account, member.display_name);
            }
        }
        self.assert_has_seat(books);
    }

    /// There are never more inside than may be, or might be since this patron wanted to be there.
    pub(super) fn assert_has_seat(&self, books: &Books) {
        if let Some(hall) = &self.hall {
            let (count, room) = (self.others.len() + 1, books.halls.of(hall.room));
            let label = &self.label;
            let most = room.members_max.since(hall.asked).max().unwrap_or(0);
            assert!(count <= most as usize, "{label}: {count} in {room:?}");
        }
    }

    fn on_wish_granted(&mut self, here: Here, wish: Wish, id: u16, body: &[u8], books: &mut Books) {
        let now = books.when();
        let orders = &mut books.halls;
        match (wish, id) {
            (Wish::Leave, Left::ID) => {
                self.is_moving = false;
                let hall = self.leave_hall(books);
                let until = here.asked.moment;
                assert_heard(&self.label, &hall, until, books);
            }
            (Wish::Say(line), SaidSo::ID) => {
                let said = SaidSo::decode(body).expect("an answer");
                self.on_said_so(here, line, &said, books);
            }
            (Wish::History(which), chat::History::ID) => {
                let page = chat::History::decode(body).expect("a page");
                self.check_page(here, which, &page, books);
            }
            (Wish::Remove(number), RemovedSo::ID) => {
                let removals = &mut orders.removals;
                removals.answer(here.room, number, now.moment, Outcome::Done);
                orders.counts.cleared += 1;
            }
            (Wish::Key(number), Changed::ID) => {
                let key = &mut orders.get(here.room).key;
                key.answer(number, now, Outcome::Done);
                orders.counts.set += 1;
            }
            (Wish::Seats(number), Changed::ID) => {
                let members_max = &mut orders.get(here.room).members_max;
                members_max.answer(number, now, Outcome::Done);
                orders.counts.set += 1;
            }
            (Wish::Members, Members::ID) => {}
            (Wish::Bans, Bans::ID) => {
                for ban in Bans::decode(body).expect("a list").bans {
                    let whom = books.people.person_with(ban.account).expect("somebody");
                    let may_be = orders.may_hold(here.room, Order::Ban(whom), here.asked.at);
                    assert!(may_be, "{}: {whom} is not banned: {ban:?}", self.label);
                }
            }
            (Wish::Order(number, What::Room), Changed::ID) => {
                orders.orders(here.room).answer(number, now, Outcome::Done);
            }
            (Wish::Order(number, What::Closing), Closed::ID) => {
                orders.orders(here.room).answer(number, now, Outcome::Done);
                orders.counts.closed += 1;
                if self.is_in_stay(here) {
                    self.leave_hall(books);
                }
            }
            (Wish::Order(number, What::Somebody), Moderated::ID) => {
                orders.orders(here.room).answer(number, now, Outcome::Done);
                orders.counts.acts += 1;
            }
            (Wish::Act, Moderated::ID) => orders.counts.acts += 1,
            (wish, id) => panic!("{}: {id} came to {wish:?}", self.label),
        }
    }

    pub(super) fn is_in_stay(&self, here: Here) -> bool {
        self.hall
            .as_ref()
            .is_some_and(|hall| hall.number == here.stay)
    }

    fn leave_hall(&mut self, books: &mut Books) -> Inside {
        let hall = self.hall.take();
        let hall = hall.unwrap_or_else(|| panic!("{}: is in no room", self.label));
        let now = books.when().moment;
        books.halls.give_up_seat(hall.room, self.link, now);
        self.others.clear();
        hall
    }

    fn on_said_so(&mut self, here: Here, line: usize, said: &SaidSo, books: &mut Books) {
        let (me, ..) = self.user.expect("somebody said it");
        let now = books.when();
        let mute = Order::Mute(me);
        let asked = here.asked.moment;
        let is_muted = books.halls.holds(here.room, mute, asked, books.now)
            || books.people.orders.holds(mute, asked, books.now);
        let label = &self.label;
        assert!(
            said.is_duplicate || !is_muted,
            "{label}: {me} is muted, and says {line}"
        );
        if !said.is_duplicate {
            self.assert_waited(here, books);
        }
        let halls = &mut books.halls;
        halls.lines.said(line, (said.seq, said.stored), now);
        halls.counts.kept += u64::from(said.stored);
        halls.counts.known += u64::from(said.is_duplicate);
    }

    /// Where a room is slow for certain, members wait between two lines.
    fn assert_waited(&mut self, here: Here, books: &mut Books) {
        let label = &self.label;
        let hall = self.hall.as_mut().filter(|hall| hall.number == here.stay);
        let Some(hall) = hall else { return };
        let before = hall.spoke.replace(here.asked);
        let is_member = hall.rank == Rank::Member && hall.ranked < here.asked.moment;
        let Some(before) = before.filter(|before| is_member && before.moment < here.asked.moment)
        else {
            return;
        };
        let halls = &mut books.halls;
        if halls.holds(here.room, Order::Slow, before.moment, books.now) {
            let between = books.now.saturating_since(before.at) + ROUNDING;
            assert!(
                between >= SLOW,
                "{label}: {between:?} between two lines in {hall:?}"
            );
            halls.counts.waited += 1;
        }
    }

    /// A page of a history is in order, has what was really said there, and leaves out nothing
    /// that was acknowledged before.
    fn check_page(&mut self, here: Here, which: Page, page: &chat::History, books: &mut Books) {
        let label = &self.label;
        let mut found = BTreeSet::new();
        let first = match which {
            Page::Newest => i64::MAX,
            Page::Before(seq) | Page::After(seq) => seq,
        };
        let mut last = first;
        for message in &page.messages {
            let is_next = match which {
                Page::After(_) => message.seq > last,
                Page::Newest | Page::Before(_) => message.seq < last,
            };
            assert!(is_next, "{label}: {} next to {last}", message.seq);
            last = message.seq;
            let (seq, is_removed) = (message.seq, message.is_removed);
            books
                .halls
                .assert_removed(here.room, seq, is_removed, here.asked.moment);
            if is_removed {
                assert_eq!(message.content, None, "{label}: {seq} is there still");
                books.halls.counts.gaps += 1;
                found.extend(books.halls.lines.numbered(here.room, seq));
                continue;
            }
            let line = line_of(message);
            let author = books.people.person_with(message.author);
            let lines = &mut books.halls.lines;
            lines.heard(line, here.room, message.seq, author);
            let is_new = found.insert(line) || !lines.is_durable(line);
            assert!(is_new, "{label}: {line} twice in a history");
        }
        let range = match (which, page.has_more) {
            (Page::After(seq), true) => seq + 1..=last,
            (Page::After(seq), false) => seq + 1..=i64::MAX,
            (_, true) => last..=first - 1,
            (_, false) => 0..=first - 1,
        };
        let is_here = self.is_in_stay(here) && page.has_more;
        if let Some(hall) = self.hall.as_mut().filter(|_| is_here) {
            books.halls.counts.pages += u64::from(hall.next_page.is_some());
            hall.next_page = Some(match which {
                Page::After(_) => Page::After(last),
                Page::Newest | Page::Before(_) => Page::Before(last),
            });
        }
        let label = &self.label;
        let known = books.halls.lines.kept_before(here.room, here.asked.moment);
        for (seq, line) in known.range(range) {
            let is_there = found.contains(line);
            assert!(
                is_there,
                "{label}: {line}, number {seq}, is not in {page:?}"
            );
        }
    }

    /// Somebody says something where this patron is.
    pub(super) fn on_said_inside(&mut self, message: &Message, books: &mut Books) {
        let line = line_of(message);
        let (me, ..) = self.user.expect("whoever is inside is somebody");
        let label = &self.label;
        let hall = self.hall.as_mut();
        let hall = hall.unwrap_or_else(|| panic!("{label}: hears {line} outside"));
        let author = books.people.person_with(message.author);
        let lines = &mut books.halls.lines;
        lines.heard(line, hall.room, message.seq, author);
        assert!(hall.heard.insert(line), "{label}: hears {line} twice");
        let (said_once, first) = lines.once(line);
        if message.seq > 0 && said_once {
            let is_next = message.seq > hall.last_seq;
            assert!(
                is_next,
                "{label}: hears {} behind {}",
                message.seq, hall.last_seq
            );
            hall.last_seq = message.seq;
        }
        let is_banned = books
            .halls
            .holds(hall.room, Order::Ban(me), first, books.now);
        assert!(!is_banned, "{label}: {me} is banned, and hears {line}");
        let mute = Order::Mute(books.halls.lines.author(line));
        let is_muted = books.people.orders.holds(mute, first, books.now);
        assert!(
            !is_muted || !said_once,
            "{label}: hears {line}, of somebody who is muted everywhere"
        );
    }

    /// A rank is another.
    pub(super) fn on_member_changed(&mut self, changed: MemberChanged, books: &mut Books) {
        let account = self.account();
        if let Some(member) = changed.member
            && Some(member.account) == account
            && let Some(hall) = &mut self.hall
        {
            hall.rank = member.rank();
            hall.ranked = books.when().moment;
        }
    }

    /// A message was removed where this patron is.
    pub(super) fn on_was_removed(&mut self, removed: &WasRemoved, books: &Books) {
        let label = &self.label;
        let hall = self.hall.as_mut();
        let hall = hall.unwrap_or_else(|| panic!("{label}: hears {removed:?} outside"));
        assert_eq!(removed.with, 0, "{label}: {removed:?}");
        let may_be = books.halls.removals.may_be(hall.room, removed.seq);
        assert!(may_be, "{label}: {removed:?}, and nobody wanted that");
        hall.removed.insert(removed.seq);
    }

    /// A patron is sent out.
    pub(super) fn on_removed(&mut self, removed: &Removed, books: &mut Books) {
        let hall = self.leave_hall(books);
        books.halls.counts.removed += 1;
        // Refusals are of a class that leaves before this.
        self.is_doomed = false;
        let (me, ..) = self.user.expect("whoever is inside is somebody");
        let is_right = match removed.reason() {
            Reason::Banned => books
                .halls
                .may_hold(hall.room, Order::Ban(me), Instant::ZERO),
            reason => matches!(reason, Reason::Kicked | Reason::Closed),
        };
        assert!(is_right, "{}: {removed:?}", self.label);
    }

    /// When all is quiet: whoever is inside may be there, and has heard all of it.
    pub(super) fn assert_settled_inside(&self, now: Moment, books: &Books) {
        let (Some(hall), Some((me, ..))) = (&self.hall, self.user) else {
            return;
        };
        let label = &self.label;
        for order in [Order::Ban(me), Order::Close] {
            let is_out = books.halls.holds(hall.room, order, now, books.now);
            assert!(!is_out, "{label}: {order:?}, and is in {}", hall.room);
        }
        assert_heard(label, hall, now, books);
        self.assert_has_seat(books);
    }
}

/// Whoever was there has heard what was said and acknowledged meanwhile, and what was removed.
fn assert_heard(label: &str, hall: &Inside, until: Moment, books: &Books) {
    for seq in books.halls.removals.owed(hall.room, hall.since, until) {
        let is_heard = hall.removed.contains(&seq);
        assert!(
            is_heard,
            "{label}: has not heard that {seq} was removed: {hall:?}"
        );
    }
    for line in books.halls.lines.owed(hall.room, hall.since, until) {
        let is_heard = hall.heard.contains(&line);
        assert!(is_heard, "{label}: has not heard {line} in {hall:?}");
    }
}

/// Which line that is.
fn line_of(message: &Message) -> usize {
    let text = text_of(message);
    let line = text.strip_prefix("h/").and_then(|line| line.parse().ok());
    line.unwrap_or_else(|| panic!("no line: {text:?}"))
}
