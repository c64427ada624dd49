//! What a store says of those who guess, in every order.

use super::*;
use wharf_data::Answer;

impl Counted for &'static str {
    fn key(&self) -> String {
        format!("test:{self}")
    }
}

type Names = Guesses<&'static str, u64>;

fn guesses(is_alone: bool, entries_max: usize) -> Names {
    let limits = ThrottleLimits {
        entries_max,
        ..ThrottleLimits::USUAL
    };
    Guesses::new(limits, Duration::from_secs(1), is_alone)
}

fn after(ms: u64) -> (Instant, UnixMs) {
    (Instant::ZERO + Duration::from_millis(ms), ms as i64)
}

fn found(score: i64, expires: UnixMs) -> Reply {
    let found = short::Found {
        key: String::new(),
        value: Vec::new(),
        score,
        expires,
    };
    Ok(Answer::Short(short::Answer::Found(found)))
}

fn counted(count: i64) -> Reply {
    let ends = 3_600_000;
    Ok(Answer::Short(short::Answer::Counted { count, ends }))
}

const NOTHING: Reply = Err(Refusal::NotFound);

/// Somebody who has failed so often that they wait, as the store says.
fn guilty(is_alone: bool) -> Names {
    let mut names = guesses(is_alone, 10);
    names.ask(after(0), "kim", 1, 1);
    names.stored(after(0), 1, &found(8, 3_600_000)).unwrap();
    assert_eq!(names.wait(&"kim", after(0).0), Duration::from_secs(4));
    names
}

#[test]
fn who_was_right_at_another_server_begins_anew_here_when_that_is_read() {
    let is_free = |is_alone, tell: &dyn Fn(&mut Names)| {
        let mut names = guilty(is_alone);
        tell(&mut names);
        names.wait(&"kim", after(0).0).is_zero()
    };
    let read = |names: &mut Names| {
        names.ask(after(0), "kim", 1, 2);
        names.stored(after(0), 2, &NOTHING).unwrap();
    };
    assert!(is_free(false, &read));
    assert!(
        !is_free(true, &read),
        "nobody else could have taken it away"
    );
    assert!(is_free(false, &|names| {
        names.count(0, "kim", 2).unwrap();
        names.stored(after(0), 2, &counted(1)).unwrap();
    }));
    // Here somebody was wrong meanwhile: which answer is the older is not known.
    assert!(!is_free(false, &|names| {
        names.ask(after(0), "kim", 1, 2);
        names.count(0, "kim", 3).unwrap();
        names.stored(after(0), 3, &counted(9)).unwrap();
        names.stored(after(0), 2, &found(8, 3_600_000)).unwrap();
    }));
    assert!(!is_free(false, &|names| {
        names.ask(after(0), "kim", 1, 2);
        names
            .stored(after(0), 2, &Err(Refusal::Unavailable))
            .unwrap();
    }));
}

#[test]
fn what_comes_of_somebody_who_was_right_meanwhile_counts_no_more() {
    let mut names = guesses(false, 10);
    names.ask(after(0), "kim", 1, 1);
    names.ask(after(0), "lee", 2, 2);
    names.count(0, "kim", 3).unwrap();
    assert!(names.was_right(&"kim").is_some(), "there may be something");
    for tag in [1, 2] {
        names.stored(after(0), tag, &found(8, 3_600_000)).unwrap();
    }
    names.stored(after(0), 3, &counted(9)).unwrap();
    let waits = ["kim", "lee"].map(|name| names.wait(&name, after(0).0).as_secs());
    assert_eq!(waits, [0, 4]);
}

#[test]
fn what_is_counted_is_read_again_with_the_delay_that_comes_of_it() {
    let limits = ThrottleLimits::default();
    let said = |reply: &Reply, at| match Said::of(reply, &limits, at) {
        Said::Past(past) => Some(past),
        _ => None,
    };
    // The last of seven was an hour before it ends, and the next waits for two seconds.
    let expected = Past {
        failures: 7,
        wait: Duration::from_millis(1_500),
        kept: Duration::from_millis(3_599_500),
    };
    let kept = found(7, 3_601_000);
    assert_eq!(said(&kept, 1_500), Some(expected));
    let (count, ends) = (7, 3_601_000);
    let counted = Ok(Answer::Short(short::Answer::Counted { count, ends }));
    assert_eq!(said(&counted, 1_500), Some(expected));
    let later = said(&kept, i64::MAX).unwrap();
    assert_eq!((later.wait, later.kept), (Duration::ZERO, Duration::ZERO));
    for (score, failures) in [(-1, 0), (i64::MIN, 0), (i64::MAX, u32::MAX)] {
        let extreme = said(&found(score, i64::MAX), i64::MIN).unwrap();
        assert_eq!(extreme.failures, failures);
    }
    assert!(said(&Err(Refusal::Unavailable), 0).is_none());
}

fn is_known(names: &mut Names, name: &'static str, ms: u64) -> bool {
    names.look(after(ms).0, &name, 9) == Look::Known
}

#[test]
fn where_others_write_too_what_was_read_is_good_for_a_second() {
    for (is_alone, later, expected) in [
        (true, 3_600_000, true),
        (false, 999, true),
        (false, 1_000, false),
    ] {
        let mut names = guesses(is_alone, 10);
        names.ask(after(0), "kim", 1, 1);
        assert_eq!(names.stored(after(0), 1, &NOTHING).unwrap().freed, [1]);
        assert_eq!(is_known(&mut names, "kim", later), expected, "{later}");
    }
}

#[test]
fn so_many_are_remembered_and_no_more() {
    let mut names: Guesses<u32, u64> =
        Guesses::new(ThrottleLimits::USUAL, Duration::from_secs(1), true);
    let seen_max = ThrottleLimits::USUAL.entries_max as u32;
    for number in 0..=seen_max {
        names.ask(after(0), number, 1, 1);
        names.stored(after(0), 1, &NOTHING).unwrap();
    }
    let look = |names: &mut Guesses<u32, u64>, number| names.look(after(0).0, &number, 9);
    assert_eq!(
        look(&mut names, 0),
        Look::Unknown,
        "it is asked about again"
    );
    assert_eq!(look(&mut names, 1), Look::Known);
    assert_eq!(
        (names.seen.len(), names.order.len()),
        (seen_max as usize, seen_max as usize)
    );
}

impl Counted for u32 {
    fn key(&self) -> String {
        format!("test:{self}")
    }
}
