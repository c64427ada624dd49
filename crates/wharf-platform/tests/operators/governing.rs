//! Bans, mutes, kicks, announcements; who may do what; bounds and deadlines.

use crate::rig::{AT, Rig, Store, log_in, register};
use wharf_base::Duration;
use wharf_data::access::{Error, LookUp};
use wharf_data::operators::{Decision, Outcome, Request, Scope};
use wharf_data::people::{self, Addressee, Whisper};
use wharf_data::report::Stage;
use wharf_data::room::Until;
use wharf_data::service::Call;
use wharf_data::{AccountId, Actor, Notice, Refusal, ReportId};
use wharf_platform::{Places, SessionTag, Ticket};

fn ban(account: AccountId, until: Until) -> Request {
    let reason = "spam".into();
    Request::Ban {
        account,
        until,
        reason,
    }
}

fn kick(account: AccountId) -> Request {
    let reason = "enough".into();
    Request::Kick { account, reason }
}

fn announce(text: &str) -> Request {
    Request::Announce {
        scope: Scope::All,
        text: text.into(),
    }
}

#[test]
fn a_ban_ends_the_session_with_its_reason_and_refuses_the_next_login_until_it_is_lifted() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    let until = Until::Time(AT + 1_000);
    assert_eq!(rig.operate(ban(kim, until)), Ok(Outcome::Done));
    let reason = "spam".to_owned();
    let told = Notice::Banned {
        until,
        reason: reason.clone(),
    };
    assert_eq!(rig.notices, [(SessionTag(1), told)]);
    assert!(rig.platform.presence().is_empty());
    let until = Some(AT + 1_000);
    assert_eq!(
        rig.access(2, None, log_in("kim")),
        Err(Error::Banned { until, reason })
    );
    let unban = Request::Unban {
        account: kim,
        reason: String::new(),
    };
    assert_eq!(rig.operate(unban), Ok(Outcome::Done));
    assert!(rig.access(2, None, log_in("kim")).is_ok());
    let log = [("account.ban", "spam"), ("account.unban", "")];
    let log = log.map(|(action, why)| (action.to_owned(), Actor::Operator, why.to_owned()));
    assert_eq!(rig.store.log(), log);
    let nobody = AccountId::new(5);
    assert_eq!(
        rig.operate(ban(nobody, Until::TakenBack)),
        Err(Error::NotFound)
    );
}

#[test]
fn the_reason_of_a_ban_that_failed_is_not_told_at_another_end() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    rig.holds_store = true;
    let ticket = rig.begin(ban(kim, Until::TakenBack));
    rig.refuse(Refusal::Conflict);
    rig.holds_store = false;
    assert_eq!(rig.outcome(ticket), Err(Error::Conflict));
    let sign_out = Request::SignOut {
        account: kim,
        reason: "lost phone".into(),
    };
    assert_eq!(rig.operate(sign_out), Ok(Outcome::Done));
    assert_eq!(rig.notices, [(SessionTag(1), Notice::LoginEnded)]);
}

#[test]
fn the_reason_of_a_ban_that_was_done_late_is_told_and_of_one_that_was_refused_late_is_not() {
    for is_done in [true, false] {
        let mut rig = Rig::new();
        let kim = rig.register(1, "kim").user.account;
        rig.holds_store = true;
        let ticket = rig.begin(ban(kim, Until::TakenBack));
        rig.pass(Duration::from_secs(20));
        assert_eq!(rig.outcome(ticket), Err(Error::Unavailable));
        let expected = if is_done {
            rig.release();
            Notice::Banned {
                until: Until::TakenBack,
                reason: "spam".into(),
            }
        } else {
            rig.refuse(Refusal::Conflict);
            rig.holds_store = false;
            let sign_out = Request::SignOut {
                account: kim,
                reason: "lost phone".into(),
            };
            assert_eq!(rig.operate(sign_out), Ok(Outcome::Done));
            Notice::LoginEnded
        };
        assert_eq!(rig.notices, [(SessionTag(1), expected)]);
    }
}

#[test]
fn an_erased_account_is_gone_with_its_session_and_its_mute() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    let mute = Request::Mute {
        account: kim,
        until: Some(Until::TakenBack),
        reason: "spam".into(),
    };
    assert_eq!(rig.operate(mute), Ok(Outcome::Done));
    rig.notices.clear();
    let erase = Request::Erase {
        account: kim,
        reason: "asked for".into(),
    };
    assert_eq!(rig.operate(erase), Ok(Outcome::Done));
    assert_eq!(rig.notices, [(SessionTag(1), Notice::LoginEnded)]);
    let find = Request::Find(LookUp::Account(kim));
    assert_eq!(rig.operate(find), Err(Error::NotFound));
    assert!(rig.platform.bulletin().muted.is_empty());
}

