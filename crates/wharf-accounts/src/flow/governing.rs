//! What administrators do. That somebody is one has been checked before.

use super::{Flow, Next, Step, ask, named, telling::Telling};
use crate::request::{Error, LookUp, Outcome, invalid};
use crate::revocation::Revocation;
use crate::world::{Cx, name_key};
use wharf_data::account::{Ask, Status, Which};
use wharf_data::{AccountId, Act, Actor, Target, UnixMs, audit};

/// Bytes of a reason at the most.
const REASON_BYTES_MAX: usize = 500;

pub(super) fn look_up(by: LookUp) -> Step {
    let question = match by {
        LookUp::Account(account) => Ask::Get { account },
        LookUp::Name(name) => Ask::Find {
            identity: named(&name_key("name", &name)?),
        },
    };
    Ok(ask(question, Flow::Telling(Telling::Person)))
}

pub(super) fn ban(
    cx: &mut Cx<'_>,
    account: AccountId,
    until: Option<UnixMs>,
    (by, reason): (Actor, String),
) -> Step {
    let after = match until {
        Some(until) => format!("banned until {until}"),
        None => "banned".to_owned(),
    };
    let status = Status::Banned { until };
    let mut next = set_status(cx, account, status, "account.ban", after, (by, reason))?;
    if let Next::Ask { revokes, .. } = &mut next {
        *revokes = Some(Revocation {
            account,
            which: Which::All,
        });
    }
    Ok(next)
}

pub(super) fn unban(cx: &mut Cx<'_>, account: AccountId, why: (Actor, String)) -> Step {
    let after = "active".to_owned();
    set_status(cx, account, Status::Active, "account.unban", after, why)
}

/// Sets a status, with its entry in the audit log in the same transaction.
fn set_status(
    cx: &mut Cx<'_>,
    account: AccountId,
    status: Status,
    action: &str,
    after: String,
    (actor, reason): (Actor, String),
) -> Result<Next, Error> {
    if reason.len() > REASON_BYTES_MAX || reason.chars().any(char::is_control) {
        let text = "a reason is a line of at most 500 bytes";
        return Err(invalid("reason", text));
    }
    let entry = audit::Entry {
        act: Act {
            id: cx.new_audit(),
            actor,
            reason,
            at: cx.at,
        },
        action: action.to_owned(),
        target: Target::Account(account),
        before: String::new(),
        after,
    };
    let change = wharf_data::Ask::Account(Ask::SetStatus { account, status });
    Ok(Next::Ask {
        ask: wharf_data::Ask::Audited(entry, Box::new(change)),
        revokes: None,
        flow: Flow::Telling(Telling::Done(Outcome::Done)),
    })
}
