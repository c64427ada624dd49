//! Two servers on one store: what one changes holds at the other, and neither undoes what the
//! other has done.

use crate::rig::{Rig, Store, log_in};
use wharf_base::Duration;
use wharf_data::access::Error;
use wharf_data::operators::{Outcome, Request};
use wharf_data::room::Until;
use wharf_data::service::Call;
use wharf_data::{AccountId, Ask, Maintenance, Notice, Refusal, account, keep};
use wharf_platform::SessionTag;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A server that is not alone.
fn beside(store: Store) -> Rig {
    let mut rig = Rig::closed(store);
    rig.platform = rig.platform.with_others(LOOK_EVERY);
    rig.open();
    // What is read first is looked at once more: it may have changed meanwhile.
    rig.pass(LOOK_EVERY);
    rig
}

/// Has the other server at the store that this one was at.
fn at_the_store_of(one: &mut Rig, other: &mut Rig) {
    std::mem::swap(&mut one.store, &mut other.store);
}

fn moderator(account: AccountId, is_moderator: bool) -> Request {
    Request::SetModerator {
        account,
        is_moderator,
    }
}

#[test]
fn what_one_server_changes_the_other_knows_soon_and_tells_once() {
    let mut first = beside(Store::default());
    let lee = first.register(1, "lee").user.account;
    let mut second = beside(Store::default());
    let plan = Maintenance::now("back at noon");
    for request in [
        moderator(lee, true),
        Request::Mute {
            account: lee,
            until: Some(Until::TakenBack),
            reason: "x".into(),
        },
        Request::SetMaintenance(Some(plan.clone())),
    ] {
        assert_eq!(first.operate(request), Ok(Outcome::Done));
    }
    at_the_store_of(&mut first, &mut second);
    second.pass(LOOK_EVERY);
    assert_eq!(second.platform.bulletin(), first.platform.bulletin());
    assert!(second.platform.bulletin().is_moderator(lee));
    assert_eq!(
        second.to_all,
        [Notice::Maintenance(Some(plan.into()))],
        "everybody there is told"
    );
    let published = second.published.len();
    second.pass(LOOK_EVERY);
    second.operate(Request::SetMaintenance(None)).unwrap();
    second.operate(moderator(lee, false)).unwrap();
    at_the_store_of(&mut second, &mut first);
    first.pass(LOOK_EVERY);
    assert_eq!(first.platform.bulletin(), second.platform.bulletin());
    assert_eq!(first.platform.bulletin().maintenance, None);
    assert_eq!(first.to_all.last(), Some(&Notice::Maintenance(None)));
    assert_eq!(second.published.len(), published + 2, "once for each");
}

#[test]
fn no_server_undoes_what_another_has_done_to_the_moderators() {
    let mut first = beside(Store::default());
    let people = ["lee", "kim", "park"].map(|name| first.register(1, name).user.account);
    let [lee, kim, park] = people;
    first.operate(moderator(lee, true)).unwrap();
    let mut second = beside(Store::default());
    at_the_store_of(&mut first, &mut second);
    // It has not looked since, and knows of no moderator at all.
    assert!(second.platform.bulletin().moderators.is_empty());
    second.operate(moderator(kim, true)).unwrap();
    assert_eq!(second.platform.bulletin().moderators, [lee, kim].into());
    assert_eq!(second.operate(moderator(lee, false)), Ok(Outcome::Done));
    at_the_store_of(&mut second, &mut first);
    first.operate(moderator(park, true)).unwrap();
    assert_eq!(first.platform.bulletin().moderators, [kim, park].into());
    assert_eq!(first.operate(moderator(lee, false)), Err(Error::NotFound));
}

#[test]
fn one_row_is_looked_at_and_all_is_read_only_when_it_is_another() {
    let mut rig = beside(Store::default());
    let published = rig.published.len();
    rig.holds_store = true;
    rig.pass(LOOK_EVERY);
    let is_look =
        |ask: &Ask| matches!(ask, Ask::Keep(keep::Ask::Setting { name }) if name == keep::CHANGES);
    assert!(rig.held.len() == 1 && is_look(&rig.held[0].1));
    rig.pass(LOOK_EVERY * 10);
    assert_eq!(rig.held.len(), 1, "one question at a time");
    rig.refuse(Refusal::Unavailable);
    assert!(rig.held.is_empty(), "nothing is read for that");
    rig.pass(LOOK_EVERY);
    assert_eq!(rig.held.len(), 1, "it is asked again");
    rig.release();
    assert_eq!(rig.published.len(), published, "nothing is new");
    rig.store.settings.insert(keep::CHANGES.into(), "9".into());
    rig.store.settings.insert("maintenance".into(), "x".into());
    rig.pass(LOOK_EVERY);
    assert_eq!(rig.published.len(), published + 1);
}

