//! Who is kept out of a room: what the store says of one that stays, and what is known of others.

use super::Rooms;
use super::flow::{Caller, Entering, Flow};
use super::hall::Hall;
use crate::platform::error_of;
use wharf_data::access::Error;
use wharf_data::room::{self, Answer, Ban, Role};
use wharf_data::rooms::{Here, Outcome};
use wharf_data::{AccountId, Ask, PageToken, Part, Reply, UnixMs};

/// Bans of a page: so many fit a packet, whatever was said about them.
const BANS_MAX: u32 = 12;
/// The list that page tokens of rooms that do not stay belong to.
const LIST: &str = "bans of a room";

impl Rooms {
    pub(super) fn list_bans(
        &mut self,
        caller: Caller,
        here: Here,
        page: Option<PageToken>,
        limit: u32,
    ) {
        let (at, limit) = (self.at, limit.clamp(1, BANS_MAX));
        let Some(hall) = self.hall_of(here).filter(|hall| !hall.is_broken) else {
            return self.refuse(caller, Error::Conflict);
        };
        if hall.role(caller.by) < Role::Moderator {
            return self.refuse(caller, Error::Forbidden);
        }
        if hall.is_persistent {
            let room = here.room;
            let ask = room::Ask::Bans {
                room,
                at,
                page,
                limit,
            };
            return self.ask(Flow::Bans(caller), Ask::Room(ask));
        }
        match hall.bans(page.as_ref(), at, limit as usize) {
            Some((bans, next)) => self.reply(caller, Outcome::Bans { bans, next }),
            None => self.refuse(caller, error_of(wharf_data::Refusal::Invalid)),
        }
    }

    /// Somebody is kept out of a room, and is told why: the store knows that of one that stays.
    pub(super) fn tell_ban(&mut self, entering: Entering, until: Option<UnixMs>) {
        let (room, account) = (entering.room, entering.caller.by);
        match self.halls.get(&room).filter(|hall| !hall.is_persistent) {
            Some(hall) => {
                let verdict = hall.verdicts.get(&account);
                let reason = verdict.map_or_else(String::new, |verdict| verdict.reason.clone());
                self.turn_away(entering, Error::Banned { until, reason });
            }
            None => {
                let ask = room::Ask::BanReason { room, account };
                self.ask(Flow::KeptOut(Box::new(entering), until), Ask::Room(ask));
            }
        }
    }

    /// The store has said why. Without that the ban holds all the same.
    pub(super) fn keep_out(&mut self, entering: Entering, until: Option<UnixMs>, reply: &Reply) {
        let reason = match reply {
            Ok(wharf_data::Answer::Room(Answer::BanReason(reason))) => reason.clone(),
            _ => String::new(),
        };
        self.turn_away(entering, Error::Banned { until, reason });
    }

    /// The store has listed them.
    pub(super) fn bans_listed(&mut self, caller: Caller, reply: Reply) {
        match reply {
            Ok(wharf_data::Answer::Room(Answer::Bans { bans, next })) => {
                self.reply(caller, Outcome::Bans { bans, next });
            }
            Ok(_) => self.refuse(caller, Error::Unavailable),
            Err(refusal) => self.refuse(caller, error_of(refusal)),
        }
    }
}

impl Hall {
    /// Who is kept out of a room that does not stay, by account; `None` for a forged page.
    fn bans(
        &self,
        page: Option<&PageToken>,
        at: UnixMs,
        limit: usize,
    ) -> Option<(Vec<Ban>, Option<PageToken>)> {
        let filter = self.id.to_string();
        let behind = match page.map(|page| page.position(LIST, &filter)) {
            None => AccountId::new(i64::MIN),
            Some(position) => match position?.as_slice() {
                [Part::Number(account)] => AccountId::new(*account),
                _ => return None,
            },
        };
        let all = self
            .standings
            .iter()
            .filter(|(account, _)| **account > behind);
        let banned = all.filter_map(|(account, standing)| {
            let until = standing.ban.filter(|ban| ban.lasts(at))?;
            let verdict = self.verdicts.get(account).cloned().unwrap_or_default();
            Some(Ban {
                account: *account,
                name: verdict.name,
                by: AccountId::new(verdict.by),
                reason: verdict.reason,
                until,
            })
        });
        let mut bans: Vec<Ban> = banned.take(limit + 1).collect();
        let has_more = bans.len() > limit;
        bans.truncate(limit);
        let last = bans.last().filter(|_| has_more);
        let next =
            last.map(|ban| PageToken::new(LIST, &filter, &[Part::Number(ban.account.get())]));
        Some((bans, next))
    }
}
