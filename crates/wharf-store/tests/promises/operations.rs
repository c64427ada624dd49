//! What is promised to those who run a server, on every database there is: reports, the audit
//! log, settings, what is thrown away, what is given out about somebody and what is erased.

use crate::bench::{self, Bench, act, ban};
use crate::each_database;
use crate::harbour::{KIM, LEE, PARK, ROOM, with_people};
use wharf_data::account::{Identity, IdentityKind, NewLogin, NewToken, TokenHash, Which};
use wharf_data::keep::{self, Field, Record};
use wharf_data::message::{self, NewMessage, Place};
use wharf_data::report::{self, Stage, State};
use wharf_data::room::{self, Measure, Until};
use wharf_data::{AccountId, Actor, Answer, Ask, ConversationId, PageToken};
use wharf_data::{LoginId, NameKey, Refusal, ReportId, RoomId, Target, account, audit};

/// Three people, a room of Kim's, and ten messages of Lee's in it.
fn with_talk(test: impl Fn(&mut Bench)) {
    with_people(|bench| {
        let messages = (1..=10).map(|number| says(LEE, number)).collect();
        let append = message::Ask::Append {
            room: ROOM,
            messages,
        };
        bench.ask(Ask::Message(append)).unwrap();
        test(bench);
    });
}

fn says(author: AccountId, number: u64) -> NewMessage {
    NewMessage {
        author,
        client_id: Some(number),
        seq: None,
        kind: 1,
        body: format!("word {number}").into_bytes(),
        at: 10 * number as i64,
    }
}

fn file(number: i64, message: Option<(Place, i64)>) -> Ask {
    Ask::Report(report::Ask::File {
        remembered: None,
        report: ReportId::new(number),
        by: KIM,
        about: LEE,
        message,
        around: 2,
        text: format!("report {number}"),
        at: 50,
    })
}

fn read(bench: &mut Bench, number: i64) -> Result<(report::Report, Vec<i64>), Refusal> {
    let report = ReportId::new(number);
    match bench.ask(Ask::Report(report::Ask::Read { report }))? {
        Answer::Report(report::Answer::Report { report, messages }) => {
            Ok((report, messages.iter().map(|it| it.seq).collect()))
        }
        other => panic!("no report: {other:?}"),
    }
}

#[test]
fn what_was_said_around_goes_with_a_report_and_stays() {
    with_talk(|bench| {
        bench.done(file(1, Some((Place::Room(ROOM.0), 5)))).unwrap();
        bench.done(file(2, Some((Place::Room(ROOM.0), 1)))).unwrap();
        // Once, however often it is asked.
        bench.done(file(2, Some((Place::Room(ROOM.0), 1)))).unwrap();
        bench.done(file(3, None)).unwrap();
        let remove = message::Ask::Remove {
            place: Place::Room(ROOM.0),
            seq: 5,
            act: act(1, Actor::Operator, 60),
        };
        bench.done(Ask::Message(remove)).unwrap();
        let sweep = keep::Ask::Sweep {
            at: 1,
            messages_before: Some(i64::MAX),
            limit: 100,
        };
        bench.ask(Ask::Keep(sweep)).unwrap();
        for (number, expected) in [(1, vec![3, 4, 5, 6, 7]), (2, vec![1, 2, 3]), (3, vec![])] {
            let (report, messages) = read(bench, number).unwrap();
            assert_eq!(messages, expected, "{number}");
            assert_eq!(report.text, format!("report {number}"));
            assert_eq!((report.by, report.about), (KIM, LEE));
            let seq = [0, 5, 1, 0][number as usize];
            let subject = report::Subject {
                conversation: ROOM.0.conversation(),
                seq,
                is_whisper: false,
            };
            assert_eq!(report.message, (seq > 0).then_some(subject));
        }
        let report = ReportId::new(1);
        let answer = bench.ask(Ask::Report(report::Ask::Read { report }));
        let Ok(Answer::Report(report::Answer::Report { messages, .. })) = answer else {
            panic!("no report")
        };
        assert_eq!(messages[2].body, b"word 5");
    });
}