#[test]
fn what_is_looked_up_while_something_changes_here_is_read_once_more() {
    let mut first = beside(Store::default());
    first
        .operate(Request::SetMaintenance(Some(Maintenance::now("a"))))
        .unwrap();
    // The other server's change is in the store, and was seen before this one's answer came.
    first
        .store
        .settings
        .insert("maintenance".into(), "b".into());
    first.pass(LOOK_EVERY);
    let known = first.platform.bulletin().maintenance.clone();
    assert_eq!(known.as_deref(), Some("b"));
}

fn ban(account: AccountId) -> Request {
    Request::Ban {
        account,
        until: Until::TakenBack,
        reason: "cheating".into(),
    }
}

fn banned() -> Notice {
    Notice::Banned {
        until: Until::TakenBack,
        reason: "cheating".into(),
    }
}

#[test]
fn sessions_end_here_whose_logins_have_ended_at_another_server() {
    let mut second = beside(Store::default());
    let people = [1, 2, 3, 4].map(|session| {
        let name = format!("guest {session}");
        second.register(session, &name).user.account
    });
    second.pass(LOOK_EVERY);
    let mut first = beside(Store::default());
    at_the_store_of(&mut second, &mut first);
    let reason = String::new();
    for request in [
        ban(people[0]),
        Request::SignOut {
            account: people[1],
            reason: reason.clone(),
        },
        Request::Erase {
            account: people[2],
            reason,
        },
    ] {
        assert_eq!(first.operate(request), Ok(Outcome::Done));
    }
    at_the_store_of(&mut first, &mut second);
    assert!(second.notices.is_empty());
    second.pass(LOOK_EVERY);
    let told = [banned(), Notice::LoginEnded, Notice::LoginEnded];
    let told = (1..).map(SessionTag).zip(told);
    assert_eq!(second.notices, told.collect::<Vec<_>>());
    let presence = second.platform.presence();
    let here = people.map(|account| presence.find(account).is_some());
    assert_eq!(here, [false, false, false, true]);
    second.pass(LOOK_EVERY);
    assert_eq!(second.notices.len(), 3, "each is told once");
}

#[test]
fn whoever_comes_while_it_is_noticed_is_looked_at_too() {
    let mut second = beside(Store::default());
    let kim = second.register(1, "kim").user.account;
    second.close(1);
    second
        .store
        .settings
        .insert(keep::CHANGES.into(), "9".into());
    // The store has begun the login, and its answer is late.
    second.holds_store = true;
    second.call(
        2,
        Call::Access {
            by: None,
            request: log_in("kim"),
        },
    );
    let (tag, begun) = loop {
        let (tag, ask) = second.held.pop().expect("something is asked");
        let reply = second.store_says(&ask);
        if matches!(ask, Ask::Account(account::Ask::LogIn { .. })) {
            break (tag, reply);
        }
        second.platform_hears(tag, reply);
    };
    second.holds_store = false;
    let mut first = beside(Store::default());
    at_the_store_of(&mut second, &mut first);
    assert_eq!(first.operate(ban(kim)), Ok(Outcome::Done));
    at_the_store_of(&mut first, &mut second);
    second.pass(LOOK_EVERY);
    assert!(second.notices.is_empty(), "nobody is here");
    second.platform_hears(tag, begun);
    assert_eq!(second.notices, [(SessionTag(2), banned())]);
    assert!(second.platform.presence().is_empty());
}

#[test]
fn a_store_that_does_not_say_whose_login_has_ended_is_asked_again() {
    let mut second = beside(Store::default());
    let kim = second.register(1, "kim").user.account;
    let mut first = beside(Store::default());
    at_the_store_of(&mut second, &mut first);
    assert_eq!(first.operate(ban(kim)), Ok(Outcome::Done));
    at_the_store_of(&mut first, &mut second);
    second.holds_store = true;
    second.pass(LOOK_EVERY);
    let (tag, look) = second.held.pop().expect("a look");
    let changed = second.store_says(&look);
    second.platform_hears(tag, changed);
    assert_eq!(second.held.len(), 4, "three that are read, and the logins");
    second.refuse(Refusal::Unavailable);
    second.holds_store = false;
    assert!(second.notices.is_empty());
    second.pass(LOOK_EVERY);
    assert_eq!(second.notices, [(SessionTag(1), banned())]);
}
