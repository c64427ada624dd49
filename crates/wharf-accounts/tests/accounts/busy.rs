//! What happens when too much waits, and when somebody does not answer.

use crate::rig::{PASSWORD, Rig, as_guest, by_token, log_in, register};
use wharf_accounts::{AccountOptions, AccountStats, Error, Hashed, Outcome, Request, imitate};
use wharf_base::Duration;
use wharf_data::Refusal;
use wharf_data::account::Which;

fn busy(seconds: u64) -> Option<Result<Outcome, Error>> {
    let retry_after = Duration::from_secs(seconds);
    Some(Err(Error::Busy { retry_after }))
}

fn options() -> AccountOptions {
    AccountOptions {
        hash_jobs_max: 8,
        hash_time: Duration::from_secs(1),
        ..AccountOptions::default()
    }
}

#[test]
fn a_full_hash_queue_says_busy_and_for_how_long_and_tokens_still_work() {
    let mut rig = Rig::with(options());
    let kim = rig.enter(register("kim")).unwrap();
    rig.holds_jobs = true;
    rig.hash_time = Duration::from_secs(1);
    for session in 0..8 {
        rig.send(session, None, log_in(&format!("user {session}"), PASSWORD));
    }
    assert_eq!(rig.accounts.hashing(), 8);
    let tag = rig.send(9, None, log_in("user 9", PASSWORD));
    // Half of it is done in about four seconds; the first hash was quicker.
    assert_eq!(rig.answer(tag), busy(4));
    assert_eq!(rig.accounts.stats().hashes_refused, 1);
    assert!(rig.enter(by_token(&kim)).is_ok());
    assert!(rig.enter(as_guest(1)).is_ok());
    rig.do_job();
    rig.pump();
    let tag = rig.send(9, None, log_in("user 9", PASSWORD));
    assert_eq!(rig.answer(tag), None, "there is room again");
}

#[test]
fn a_hash_that_could_not_be_done_in_time_is_not_begun() {
    let mut rig = Rig::with(AccountOptions {
        hash_jobs_max: 1_000,
        hash_time: Duration::from_secs(5),
        ..AccountOptions::default()
    });
    rig.holds_jobs = true;
    let tags: Vec<_> = (0..10)
        .map(|session| rig.send(session, None, log_in(&format!("user {session}"), PASSWORD)))
        .collect();
    // Of thirty seconds, twenty are for hashing: four wait while the fifth is done.
    assert_eq!(rig.accounts.hashing(), 5);
    for tag in &tags[5..] {
        assert!(matches!(rig.answer(*tag), Some(Err(Error::Busy { .. }))));
    }
    assert_eq!(rig.accounts.stats().hashes_refused, 5);
}

#[test]
fn requests_of_one_session_are_done_one_after_the_other_and_not_too_many_wait() {
    let mut rig = Rig::with(AccountOptions {
        session_requests_max: 2,
        ..AccountOptions::default()
    });
    let kim = rig.enter(register("kim")).unwrap().user;
    rig.holds_asks = true;
    let avatar = |avatar| Request::SetProfile {
        version: None,
        avatar: Some(avatar),
        language: None,
        document: None,
    };
    let tags = [1, 2, 3, 4].map(|number| rig.send(1, Some(kim), avatar(number)));
    assert_eq!(rig.asks.len(), 1, "one at a time");
    assert_eq!(rig.answer(tags[3]), busy(1));
    let other = rig.send(2, Some(kim), avatar(5));
    assert_eq!(rig.asks.len(), 2, "others do not wait for it");
    rig.holds_asks = false;
    rig.pump();
    assert!(rig.answer(other).unwrap().is_ok());
    let order: Vec<_> = rig.answers.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(order, tags[..3]);
    let person = rig.store.people.get(&kim.account).unwrap();
    assert_eq!(person.avatar, 3);
}

#[test]
fn requests_in_progress_are_bounded() {
    let mut rig = Rig::with(AccountOptions {
        requests_max: 3,
        ..AccountOptions::default()
    });
    rig.holds_asks = true;
    for session in 0..3 {
        rig.send(session, None, as_guest(session as u8));
    }
    let tag = rig.send(4, None, as_guest(4));
    assert_eq!(rig.answer(tag), busy(1));
    assert_eq!(rig.accounts.in_progress(), 3);
}

#[test]
fn every_request_is_answered_at_its_deadline_and_late_answers_change_nothing() {
    let mut rig = Rig::new();
    rig.enter(register("kim")).unwrap();
    rig.holds_asks = true;
    rig.holds_jobs = true;
    let asked = rig.send(1, None, log_in("kim", PASSWORD));
    let waits = rig.send(1, None, log_in("kim", PASSWORD));
    rig.do_ask();
    rig.pump();
    let hashing = rig.send(2, None, as_guest(1));
    let deadline = AccountOptions::default().deadline;
    rig.pass(deadline - Duration::from_millis(1));
    assert!(rig.answers.is_empty());
    rig.pass(Duration::from_millis(1));
    for tag in [asked, waits, hashing] {
        assert_eq!(rig.answer(tag), Some(Err(Error::Unavailable)));
    }
    assert_eq!(rig.accounts.in_progress(), 0);
    assert_eq!(rig.accounts.next_deadline(), None);
    rig.holds_asks = false;
    rig.holds_jobs = false;
    rig.pump();
    assert!(rig.answers.is_empty());
    // The guest's question was only asked: nothing was made.
    assert_eq!(rig.store.people.len(), 1);
}

