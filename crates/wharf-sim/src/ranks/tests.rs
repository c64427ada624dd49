//! That whoever looks at ranks finds what is wrong with them, and nothing else.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wharf_data::rooms::{EntryId, Here, Info, Moderated, NewRoom, Opening};
use wharf_data::{AuditId, DisplayName, Hidden};

const ROOM: RoomId = RoomId::new(77);
const AT: UnixMs = 1_000;

fn account(number: i64) -> AccountId {
    AccountId::new(number)
}

/// Who is what, and the last ticket.
struct Watch {
    ranks: Ranks,
    tickets: u64,
}

impl Watch {
    /// A room that is owned by 1, and stays or not.
    fn new(is_persistent: bool) -> Self {
        let (ranks, tickets) = (Ranks::default(), 0);
        let mut watch = Self { ranks, tickets };
        match is_persistent {
            true => watch.ranks.begin(ROOM, account(1), true),
            false => watch.enter(1, Role::Owner, false),
        }
        watch
    }

    fn call(&mut self, by: i64, request: &Request, reply: Reply) {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.ranks.called(ticket, account(by), request);
        self.ranks.replied(ticket, &reply, AT);
    }

    /// Somebody is let in.
    fn enter(&mut self, by: i64, role: Role, is_persistent: bool) {
        let info = Info {
            room: ROOM,
            name: String::new(),
            topic: String::new(),
            members: 1,
            members_max: 9,
            has_password: false,
            is_locked: false,
            is_hidden: false,
            is_persistent,
            history: room::History::Off,
            slow_ms: 0,
            number: None,
        };
        let entry = Entry {
            id: EntryId(1),
            slot: 0,
            opening: Opening(1),
            epoch: 1,
            info,
            role,
            mute: None,
            last_seq: 0,
            may_begin: false,
        };
        let (room, password) = (ROOM, Hidden::from(""));
        let reply = Ok(Given::Rooms(Outcome::Entry(Box::new(entry))));
        self.call(by, &Request::Enter { room, password }, reply);
    }

    /// One asks to do something to another, and is answered.
    fn moderate(&mut self, by: i64, to: i64, measure: Measure, reply: Result<Standing, Error>) {
        let opening = Opening(1);
        let request = Request::Moderate {
            here: Here {
                room: ROOM,
                opening,
            },
            account: account(to),
            name: String::new(),
            measure,
            reason: String::new(),
        };
        let moderated = |standing| Moderated {
            standing,
            is_out: false,
            entries: Vec::new(),
            is_sure: true,
        };
        let reply = reply.map(|it| Given::Rooms(Outcome::Moderated(Box::new(moderated(it)))));
        self.call(by, &request, reply);
    }

    /// The store has done it, or not.
    fn commit(&mut self, by: i64, to: i64, rank: room::Measure, reply: Result<Role, Refusal>) {
        let ask = room::Ask::Moderate {
            room: (ROOM, 1),
            account: account(to),
            measure: rank,
            act: Act {
                id: AuditId::new(1),
                actor: Actor::Account(account(by)),
                reason: String::new(),
                at: AT,
            },
        };
        let reply = reply.map(|role| wharf_data::Answer::Room(Answer::Standing(a(role))));
        self.ranks.committed(&ask, &reply);
    }
}

fn a(role: Role) -> Standing {
    Standing { role, ..MEMBER }
}

/// Whether nothing is wrong with what happens.
fn holds(is_persistent: bool, happens: impl Fn(&mut Watch)) -> bool {
    let mut watch = Watch::new(is_persistent);
    catch_unwind(AssertUnwindSafe(|| happens(&mut watch))).is_ok()
}

const PROMOTE: room::Measure = room::Measure::Rank(Role::Moderator);
const DEMOTE: room::Measure = room::Measure::Rank(Role::Member);

#[test]
fn whoever_was_demoted_may_do_no_more_than_a_member() {
    let kick = |watch: &mut Watch| watch.moderate(2, 3, Measure::Kick, Ok(MEMBER));
    let promote = |watch: &mut Watch| {
        watch.moderate(1, 2, Measure::Promote, Ok(a(Role::Moderator)));
    };
    assert!(!holds(false, kick), "a member has sent somebody out");
    assert!(holds(false, |watch| {
        promote(watch);
        kick(watch);
    }));
    assert!(!holds(false, |watch| {
        promote(watch);
        watch.moderate(1, 2, Measure::Demote, Ok(MEMBER));
        kick(watch);
    }));
    assert!(!holds(false, |watch| {
        watch.moderate(1, 2, Measure::Promote, Err(Error::Forbidden));
    }));
}

#[test]
fn there_is_one_owner_and_nobody_else_acts_as_one() {
    let hand_over = |watch: &mut Watch| {
        watch.commit(1, 2, room::Measure::HandOver, Ok(Role::Owner));
    };
    let promote = |watch: &mut Watch, by| watch.commit(by, 3, PROMOTE, Ok(Role::Moderator));
    assert!(holds(true, |watch| {
        hand_over(watch);
        promote(watch, 2);
        watch.commit(1, 3, PROMOTE, Err(Refusal::Forbidden));
    }));
    assert!(!holds(true, |watch| {
        hand_over(watch);
        promote(watch, 1);
    }));
    assert!(!holds(true, |watch| {
        watch.commit(1, 2, room::Measure::Rank(Role::Owner), Ok(Role::Owner));
    }));
}

#[test]
fn whoever_comes_in_is_what_they_may_be_taken_for() {
    let demoted = |watch: &mut Watch, is_known: bool| {
        watch.commit(1, 2, PROMOTE, Ok(Role::Moderator));
        watch.moderate(1, 2, Measure::Promote, Ok(a(Role::Moderator)));
        watch.commit(1, 2, DEMOTE, Ok(Role::Member));
        if is_known {
            watch.moderate(1, 2, Measure::Demote, Ok(MEMBER));
        }
    };
    for (is_known, role, is_right) in [
        (false, Role::Moderator, true),
        (false, Role::Member, true),
        (false, Role::Owner, false),
        (true, Role::Moderator, false),
        (true, Role::Member, true),
    ] {
        let holds = holds(true, |watch| {
            demoted(watch, is_known);
            watch.enter(2, role, true);
        });
        assert_eq!(holds, is_right, "{role:?}, known: {is_known}");
    }
}

#[test]
fn nobody_who_is_kept_out_comes_in() {
    let ban = |watch: &mut Watch, seconds| {
        let until = kept(Measure::Ban(seconds), AT);
        let room::Measure::Ban(until) = until else {
            unreachable!("a ban is one");
        };
        let ban = Some(until);
        watch.moderate(1, 2, Measure::Ban(seconds), Ok(Standing { ban, ..MEMBER }));
    };
    assert!(!holds(false, |watch| {
        ban(watch, 0);
        watch.enter(2, Role::Member, false);
    }));
    assert!(holds(false, |watch| {
        ban(watch, 5);
        watch.moderate(1, 2, Measure::Unban, Ok(MEMBER));
        watch.enter(2, Role::Member, false);
    }));
}

#[test]
fn what_is_no_request_about_ranks_is_not_looked_at() {
    let mut watch = Watch::new(true);
    let new = NewRoom {
        name: DisplayName::new("den").unwrap().as_str().to_owned(),
        topic: String::new(),
        password: Hidden::from(""),
        members_max: 0,
        is_hidden: false,
        is_persistent: true,
        history: None,
        slow_ms: 0,
    };
    let request = Request::Create(Box::new(new));
    watch.call(5, &request, Err(Error::Taken));
    assert_eq!(watch.ranks.rooms.len(), 1);
}
