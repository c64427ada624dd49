//! One room with made-up members and made-up services, which answer when the test says so.

use super::*;
use crate::platform::WordList;
use core::time::Duration;
use wharf_content::{Dialect, EnterRefusal, Query, TestRoom};
use wharf_data::message::{self, Kept, NewMessage};
use wharf_data::room::History;
use wharf_data::rooms::{Measure, Moderated, News, Opening, Outcome};
use wharf_data::service::Given;
use wharf_data::{Answer, Ask, ConversationId, RoomId};
use wharf_proto::chat::content::What;
use wharf_proto::chat::{Content, GetHistory, Said, SaidSo, Say, WasRemoved};
use wharf_proto::room::{Change, Close, ListBans, Moderate, NowChanged, Removed};

const ROOM: RoomId = RoomId::new(77);

/// The room, and those who have come to it.
struct Play {
    room: TestRoom<Hall>,
    history: History,
    slow_ms: u32,
    members_max: u32,
    entries: i64,
    /// The room's question after what is done to it.
    watching: Option<Query>,
}

impl Play {
    /// Nobody is there yet.
    fn new(history: History) -> Self {
        Self::beside(history, PutBy::default())
    }

    /// Nobody is there yet, and others have put that by.
    fn beside(history: History, put_by: PutBy) -> Self {
        let hall = move |_: &_| Hall::new(1_000_000, WordList::default(), put_by.clone());
        let room = TestRoom::with(1, hall)
            .on(Hall::say)
            .on(Hall::history)
            .on(Hall::change)
            .on(Hall::moderate)
            .on(Hall::list_bans)
            .on(Hall::close);
        Self {
            room,
            history,
            slow_ms: 0,
            members_max: 100,
            entries: 0,
            watching: None,
        }
    }

    /// The same with its owner in it, and known to have begun.
    fn begun(history: History) -> (Self, MemberId) {
        let mut play = Self::new(history);
        let owner = play.join("kim", Role::Owner, 1).unwrap();
        let begin = play.room.next_query().expect("a room says that it begins");
        let wanted = matches!(
            &begin.call,
            Call::Rooms { request: Request::Begin(here), .. } if here.opening == Opening(1)
        );
        assert!(wanted, "{begin:?}");
        play.done(&begin);
        play.watching = Some(play.watch());
        (play, owner)
    }

    /// The room asks what is done to it by those who run the server.
    fn watch(&mut self) -> Query {
        let watch = self.room.next_query().expect("a room asks what is done");
        let is_wanted = matches!(
            &watch.call,
            Call::Rooms { request: Request::Watch(here), .. } if here.opening == Opening(1)
        );
        assert!(is_wanted, "{watch:?}");
        watch
    }

    fn join(&mut self, name: &str, role: Role, opening: i64) -> Result<MemberId, EnterRefusal> {
        self.entries += 1;
        let entry = Entry {
            id: EntryId(self.entries),
            slot: 0,
            opening: Opening(opening),
            epoch: 5,
            info: self.info(),
            role,
            mute: None,
            last_seq: 0,
            may_begin: true,
        };
        self.room.join_with(name, Dialect::Platform, entry)
    }

    fn info(&self) -> Info {
        Info {
            room: ROOM,
            name: "den".into(),
            topic: String::new(),
            members: 0,
            members_max: self.members_max,
            has_password: false,
            is_locked: false,
            is_hidden: false,
            is_persistent: true,
            history: self.history,
            slow_ms: self.slow_ms,
            number: None,
        }
    }

    fn say(&mut self, member: MemberId, text: &str, client_id: u64) {
        let what = Some(What::Text(text.into()));
        let content = Some(Content { what });
        self.room.send(member, &Say { content, client_id });
    }

    /// What somebody has heard since this was last asked.
    fn heard(&mut self, member: MemberId) -> Vec<(i64, String)> {
        let said = self.room.received::<Said>(member).into_iter();
        said.map(|said| {
            let message = said.message.unwrap();
            match message.content.and_then(|content| content.what) {
                Some(What::Text(text)) => (message.seq, text),
                other => panic!("no text: {other:?}"),
            }
        })
        .collect()
    }

    /// What somebody was told about what they have said.
    fn told(&mut self, member: MemberId) -> Vec<(i64, bool, bool)> {
        let so = self.room.received::<SaidSo>(member).into_iter();
        so.map(|so| (so.seq, so.stored, so.is_duplicate)).collect()
    }

