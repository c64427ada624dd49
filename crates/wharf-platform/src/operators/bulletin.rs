//! What holds for the whole server: kept in the store, known here, published to every shard.

use super::looking::Looking;
use super::{JobId, Pending, Step};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use wharf_base::{Duration, Instant};
use wharf_data::access::Error;
use wharf_data::room::{self, Until};
use wharf_data::{
    AccountId, Act, Answer, Ask, Bulletin, Maintenance, Notice, PageToken, Refusal, Reply, RoomId,
    UnixMs, keep,
};

/// The setting that is there while it is planned to look after the server, or under way.
const MAINTENANCE: &str = "maintenance";
/// The setting with the ids of the moderators, one behind the other.
const MODERATORS: &str = "accounts.administrators";
/// So many moderators there may be: their ids fit what a setting holds.
const MODERATORS_MAX: u32 = 500;
/// So many accounts may be muted at once: every shard knows them.
const MUTED_MAX: usize = 10_000;
/// Mutes of a page.
const PAGE: u32 = 1_000;
/// The longest that is waited at once for what is planned: then the clock is looked at, which may
/// have been set meanwhile.
const WAIT_MS_MAX: u64 = 60_000;
/// How long it takes until what could not be read is read again.
const AGAIN: Duration = Duration::from_secs(2);

/// What is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The setting.
    Maintenance,
    /// The setting.
    Moderators,
    /// A page of those who are muted.
    Muted,
    /// Whether any of it has changed.
    Changes,
}

/// What is known of it.
///
/// Invariant: `reading` is there while any part is asked for; a change is applied to what was read
/// last, and one that came meanwhile has it read again.
#[derive(Default)]
pub(super) struct Board {
    bulletin: Arc<Bulletin>,
    reading: Option<Draft>,
    /// Whether it was ever asked for, and ever known.
    is_wanted: bool,
    is_known: bool,
    read_again: Option<Instant>,
    /// When what is planned begins, or ends.
    due: Option<Instant>,
    /// The job that changes a setting: one at a time.
    changing: Option<JobId>,
    /// Whether others change it too.
    looking: Looking,
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    bulletin: Bulletin,
    parts: u32,
    has_failed: bool,
    is_stale: bool,
    at: UnixMs,
}

impl Board {
    pub(super) fn bulletin(&self) -> &Bulletin {
        &self.bulletin
    }

    pub(super) fn is_settled(&self) -> bool {
        self.is_known || !self.is_wanted
    }

    /// Others change what is in the store too: it is looked at so often whether they have.
    pub(super) fn look_every(&mut self, time: Duration) {
        self.looking = Looking::new(time);
    }

    /// Reads all of it, for the first time.
    pub(super) fn open(&mut self, (now, at): (Instant, UnixMs), steps: &mut VecDeque<Step>) {
        self.looking.begin(now);
        self.read(at, steps);
    }

    /// Reads all of it.
    pub(super) fn read(&mut self, at: UnixMs, steps: &mut VecDeque<Step>) {
        self.is_wanted = true;
        self.read_again = None;
        if let Some(draft) = &mut self.reading {
            draft.is_stale = true;
            return;
        }
        self.reading = Some(Draft {
            parts: 3,
            at,
            ..Draft::default()
        });
        for (reading, name) in [
            (Reading::Maintenance, MAINTENANCE),
            (Reading::Moderators, MODERATORS),
        ] {
            let name = name.to_owned();
            let ask = Ask::Keep(keep::Ask::Setting { name });
            steps.push_back(Step::Ask(Pending::Board(reading), Box::new(ask)));
        }
        steps.push_back(read_muted(at, None));
    }

    /// The store answers.
    pub(super) fn stored(
        &mut self,
        (now, at): (Instant, UnixMs),
        reading: Reading,
        reply: Reply,
        steps: &mut VecDeque<Step>,
    ) {
        if reading == Reading::Changes {
            if self.looking.has_changed(now, &reply) {
                self.read(at, steps);
                steps.push_back(Step::LookForEnded);
            }
            return;
        }
        let Some(draft) = &mut self.reading else {
            return;
        };
        match (reading, reply) {
            (Reading::Maintenance, Ok(Answer::Keep(keep::Answer::Setting(text)))) => {
                draft.bulletin.planned = Some(Maintenance::of_setting(&text));
            }
            (Reading::Moderators, Ok(Answer::Keep(keep::Answer::Setting(text)))) => {
                draft.bulletin.moderators = ids_in(&text).collect();
            }
            (Reading::Muted, Ok(Answer::Room(room::Answer::Standings { standings, next }))) => {
                let muted = standings
                    .into_iter()
                    .filter_map(|(account, standing)| Some((account, standing.mute?)));
                draft.bulletin.muted.extend(muted);
                if next.is_some() && draft.bulletin.muted.len() < MUTED_MAX {
                    let at = draft.at;
                    return steps.push_back(read_muted(at, next));
                }
            }
            (_, Err(Refusal::NotFound)) => {}
            _ => draft.has_failed = true,
        }
        draft.parts -= 1;
        if draft.parts == 0
            && let Some(draft) = self.reading.take()
        {
            self.take(draft, (now, at), steps);
        }
    }

