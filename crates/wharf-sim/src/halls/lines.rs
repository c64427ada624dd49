//! What was said in rooms that have a name, and what became of it.

use super::When;
use crate::claims::Moment;
use std::collections::BTreeMap;
use wharf_base::Instant;
use wharf_proto::room::History;

/// Every line of a run, by number.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    of_room: BTreeMap<i64, Vec<usize>>,
    /// Which line has that number in a room whose numbers are never used twice.
    numbered: BTreeMap<(i64, i64), usize>,
}

/// Something that somebody says.
#[derive(Debug)]
struct Line {
    room: i64,
    author: usize,
    history: History,
    /// When it was said for the first time.
    first: Moment,
    tries: u32,
    /// Tries of which it is certain that nothing came.
    refused: u32,
    acknowledged: Option<Moment>,
    seq: Option<i64>,
    is_heard: bool,
    /// Tries without an answer.
    open: u32,
    /// When one was answered last that may have been its.
    spoken: Option<Instant>,
}

impl Lines {
    /// Somebody says something new.
    pub(crate) fn say(&mut self, room: i64, author: usize, history: History, asked: When) -> usize {
        self.lines.push(Line {
            room,
            author,
            history,
            first: asked.moment,
            tries: 1,
            refused: 0,
            acknowledged: None,
            seq: None,
            is_heard: false,
            open: 1,
            spoken: None,
        });
        let line = self.lines.len() - 1;
        self.of_room.entry(room).or_default().push(line);
        line
    }

    /// The last line of `author` in a room, said once more; most often there was no answer.
    pub(crate) fn say_again(&mut self, room: i64, author: usize, any: bool) -> Option<usize> {
        let lines = self.of_room.get(&room)?.iter().rev().copied();
        let mut own = lines.filter(|line| self.lines[*line].author == author);
        let line = own.find(|line| any || self.lines[*line].acknowledged.is_none())?;
        self.lines[line].tries += 1;
        self.lines[line].open += 1;
        Some(line)
    }

    pub(crate) fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Whether its room promises to keep it, once.
    pub(crate) fn is_durable(&self, line: usize) -> bool {
        self.lines[line].history == History::Durable
    }

    /// Whether a line was said once only, and when it was said first.
    pub(crate) fn once(&self, line: usize) -> (bool, Moment) {
        let it = &self.lines[line];
        (it.tries == 1, it.first)
    }

    /// It was acknowledged.
    ///
    /// # Panics
    /// If the answer is not what the room promises.
    pub(crate) fn said(&mut self, line: usize, (seq, stored): (i64, bool), now: When) {
        let history = self.lines[line].history;
        let is_durable = history == History::Durable;
        assert_eq!(stored, is_durable, "{line}: {:?}", self.lines[line]);
        assert_eq!(seq > 0, history != History::Off, "{line}: number {seq}");
        self.learn(line, seq);
        let it = &mut self.lines[line];
        it.acknowledged.get_or_insert(now.moment);
        it.open -= 1;
        it.spoken = Some(now.at);
    }

    /// One try was refused.
    pub(crate) fn refused(&mut self, line: usize, is_certain: bool, now: Instant) {
        let it = &mut self.lines[line];
        it.refused += u32::from(is_certain);
        it.open -= 1;
        if !is_certain {
            it.spoken = Some(now);
        }
    }

    /// Whether `author` may have spoken in a room at `since` or later.
    pub(crate) fn may_have_spoken(&self, room: i64, author: usize, since: Instant) -> bool {
        let mut all = self.of_room.get(&room).into_iter().flatten();
        all.any(|line| {
            let it = &self.lines[*line];
            it.author == author && (it.open > 0 || it.spoken.is_some_and(|at| at >= since))
        })
    }

    /// Which line has that number in a room whose numbers are never used twice, if it is known.
    pub(crate) fn numbered(&self, room: i64, seq: i64) -> Option<usize> {
        self.numbered.get(&(room, seq)).copied()
    }

    /// The number of a line of such a room that is among the last.
    pub(crate) fn some_number(&self, room: i64, back: usize) -> Option<i64> {
        let all = self.numbered.range((room, i64::MIN)..=(room, i64::MAX));
        all.rev().nth(back).map(|((_, seq), _)| *seq)
    }

    /// Who said that.
    pub(crate) fn author(&self, line: usize) -> usize {
        self.lines[line].author
    }

    /// Somebody hears it in `room`, as said by `author`.
    ///
    /// # Panics
    /// If it was said elsewhere, by somebody else, or was refused.
    pub(crate) fn heard(&mut self, line: usize, room: i64, seq: i64, author: Option<usize>) {
        let it = self.lines.get_mut(line).expect("somebody said it");
        assert_eq!(it.room, room, "{line}: heard in another room: {it:?}");
        assert_eq!(Some(it.author), author, "{line}: another author: {it:?}");
        assert!(it.may_be(), "{line}: was refused, and is heard: {it:?}");
        it.is_heard = true;
        self.learn(line, seq);
    }

    /// The number of a line that is kept durably is one, and only its.
    fn learn(&mut self, line: usize, seq: i64) {
        let it = &mut self.lines[line];
        if it.history != History::Durable {
            return;
        }
        let known = *it.seq.get_or_insert(seq);
        assert_eq!(known, seq, "{line}: kept under two numbers: {it:?}");
        let owner = *self.numbered.entry((it.room, seq)).or_insert(line);
        assert_eq!(owner, line, "room {}: two lines have number {seq}", it.room);
    }