#[test]
fn nobody_reports_somebody_who_is_not_there() {
    with_talk(|bench| {
        let Ask::Report(report::Ask::File { report, by, .. }) = file(1, None) else {
            panic!("no report")
        };
        let nobody = report::Ask::File {
            report,
            by,
            about: AccountId::new(99),
            message: None,
            around: 2,
            remembered: None,
            text: "shouts".into(),
            at: 50,
        };
        assert_eq!(bench.ask(Ask::Report(nobody)), Err(Refusal::NotFound));
        assert_eq!(read(bench, 1).map(drop), Err(Refusal::NotFound));
        bench.done(file(1, None)).unwrap();
        assert!(read(bench, 1).is_ok());
    });
}

#[test]
fn what_a_room_without_a_history_remembers_goes_with_a_report() {
    with_talk(|bench| {
        let said: Vec<NewMessage> = (1..=60).map(|number| says(LEE, number)).collect();
        let room = RoomId::new(4);
        let remembered = Some(report::Remembered { room, said });
        let report = report::Ask::File {
            report: ReportId::new(1),
            by: KIM,
            about: LEE,
            message: None,
            around: 2,
            remembered,
            text: "insults".into(),
            at: 50,
        };
        for _ in 0..2 {
            bench.done(Ask::Report(report.clone())).unwrap();
        }
        let (kept, seqs) = read(bench, 1).unwrap();
        assert_eq!((kept.message, seqs), (None, (1..=50).collect()));
    });
}

#[test]
fn a_report_about_what_is_not_there_or_not_theirs_is_refused() {
    with_talk(|bench| {
        let whisper = message::Ask::Whisper {
            to: PARK,
            conversation: ConversationId::new(7),
            message: says(LEE, 99),
            waits: false,
        };
        bench.ask(Ask::Message(whisper)).unwrap();
        for (place, seq, expected) in [
            (Place::Room(ROOM.0), 11, Refusal::NotFound),
            (Place::Direct(KIM, LEE), 1, Refusal::NotFound),
            // Kim may not have read what Lee said to Park.
            (Place::Direct(PARK, LEE), 1, Refusal::Forbidden),
        ] {
            assert_eq!(bench.done(file(9, Some((place, seq)))), Err(expected));
            assert_eq!(read(bench, 9), Err(Refusal::NotFound));
        }
        let own = message::Ask::Append {
            room: ROOM,
            messages: vec![says(KIM, 100)],
        };
        bench.ask(Ask::Message(own)).unwrap();
        // It is Kim's own, not Lee's.
        let wrong = bench.done(file(9, Some((Place::Room(ROOM.0), 11))));
        assert_eq!(wrong, Err(Refusal::Invalid));
    });
}

fn stages(bench: &mut Bench) -> [Vec<i64>; 3] {
    [Stage::Open, Stage::Taken, Stage::Decided].map(|stage| {
        let (mut found, mut page) = (Vec::new(), None);
        loop {
            let limit = 2;
            let ask = Ask::Report(report::Ask::List { stage, page, limit });
            let Ok(Answer::Report(report::Answer::Reports { reports, next })) = bench.ask(ask)
            else {
                panic!("no reports")
            };
            found.extend(reports.iter().map(|report| report.id.get()));
            page = next;
            if page.is_none() {
                return found;
            }
        }
    })
}

#[test]
fn a_report_is_looked_at_by_one_and_decided_by_the_same() {
    with_talk(|bench| {
        for number in 1..=5 {
            bench.done(file(number, None)).unwrap();
        }
        let take = |number, by| {
            Ask::Report(report::Ask::Take {
                report: ReportId::new(number),
                by,
            })
        };
        let put_back = |number, by| {
            Ask::Report(report::Ask::PutBack {
                report: ReportId::new(number),
                by,
            })
        };
        let decide = |id, number, by| {
            Ask::Report(report::Ask::Decide {
                report: ReportId::new(number),
                by,
                decision: "warned".into(),
                act: act(id, Actor::Account(by), 60),
            })
        };
        for (ask, expected) in [
            (take(1, KIM), Ok(())),
            (take(1, KIM), Ok(())),
            (take(1, PARK), Err(Refusal::Conflict)),
            (decide(1, 1, PARK), Err(Refusal::Conflict)),
            (decide(2, 2, KIM), Err(Refusal::Conflict)),
            (put_back(1, PARK), Err(Refusal::Conflict)),
            (take(2, PARK), Ok(())),
            (put_back(2, PARK), Ok(())),
            (take(3, PARK), Ok(())),
            (decide(3, 1, KIM), Ok(())),
            (decide(3, 1, KIM), Err(Refusal::Duplicate(3))),
            (take(1, PARK), Err(Refusal::Conflict)),
            (take(9, PARK), Err(Refusal::NotFound)),
        ] {
            assert_eq!(bench.done(ask.clone()), expected, "{ask:?}");
        }
        assert_eq!(stages(bench), [vec![2, 4, 5], vec![3], vec![1]]);
        let decision = "warned".to_owned();
        let (report, _) = read(bench, 1).unwrap();
        assert_eq!(report.state, State::Decided { by: KIM, decision });
    });
}

