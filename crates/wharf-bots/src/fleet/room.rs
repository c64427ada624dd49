//! A room as its bots see it.

use super::bot::{Bot, Stage};
use crate::checker::RoomChecker;
use crate::numbered::Numbered;

/// A room, its books and the bots on its seats.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) checker: RoomChecker,
    /// The bot on each seat.
    pub(super) bots: Numbered<u32>,
    /// The sum of [`Bot::weight`] over the members that are in.
    roster: u64,
    /// A member has left: lists are not compared any more, since a 217 names nobody.
    left: bool,
}

impl Room {
    /// The room of these bots, none of them in it.
    pub(super) fn new(bots: Vec<u32>) -> Self {
        Self {
            checker: RoomChecker::new(bots.len() as u32),
            bots: bots.into(),
            roster: 0,
            left: false,
        }
    }

    /// The server has let this bot in.
    pub(super) fn enter(&mut self, bot: &Bot) {
        self.checker.enter(bot.place.seat);
        self.roster += Bot::weight(bot.number);
    }

    /// This bot's session has ended, whether it was in or not.
    pub(super) fn leave(&mut self, bot: &Bot) {
        self.checker.leave(bot.place.seat);
        self.left = true;
    }

    /// Whether everything expected has come.
    pub(super) fn is_settled(&self, bots: &Numbered<Bot>) -> bool {
        self.checker.is_settled() && self.wrong_lists(bots) == 0
    }

    /// Members whose list of the others is not the room.
    pub(super) fn wrong_lists(&self, bots: &Numbered<Bot>) -> u64 {
        if self.left {
            return 0;
        }
        let members = self.bots.iter().map(|&bot| &bots[bot]);
        let present = members.filter(|it| it.stage == Stage::Ready);
        let wrong = present.filter(|it| it.roster + Bot::weight(it.number) != self.roster);
        wrong.count() as u64
    }
}