    /// Lines of a room that were said for the first time behind `since`, and acknowledged before
    /// `until`: whoever was there all that time has heard them.
    pub(crate) fn owed(&self, room: i64, since: Moment, until: Moment) -> Vec<usize> {
        let all = self.of_room.get(&room).into_iter().flatten().copied();
        let is_owed = |line: &usize| {
            let it = &self.lines[*line];
            it.first > since && it.acknowledged.is_some_and(|at| at < until)
        };
        all.filter(is_owed).collect()
    }

    /// Lines of a room that keeps everything which were acknowledged before `asked`, by number.
    pub(crate) fn kept_before(&self, room: i64, asked: Moment) -> BTreeMap<i64, usize> {
        let all = self.of_room.get(&room).into_iter().flatten().copied();
        let kept = all.filter_map(|line| {
            let it = &self.lines[line];
            let is_durable = it.history == History::Durable;
            let is_known = it.acknowledged.is_some_and(|at| at < asked);
            it.seq
                .filter(|_| is_durable && is_known)
                .map(|seq| (seq, line))
        });
        kept.collect()
    }

    /// Asserts that what was acknowledged in a room that keeps it is in its history, once and by
    /// its number; and that nothing else is which should not be.
    ///
    /// # Panics
    /// If that is not so.
    pub(crate) fn assert_kept(&mut self, room: i64, history: &[(i64, usize)]) {
        let mut found: BTreeMap<usize, i64> = BTreeMap::new();
        let (mut last, mut is_durable) = (0, false);
        let mut times: BTreeMap<usize, u32> = BTreeMap::new();
        for &(seq, line) in history {
            let it = &self.lines[line];
            assert_eq!(it.room, room, "{line}: in the history of another: {it:?}");
            assert!(it.may_be(), "{line}: was refused, and is kept: {it:?}");
            assert!(it.history != History::Off, "{line}: nothing is kept there");
            is_durable = it.history == History::Durable;
            assert!(seq > last, "room {room}: {seq} behind {last}");
            assert!(
                !is_durable || seq == last + 1,
                "room {room}: {seq} behind {last}"
            );
            last = seq;
            found.insert(line, seq);
            let times = times.entry(line).or_default();
            *times += 1;
            // A room that keeps things later forgets what it knew when it is opened again.
            let most = if is_durable { 1 } else { it.tries - it.refused };
            assert!(
                *times <= most,
                "{line}: {times} times in the history: {it:?}"
            );
            self.learn(line, seq);
        }
        for &line in self.of_room.get(&room).into_iter().flatten() {
            let it = &self.lines[line];
            let is_promised = it.acknowledged.is_some() || it.is_heard;
            let is_missing = it.history == History::Durable && !found.contains_key(&line);
            assert!(
                !(is_promised && is_missing),
                "{line}: not in the history: {it:?}"
            );
        }
        assert!(
            !is_durable || last == history.len() as i64,
            "room {room}: {last}"
        );
    }
}

impl Line {
    /// Whether it may have been taken: some try was not refused for certain.
    fn may_be(&self) -> bool {
        self.refused < self.tries
    }
}

#[cfg(test)]
mod tests {
    use super::super::when;
    use super::*;
    use std::panic::catch_unwind;

    /// Whether that history of room 1 is right when line 0 was acknowledged as number 1, line 1
    /// had no answer, and line 2 was refused.
    fn check(history: &[(i64, usize)]) -> bool {
        let history = history.to_vec();
        catch_unwind(move || {
            let mut lines = Lines::default();
            for moment in 1..4 {
                lines.say(1, 7, History::Durable, when(moment));
            }
            lines.said(0, (1, true), when(4));
            lines.refused(2, true, Instant::ZERO);
            lines.assert_kept(1, &history);
        })
        .is_ok()
    }

    #[test]
    fn a_history_is_right_that_has_everything_once_and_nothing_else() {
        assert!(check(&[(1, 0)]));
        assert!(check(&[(1, 0), (2, 1)]));
        assert!(!check(&[]), "what was acknowledged is lost");
        assert!(!check(&[(2, 0), (1, 1)]), "out of order");
        assert!(!check(&[(1, 1), (2, 0)]), "by another number");
        assert!(!check(&[(1, 0), (2, 0)]), "twice");
        assert!(!check(&[(1, 0), (2, 2)]), "it was refused");
        assert!(!check(&[(1, 0), (3, 1)]), "a number is left out");
    }

    #[test]
    fn whoever_was_there_is_owed_what_was_said_and_acknowledged_meanwhile() {
        let mut lines = Lines::default();
        for moment in [1, 3, 4] {
            lines.say(1, 7, History::Off, when(moment));
        }
        (0..2).for_each(|line| lines.said(line, (0, false), when(5)));
        assert_eq!(lines.owed(1, Moment(2), Moment(6)), [1]);
        assert_eq!(lines.owed(1, Moment(2), Moment(5)), [0; 0]);
        assert_eq!(lines.owed(2, Moment(0), Moment(9)), [0; 0]);
    }
}