fn log(bench: &mut Bench, about: Option<AccountId>, limit: u32) -> Vec<audit::Entry> {
    let (mut found, mut page) = (Vec::new(), None);
    loop {
        let ask = Ask::Audit(audit::Ask::List { about, page, limit });
        let Ok(Answer::Audit(audit::Answer::Entries { entries, next })) = bench.ask(ask) else {
            panic!("no entries")
        };
        found.extend(entries);
        page = next;
        if page.is_none() {
            return found;
        }
    }
}

#[test]
fn every_act_is_in_the_log_with_what_it_was_before_and_what_it_is_now() {
    with_talk(|bench| {
        let moderate = |id, account, measure| {
            Ask::Room(room::Ask::Moderate {
                room: ROOM,
                account,
                measure,
                act: act(id, Actor::Account(KIM), 70),
            })
        };
        bench
            .ask(moderate(1, LEE, Measure::Ban(Until::Time(90))))
            .unwrap();
        bench
            .ask(moderate(2, PARK, Measure::Mute(Until::TakenBack)))
            .unwrap();
        // What is refused is not done and so not in the log.
        let act = bench::act(3, Actor::Account(LEE), 70);
        let refused = Ask::Room(room::Ask::Delete { room: ROOM, act });
        assert_eq!(bench.ask(refused), Err(Refusal::Forbidden));
        let kick = audit::Entry {
            act: bench::act(4, Actor::Server, 80),
            action: "room.kick".into(),
            target: Target::Member(ROOM.0, LEE),
            before: String::new(),
            after: "flood".into(),
        };
        bench
            .done(Ask::Audit(audit::Ask::Write(kick.clone())))
            .unwrap();
        let all = log(bench, None, 1);
        let ids: Vec<i64> = all.iter().map(|entry| entry.act.id.get()).collect();
        assert_eq!(ids, [4, 2, 1]);
        assert_eq!(all[0], kick);
        let ban = audit::Entry {
            act: bench::act(1, Actor::Account(KIM), 70),
            action: "room.ban".into(),
            target: Target::Member(ROOM.0, LEE),
            before: "member".into(),
            after: "member, banned until 1970-01-01 00:00:00 UTC".into(),
        };
        assert_eq!(all[2], ban);
        let about: Vec<i64> = log(bench, Some(LEE), 10)
            .iter()
            .map(|entry| entry.act.id.get())
            .collect();
        assert_eq!(about, [4, 1]);
    });
}

#[test]
fn what_is_done_with_an_entry_is_done_and_written_or_neither() {
    with_talk(|bench| {
        let ban = |id, account| ban(id, account, None);
        assert_eq!(bench.done(ban(1, LEE)), Ok(()));
        assert_eq!(bench.done(ban(1, KIM)), Err(Refusal::Duplicate(1)));
        let nobody = AccountId::new(99);
        assert_eq!(bench.done(ban(2, nobody)), Err(Refusal::NotFound));
        let ids: Vec<i64> = log(bench, None, 10)
            .iter()
            .map(|entry| entry.act.id.get())
            .collect();
        assert_eq!(ids, [1]);
    });
}

#[test]
fn a_setting_stays_until_it_is_taken_away() {
    each_database(|bench| {
        let get = || {
            let name = "maintenance".into();
            Ask::Keep(keep::Ask::Setting { name })
        };
        let set = |id, value: Option<&str>| {
            Ask::Keep(keep::Ask::SetSetting {
                name: "maintenance".into(),
                value: value.map(str::to_owned),
                act: act(id, Actor::Operator, 5),
            })
        };
        assert_eq!(bench.ask(get()), Err(Refusal::NotFound));
        for (id, value) in [
            (1, "back at 9"),
            (2, ""),
            (3, "점검 중 '; DROP TABLE setting; --"),
        ] {
            bench.done(set(id, Some(value))).unwrap();
            let answer = Answer::Keep(keep::Answer::Setting(value.into()));
            assert_eq!(bench.ask(get()), Ok(answer));
        }
        bench.done(set(4, None)).unwrap();
        assert_eq!(bench.ask(get()), Err(Refusal::NotFound));
        assert_eq!(log(bench, None, 10).len(), 4);
    });
}