    fn errors(&mut self, member: MemberId) -> Vec<Code> {
        let errors = self.room.received::<Error>(member).into_iter();
        errors.map(|error| error.code()).collect()
    }

    /// The next question, which must be that something be kept.
    fn append(&mut self) -> (Query, Vec<NewMessage>) {
        let query = self.room.next_query().expect("a question");
        match &query.call {
            Call::Store(Ask::Message(message::Ask::Append { room, messages })) => {
                assert_eq!(*room, (ROOM, 5));
                let messages = messages.clone();
                (query, messages)
            }
            other => panic!("another question: {other:?}"),
        }
    }

    fn kept(&mut self, query: &Query, seqs: &[(i64, bool)]) {
        let kept = seqs.iter().map(|&(seq, is_duplicate)| Kept {
            conversation: ROOM.conversation(),
            seq,
            is_duplicate,
        });
        self.keep_as(query, kept.collect());
    }

    fn keep_as(&mut self, query: &Query, kept: Vec<Kept>) {
        let kept = Answer::Message(message::Answer::Kept(kept));
        self.room.answer(query, Ok(Given::Store(kept)));
    }

    fn done(&mut self, query: &Query) {
        self.room.answer(query, Ok(Given::Rooms(Outcome::Done)));
    }

    fn news(&mut self, watch: &Query, news: Vec<News>) {
        let outcome = Outcome::News(news);
        self.room.answer(watch, Ok(Given::Rooms(outcome)));
    }

    fn fail(&mut self, query: &Query) {
        self.room.answer(query, Err(access::Error::Unavailable));
    }
}

#[test]
fn what_was_said_is_known_in_the_next_opening_wherever_that_is_and_for_five_minutes() {
    for history in [History::Off, History::Buffered] {
        let put_by = PutBy::default();
        let mut first = Play::beside(history, put_by.clone());
        let kim = first.join("kim", Role::Owner, 1).unwrap();
        first.say(kim, "one", 11);
        let told = first.told(kim);
        first.room.leave(kim);
        // Somebody comes in the same opening, and goes.
        let park = first.join("park", Role::Member, 1).unwrap();
        let left = put_by.take(ROOM, &mut Looked::default());
        assert_eq!(left.len(), 0, "the room has it again");
        first.room.leave(park);

        let mut second = Play::beside(history, put_by.clone());
        let kim = second.join("kim", Role::Owner, 2).unwrap();
        let lee = second.join("lee", Role::Member, 2).unwrap();
        second.say(kim, "one", 11);
        assert_eq!(second.told(kim), [(told[0].0, false, true)], "{history:?}");
        second.say(lee, "one", 11);
        assert_eq!(second.heard(kim).len(), 1, "another's number is another");
        second.room.leave(lee);
        second.room.leave(kim);

        let mut third = Play::beside(history, put_by);
        third.room.advance(Duration::from_secs(5 * 60));
        let kim = third.join("kim", Role::Owner, 3).unwrap();
        third.say(kim, "one", 11);
        assert!(!third.told(kim)[0].2, "five minutes are over");
    }
}

#[test]
fn what_an_opening_says_that_ends_behind_the_beginning_of_the_next_is_known_there() {
    let put_by = PutBy::default();
    let mut first = Play::beside(History::Buffered, put_by.clone());
    let old = first.join("kim", Role::Owner, 1).unwrap();
    let mut second = Play::beside(History::Buffered, put_by.clone());
    let kim = second.join("kim", Role::Owner, 2).unwrap();
    second.say(kim, "two", 12);
    second.told(kim);
    first.say(old, "one", 11);
    let told = first.told(old);
    first.room.leave(old);
    second.say(kim, "one", 11);
    assert_eq!(second.told(kim), [(told[0].0, false, true)]);
    second.room.leave(kim);
    let mut third = Play::beside(History::Buffered, put_by);
    let kim = third.join("kim", Role::Owner, 3).unwrap();
    for (text, id) in [("one", 11), ("two", 12)] {
        third.say(kim, text, id);
        assert!(third.told(kim)[0].2, "{text} is known");
    }
}