#[test]
fn whoever_is_muted_whispers_nothing_and_every_shard_knows() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    let whisper = || Call::People {
        by: kim,
        request: people::Request::Whisper(Whisper {
            to: Addressee::Account(AccountId::new(9)),
            client_id: None,
            kind: 1,
            body: Vec::new(),
        }),
    };
    let mute = |until| Request::Mute {
        account: kim,
        until,
        reason: "spam".into(),
    };
    // One that has ended already holds nobody back.
    for (until, expected) in [(AT, None), (AT + 1, Some(AT + 1))] {
        let until = Some(Until::Time(until));
        assert_eq!(rig.operate(mute(until)), Ok(Outcome::Done));
        let ticket = rig.call(1, whisper());
        let reply = rig.reply_to(ticket).unwrap();
        let muted = match reply {
            Err(Error::Muted { until }) => until,
            _ => None,
        };
        assert_eq!(muted, expected);
    }
    let last = rig.published.last().unwrap();
    assert_eq!(last.muted(kim, AT), Some(Until::Time(AT + 1)));
    assert_eq!(rig.operate(mute(None)), Ok(Outcome::Done));
    assert!(rig.published.last().unwrap().muted.is_empty());
    assert!(rig.store.muted.is_empty());
    // It is told at once, with its end and the reason; one that nobody had is not ended.
    assert_eq!(rig.operate(mute(None)), Ok(Outcome::Done));
    let until = [Some(Until::Time(AT)), Some(Until::Time(AT + 1)), None];
    let reason = || "spam".to_owned();
    let told = until.map(|until| {
        let reason = reason();
        Notice::Muted { until, reason }
    });
    let heard: Vec<_> = rig.notices.drain(..).map(|(_, notice)| notice).collect();
    assert_eq!(heard, told);
}

#[test]
fn a_kick_is_logged_first_and_says_whether_anybody_was_there() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    let ticket = rig.begin(kick(kim));
    assert_eq!(rig.store.log()[0].0, "account.kick");
    let (tag, to, account, reason) = rig.kicks.pop().unwrap();
    assert!(rig.platform.presence().is_empty(), "they are not here now");
    assert_eq!((to, account), (Some(SessionTag(1)), kim));
    assert_eq!(reason, "enough");
    assert_eq!(rig.reply_to(ticket), None, "not before it is done");
    rig.heard(tag, 1);
    assert_eq!(rig.outcome(ticket), Ok(Outcome::Done));
    let ticket = rig.begin(kick(AccountId::new(5)));
    let (tag, to, ..) = rig.kicks.pop().unwrap();
    assert_eq!(to, None, "whichever session is theirs");
    rig.heard(tag, 0);
    assert_eq!(rig.outcome(ticket), Err(Error::NotFound));
}

#[test]
fn whoever_is_sent_away_gives_their_place_to_the_next_while_their_link_lasts() {
    let mut rig = Rig::closed(Store::default());
    let places = Places::new(1);
    rig.platform = rig.platform.with_places(places.clone(), 8);
    rig.open();
    rig.register(1, "kim");
    let erase = |account| Request::Erase {
        account,
        reason: "asked for".into(),
    };
    let ways: [fn(AccountId) -> Request; 3] = [kick, |it| ban(it, Until::TakenBack), erase];
    for (session, way) in (2..).zip(ways) {
        let (before, _) = rig.platform.presence().iter().next().expect("who is here");
        let request = register(&format!("lee{session}"));
        let next = rig.call(session, Call::Access { by: None, request });
        assert_eq!(rig.reply_to(next), None, "every place is taken");
        rig.begin(way(before));
        assert!(matches!(rig.reply_to(next), Some(Ok(_))));
        rig.close(session - 1);
        assert_eq!(places.taken(), 1, "it was given back once");
    }
}

