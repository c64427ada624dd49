//! Maintenance and moderators: kept, known, and published.

use crate::rig::{AT, Rig, Store, log_in};
use wharf_base::Duration;
use wharf_data::access::{self, Error, UnknownId};
use wharf_data::operators::{Outcome, Request};
use wharf_data::room::Until;
use wharf_data::service::Call;
use wharf_data::{AccountId, Maintenance, Notice, Refusal};
use wharf_platform::Places;

fn maintenance(text: &str) -> Request {
    Request::SetMaintenance(Some(Maintenance::now(text)))
}

fn kept_out() -> Result<access::Outcome, Error> {
    Err(Error::Maintenance("back at noon".into()))
}

#[test]
fn during_maintenance_only_moderators_come_in_and_who_is_in_stays() {
    let mut rig = Rig::new();
    rig.moderator(1, "lee");
    rig.platform.session_closed(wharf_platform::SessionTag(1));
    let kim = rig.register(2, "kim");
    assert_eq!(rig.operate(maintenance("back at noon")), Ok(Outcome::Done));
    let told = Notice::Maintenance(Some(Maintenance::now("back at noon").into()));
    assert_eq!(rig.to_all, [told]);
    assert_eq!(rig.platform.presence().len(), 1, "kim stays");
    let kept = rig.store.people.logins.len();
    assert_eq!(rig.access(3, None, log_in("kim")), kept_out());
    assert_eq!(rig.store.people.logins.len(), kept, "that login has ended");
    assert!(rig.notices.is_empty(), "nobody was taken over");
    assert!(rig.access(4, None, log_in("lee")).is_ok());
    let list = access::Request::ListLogins;
    assert!(rig.access(2, Some(kim.user), list).is_ok());
    assert_eq!(
        rig.operate(Request::SetMaintenance(None)),
        Ok(Outcome::Done)
    );
    assert_eq!(rig.to_all.last(), Some(&Notice::Maintenance(None)));
    assert!(rig.access(3, None, log_in("kim")).is_ok());
}

#[test]
fn whoever_waits_for_a_place_when_maintenance_begins_does_not_come_in_and_takes_none() {
    let mut rig = Rig::closed(Store::default());
    let places = Places::new(1);
    rig.platform = rig.platform.with_places(places.clone(), 8);
    rig.open();
    rig.register(1, "kim");
    let request = access::Request::LogInAsGuest {
        secret: "7".repeat(32).into(),
        device: String::new(),
    };
    let lee = rig.call(2, Call::Access { by: None, request });
    assert!(rig.reply_to(lee).is_none(), "lee waits");
    rig.operate(maintenance("back at noon")).unwrap();
    rig.close(1);
    assert_eq!(
        rig.reply_to(lee),
        Some(Err(Error::Maintenance("back at noon".into())))
    );
    assert_eq!((places.taken(), rig.platform.waiting()), (0, 0));
}

#[test]
fn what_can_be_used_once_is_not_used_up_by_a_server_in_maintenance() {
    let mut rig = Rig::new();
    rig.moderator(1, "lee");
    let kim = rig.register(2, "kim");
    rig.platform.session_closed(wharf_platform::SessionTag(2));
    rig.operate(maintenance("back at noon")).unwrap();
    let people = rig.store.people.people.len();
    let secret = kim.token.unwrap().secret.as_bytes().to_vec();
    let by_token = || access::Request::LogInByToken {
        token: secret.clone().into(),
        device: None,
    };
    assert_eq!(rig.access(3, None, by_token()), kept_out());
    let guest = access::Request::LogInAsGuest {
        secret: vec![7; 32].into(),
        device: String::new(),
    };
    assert_eq!(rig.access(3, None, guest), kept_out());
    let register = access::Request::Register {
        name: "park".into(),
        password: "correct horse".into(),
        device: String::new(),
    };
    assert_eq!(rig.access(3, None, register), kept_out());
    let classic = access::Request::LogInClassic {
        id: "choi".into(),
        password: "correct horse".into(),
        unknown: UnknownId::Registered,
    };
    assert_eq!(rig.access(3, None, classic), Err(Error::Credentials));
    assert_eq!(rig.store.people.people.len(), people, "nobody was made");
    rig.operate(Request::SetMaintenance(None)).unwrap();
    assert!(rig.access(3, None, by_token()).is_ok(), "as good as before");
}

