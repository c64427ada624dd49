//! What those say in rooms without a name who may be muted everywhere: nobody may hear it then, so
//! it is not counted among the lines of which none is missing.

use crate::claims::Moment;
use crate::halls::{Order, Orders};
use wharf_base::Instant;

/// All of it, by number.
#[derive(Debug, Default)]
pub(crate) struct Mutters {
    all: Vec<Mutter>,
    /// How many were refused because somebody was muted.
    pub(crate) silenced: u64,
}

#[derive(Debug)]
struct Mutter {
    by: usize,
    room: i32,
    asked: Moment,
    is_refused: bool,
}

/// What is said, under that number.
pub(crate) fn words_of(number: usize) -> String {
    format!("m/{number}")
}

/// The number of what was said, if it is such a line.
pub(crate) fn number_of(words: &str) -> Option<usize> {
    words.strip_prefix("m/")?.parse().ok()
}

impl Mutters {
    /// Somebody says something in a room; its number.
    pub(crate) fn say(&mut self, by: usize, room: i32, asked: Moment) -> usize {
        self.all.push(Mutter {
            by,
            room,
            asked,
            is_refused: false,
        });
        self.all.len() - 1
    }

    /// Nobody hears it.
    pub(crate) fn refused(&mut self, number: usize) {
        self.all[number].is_refused = true;
    }

    /// It was acknowledged.
    ///
    /// # Panics
    /// If whoever said it is muted.
    pub(crate) fn accepted(&self, number: usize, (orders, now): (&Orders, Instant)) {
        let it = &self.all[number];
        let is_muted = orders.holds(Order::Mute(it.by), it.asked, now);
        assert!(!is_muted, "{it:?}: of somebody who is muted everywhere");
    }

    /// Somebody in `room` hears it.
    ///
    /// # Panics
    /// If whoever said it is muted, or it was refused, or said elsewhere.
    pub(crate) fn heard(&self, number: usize, room: Option<i32>, time: (&Orders, Instant)) {
        let it = &self.all[number];
        assert_eq!(room, Some(it.room), "{it:?}: in another room");
        assert!(!it.is_refused, "{it:?}: was refused, and is heard");
        self.accepted(number, time);
    }
}
