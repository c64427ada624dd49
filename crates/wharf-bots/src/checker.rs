//! Who must hear what: every accepted message reaches each member once, in its sender's order.

use crate::numbered::Numbered;
use std::collections::BTreeSet;

/// What one delivery turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The next one of its sender, or one behind a gap.
    Fresh,
    /// One from a gap: a later one of the same sender came first.
    Late,
    /// It had come before.
    Duplicate,
    /// Nobody has said that.
    Impossible,
}

/// Gaps that are remembered one by one. Beyond these a missing message counts as lost at once, and
/// as a duplicate should it come after all: a run that bad has failed anyway.
const GAPS_MAX: usize = 100_000;

/// The books of one room, kept at the clients: what was said, what was accepted, who heard what.
///
/// Members have seats from 0. All enter before anybody talks. Echoes are checked by the same
/// books, as a room of one member that hears itself.
///
/// Invariant: `answered[s] <= said[s]`; `next[r, s] <= said[s]`; every sequence below `next[r, s]`
/// was heard by `r`, unless it is in `gaps` or in `overflow`.
#[derive(Debug)]
pub(crate) struct RoomChecker {
    seats: u32,
    present: Numbered<bool>,
    said: Numbered<u32>,
    answered: Numbered<u32>,
    /// Messages that the server refused, as (sender, sequence).
    refused: BTreeSet<(u32, u32)>,
    /// For each receiver, for each sender: the sequence that comes next.
    next: Numbered<u32>,
    /// Skipped and not yet seen, as (receiver, sender, sequence).
    gaps: BTreeSet<(u32, u32, u32)>,
    /// Skipped when `gaps` was full.
    overflow: u64,
    heard: Numbered<u64>,
}

impl RoomChecker {
    /// The books of a room with `seats` seats, nobody in it.
    pub(crate) fn new(seats: u32) -> Self {
        Self {
            seats,
            present: Numbered::of(false, seats),
            said: Numbered::of(0, seats),
            answered: Numbered::of(0, seats),
            refused: BTreeSet::new(),
            next: Numbered::of(0, seats * seats),
            gaps: BTreeSet::new(),
            overflow: 0,
            heard: Numbered::of(0, seats),
        }
    }

    /// The server has let this member in: from now on it hears everything.
    pub(crate) fn enter(&mut self, seat: u32) {
        self.present[seat] = true;
    }

    /// The member's link has ended: it need not hear anything more, and what it heard stays heard.
    pub(crate) fn leave(&mut self, seat: u32) {
        self.present[seat] = false;
    }

    /// A member says its next message; returns the message's sequence.
    pub(crate) fn say(&mut self, seat: u32) -> u32 {
        let said = &mut self.said[seat];
        *said += 1;
        *said - 1
    }

    /// The server has answered the member's oldest unanswered message. False if there is none.
    pub(crate) fn answer(&mut self, seat: u32, accepted: bool) -> bool {
        if self.answered[seat] == self.said[seat] {
            return false;
        }
        if !accepted {
            self.refused.insert((seat, self.answered[seat]));
        }
        self.answered[seat] += 1;
        true
    }

    /// A message has arrived at `receiver`.
    pub(crate) fn hear(&mut self, receiver: u32, sender: u32, sequence: u32) -> Delivery {
        if sequence >= self.said[sender] {
            return Delivery::Impossible;
        }
        let pair = self.pair(receiver, sender);
        let next = self.next[pair];
        if sequence < next {
            if !self.gaps.remove(&(receiver, sender, sequence)) {
                return Delivery::Duplicate;
            }
            self.heard[receiver] += 1;
            return Delivery::Late;
        }
        for skipped in next..sequence {
            if self.gaps.len() < GAPS_MAX {
                self.gaps.insert((receiver, sender, skipped));
            } else {
                self.overflow += 1;
            }
        }
        self.next[pair] = sequence + 1;
        self.heard[receiver] += 1;
        Delivery::Fresh
    }

    /// Messages of the member that the server has not answered yet.
    pub(crate) fn unanswered(&self, seat: u32) -> u32 {
        self.said[seat] - self.answered[seat]
    }

    /// Messages of its own that the member has not heard yet.
    pub(crate) fn unheard_by_self(&self, seat: u32) -> u32 {
        self.said[seat] - self.next[self.pair(seat, seat)]
    }

    /// Whether every member present has heard all that was accepted, and waits for no answer.
    pub(crate) fn is_settled(&self) -> bool {
        let accepted = self.accepted();
        // Counting is cheap and rules out nearly always. It does not suffice: what a member that
        // is gone said may have been heard though its acceptance was not, and hide a loss.
        let is_likely = |seat| self.unanswered(seat) == 0 && self.heard[seat] >= accepted;
        self.present().all(is_likely) && self.present().all(|seat| self.missed_by(seat) == 0)
    }

    /// Whether this member has heard all that was accepted.
    pub(crate) fn has_heard_all(&self, seat: u32) -> bool {
        self.missed_by(seat) == 0
    }

    /// Accepted messages that a member present has never heard, over all members.
    pub(crate) fn lost(&self) -> u64 {
        let missed: u64 = self.present().map(|seat| self.missed_by(seat)).sum();
        missed + self.overflow
    }

    /// Accepted messages that this member has not heard, but for those beyond [`GAPS_MAX`].
    fn missed_by(&self, receiver: u32) -> u64 {
        let gaps = self.gaps.range((receiver, 0, 0)..(receiver + 1, 0, 0));
        let skipped = gaps.filter(|&&(_, sender, sequence)| self.was_accepted(sender, sequence));
        let senders = 0..self.seats;
        let tails = senders.map(|sender| self.tail_missed(receiver, sender));
        skipped.count() as u64 + tails.sum::<u64>()
    }

