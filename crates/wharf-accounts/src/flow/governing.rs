//! What administrators do. That somebody is one has been checked before.

use super::{Flow, Next, Step, ask, telling::Telling};
use crate::request::{LookUp, Outcome, invalid};
use crate::revocation::Revocation;
use crate::world::{Cx, name_key};
use wharf_data::account::{Ask, Status, Which};
use wharf_data::{AccountId, Act, Actor, Target, UnixMs, Utc, audit};

/// Bytes of a reason at the most.
const REASON_BYTES_MAX: usize = 500;

pub(super) fn look_up(by: LookUp) -> Step {
    let question = match by {
        LookUp::Account(account) => Ask::Get { account },
        LookUp::Name(name) => Ask::Named {
            name: name_key("name", &name)?,
        },
    };
    Ok(ask(question, Flow::Telling(Telling::Person)))
}

pub(super) fn ban(
    cx: &mut Cx<'_>,
    account: AccountId,
    until: Option<UnixMs>,
    why: (Actor, String),
) -> Step {
    let after = match until {
        Some(until) => format!("banned until {}", Utc(until)),
        None => "banned".to_owned(),
    };
    let status = Status::Banned { until };
    let change = Ask::SetStatus { account, status };
    act_on(cx, account, change, ("account.ban", after), why).map(ending_all(account))
}

pub(super) fn unban(cx: &mut Cx<'_>, account: AccountId, why: (Actor, String)) -> Step {
    let after = "active".to_owned();
    let status = Status::Active;
    let change = Ask::SetStatus { account, status };
    act_on(cx, account, change, ("account.unban", after), why)
}

pub(super) fn sign_out(cx: &mut Cx<'_>, account: AccountId, why: (Actor, String)) -> Step {
    let after = "signed out".to_owned();
    let which = Which::All;
    let change = Ask::Revoke { account, which };
    act_on(cx, account, change, ("account.sign_out", after), why).map(ending_all(account))
}

pub(super) fn erase(cx: &mut Cx<'_>, account: AccountId, why: (Actor, String)) -> Step {
    let after = "erased".to_owned();
    let change = Ask::Erase { account };
    act_on(cx, account, change, ("account.erase", after), why).map(ending_all(account))
}

/// The same step, by which every login of `account` ends.
fn ending_all(account: AccountId) -> impl FnOnce(Next) -> Next {
    move |mut next| {
        if let Next::Ask { revokes, .. } = &mut next {
            let which = Which::All;
            *revokes = Some(Revocation { account, which });
        }
        next
    }
}

/// Changes an account, with an entry in the audit log in the same transaction.
fn act_on(
    cx: &mut Cx<'_>,
    account: AccountId,
    change: Ask,
    (action, after): (&str, String),
    (actor, reason): (Actor, String),
) -> Step {
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
    Ok(Next::Ask {
        ask: wharf_data::Ask::Audited(entry, Box::new(wharf_data::Ask::Account(change))),
        revokes: None,
        flow: Flow::Telling(Telling::Done(Outcome::Done)),
    })
}
