//! What a game developer's test can do with a [`TestRoom`].

use std::time::Duration;
use wharf_content::{
    Dismissal, EnterRefusal, Fault, Handled, LeaveReason, MemberId, Note, Refusal, Room, RoomCx,
    TestRoom, Tick, User,
};
use wharf_wire::classic::{ChatRequest, ChatText, Echo, LeaveUserNotify};
use wharf_wire::{Packet, Violation};

/// A table at which dice are thrown.
#[derive(Default)]
struct Table {
    ticks: u64,
    away: Vec<MemberId>,
}

impl Table {
    /// "later" is answered in a second, "throw" by a number, all else refused; "leave!" ends it.
    fn ask(&mut self, cx: &mut RoomCx, from: MemberId, ask: Echo) -> Handled {
        match ask.text.as_str() {
            "later" => drop(cx.after(Duration::from_secs(1), &ask)),
            "throw" => {
                let text = cx.rng().below(1_000_000).to_string();
                cx.reply(&Echo { text });
            }
            "cheat" => return Err(Violation::InvalidText { id: Echo::ID }.into()),
            "leave!" => cx.dismiss(from, 3),
            other => return Err(Fault::Refuse(4, format!("no {other} here").into())),
        }
        Ok(())
    }
}

impl Room for Table {
    fn admit(&mut self, _: &mut RoomCx, user: &User) -> Result<(), Refusal> {
        match &*user.name {
            "shark" => Err(Refusal::new(9, "we know you")),
            _ => Ok(()),
        }
    }

    fn on_drop(&mut self, _: &mut RoomCx, who: MemberId) -> Duration {
        self.away.push(who);
        Duration::from_secs(30)
    }

    fn on_resume(&mut self, _: &mut RoomCx, who: MemberId) {
        self.away.retain(|&away| away != who);
    }

    fn on_leave(&mut self, cx: &mut RoomCx, who: MemberId, _: LeaveReason) {
        let unique_id = i64::from(who.to_bits());
        cx.broadcast(&LeaveUserNotify { unique_id });
    }

    fn on_tick(&mut self, _: &mut RoomCx, _: Tick) {
        self.ticks += 1;
    }

    fn on_note(&mut self, cx: &mut RoomCx, note: Note) {
        if let Note::Timer { message, .. } = note {
            cx.broadcast(&message.read::<Echo>().unwrap());
        }
    }
}

fn table(seed: u64) -> TestRoom<Table> {
    TestRoom::new(seed).on(Table::ask)
}

fn echo(text: &str) -> Echo {
    let text = text.to_owned();
    Echo { text }
}

#[test]
fn time_passes_only_when_the_test_says_so() {
    let mut table = table(1).tick_every(Duration::from_millis(100));
    let ann = table.join("ann");
    table.send(ann, &echo("later"));
    table.advance(Duration::from_millis(999));
    assert_eq!(table.received::<Echo>(ann), []);
    table.advance(Duration::from_millis(1));
    assert_eq!(table.received::<Echo>(ann), [echo("later")]);
    assert_eq!(table.room().unwrap().ticks, 10);
}

#[test]
fn the_same_seed_throws_the_same_dice() {
    let throw = |seed| {
        let mut table = table(seed);
        let ann = table.join("ann");
        table.send(ann, &echo("throw"));
        table.send(ann, &echo("throw"));
        table.received::<Echo>(ann)
    };
    assert_eq!(throw(1), throw(1));
    assert_ne!(throw(1), throw(2));
    assert_ne!(throw(1)[0], throw(1)[1]);
}

#[test]
fn refusals_are_seen_with_their_packet() {
    let mut table = table(1);
    let ann = table.join("ann");
    table.send(ann, &echo("tea"));
    assert_eq!(
        table.refusals(ann),
        [(Echo::ID, Refusal::new(4, "no tea here"))]
    );
    assert_eq!(table.refusals(ann), []);
    assert_eq!(
        table.try_join("shark"),
        Err(EnterRefusal::Refused(Refusal::new(9, "we know you")))
    );
}

#[test]
fn the_end_of_a_session_is_seen_with_its_reason() {
    let mut table = table(1);
    let (ann, bob, cid) = (table.join("ann"), table.join("bob"), table.join("cid"));
    table.send(ann, &echo("leave!"));
    assert_eq!(table.closed(ann), Some(Dismissal::Kicked(3)));
    let message = ChatText::truncated("nobody reads this here");
    table.send(bob, &ChatRequest { message });
    let unknown = Violation::UnknownId { id: 221 };
    assert_eq!(table.closed(bob), Some(Dismissal::Violation(unknown)));
    table.send(cid, &echo("cheat"));
    let violation = Violation::InvalidText { id: Echo::ID };
    assert_eq!(table.closed(cid), Some(Dismissal::Violation(violation)));
}

#[test]
fn a_cut_link_may_come_back() {
    let mut table = table(1);
    let (ann, bob) = (table.join("ann"), table.join("bob"));
    table.cut(ann);
    assert_eq!(table.room().unwrap().away, [ann]);
    table.advance(Duration::from_secs(29));
    assert_eq!(table.rejoin(ann, "ann"), Ok(ann));
    table.advance(Duration::from_secs(100));
    assert_eq!(table.room().unwrap().away, []);
    table.cut(ann);
    table.advance(Duration::from_secs(31));
    let unique_id = i64::from(ann.to_bits());
    assert_eq!(
        table.received::<LeaveUserNotify>(bob),
        [LeaveUserNotify { unique_id }]
    );
    assert_ne!(table.rejoin(ann, "ann"), Ok(ann));
}

#[test]
fn whoever_leaves_is_missed_and_a_full_table_has_a_chair_again() {
    let mut table = table(1).members_max(2);
    let (ann, bob) = (table.join("ann"), table.join("bob"));
    assert_eq!(table.try_join("cid"), Err(EnterRefusal::Full));
    table.leave(ann);
    assert_eq!(table.received_ids(bob), [LeaveUserNotify::ID]);
    assert!(table.try_join("cid").is_ok());
}