#[test]
fn only_those_for_whom_a_password_is_hashed_have_its_time() {
    let hash_deadline = Duration::from_secs(600);
    let mut rig = Rig::with(AccountOptions {
        hash_deadline,
        ..AccountOptions::default()
    });
    rig.holds_jobs = true;
    let hashing = rig.send(1, None, log_in("kim", PASSWORD));
    rig.holds_asks = true;
    let asking = rig.send(2, None, as_guest(1));
    let deadline = AccountOptions::default().deadline;
    rig.pass(deadline);
    assert_eq!(rig.answer(asking), Some(Err(Error::Unavailable)));
    rig.pass(hash_deadline - deadline - Duration::from_millis(1));
    assert_eq!(rig.answer(hashing), None, "its turn may still come");
    rig.pass(Duration::from_millis(1));
    assert_eq!(rig.answer(hashing), Some(Err(Error::Unavailable)));
    assert_eq!(rig.accounts.next_deadline(), None);
}

#[test]
fn jobs_that_were_lost_do_not_keep_their_places_for_ever() {
    let mut rig = Rig::with(options());
    rig.holds_jobs = true;
    for session in 0..8 {
        rig.send(session, None, log_in(&format!("user {session}"), PASSWORD));
    }
    rig.jobs.clear();
    let deadline = AccountOptions::default().deadline;
    rig.pass(deadline);
    assert_eq!(rig.accounts.hashing(), 8, "they may come back");
    rig.pass(deadline);
    rig.holds_jobs = false;
    let tag = rig.send(9, None, log_in("user 9", PASSWORD));
    rig.pass(deadline);
    assert!(rig.answer(tag).is_some());
    let answer = rig.ask(None, log_in("user 9", PASSWORD));
    assert_eq!(answer, Err(Error::Credentials));
}

#[test]
fn what_the_store_says_of_itself_is_passed_on() {
    let mut rig = Rig::new();
    rig.holds_asks = true;
    for (refusal, error) in [
        (
            Refusal::Busy {
                retry_after_ms: 700,
            },
            Error::Busy {
                retry_after: Duration::from_millis(700),
            },
        ),
        (Refusal::Unavailable, Error::Unavailable),
    ] {
        let tag = rig.send(1, None, as_guest(1));
        rig.refuse_ask(refusal);
        rig.pump();
        assert_eq!(rig.answer(tag), Some(Err(error)));
    }
}

#[test]
fn when_it_is_not_known_whether_logins_have_ended_their_sessions_do() {
    for at_deadline in [false, true] {
        let mut rig = Rig::new();
        let kim = rig.enter(register("kim")).unwrap().user;
        rig.holds_asks = true;
        let tag = rig.send(1, Some(kim), Request::RevokeOthers);
        if at_deadline {
            rig.pass(AccountOptions::default().deadline);
        } else {
            rig.refuse_ask(Refusal::Unavailable);
            rig.pump();
        }
        assert_eq!(rig.answer(tag), Some(Err(Error::Unavailable)));
        assert_eq!(rig.revoked.len(), 1);
        assert_eq!(rig.revoked[0].which, Which::AllBut(kim.login));
    }
    // A refusal that says that nothing was done ends nothing.
    let mut rig = Rig::new();
    let kim = rig.enter(register("kim")).unwrap().user;
    rig.holds_asks = true;
    rig.send(1, Some(kim), Request::RevokeOthers);
    rig.refuse_ask(Refusal::Busy { retry_after_ms: 1 });
    rig.pump();
    assert!(rig.revoked.is_empty());
}

#[test]
fn a_worker_that_fails_is_not_a_wrong_password() {
    let mut rig = Rig::new();
    rig.enter(register("kim")).unwrap();
    rig.holds_jobs = true;
    let tag = rig.send(1, None, log_in("kim", PASSWORD));
    let job = rig.jobs.pop_front().unwrap();
    let failed = Hashed {
        result: wharf_accounts::HashResult::Failed,
        took: Duration::ZERO,
    };
    rig.accounts.hashed(rig.now, rig.at, job.id, failed);
    // It comes once more, with another result.
    let late = Hashed {
        result: imitate(&job.work),
        took: Duration::ZERO,
    };
    rig.accounts.hashed(rig.now, rig.at, job.id, late);
    rig.pump();
    assert_eq!(rig.answer(tag), Some(Err(Error::Unavailable)));
    assert_eq!(rig.accounts.hashing(), 0);
}

#[test]
fn what_was_answered_is_counted() {
    let mut rig = Rig::with(AccountOptions {
        requests_max: 1,
        ..AccountOptions::default()
    });
    rig.enter(register("kim")).unwrap();
    rig.enter(log_in("kim", PASSWORD)).unwrap();
    let _ = rig.enter(log_in("kim", "wrong horse"));
    rig.holds_asks = true;
    rig.send(1, None, as_guest(1));
    rig.send(2, None, as_guest(2));
    rig.pass(AccountOptions::default().deadline);
    let expected = AccountStats {
        answered: 5,
        logged_in: 2,
        created: 1,
        wrong: 1,
        delayed: 0,
        busy: 1,
        unrecalled: 0,
        unavailable: 1,
        hashes_refused: 0,
    };
    assert_eq!(rig.accounts.stats(), expected);
}