#[test]
fn an_announcement_tells_how_many_heard_it_and_two_do_not_come_at_once() {
    let mut rig = Rig::new();
    let first = rig.begin(announce("hello"));
    let second = rig.begin(announce("hello"));
    let refused = rig.outcome(second);
    assert!(matches!(refused, Err(Error::Rate { .. })), "{refused:?}");
    let (tag, text) = rig.announced.pop().unwrap();
    assert_eq!(text, "hello");
    rig.heard(tag, 3);
    assert_eq!(rig.outcome(first), Ok(Outcome::Announced(3)));
    rig.pass(Duration::from_millis(200));
    let third = rig.begin(announce("again"));
    assert_eq!(rig.reply_to(third), None);
    assert_eq!(rig.store.log().len(), 2, "what was refused was not done");
}

#[test]
fn an_announcement_that_nobody_has_heard_keeps_the_next_waiting_no_longer() {
    let mut rig = Rig::new();
    let first = unheard(&mut rig);
    let (tag, _) = rig.announced.pop().unwrap();
    rig.heard(tag, 0);
    assert_eq!(rig.outcome(first), Err(Error::NotFound));
    let second = rig.begin(announce("hello"));
    let refused = rig.outcome(second);
    let retry_after = Duration::from_millis(20);
    assert_eq!(refused, Err(Error::Rate { retry_after }), "a little");
    rig.pass(retry_after);
    let third = rig.begin(announce("hello"));
    assert_eq!(rig.reply_to(third), None, "it is on its way");
}

#[test]
fn an_announcement_that_is_found_unheard_late_makes_room_for_none_behind_another() {
    let mut rig = Rig::new();
    unheard(&mut rig);
    let (late, _) = rig.announced.pop().unwrap();
    rig.pass(Duration::from_millis(200));
    let second = rig.begin(announce("hello"));
    assert_eq!(rig.reply_to(second), None, "it is on its way");
    rig.heard(late, 0);
    let third = rig.begin(announce("again"));
    let refused = rig.outcome(third);
    assert!(matches!(refused, Err(Error::Rate { .. })), "{refused:?}");
}

/// An announcement to a room in which nobody is.
fn unheard(rig: &mut Rig) -> Ticket {
    rig.begin(Request::Announce {
        scope: Scope::Numbered(7),
        text: "hello".into(),
    })
}

#[test]
fn a_text_that_nobody_could_read_is_refused_with_its_field() {
    let mut rig = Rig::new();
    let long = "한".repeat(501);
    for text in ["", " \n", "a\u{1b}[2J", &*long] {
        for request in [
            announce(text),
            Request::SetMaintenance(Some(wharf_data::Maintenance::now(text))),
        ] {
            let refused = rig.operate(request);
            let is_told = matches!(refused, Err(Error::Invalid { field: "text", .. }));
            assert!(is_told, "{text:?}: {refused:?}");
        }
    }
    let request = Request::Kick {
        account: AccountId::new(1),
        reason: "x".repeat(501),
    };
    let refused = rig.operate(request);
    let is_told = matches!(
        refused,
        Err(Error::Invalid {
            field: "reason",
            ..
        })
    );
    assert!(is_told, "{refused:?}");
    assert!(rig.store.log().is_empty() && rig.announced.is_empty());
}

/// Every request, with whether a moderator and whether anybody may make it.
fn requests(account: AccountId) -> Vec<(Request, bool, bool)> {
    let reason = String::from("x");
    let page = None;
    vec![
        (
            Request::Report {
                remembered: None,
                about: account,
                message: None,
                text: "x".into(),
            },
            true,
            true,
        ),
        (Request::Find(LookUp::Account(account)), true, false),
        (Request::Bulletin, true, false),
        (
            Request::Reports {
                stage: Stage::Open,
                page: page.clone(),
                limit: 1,
            },
            true,
            false,
        ),
        (Request::ReadReport(ReportId::new(1)), true, false),
        (Request::TakeReport(ReportId::new(1)), true, false),
        (
            Request::Decide {
                report: ReportId::new(1),
                decision: Decision::Dismiss,
                text: String::new(),
            },
            true,
            false,
        ),
        (announce("x"), true, false),
        (
            Request::Mute {
                account,
                until: None,
                reason: reason.clone(),
            },
            true,
            false,
        ),
        (kick(account), true, false),
        (
            Request::SignOut {
                account,
                reason: reason.clone(),
            },
            true,
            false,
        ),
        (ban(account, Until::TakenBack), true, false),
        (
            Request::Unban {
                account,
                reason: reason.clone(),
            },
            true,
            false,
        ),
        (Request::Logins(account), false, false),
        (
            Request::Accounts {
                search: String::new(),
                page: page.clone(),
                limit: 1,
            },
            false,
            false,
        ),
        (
            Request::NewPassword {
                account,
                reason: reason.clone(),
            },
            false,
            false,
        ),
        (
            Request::Export {
                account,
                page: page.clone(),
            },
            false,
            false,
        ),
        (Request::SetMaintenance(None), false, false),
        (
            Request::SetModerator {
                account,
                is_moderator: true,
            },
            false,
            false,
        ),
        (
            Request::Rooms {
                search: String::new(),
                page: page.clone(),
                limit: 1,
            },
            false,
            false,
        ),
        (
            Request::Audit {
                about: None,
                page,
                limit: 1,
            },
            false,
            false,
        ),
        (Request::Erase { account, reason }, false, false),
    ]
}

