//! One who does not read, and what that costs whom.

use lesson_lab::wait_until;
use std::io;
use std::thread;
use t05_gather::outgoing::Limits;
use t05_gather::overflow::{Overflow, Sums};
use t05_gather::talk::{Talk, WORD_BYTES, hear};

/// How many words may wait for one.
const ROOM: usize = 16;
/// How many do not leave for the one who does not read: more than fits, and no multiple of that.
const UNSENT: usize = 3 * ROOM + 5;
const NEVER: usize = usize::MAX;

fn limits(overflow: Overflow) -> Limits {
    Limits {
        waiting_bytes_max: ROOM * WORD_BYTES,
        parts_max: 16,
        overflow,
    }
}

/// A talk that has come so far, and what has become of its words by then.
fn talk(overflow: Overflow) -> io::Result<(Talk, Sums)> {
    let mut talk = Talk::with(limits(overflow), 1_000_000)?;
    let sums = talk.until_unsent(UNSENT)?;
    Ok((talk, sums))
}

#[test]
fn each_way_to_overflow_loses_and_holds_what_it_promises_and_no_more() -> io::Result<()> {
    for (overflow, waiting, lost) in [
        (Overflow::Close, 0, ROOM + 1),
        (Overflow::DropOldest, ROOM, UNSENT - ROOM),
        (Overflow::DropNewest, ROOM, UNSENT - ROOM),
        (Overflow::Block, ROOM + 1, 0),
    ] {
        let (_talk, sums) = talk(overflow)?;
        let are = (sums.bytes / WORD_BYTES, sums.lost as usize);
        assert_eq!(are, (waiting, lost), "words wait, are lost: {overflow:?}");
        let left = sums.given - sums.lost - waiting as u64;
        assert_eq!(sums.left, left, "not all is accounted for: {overflow:?}");
        // A word for each who reads may have waited for a moment.
        let most = waiting.max(ROOM) + 2;
        let words = sums.most_bytes.div_ceil(WORD_BYTES);
        assert!(words <= most, "{words} words have waited, {overflow:?}");
    }
    Ok(())
}

#[test]
fn by_closing_one_that_does_not_read_is_cut_and_the_others_go_on() -> io::Result<()> {
    let (mut talk, sums) = talk(Overflow::Close)?;
    assert!(sums.lost > 0, "nothing is lost by rule");
    talk.circle.say()?;
    let heard = hear(&mut talk.stalled, NEVER)?;
    let count = heard.len();
    assert!(heard.into_iter().eq(0..count), "not what came first");
    Ok(())
}

#[test]
fn by_dropping_the_oldest_one_that_does_not_read_has_the_newest_in_the_end() -> io::Result<()> {
    let (mut talk, sums) = talk(Overflow::DropOldest)?;
    assert!(sums.lost > 0, "nothing is lost by rule");
    let heard = hear(&mut talk.stalled, talk.circle.said - 1)?;
    assert_eq!(talk.circle.said - heard.len(), sums.lost as usize);
    assert!(heard.is_sorted(), "out of order");
    Ok(())
}

#[test]
fn by_dropping_the_newest_one_that_does_not_read_has_all_that_was_first() -> io::Result<()> {
    let (mut talk, sums) = talk(Overflow::DropNewest)?;
    assert!(sums.lost > 0, "nothing is lost by rule");
    let kept = talk.circle.said - sums.lost as usize;
    let heard = hear(&mut talk.stalled, kept - 1)?;
    assert!(heard.into_iter().eq(0..kept), "not what came first");
    Ok(())
}

#[test]
fn by_blocking_nobody_loses_anything_and_all_wait_for_one() -> io::Result<()> {
    const MORE: usize = 500;
    let (mut talk, sums) = talk(Overflow::Block)?;
    assert!(talk.unsent(sums) < UNSENT, "nobody waits for anybody");
    let all = talk.circle.said + MORE;
    let heard = thread::scope(|scope| {
        let more = scope.spawn(|| (0..MORE).try_for_each(|_| talk.circle.say()));
        let heard = hear(&mut talk.stalled, all - 1)?;
        more.join().unwrap()?;
        io::Result::Ok(heard)
    })?;
    assert!(heard.into_iter().eq(0..all), "something is lost");
    let Sums {
        lost, most_bytes, ..
    } = talk.account.read();
    assert_eq!(lost, 0);
    let most = (ROOM + 1 + 2) * WORD_BYTES;
    assert!(most_bytes <= most, "{most_bytes} bytes have waited");
    Ok(())
}

#[test]
fn by_blocking_all_wait_no_longer_than_until_who_never_reads_is_cut() -> io::Result<()> {
    let mut talk = Talk::with(limits(Overflow::Block), 2_000)?;
    talk.until_unsent(UNSENT)?;
    thread::scope(|scope| {
        let word = scope.spawn(|| talk.circle.say());
        wait_until("who does not read is cut", || {
            talk.account.read().bytes <= ROOM * WORD_BYTES
        });
        word.join().unwrap()
    })
}