fn setting(name: &str) -> Ask {
    let name = name.into();
    Ask::Keep(keep::Ask::Setting { name })
}

fn listed(number: i64, id: i64, is_listed: bool) -> Ask {
    Ask::Keep(keep::Ask::SetListed {
        name: "list".into(),
        id,
        is_listed,
        ids_max: 3,
        act: act(number, Actor::Operator, 5),
    })
}

#[test]
fn a_list_in_a_setting_changes_by_one_and_is_full_and_empty_at_its_ends() {
    each_database(|bench| {
        let told = |ids: &str| Ok(Answer::Keep(keep::Answer::Setting(ids.into())));
        for (number, id, is_listed, expected) in [
            (1, 7, true, told("7")),
            (2, 12, true, told("7 12")),
            (3, 7, true, told("7 12")),
            (4, 9, true, told("7 9 12")),
            (5, 8, true, Err(Refusal::Full)),
            (6, 8, false, Err(Refusal::NotFound)),
            (7, 9, false, told("7 12")),
            (7, 12, false, Err(Refusal::Duplicate(7))),
            (8, 7, false, told("12")),
            (9, 12, false, told("")),
            (10, 12, false, Err(Refusal::NotFound)),
        ] {
            assert_eq!(
                bench.ask(listed(number, id, is_listed)),
                expected,
                "{number}"
            );
        }
        assert_eq!(bench.ask(setting("list")), Err(Refusal::NotFound));
        let entries = log(bench, None, 20);
        let last = entries.first().expect("entries, newest first");
        assert_eq!((&*last.before, &*last.after), ("list=12", "list="));
        assert_eq!(entries.len(), 7, "what was refused is not in it");
    });
}

#[test]
fn each_change_of_what_holds_on_every_server_is_seen_in_one_setting_and_nothing_else_is() {
    each_database(|bench| {
        bench.person(1, "kim");
        let changes = |bench: &mut Bench| bench.ask(setting(keep::CHANGES));
        let mut seen = vec![changes(bench)];
        assert_eq!(seen, [Err(Refusal::NotFound)]);
        let set = keep::Ask::SetSetting {
            name: "maintenance".into(),
            value: None,
            act: act(1, Actor::Operator, 5),
        };
        let until = Some(Until::TakenBack);
        let mute = |account| Ask::Account(account::Ask::SetMute { account, until });
        let revoke = |which| {
            Ask::Account(account::Ask::Revoke {
                account: KIM,
                which,
            })
        };
        let log_in = |number: u8| {
            Ask::Account(account::Ask::LogIn {
                account: KIM,
                identity: Identity {
                    kind: IdentityKind::Name,
                    subject: NameKey::of("kim").as_str().to_owned(),
                },
                password: None,
                login: NewLogin {
                    id: LoginId::new(number.into()),
                    device: String::new(),
                    token: NewToken {
                        hash: TokenHash([number; 32]),
                        expires: 1_000,
                    },
                },
                at: 5,
            })
        };
        for quiet in [log_in(2), log_in(3), revoke(Which::One(LoginId::new(2)))] {
            assert!(bench.ask(quiet).is_ok());
            assert_eq!(Some(&changes(bench)), seen.last());
        }
        for ask in [
            Ask::Keep(set.clone()),
            listed(2, 7, true),
            mute(KIM),
            revoke(Which::Another(LoginId::new(3))),
            revoke(Which::All),
        ] {
            assert!(bench.ask(ask).is_ok());
            let now = changes(bench);
            assert!(now.is_ok() && !seen.contains(&now), "{now:?} of {seen:?}");
            seen.push(now);
        }
        for refused in [
            Ask::Keep(set),
            listed(3, 8, false),
            mute(AccountId::new(99)),
            revoke(Which::Another(LoginId::new(3))),
        ] {
            assert!(bench.ask(refused).is_err());
            assert_eq!(Some(&changes(bench)), seen.last());
        }
    });
}

fn sweep(bench: &mut Bench, at: i64, messages_before: Option<i64>, limit: u32) -> (u64, bool) {
    let ask = keep::Ask::Sweep {
        at,
        messages_before,
        limit,
    };
    match bench.ask(Ask::Keep(ask)) {
        Ok(Answer::Keep(keep::Answer::Swept { count, has_more })) => (count, has_more),
        other => panic!("nothing swept: {other:?}"),
    }
}