#[test]
fn users_moderators_and_strangers_may_ask_what_is_theirs_and_nothing_else() {
    let mut rig = Rig::new();
    let lee = rig.moderator(1, "lee");
    let kim = rig.register(2, "kim").user.account;
    let park = rig.register(3, "park").user.account;
    for (request, moderator, anybody) in requests(park) {
        let name = request.name();
        let is_refused = |result| result == Err(Error::Forbidden);
        let log = rig.store.log().len();
        assert_eq!(
            is_refused(rig.ask_as(2, kim, request.clone())),
            !anybody,
            "{name}"
        );
        if !anybody {
            assert_eq!(rig.store.log().len(), log, "{name}: nothing was done");
        }
        // Whoever is not in that session speaks for nobody.
        let stranger = rig.ask_as(2, lee, request.clone());
        assert_eq!(stranger, Err(Error::WrongState), "{name}");
        let by = Box::new(request);
        let call = Call::Operate {
            by: lee,
            request: by,
        };
        let ticket = rig.call(1, call);
        let reply = rig.reply_to(ticket);
        let forbidden = matches!(reply, Some(Err(Error::Forbidden)));
        assert_eq!(forbidden, !moderator, "{name}");
    }
}

#[test]
fn a_moderator_does_nothing_to_another_and_is_named_in_the_log() {
    let mut rig = Rig::new();
    let (lee, park) = (rig.moderator(1, "lee"), rig.moderator(2, "park"));
    let kim = rig.register(3, "kim").user.account;
    let mute = |account| Request::Mute {
        account,
        until: Some(Until::TakenBack),
        reason: "x".into(),
    };
    let sign_out = |account| Request::SignOut {
        account,
        reason: "x".into(),
    };
    for request in [
        ban(park, Until::TakenBack),
        kick(park),
        mute(park),
        sign_out(park),
    ] {
        let name = request.name();
        assert_eq!(rig.ask_as(1, lee, request), Err(Error::Forbidden), "{name}");
    }
    assert!(rig.notices.is_empty());
    assert_eq!(
        rig.ask_as(1, lee, ban(kim, Until::TakenBack)),
        Ok(Outcome::Done)
    );
    let last = rig.store.log().pop().unwrap();
    let expected = ("account.ban".into(), Actor::Account(lee), "spam".into());
    assert_eq!(last, expected);
}

#[test]
fn what_waits_is_bounded_and_answered_by_its_deadline_once() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    rig.holds_store = true;
    let tickets: Vec<_> = (0..256).map(|_| rig.begin(Request::Logins(kim))).collect();
    let refused = rig.operate(Request::Logins(kim));
    assert!(matches!(refused, Err(Error::Busy { .. })), "{refused:?}");
    rig.pass(Duration::from_secs(9));
    assert!(tickets.iter().all(|ticket| rig.reply_to(*ticket).is_none()));
    rig.pass(Duration::from_secs(1));
    for ticket in tickets {
        assert_eq!(rig.outcome(ticket), Err(Error::Unavailable));
    }
    rig.release();
    assert!(
        rig.operate(Request::Logins(kim)).is_ok(),
        "there is room again"
    );
}

#[test]
fn a_platform_is_not_at_rest_while_an_operator_waits() {
    let mut rig = Rig::new();
    let kim = rig.register(1, "kim").user.account;
    rig.close(1);
    assert!(rig.platform.is_at_rest());
    rig.holds_store = true;
    let asked = rig.begin(Request::Kick {
        account: kim,
        reason: String::new(),
    });
    assert!(!rig.platform.is_at_rest(), "the store is asked");
    rig.release();
    assert!(!rig.platform.is_at_rest(), "the session is looked for");
    let (tag, ..) = rig.kicks[0];
    rig.heard(tag, 0);
    assert_eq!(rig.outcome(asked), Err(Error::NotFound));
    assert!(rig.platform.is_at_rest());
}