    fn take(&mut self, draft: Draft, (now, at): (Instant, UnixMs), steps: &mut VecDeque<Step>) {
        if draft.has_failed {
            self.read_again = Some(now + AGAIN);
        } else if draft.is_stale {
            self.read(at, steps);
        } else {
            let is_first = !core::mem::replace(&mut self.is_known, true);
            let was = self.bulletin.planned.clone();
            let muted = lasting(&self.bulletin.muted, at);
            let planned = draft.bulletin.planned.clone();
            let bulletin = self.with_plan(draft.bulletin, planned, (now, at));
            if is_first || bulletin != *self.bulletin {
                self.set(bulletin, steps);
            }
            // Another server has muted them, and why is not known here.
            if !is_first {
                steps.extend(news_of_mutes(&muted, &lasting(&self.bulletin.muted, at)));
            }
            if self.bulletin.planned != was {
                steps.push_back(Step::TellAll(self.notice()));
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let times = [self.read_again, self.due, self.looking.due()];
        times.into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, at: UnixMs, steps: &mut VecDeque<Step>) {
        if self.read_again.is_some_and(|again| again <= now) {
            self.read(at, steps);
        }
        steps.extend(self.looking.look(now));
        if self.due.is_some_and(|due| due <= now) {
            let planned = self.bulletin.planned.clone();
            self.plan(planned, (now, at), steps);
        }
    }

    /// What is planned from now on; whoever hears of it is told, if it is news.
    fn plan(
        &mut self,
        planned: Option<Maintenance>,
        times: (Instant, UnixMs),
        steps: &mut VecDeque<Step>,
    ) {
        let bulletin = Bulletin::clone(&self.bulletin);
        let bulletin = self.with_plan(bulletin, planned, times);
        if bulletin != *self.bulletin {
            self.change(bulletin, steps);
            steps.push_back(Step::TellAll(self.notice()));
        }
    }

    /// What holds with that plan, at that time; and when that changes by itself.
    fn with_plan(
        &mut self,
        bulletin: Bulletin,
        planned: Option<Maintenance>,
        (now, at): (Instant, UnixMs),
    ) -> Bulletin {
        let mut planned = planned.filter(|planned| !planned.is_over(at));
        let next = planned.as_ref().and_then(|planned| planned.next(at));
        let wait = next.map(|next| u64::try_from(next - at).unwrap_or_default());
        self.due = wait.map(|ms| now + Duration::from_millis(ms.min(WAIT_MS_MAX)));
        let is_on = planned.as_ref().is_some_and(|planned| planned.is_on(at));
        if let Some(planned) = planned.as_mut().filter(|_| is_on) {
            planned.begins = None;
        }
        let begun = planned.as_ref().filter(|_| is_on);
        Bulletin {
            maintenance: begun.map(|planned| planned.text.clone()),
            planned,
            ..bulletin
        }
    }

    /// What is to be asked so that `planned` holds.
    ///
    /// # Errors
    /// While another setting changes, or nothing is known yet.
    pub(super) fn set_maintenance(
        &mut self,
        job: JobId,
        planned: Option<&Maintenance>,
        act: Act,
    ) -> Result<Ask, Error> {
        self.begin(job)?;
        Ok(Ask::Keep(keep::Ask::SetSetting {
            name: MAINTENANCE.to_owned(),
            value: planned.map(Maintenance::to_setting),
            act,
        }))
    }

    /// What is to be asked so that an account is a moderator, or none.
    ///
    /// # Errors
    /// While another setting changes, or nothing is known yet.
    pub(super) fn set_moderator(
        &mut self,
        job: JobId,
        (account, is_moderator): (AccountId, bool),
        act: Act,
    ) -> Result<Ask, Error> {
        self.begin(job)?;
        Ok(Ask::Keep(keep::Ask::SetListed {
            name: MODERATORS.to_owned(),
            id: account.get(),
            is_listed: is_moderator,
            ids_max: MODERATORS_MAX,
            act,
        }))
    }

    fn begin(&mut self, job: JobId) -> Result<(), Error> {
        if !self.is_settled() {
            return Err(Error::Unavailable);
        }
        if self.changing.is_some() {
            let retry_after = Duration::from_secs(1);
            return Err(Error::Busy { retry_after });
        }
        self.changing = Some(job);
        Ok(())
    }

    /// A change was refused.
    pub(super) fn is_changed_no_more(&mut self, job: JobId) {
        if self.changing == Some(job) {
            self.changing = None;
        }
    }

    /// The store has answered a job that was given up: whatever it has is read.
    pub(super) fn came_late(&mut self, at: UnixMs, job: JobId, steps: &mut VecDeque<Step>) {
        self.is_changed_no_more(job);
        self.read(at, steps);
    }

    pub(super) fn is_maintenance(
        &mut self,
        job: JobId,
        planned: Option<Maintenance>,
        times: (Instant, UnixMs),
        steps: &mut VecDeque<Step>,
    ) {
        self.is_changed_no_more(job);
        let bulletin = Bulletin::clone(&self.bulletin);
        let bulletin = self.with_plan(bulletin, planned, times);
        self.change(bulletin, steps);
        steps.push_back(Step::TellAll(self.notice()));
    }

    pub(super) fn are_moderators(
        &mut self,
        job: JobId,
        moderators: &str,
        steps: &mut VecDeque<Step>,
    ) {
        self.is_changed_no_more(job);
        let mut bulletin = Bulletin::clone(&self.bulletin);
        bulletin.moderators = ids_in(moderators).collect();
        self.change(bulletin, steps);
    }

    /// Whether one more may be muted.
    ///
    /// # Errors
    /// [`Error::Full`] if as many are as may be.
    pub(super) fn has_room_for_mute(&self, account: AccountId, at: UnixMs) -> Result<(), Error> {
        let lasting = lasting(&self.bulletin.muted, at);
        let has_room = lasting.len() < MUTED_MAX || lasting.contains_key(&account);
        has_room.then_some(()).ok_or(Error::Full)
    }

    /// An account is muted, or no more, for that reason.
    pub(super) fn muted(
        &mut self,
        at: UnixMs,
        (account, until, reason): (AccountId, Option<Until>, String),
        steps: &mut VecDeque<Step>,
    ) {
        let mut bulletin = Bulletin::clone(&self.bulletin);
        bulletin.muted = lasting(&bulletin.muted, at);
        let before = match until {
            Some(until) => bulletin.muted.insert(account, until),
            None => bulletin.muted.remove(&account),
        };
        self.change(bulletin, steps);
        if before.or(until).is_some() {
            steps.push_back(Step::Muted(account, until, reason));
        }
    }

    /// An account is no more.
    pub(super) fn forget(&mut self, account: AccountId, steps: &mut VecDeque<Step>) {
        if self.bulletin.muted.contains_key(&account) {
            let mut bulletin = Bulletin::clone(&self.bulletin);
            bulletin.muted.remove(&account);
            self.change(bulletin, steps);
        }
    }

    fn change(&mut self, bulletin: Bulletin, steps: &mut VecDeque<Step>) {
        if let Some(draft) = &mut self.reading {
            draft.is_stale = true;
        }
        // Another server may have changed it behind that, and it may have been read before.
        self.looking.forget();
        self.set(bulletin, steps);
    }

    fn set(&mut self, bulletin: Bulletin, steps: &mut VecDeque<Step>) {
        self.bulletin = Arc::new(bulletin);
        steps.push_back(Step::Publish(Arc::clone(&self.bulletin)));
    }

    fn notice(&self) -> Notice {
        Notice::Maintenance(self.bulletin.planned.clone().map(Arc::new))
    }
}

/// The accounts that a setting lists.
fn ids_in(setting: &str) -> impl Iterator<Item = AccountId> {
    let ids = setting.split_whitespace().filter_map(|id| id.parse().ok());
    ids.map(AccountId::new)
}

/// Those whose mute has not ended.
fn lasting(muted: &BTreeMap<AccountId, Until>, at: UnixMs) -> BTreeMap<AccountId, Until> {
    let lasting = muted.iter().filter(|(_, until)| until.lasts(at));
    lasting.map(|(account, until)| (*account, *until)).collect()
}

/// Who is muted now and was not, or until another time, or no more.
fn news_of_mutes(
    before: &BTreeMap<AccountId, Until>,
    now: &BTreeMap<AccountId, Until>,
) -> impl Iterator<Item = Step> {
    let accounts: BTreeSet<_> = before.keys().chain(now.keys()).copied().collect();
    accounts.into_iter().filter_map(move |account| {
        let until = now.get(&account).copied();
        let is_news = before.get(&account).copied() != until;
        is_news.then(|| Step::Muted(account, until, String::new()))
    })
}

fn read_muted(at: UnixMs, page: Option<PageToken>) -> Step {
    let ask = room::Ask::Standings {
        room: RoomId::EVERYWHERE,
        at,
        page,
        limit: PAGE,
    };
    Step::Ask(Pending::Board(Reading::Muted), Box::new(Ask::Room(ask)))
}