fn whispers_to_lee(bench: &mut Bench, client_id: u64, at: i64) {
    let whisper = message::Ask::Whisper {
        to: LEE,
        conversation: ConversationId::new(9),
        message: NewMessage {
            author: KIM,
            client_id: Some(client_id),
            seq: None,
            kind: 1,
            body: b"psst".to_vec(),
            at,
        },
        waits: true,
    };
    bench.ask(Ask::Message(whisper)).unwrap();
}

/// The numbers of what is delivered to Lee, and whether more waits.
fn delivered(bench: &mut Bench, delivery: i64, limit: u32) -> (Vec<i64>, bool) {
    let take = message::Ask::TakeWaiting {
        account: LEE,
        delivery,
        limit,
    };
    match bench.ask(Ask::Message(take)) {
        Ok(Answer::Message(message::Answer::Messages { messages, has_more })) => {
            (messages.iter().map(|it| it.seq).collect(), has_more)
        }
        other => panic!("nothing delivered: {other:?}"),
    }
}

#[test]
fn what_waits_goes_with_what_was_said_and_the_rest_is_delivered_all_the_same() {
    with_talk(|bench| {
        sweep(bench, 1, Some(i64::MAX), 100);
        for (id, at) in [(1, 100), (2, 101), (3, 200), (4, 201)] {
            whispers_to_lee(bench, id, at);
        }
        // As far as one is thrown away, what waits may point to nothing.
        assert_eq!(sweep(bench, 1, Some(150), 1), (1, true));
        assert_eq!(delivered(bench, 1, 1), (vec![2], true));
        assert_eq!(sweep(bench, 1, Some(150), 1), (1, true));
        assert_eq!(delivered(bench, 1, 1), (vec![3], true), "what was, is gone");
        assert_eq!(delivered(bench, 2, 1), (vec![4], false));
        assert_eq!(delivered(bench, 3, 1), (vec![], false));
        // Whoever never comes leaves nothing behind either: two messages, and that they wait.
        for (id, at) in [(5, 300), (6, 301)] {
            whispers_to_lee(bench, id, at);
        }
        sweep(bench, 1, Some(250), 100);
        assert_eq!(sweep(bench, 1, Some(350), 100), (4, false));
        assert_eq!(sweep(bench, 1, Some(350), 100), (0, false));
        assert_eq!(delivered(bench, 4, 1), (vec![], false));
    });
}

#[test]
fn what_has_ended_is_thrown_away_a_part_at_a_time() {
    with_talk(|bench| {
        assert_eq!(sweep(bench, i64::MAX - 1, None, 100), (0, false));
        assert_eq!(sweep(bench, 1, Some(51), 3), (3, true));
        assert_eq!(sweep(bench, 1, Some(51), 3), (2, false));
        let ban = room::Ask::Moderate {
            room: ROOM,
            account: LEE,
            measure: Measure::Ban(Until::Time(90)),
            act: act(1, Actor::Operator, 70),
        };
        bench.ask(Ask::Room(ban)).unwrap();
        assert_eq!(sweep(bench, 89, None, 100), (0, false));
        assert_eq!(sweep(bench, 90, None, 100), (1, false));
        // A room that is no more takes its messages with it, and then goes itself.
        let delete = room::Ask::Delete {
            room: ROOM,
            act: act(2, Actor::Operator, 70),
        };
        bench.ask(Ask::Room(delete)).unwrap();
        assert_eq!(sweep(bench, 1, None, 3), (3, true));
        assert_eq!(sweep(bench, 1, None, 100), (3, false));
        assert_eq!(sweep(bench, 1, None, 100), (0, false));
    });
}

fn export(bench: &mut Bench, account: AccountId, limit: u32) -> Result<Vec<Record>, Refusal> {
    let (mut found, mut page) = (Vec::new(), None);
    loop {
        let ask = keep::Ask::Export {
            account,
            page,
            limit,
        };
        match bench.ask(Ask::Keep(ask))? {
            Answer::Keep(keep::Answer::Exported { records, next }) => {
                found.extend(records);
                page = next;
            }
            other => panic!("nothing exported: {other:?}"),
        }
        if page.is_none() {
            return Ok(found);
        }
    }
}

