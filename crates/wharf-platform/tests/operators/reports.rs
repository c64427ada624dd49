//! Reports: filed, taken, decided.

use crate::rig::{AT, Rig, log_in};
use wharf_data::access::Error;
use wharf_data::message::Place;
use wharf_data::operators::{Decision, Outcome, Request};
use wharf_data::report::State;
use wharf_data::room::Until;
use wharf_data::service::Call;
use wharf_data::{AccountId, Actor, Notice, ReportId};
use wharf_platform::From;

/// Kim has reported what Lee whispered; Park is a moderator.
struct Case {
    rig: Rig,
    lee: AccountId,
    park: AccountId,
    report: ReportId,
}

impl Case {
    fn new() -> Self {
        let mut rig = Rig::new();
        let kim = rig.register(1, "kim").user.account;
        let lee = rig.register(2, "lee").user.account;
        let park = rig.moderator(3, "park");
        let request = Request::Report {
            remembered: None,
            about: lee,
            message: Some((Place::Direct(kim, lee), 4)),
            text: "rude".into(),
        };
        let Ok(Outcome::Reported(report)) = rig.ask_as(1, kim, request) else {
            panic!("not reported")
        };
        Self {
            rig,
            lee,
            park,
            report,
        }
    }

    fn take(&mut self) {
        let taken = self
            .rig
            .ask_as(3, self.park, Request::TakeReport(self.report));
        assert!(matches!(taken, Ok(Outcome::Report { .. })), "{taken:?}");
    }

    fn decide(&mut self, decision: Decision) -> Result<Outcome, Error> {
        let request = Request::Decide {
            report: self.report,
            decision,
            text: "be\nkind".into(),
        };
        self.rig.ask_as(3, self.park, request)
    }

    fn state(&self) -> &State {
        &self.rig.store.reports[&self.report].state
    }

    /// What was done since, by Park.
    fn actions(&self) -> Vec<String> {
        let log = self.rig.store.log().into_iter();
        log.filter(|(action, ..)| action != "server.setting")
            .map(|(action, ..)| action)
            .collect()
    }
}

#[test]
fn a_report_is_decided_by_whoever_has_taken_it_and_nobody_else() {
    let mut case = Case::new();
    assert_eq!(case.decide(Decision::Dismiss), Err(Error::Conflict));
    case.take();
    let take = Request::TakeReport(case.report);
    assert_eq!(case.rig.operate(take), Err(Error::Conflict));
    let request = Request::Decide {
        report: case.report,
        decision: Decision::Ban(Until::TakenBack),
        text: String::new(),
    };
    assert_eq!(case.rig.operate(request), Err(Error::Conflict));
    assert!(case.rig.notices.is_empty(), "nobody was banned");
    assert_eq!(case.decide(Decision::Release), Ok(Outcome::Done));
    assert_eq!(*case.state(), State::Open);
    case.take();
    assert_eq!(case.decide(Decision::Dismiss), Ok(Outcome::Done));
    let by = case.park;
    let decision = "dismiss".to_owned();
    assert_eq!(*case.state(), State::Decided { by, decision });
    assert_eq!(case.decide(Decision::Dismiss), Err(Error::Conflict));
}

#[test]
fn each_decision_does_what_it_says_and_stands_in_the_log() {
    let until = Until::Time(AT + 60_000);
    for (decision, action) in [
        (Decision::Warn, "account.warn"),
        (Decision::Remove, "message.remove"),
        (Decision::Mute(until), "account.mute"),
        (Decision::Ban(until), "account.ban"),
    ] {
        let mut case = Case::new();
        case.take();
        assert_eq!(case.decide(decision), Ok(Outcome::Done), "{action}");
        assert_eq!(
            case.actions(),
            ["report.take", action, "report.decide"],
            "{decision:?}"
        );
        let decided = State::Decided {
            by: case.park,
            decision: decision.name().into(),
        };
        assert_eq!(*case.state(), decided);
        let last = case.rig.store.log().pop().unwrap();
        assert_eq!(last.1, Actor::Account(case.park));
        let lee = case.lee;
        match decision {
            Decision::Warn => {
                let (to, message) = &case.rig.store.whispers[0];
                assert_eq!((*to, message.author), (lee, AccountId::new(0)));
                let shown = wharf_platform::shown(message.kind, &message.body);
                assert_eq!(shown.as_deref(), Some("be\nkind"));
                let told = |(_, notice): &(_, Notice)| matches!(notice, Notice::Whispered(_));
                let count = case.rig.notices.iter().filter(|it| told(it)).count();
                assert_eq!(count, 1, "who is here hears it at once, once");
            }
            Decision::Remove => assert_eq!(case.rig.store.removed, [4]),
            Decision::Mute(until) => {
                assert_eq!(case.rig.platform.bulletin().muted(lee, AT), Some(until));
                let (until, reason) = (Some(until), "be kind".to_owned());
                assert_eq!(case.rig.notices[0].1, Notice::Muted { until, reason });
            }
            _ => {
                let reason = "be kind".to_owned();
                let told = Notice::Banned {
                    until,
                    reason: reason.clone(),
                };
                assert_eq!(case.rig.notices[0].1, told);
                let until = Some(AT + 60_000);
                let refused = case.rig.access(9, None, log_in("lee"));
                assert_eq!(refused, Err(Error::Banned { until, reason }));
            }
        }
    }
}

#[test]
fn a_decision_that_could_not_be_done_leaves_the_report_taken() {
    let mut case = Case::new();
    case.take();
    case.rig
        .store
        .reports
        .get_mut(&case.report)
        .unwrap()
        .message = None;
    let refused = case.decide(Decision::Remove);
    let is_told = matches!(
        refused,
        Err(Error::Invalid {
            field: "decision",
            ..
        })
    );
    assert!(is_told, "{refused:?}");
    let by = case.park;
    assert_eq!(*case.state(), State::Taken { by });
    case.rig.store.people.people.remove(&case.lee);
    let refused = case.decide(Decision::Ban(Until::TakenBack));
    assert_eq!(refused, Err(Error::NotFound));
    assert_eq!(*case.state(), State::Taken { by });
}

#[test]
fn a_room_reports_for_those_in_it_and_asks_for_nothing_else() {
    let mut rig = Rig::new();
    let moderator = rig.moderator(1, "kim");
    let lee = rig.register(2, "lee").user.account;
    let call = |request| Call::Operate {
        by: moderator,
        request: Box::new(request),
    };
    let report = Request::Report {
        about: lee,
        message: None,
        remembered: None,
        text: "shouts".into(),
    };
    let ticket = rig.call_from(From::Room, call(report));
    assert!(matches!(rig.outcome(ticket), Ok(Outcome::Reported(_))));
    let reason = String::new();
    let kick = Request::Kick {
        account: lee,
        reason,
    };
    let ticket = rig.call_from(From::Room, call(kick));
    assert_eq!(rig.outcome(ticket), Err(Error::Forbidden));
}

#[test]
fn nobody_reports_themselves() {
    let mut case = Case::new();
    let kim = case.rig.store.reports[&case.report].by;
    let request = Request::Report {
        remembered: None,
        about: kim,
        message: None,
        text: "me".into(),
    };
    let refused = case.rig.ask_as(1, kim, request);
    let is_told = matches!(
        refused,
        Err(Error::Invalid {
            field: "account",
            ..
        })
    );
    assert!(is_told, "{refused:?}");
}
