//! The last answer of the store, as the client is told it.

use super::{Event, Step, end, refused, stored};
use crate::request::{Error, Identities, Outcome, User};
use crate::world::{Cx, millis};
use wharf_base::Duration;
use wharf_data::Refusal;
use wharf_data::account::Answer;

/// What is told.
pub(crate) enum Telling {
    /// That, when it is done.
    Done(Outcome),
    /// That the login has ended, now or before.
    LoggedOut,
    Logins,
    Identities,
    /// A profile, to that user.
    Profile(User),
    Renamed,
    Person,
    /// That a way to log in was linked or taken away.
    Linked,
}

impl Telling {
    pub(super) fn go_on(self, cx: &Cx<'_>, event: Event) -> Step {
        let answer = match (stored(event), &self) {
            (Ok(answer), _) => answer,
            // It has one of that kind, or no other: something else has to come first.
            (Err(Refusal::Conflict), Self::Linked) => return Err(Error::WrongState),
            (Err(Refusal::NotFound), Self::LoggedOut) => None,
            (Err(refusal), _) => return Err(refused(refusal)),
        };
        let outcome = match (self, answer) {
            (Self::Done(outcome), _) => outcome,
            (Self::LoggedOut | Self::Linked, _) => Outcome::Done,
            (Self::Logins, Some(Answer::Logins(logins))) => Outcome::Logins(logins),
            (
                Self::Identities,
                Some(Answer::Identities {
                    kinds,
                    display_name,
                    recovery_codes,
                }),
            ) => Outcome::Identities(Identities {
                kinds,
                display_name,
                recovery_codes,
            }),
            (Self::Renamed, Some(Answer::Profile(profile))) => Outcome::Profile(profile),
            (Self::Renamed, Some(Answer::TooSoon { kept_until })) => {
                return Err(too_soon(cx, kept_until));
            }
            (Self::Profile(user), Some(Answer::Profile(mut profile))) => {
                if profile.account != user.account {
                    profile.document.clear();
                }
                Outcome::Profile(profile)
            }
            (Self::Person, Some(Answer::Found(found))) => Outcome::Found(found.into()),
            _ => return Err(Error::Unavailable),
        };
        Ok(end(outcome))
    }
}

/// A name that is kept until then was given up `name_hold` before.
fn too_soon(cx: &Cx<'_>, kept_until: i64) -> Error {
    let options = &cx.world.options;
    let hold = millis(options.name_hold);
    let again = kept_until
        .saturating_sub(hold)
        .saturating_add(millis(options.rename_cooldown));
    let wait = u64::try_from(again.saturating_sub(cx.at)).unwrap_or(0);
    Error::Rate {
        retry_after: Duration::from_millis(wait.max(1)),
    }
}