#[test]
fn a_room_that_was_taken_over_elsewhere_is_known_in_the_next_opening_here() {
    let put_by = PutBy::default();
    let mut first = Play::beside(History::Buffered, put_by.clone());
    let kim = first.join("kim", Role::Owner, 1).unwrap();
    first.say(kim, "one", 11);
    let begin = first.room.next_query().expect("a room says that it begins");
    first.room.answer(&begin, Err(access::Error::Conflict));
    let mut second = Play::beside(History::Buffered, put_by);
    let kim = second.join("kim", Role::Owner, 2).unwrap();
    second.say(kim, "one", 11);
    assert_eq!(second.told(kim), [(1, false, true)]);
}

#[test]
fn in_a_durable_room_nothing_is_told_before_it_was_kept() {
    let (mut play, kim) = Play::begun(History::Durable);
    let lee = play.join("lee", Role::Member, 1).unwrap();
    play.say(kim, "one", 11);
    play.say(lee, "two", 0);
    play.say(kim, "three", 13);
    let (first, batch) = play.append();
    assert_eq!(
        (batch.len(), batch[0].client_id, batch[0].seq),
        (1, Some(11), None)
    );
    assert!(play.room.next_query().is_none(), "one batch at a time");
    assert!(play.heard(lee).is_empty() && play.told(kim).is_empty());
    play.kept(&first, &[(1, false)]);
    assert_eq!(play.heard(lee), [(1, "one".into())]);
    assert_eq!(play.told(kim), [(1, true, false)]);

    let (second, batch) = play.append();
    let authors: Vec<i64> = batch.iter().map(|new| new.author.get()).collect();
    assert_eq!(authors, [2, 1], "what had to wait goes together, in order");
    play.kept(&second, &[(2, false), (3, false)]);
    let heard = [(2, "two".into()), (3, "three".into())];
    assert_eq!(play.heard(lee), heard);
    play.say(kim, "three", 13);
    assert_eq!(play.told(kim), [(3, true, false), (3, true, true)]);
    assert!(play.heard(lee).is_empty() && play.room.next_query().is_none());
}

#[test]
fn what_may_or_may_not_have_been_kept_is_told_once_when_it_is_said_again() {
    let (mut play, kim) = Play::begun(History::Durable);
    for (is_duplicate, client_id) in [(true, 1), (false, 2)] {
        play.say(kim, "hello", client_id);
        let (lost, _) = play.append();
        play.fail(&lost);
        assert_eq!(play.errors(kim), [Code::Unavailable]);
        assert!(play.heard(kim).is_empty());
        for round in 0..2 {
            play.say(kim, "hello", client_id);
            if round == 0 {
                let (again, _) = play.append();
                play.kept(&again, &[(7, is_duplicate)]);
                assert_eq!(play.heard(kim), [(7, "hello".into())]);
            }
        }
        assert!(play.heard(kim).is_empty(), "told twice");
        assert_eq!(play.told(kim).len(), 2);
    }
}

#[test]
fn a_number_that_belongs_to_another_conversation_is_refused() {
    let (mut play, kim) = Play::begun(History::Durable);
    play.say(kim, "hello", 9);
    let (query, _) = play.append();
    let conversation = ConversationId::new(500);
    let kept = Kept {
        conversation,
        seq: 1_000,
        is_duplicate: true,
    };
    play.keep_as(&query, vec![kept]);
    let error = play.room.received::<Error>(kim).pop().unwrap();
    assert_eq!((error.code(), &*error.field), (Code::Conflict, "client_id"));
    assert!(play.heard(kim).is_empty() && play.told(kim).is_empty());
}

#[test]
fn what_waits_for_the_store_is_bounded_and_one_more_is_answered_busy() {
    let (mut play, kim) = Play::begun(History::Durable);
    for client_id in 1..=keeping::WAITING_MAX as u64 {
        play.say(kim, "more", client_id);
    }
    assert!(play.errors(kim).is_empty());
    play.say(kim, "too much", 1_000);
    assert_eq!(play.errors(kim), [Code::Busy]);
    let (first, batch) = play.append();
    assert_eq!(batch.len(), 1);
    play.kept(&first, &[(1, false)]);
    play.say(kim, "again", 1_000);
    assert!(play.errors(kim).is_empty());
}