    /// Those behind the last message of `sender` that was heard.
    fn tail_missed(&self, receiver: u32, sender: u32) -> u64 {
        let next = self.next[self.pair(receiver, sender)];
        let tail = self.answered[sender].saturating_sub(next);
        let refused = self.refused.range((sender, next)..(sender, next + tail));
        u64::from(tail) - refused.count() as u64
    }

    fn present(&self) -> impl Iterator<Item = u32> {
        (0..self.seats).filter(|&seat| self.present[seat])
    }

    fn accepted(&self) -> u64 {
        let answered = self
            .answered
            .iter()
            .map(|&count| u64::from(count))
            .sum::<u64>();
        answered - self.refused.len() as u64
    }

    fn was_accepted(&self, sender: u32, sequence: u32) -> bool {
        sequence < self.answered[sender] && !self.refused.contains(&(sender, sequence))
    }

    fn pair(&self, receiver: u32, sender: u32) -> u32 {
        receiver * self.seats + sender
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Delivery::{Duplicate, Fresh, Impossible, Late};

    /// A room of two in which seat 0 has said three messages, all accepted, and heard them itself.
    fn three_said() -> RoomChecker {
        let mut room = RoomChecker::new(2);
        room.enter(0);
        room.enter(1);
        for sequence in 0..3 {
            assert_eq!(room.say(0), sequence);
            assert!(room.answer(0, true));
            assert_eq!(room.hear(0, 0, sequence), Fresh);
        }
        room
    }

    fn hear(room: &mut RoomChecker, sequences: &[u32]) -> Vec<Delivery> {
        sequences
            .iter()
            .map(|&sequence| room.hear(1, 0, sequence))
            .collect()
    }

    #[test]
    fn each_message_once_and_in_order_is_right() {
        let mut room = three_said();
        assert!(!room.is_settled());
        assert_eq!(hear(&mut room, &[0, 1, 2]), [Fresh; 3]);
        assert!(room.is_settled());
        assert_eq!(room.lost(), 0);
    }

    #[test]
    fn a_loss_in_the_middle_is_found() {
        let mut room = three_said();
        assert_eq!(hear(&mut room, &[0, 2]), [Fresh; 2]);
        assert!(!room.is_settled());
        assert_eq!(room.lost(), 1);
    }

    #[test]
    fn a_loss_at_the_end_is_found() {
        let mut room = three_said();
        assert_eq!(hear(&mut room, &[0]), [Fresh]);
        assert_eq!(room.lost(), 2);
    }

    #[test]
    fn a_duplicate_is_found_and_does_not_hide_a_loss() {
        let mut room = three_said();
        assert_eq!(hear(&mut room, &[0, 0, 1]), [Fresh, Duplicate, Fresh]);
        assert!(!room.is_settled());
        assert_eq!(room.lost(), 1);
    }

    #[test]
    fn an_overtaken_message_is_out_of_order_and_not_lost() {
        let mut room = three_said();
        assert_eq!(hear(&mut room, &[1, 0, 2]), [Fresh, Late, Fresh]);
        assert!(room.is_settled());
        assert_eq!(room.lost(), 0);
        assert_eq!(
            hear(&mut room, &[0]),
            [Duplicate],
            "late, and then once more"
        );
    }

    #[test]
    fn what_nobody_said_is_found() {
        assert_eq!(hear(&mut three_said(), &[3]), [Impossible]);
    }

    #[test]
    fn an_unanswered_message_may_be_heard_and_is_not_missed() {
        let mut room = three_said();
        hear(&mut room, &[0, 1, 2]);
        assert_eq!(room.say(0), 3);
        assert_eq!(room.unanswered(0), 1);
        assert!(!room.is_settled(), "its answer is missing");
        assert_eq!(room.lost(), 0, "the server may never have had it");
        assert_eq!(
            hear(&mut room, &[3]),
            [Fresh],
            "a delivery may overtake the answer"
        );
    }

    #[test]
    fn an_unanswered_message_of_one_that_is_gone_hides_no_loss() {
        let mut room = three_said();
        room.say(0);
        room.leave(0);
        assert_eq!(
            hear(&mut room, &[0, 1, 3]),
            [Fresh; 3],
            "as many as were accepted"
        );
        assert!(!room.is_settled());
        assert_eq!(room.lost(), 1);
    }

    #[test]
    fn a_refused_message_is_not_missed() {
        let mut room = three_said();
        room.say(0);
        assert!(room.answer(0, false));
        assert!(!room.answer(0, true), "more answers than messages");
        assert_eq!(hear(&mut room, &[0, 1, 2]), [Fresh; 3]);
        assert!(room.is_settled());
        assert_eq!(room.lost(), 0);
    }

    #[test]
    fn a_refused_message_in_the_middle_is_not_missed() {
        let mut room = RoomChecker::new(1);
        room.enter(0);
        for (sequence, accepted) in [(0, true), (1, false), (2, true)] {
            room.say(0);
            room.answer(0, accepted);
            if accepted {
                assert_eq!(room.hear(0, 0, sequence), Fresh);
            }
        }
        assert!(room.is_settled());
        assert_eq!(room.lost(), 0);
    }

    #[test]
    fn a_member_that_left_misses_nothing() {
        let mut room = three_said();
        room.leave(1);
        assert!(room.is_settled());
        assert_eq!(room.lost(), 0);
    }
}