#[test]
fn without_moderators_no_password_is_looked_at() {
    let mut rig = Rig::new();
    rig.register(1, "kim");
    rig.operate(maintenance("back at noon")).unwrap();
    rig.holds_store = true;
    assert_eq!(rig.access(2, None, log_in("kim")), kept_out());
    assert!(rig.held.is_empty(), "nothing was asked");
}

#[test]
fn what_holds_survives_the_process() {
    let mut rig = Rig::new();
    let lee = rig.moderator(1, "lee");
    rig.operate(maintenance("back at noon")).unwrap();
    let mute = Request::Mute {
        account: lee,
        until: Some(Until::TakenBack),
        reason: "x".into(),
    };
    rig.operate(mute).unwrap();
    let before = rig.platform.bulletin().clone();
    let mut rig = Rig::on(rig.store);
    assert_eq!(*rig.platform.bulletin(), before);
    assert_eq!(**rig.published.last().unwrap(), before);
    let remove = |account| Request::SetModerator {
        account,
        is_moderator: false,
    };
    assert_eq!(rig.operate(remove(lee)), Ok(Outcome::Done));
    assert_eq!(rig.operate(remove(lee)), Err(Error::NotFound));
    assert!(Rig::on(rig.store).platform.bulletin().moderators.is_empty());
}

#[test]
fn nobody_is_made_a_moderator_who_is_not_there() {
    let mut rig = Rig::new();
    let request = Request::SetModerator {
        account: AccountId::new(5),
        is_moderator: true,
    };
    assert_eq!(rig.operate(request), Err(Error::NotFound));
    assert!(rig.platform.bulletin().moderators.is_empty());
    assert_eq!(
        rig.operate(maintenance("x")),
        Ok(Outcome::Done),
        "not held up"
    );
}

#[test]
fn until_it_is_known_what_holds_nobody_comes_in_and_it_is_read_until_it_is() {
    let mut rig = Rig::closed(Store::default());
    rig.store
        .settings
        .insert("maintenance".into(), "back at noon".into());
    rig.holds_store = true;
    rig.open();
    assert!(!rig.platform.is_settled());
    assert_eq!(rig.access(1, None, log_in("kim")), Err(Error::Unavailable));
    assert_eq!(rig.operate(maintenance("x")), Err(Error::Unavailable));
    rig.refuse(Refusal::Unavailable);
    assert!(!rig.platform.is_settled());
    rig.holds_store = false;
    rig.pass(Duration::from_secs(2));
    assert!(rig.platform.is_settled());
    assert_eq!(rig.access(1, None, log_in("kim")), kept_out());
}

#[test]
fn a_change_of_which_nobody_knows_whether_it_was_made_is_read_again() {
    let mut rig = Rig::new();
    rig.holds_store = true;
    let ticket = rig.begin(maintenance("back at noon"));
    let second = rig.operate(Request::SetMaintenance(None));
    assert!(matches!(second, Err(Error::Busy { .. })), "{second:?}");
    // It is made, and its answer is lost.
    rig.store
        .settings
        .insert("maintenance".into(), "back at noon".into());
    rig.refuse(Refusal::Unavailable);
    assert_eq!(rig.outcome(ticket), Err(Error::Unavailable));
    rig.release();
    let known = rig.platform.bulletin().maintenance.as_deref();
    assert_eq!(known, Some("back at noon"));
    assert_eq!(rig.to_all.len(), 1, "everybody was told once");
    assert_eq!(
        rig.operate(Request::SetMaintenance(None)),
        Ok(Outcome::Done)
    );
}

#[test]
fn a_change_that_was_given_up_and_made_after_all_holds() {
    let mut rig = Rig::new();
    rig.holds_store = true;
    let ticket = rig.begin(maintenance("back at noon"));
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.outcome(ticket), Err(Error::Unavailable));
    rig.release();
    let known = rig.platform.bulletin().maintenance.as_deref();
    assert_eq!(known, Some("back at noon"));
    assert_eq!(
        rig.operate(Request::SetMaintenance(None)),
        Ok(Outcome::Done)
    );
}

/// Time passes, by both clocks.
fn pass_to(rig: &mut Rig, after_ms: i64) {
    rig.now = wharf_base::Instant::ZERO + Duration::from_millis(after_ms as u64);
    rig.platform.handle_timeout(rig.now, AT + after_ms);
    rig.pump();
}