#[test]
fn whoever_waits_in_slow_mode_does_not_wait_for_what_was_not_kept() {
    let mut play = Play::new(History::Durable);
    play.slow_ms = 60_000;
    play.join("kim", Role::Owner, 1).unwrap();
    let begin = play.room.next_query().unwrap();
    play.done(&begin);
    play.watch();
    let lee = play.join("lee", Role::Member, 1).unwrap();
    play.say(lee, "hello", 1);
    let (lost, _) = play.append();
    play.fail(&lost);
    assert_eq!(play.errors(lee), [Code::Unavailable]);
    play.say(lee, "hello", 1);
    let (kept, _) = play.append();
    play.kept(&kept, &[(1, false)]);
    assert_eq!(play.told(lee), [(1, true, false)]);
    play.say(lee, "more", 2);
    assert_eq!(play.errors(lee), [Code::Muted]);
    play.room.advance(Duration::from_secs(60));
    play.say(lee, "more", 2);
    assert!(play.errors(lee).is_empty());
}

#[test]
fn a_buffered_room_tells_at_once_and_keeps_soon_until_it_is_kept() {
    let (mut play, kim) = Play::begun(History::Buffered);
    play.say(kim, "one", 1);
    play.say(kim, "two", 2);
    assert_eq!(play.told(kim), [(1, false, false), (2, false, false)]);
    assert_eq!(play.heard(kim).len(), 2);
    assert!(play.room.next_query().is_none(), "a little later");
    play.room.advance(Duration::from_millis(200));
    let (lost, first) = play.append();
    play.fail(&lost);
    play.say(kim, "three", 3);
    assert!(play.room.next_query().is_none());
    play.room.advance(Duration::from_secs(1));
    let (again, batch) = play.append();
    assert_eq!(batch[..2], first, "the same again");
    let seqs: Vec<Option<i64>> = batch.iter().map(|new| new.seq).collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(3)]);

    // Whoever reads now waits until all of it is kept.
    play.room.send(kim, &GetHistory::default());
    assert!(play.room.next_query().is_none());
    play.kept(&again, &[(1, false), (2, false), (3, false)]);
    let read = play.room.next_query().expect("a page is read");
    let is_read = matches!(
        read.call,
        Call::Store(Ask::Message(message::Ask::History { .. }))
    );
    assert!(is_read, "{read:?}");
    play.fail(&read);
    assert_eq!(play.errors(kim), [Code::Unavailable]);
}

#[test]
fn what_was_said_last_is_kept_when_the_last_member_leaves() {
    let (mut play, kim) = Play::begun(History::Buffered);
    play.say(kim, "bye", 1);
    play.room.leave(kim);
    let (_, batch) = play.append();
    assert_eq!(batch.len(), 1);
}