#[test]
fn all_that_is_kept_about_somebody_is_given_out_whatever_the_pages() {
    with_talk(|bench| {
        let whole = export(bench, LEE, 1_000).unwrap();
        let kinds: Vec<&str> = whole.iter().map(|record| record.kind).collect();
        assert_eq!(
            kinds[..5],
            ["account", "profile", "name", "identity", "login"]
        );
        assert_eq!(kinds[5..], ["message"; 10]);
        for record in &whole {
            let names = record.fields.iter().map(|(name, _)| *name);
            let names: std::collections::BTreeSet<&str> = names.chain(["kind"]).collect();
            assert_eq!(names.len(), record.fields.len() + 1, "{record:?}");
        }
        assert_eq!(whole[0].fields[0], ("account", Field::Id(LEE.get())));
        let looks_like = NameKey::of("lee").as_str().to_owned();
        assert_eq!(
            whole[2].fields[..2],
            [
                ("looks_like", Field::Text(looks_like)),
                ("name", Field::Text("lee".into())),
            ]
        );
        assert_eq!(whole[3].fields[0], ("by", Field::Text("name".into())));
        let said = ("body", Field::Bytes(b"word 10".to_vec()));
        assert!(whole.last().is_some_and(|last| last.fields.contains(&said)));
        for limit in [1, 2, 3, 7, 14, 15, 16] {
            assert_eq!(export(bench, LEE, limit).unwrap(), whole, "{limit} a page");
        }
        let forged = keep::Ask::Export {
            account: KIM,
            page: Some(PageToken::received("AAAA")),
            limit: 5,
        };
        assert_eq!(bench.ask(Ask::Keep(forged)), Err(Refusal::Invalid));
    });
}

#[test]
fn another_ones_page_token_is_refused() {
    with_talk(|bench| {
        let first = keep::Ask::Export {
            account: LEE,
            page: None,
            limit: 1,
        };
        let Ok(Answer::Keep(keep::Answer::Exported { next, .. })) = bench.ask(Ask::Keep(first))
        else {
            panic!("nothing exported")
        };
        assert!(next.is_some());
        let foreign = keep::Ask::Export {
            account: KIM,
            page: next,
            limit: 1,
        };
        assert_eq!(bench.ask(Ask::Keep(foreign)), Err(Refusal::Invalid));
    });
}

#[test]
fn what_an_erased_account_said_stays_and_nothing_tells_who_it_was() {
    with_talk(|bench| {
        let block = message::Ask::Block {
            account: KIM,
            other: LEE,
            blocks_max: 5,
            at: 1,
        };
        bench.ask(Ask::Message(block)).unwrap();
        let erase = account::Ask::Erase { account: LEE };
        bench.done(Ask::Account(erase)).unwrap();
        assert_eq!(export(bench, LEE, 10), Err(Refusal::NotFound));
        let history = message::Ask::History {
            place: Place::Room(ROOM.0),
            from: message::From::End,
            limit: 1,
        };
        let Ok(Answer::Message(message::Answer::Messages { messages, .. })) =
            bench.ask(Ask::Message(history))
        else {
            panic!("no messages")
        };
        assert_eq!(messages[0].author, LEE);
        assert_eq!(messages[0].author_name, "");
        assert_eq!(messages[0].body, b"word 10");
        let blocks = bench.ask(Ask::Message(message::Ask::Blocks { account: KIM }));
        assert_eq!(
            blocks,
            Ok(Answer::Message(message::Answer::Blocks(Vec::new())))
        );
        let whisper = message::Ask::Whisper {
            to: LEE,
            conversation: ConversationId::new(7),
            message: says(KIM, 99),
            waits: true,
        };
        assert_eq!(bench.ask(Ask::Message(whisper)), Err(Refusal::NotFound));
    });
}

#[test]
fn a_text_with_a_nul_is_refused_wherever_it_comes() {
    with_talk(|bench| {
        let search = room::Ask::List {
            search: "a\0b".into(),
            with_hidden: false,
            page: None,
            limit: 5,
        };
        let report = report::Ask::File {
            remembered: None,
            report: ReportId::new(1),
            by: KIM,
            about: LEE,
            message: None,
            around: 0,
            text: "\0".into(),
            at: 1,
        };
        for ask in [Ask::Room(search), Ask::Report(report)] {
            assert_eq!(bench.ask(ask), Err(Refusal::Invalid));
        }
        assert_eq!(read(bench, 1), Err(Refusal::NotFound));
    });
}
