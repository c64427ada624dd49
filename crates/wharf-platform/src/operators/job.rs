//! One request in progress.

use crate::platform::Ticket;
use wharf_base::Instant;
use wharf_data::access::Guesser;
use wharf_data::message::Place;
use wharf_data::operators::{Decision, Scope};
use wharf_data::room::Until;
use wharf_data::{AccountId, Actor, Ask, Maintenance, ReportId};

/// One request.
pub(super) struct Job {
    /// Who waits.
    pub(super) ticket: Ticket,
    /// Who asks.
    pub(super) by: Actor,
    /// By when it is answered.
    pub(super) deadline: Instant,
    /// What follows the answer that it waits for.
    pub(super) then: Then,
}

/// What follows an answer.
pub(super) enum Then {
    /// That it is done.
    Done,
    /// Who was found is told.
    Found,
    /// What was read is told.
    Listed,
    /// It is written down: their failures are forgotten.
    Forgive(Guesser),
    /// It is erased.
    Erased(AccountId),
    /// It is muted everywhere, or may speak again, for that reason.
    Muted(AccountId, Option<Until>, String),
    /// The session ends.
    Kick(AccountId, String),
    /// Many are told.
    Announce(Scope, String),
    /// That nobody was there is written down, and told.
    Nobody,
    /// The server is looked after, or no more.
    Maintenance(Option<Maintenance>),
    /// The account was there: the store is asked that.
    MakeModerator(Box<Ask>),
    /// It is known who the moderators are.
    Moderators,
    /// It is told what the report is called.
    Reported(ReportId),
    /// The report is taken: it is read.
    Take(ReportId),
    /// The report is read: what was decided is done.
    Decide(Box<Deciding>),
    /// What was decided is done to that account: the report is closed.
    Measure(Box<Deciding>, AccountId),
}

/// A decision that is carried out.
pub(super) struct Deciding {
    /// Of which report.
    pub(super) report: ReportId,
    /// What.
    pub(super) decision: Decision,
    /// Why.
    pub(super) text: String,
    /// The message that is removed, if one is.
    pub(super) removed: Option<(Place, i64)>,
}