#[test]
fn whoever_was_judged_on_the_way_is_known_at_the_door() {
    let (mut play, kim) = Play::begun(History::Off);
    for (measure, ban, is_out) in [
        (Measure::Ban(0), Some(Until::TakenBack), true),
        (Measure::Kick, None, true),
        (Measure::Promote, None, false),
    ] {
        let moderate = Moderate {
            account: 40,
            measure: wharf_proto::room::Measure::Ban.into(),
            text: "spam".into(),
            ..Moderate::default()
        };
        play.room.send(kim, &moderate);
        let query = play
            .room
            .next_query()
            .expect("whoever keeps the ranks is asked");
        let role = match measure {
            Measure::Promote => Role::Moderator,
            _ => Role::Member,
        };
        let moderated = Moderated {
            standing: Standing {
                role,
                ban,
                mute: None,
            },
            is_out,
            entries: vec![EntryId(play.entries + 1)],
            is_sure: true,
        };
        let outcome = Outcome::Moderated(Box::new(moderated));
        play.room.answer(&query, Ok(Given::Rooms(outcome)));
        let came = play.join("lee", Role::Member, 1);
        match came {
            Ok(lee) => {
                assert!(!is_out);
                let seat = play.room.room().unwrap().seats[&lee];
                assert_eq!(seat.role, Role::Moderator);
            }
            Err(EnterRefusal::Refused(refusal)) => {
                let code = match ban {
                    Some(_) => Code::Banned,
                    None => Code::Forbidden,
                };
                assert!(is_out);
                assert_eq!(refusal.code, code as u16);
                let is_told = refusal.text.ends_with(": spam");
                assert_eq!(is_told, ban.is_some(), "{}", refusal.text);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_done_from_outside_is_told_and_asked_for_again() {
    let (mut play, kim) = Play::begun(History::Durable);
    let lee = play.join("lee", Role::Member, 1).unwrap();
    let watch = play.watching.take().unwrap();
    let renamed = Info {
        name: "lair".into(),
        ..play.info()
    };
    let news = vec![
        News::HandedOver(AccountId::new(2)),
        News::Removed(7),
        News::Changed(Box::new(renamed)),
    ];
    play.news(&watch, news);
    for who in [kim, lee] {
        let changed = play.room.received::<MemberChanged>(who);
        let ranks = changed.into_iter().map(|it| it.member.unwrap().rank());
        assert_eq!(ranks.collect::<Vec<_>>(), [Rank::Moderator, Rank::Owner]);
        assert_eq!(play.room.received::<WasRemoved>(who)[0].seq, 7);
        let info = play.room.received::<NowChanged>(who)[0].info.clone();
        assert_eq!(info.unwrap().name, "lair");
    }
    let again = play.watch();
    play.news(&again, Vec::new());
    assert!(play.room.next_query().is_none(), "not at once");
    play.room.advance(Duration::from_secs(1));
    let again = play.watch();
    play.news(&again, vec![News::Closed("over".into())]);
    for who in [kim, lee] {
        let removed = play.room.received::<Removed>(who).pop().unwrap();
        assert_eq!((removed.reason(), &*removed.text), (Reason::Closed, "over"));
    }
    assert!(play.room.next_query().is_none());
}

#[test]
fn whoever_is_let_in_for_one_who_has_not_left_yet_is_refused() {
    let (mut play, kim) = Play::begun(History::Off);
    play.members_max = 2;
    let lee = play.join("lee", Role::Member, 1).unwrap();
    // Lee's session has ended, as those who let in know already, and the room does not.
    let refused = play.join("park", Role::Member, 1);
    let Err(EnterRefusal::Refused(refusal)) = refused else {
        panic!("three in a room for two: {refused:?}");
    };
    assert_eq!(refusal.code, Code::Full as u16);
    play.room.leave(lee);
    assert!(play.join("park", Role::Member, 1).is_ok());
    assert!(play.join("kwon", Role::Member, 1).is_err());
    assert_eq!(play.errors(kim), []);
}

#[test]
fn members_ask_for_nothing_that_is_a_moderators() {
    let (mut play, _) = Play::begun(History::Off);
    let lee = play.join("lee", Role::Member, 1).unwrap();
    let moderate = Moderate {
        account: 1,
        measure: wharf_proto::room::Measure::Kick.into(),
        ..Moderate::default()
    };
    let change = Change {
        is_locked: Some(true),
        ..Change::default()
    };
    play.room.send(lee, &moderate);
    play.room.send(lee, &ListBans::default());
    play.room.send(lee, &change);
    play.room.send(lee, &Close {});
    assert_eq!(play.errors(lee), [Code::Forbidden; 4]);
    assert!(play.room.next_query().is_none(), "nobody is troubled");
}

#[test]
fn a_room_that_has_begun_before_ends_and_everybody_is_answered() {
    let mut play = Play::new(History::Durable);
    let kim = play.join("kim", Role::Owner, 1).unwrap();
    let begin = play.room.next_query().unwrap();
    play.say(kim, "hello?", 1);
    let change = Change {
        topic: Some("x".into()),
        ..Change::default()
    };
    play.room.send(kim, &change);
    play.room.answer(&begin, Err(access::Error::Conflict));
    assert_eq!(play.errors(kim), [Code::Unavailable; 2]);
    let removed = play.room.received::<Removed>(kim);
    assert_eq!(removed[0].reason(), Reason::Closed);
    let (late, _) = play.append();
    play.kept(&late, &[(1, false)]);
    assert!(play.heard(kim).is_empty() && play.room.received::<NowChanged>(kim).is_empty());
}

#[test]
fn a_later_opening_of_another_room_in_its_place_knows_nothing_of_it() {
    let (mut play, kim) = Play::begun(History::Durable);
    play.say(kim, "mine", 1);
    let (late, _) = play.append();
    let lee = play.join("lee", Role::Owner, 2).unwrap();
    play.kept(&late, &[(1, false)]);
    assert!(play.heard(lee).is_empty(), "an answer of before");
    let members = play.room.room().unwrap().seats.len();
    assert_eq!(members, 1, "whoever was there is sent out");
    let before = play.join("max", Role::Member, 1);
    assert!(
        matches!(before, Err(EnterRefusal::Refused(_))),
        "{before:?}"
    );
}
