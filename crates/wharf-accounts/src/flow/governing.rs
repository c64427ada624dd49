//! What administrators do. That somebody is one has been checked before.

use super::{Event, Flow, Next, Step, ask, found, made, make, telling::Telling};
use crate::password::Password;
use crate::request::{Error, LookUp, Outcome, invalid};
use crate::revocation::Revocation;
use crate::secret::{Hidden, to_write_down};
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

/// How far a new password that nobody has chosen has come.
pub(crate) enum Governing {
    /// Who it is for, and whether they log in by one.
    Finding(AccountId, (Actor, String)),
    /// Over the one that they have.
    Making {
        account: AccountId,
        old: Option<String>,
        new: String,
        why: (Actor, String),
    },
}

pub(super) fn new_password(account: AccountId, why: (Actor, String)) -> Next {
    let flow = Flow::Governing(Governing::Finding(account, why));
    ask(Ask::Get { account }, flow)
}

impl Governing {
    pub(super) fn go_on(self, cx: &mut Cx<'_>, event: Event) -> Step {
        match self {
            Self::Finding(account, why) => {
                let old = found(event)?.ok_or(Error::NotFound)?.password;
                if old.is_none() {
                    let text = "it has no password: it logs in by a device or a ticket";
                    return Err(invalid("account", text));
                }
                let new = to_write_down(&mut *cx.world.chance);
                let password = Password::of(&new).ok_or(Error::Unavailable)?;
                let making = Self::Making {
                    account,
                    old,
                    new,
                    why,
                };
                Ok(make(cx, password, Flow::Governing(making)))
            }
            Self::Making {
                account,
                old,
                new,
                why,
            } => {
                let change = Ask::SetPassword {
                    account,
                    old,
                    password: made(event)?,
                    keep: None,
                };
                let done = Outcome::NewPassword(Hidden::from(new));
                let what = ("account.new_password", "a new password".to_owned());
                act_with(cx, account, change, what, (why, done)).map(ending_all(account))
            }
        }
    }
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
    what: (&str, String),
    why: (Actor, String),
) -> Step {
    act_with(cx, account, change, what, (why, Outcome::Done))
}

/// The same, of which that is told.
fn act_with(
    cx: &mut Cx<'_>,
    account: AccountId,
    change: Ask,
    (action, after): (&str, String),
    ((actor, reason), done): ((Actor, String), Outcome),
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
        flow: Flow::Telling(Telling::Done(done)),
    })
}