#[test]
fn what_is_announced_is_told_begins_and_ends_by_itself_and_outlives_the_process() {
    let plan = Maintenance {
        begins: Some(AT + 60_000),
        ends: Some(AT + 90_000),
        ..Maintenance::now("new rooms")
    };
    let begun = Maintenance {
        begins: None,
        ..plan.clone()
    };
    let notice = |plan: Option<&Maintenance>| Notice::Maintenance(plan.cloned().map(Into::into));
    let mut rig = Rig::new();
    let announced = rig.operate(Request::SetMaintenance(Some(plan.clone())));
    assert_eq!(announced, Ok(Outcome::Done));
    assert_eq!(rig.to_all, [notice(Some(&plan))]);
    assert_eq!(rig.platform.bulletin().maintenance, None);
    let mut rig = Rig::on(rig.store);
    assert_eq!(rig.to_all, [notice(Some(&plan))]);
    rig.register(3, "kim");
    pass_to(&mut rig, 59_999);
    assert_eq!(rig.to_all.len(), 1);
    pass_to(&mut rig, 60_000);
    assert_eq!(rig.to_all.last(), Some(&notice(Some(&begun))));
    let kept_out = Err(Error::Maintenance("new rooms".into()));
    assert_eq!(rig.access(4, None, log_in("kim")), kept_out);
    assert_eq!(rig.platform.presence().len(), 1, "who is in stays");
    pass_to(&mut rig, 90_000);
    assert_eq!(rig.to_all.last(), Some(&notice(None)));
    assert_eq!(rig.platform.next_deadline(), None);
    assert!(rig.access(4, None, log_in("kim")).is_ok());
    let published: Vec<bool> = rig
        .published
        .iter()
        .map(|it| it.maintenance.is_some())
        .collect();
    assert_eq!(published, [false, true, false]);
}

#[test]
fn what_is_planned_begins_soon_after_the_clock_was_set() {
    let mut rig = Rig::new();
    let plan = Maintenance {
        begins: Some(AT + 7_200_000),
        ..Maintenance::now("new rooms")
    };
    rig.operate(Request::SetMaintenance(Some(plan))).unwrap();
    let due = rig.now + Duration::from_secs(60);
    assert_eq!(rig.platform.next_deadline(), Some(due));
    pass_to(&mut rig, 60_000);
    assert_eq!(rig.to_all.len(), 1, "nothing new is told");
    assert_eq!(rig.platform.bulletin().maintenance, None);
    let due = due + Duration::from_secs(60);
    assert_eq!(rig.platform.next_deadline(), Some(due));
    rig.platform.handle_timeout(due, AT + 7_200_000);
    rig.pump();
    assert!(rig.platform.bulletin().maintenance.is_some());
}

#[test]
fn a_plan_may_be_called_off_or_changed_and_ends_behind_its_beginning() {
    let mut rig = Rig::new();
    let plan = |begins, ends| {
        let text = "new rooms".to_owned();
        Request::SetMaintenance(Some(Maintenance { text, begins, ends }))
    };
    for (begins, ends) in [
        (Some(AT + 9), Some(AT + 9)),
        (None, Some(AT)),
        (Some(AT - 9), Some(AT)),
    ] {
        let refused = rig.operate(plan(begins, ends));
        assert!(matches!(
            refused,
            Err(Error::Invalid {
                field: "for_ms",
                ..
            })
        ));
    }
    rig.operate(plan(Some(AT + 1_000), None)).unwrap();
    rig.operate(Request::SetMaintenance(None)).unwrap();
    assert_eq!(rig.to_all.last(), Some(&Notice::Maintenance(None)));
    pass_to(&mut rig, 2_000);
    assert_eq!(rig.platform.bulletin().maintenance, None);
    rig.operate(plan(Some(AT - 5), None)).unwrap();
    assert!(
        rig.platform.bulletin().maintenance.is_some(),
        "it has begun"
    );
}

#[test]
fn a_moderator_that_was_looked_up_for_too_long_holds_no_other_setting_up() {
    let mut rig = Rig::new();
    let lee = rig.register(1, "lee").user.account;
    for answers_late in [false, true] {
        rig.holds_store = true;
        let request = Request::SetModerator {
            account: lee,
            is_moderator: true,
        };
        let ticket = rig.begin(request);
        rig.pass(Duration::from_secs(10));
        assert_eq!(rig.outcome(ticket), Err(Error::Unavailable));
        if answers_late {
            rig.release();
        }
        rig.held.clear();
        rig.holds_store = false;
        assert_eq!(rig.operate(maintenance("x")), Ok(Outcome::Done));
        assert!(rig.platform.bulletin().moderators.is_empty());
    }
}
