//! Every way to come in.

mod by_identity;
mod by_name;
mod by_token;
mod recovering;

use super::{
    End, Event, Flow, Next, Rehash, Step, ask, checked, end, found, made, refused, stored,
    taken_ticket,
};
use crate::request::{Error, LoggedIn, Outcome, Token, User};
use crate::secret::Secret;
use crate::world::{Begin, Cx};
use by_identity::{ByIdentity, by_known_ticket};
use by_name::{ByName, Registering};
use by_token::{exchanged, looked};
use recovering::Recovering;
use wharf_base::Duration;
use wharf_data::account::{Ask, Found, Identity, Status};
use wharf_data::{DisplayName, Refusal};

pub(super) use by_identity::{by_identity, by_ticket};
pub(super) use by_name::{Kind, log_in, register};
pub(super) use by_token::{by_token, refresh};
pub(super) use recovering::recover;

/// How far somebody has come.
pub(crate) enum Entering {
    FindingName(ByName),
    Checking(ByName, Option<Found>),
    LookingForFree(Registering),
    Making(Registering),
    TakingTicket(String),
    FindingIdentity(ByIdentity),
    /// With whom to try another name for, if this one is taken.
    Creating(LoggedIn, Option<ByIdentity>),
    /// With what is answered if it is not true any more.
    Beginning(LoggedIn, Error, Option<Rehash>),
    /// They were banned meanwhile: until when and why is found out. With what is answered if they
    /// are not any more.
    Banned(Error),
    /// With the token that was shown, and what its device calls itself.
    Looking(Secret, Option<String>),
    /// With what its device calls itself.
    Exchanging(Token, String),
    Refreshing(Token),
    MakingRecovery(Recovering),
    FindingRecovery(Recovering, String),
    Recovered(Token),
}

impl Entering {
    pub(super) fn go_on(self, cx: &mut Cx<'_>, event: Event) -> Step {
        match self {
            Self::FindingName(by) => by.found(cx, found(event)?),
            Self::Checking(by, found) => match checked(event)? {
                true => by.proven(cx, found),
                false => Err(Error::Credentials),
            },
            Self::LookingForFree(who) => match found(event)? {
                Some(_) => Err(Error::Taken),
                None => Ok(who.make(cx)),
            },
            Self::Making(who) => Ok(who.create(cx, made(event)?)),
            Self::TakingTicket(device) => by_known_ticket(&taken_ticket(event)?, device),
            Self::FindingIdentity(by) => match found(event)? {
                Some(found) => by.begin(cx, found),
                None => Ok(by.create(cx)),
            },
            Self::Creating(who, again) => match (stored(event), again) {
                (Ok(_), _) => Ok(end(Outcome::LoggedIn(who))),
                (Err(Refusal::Duplicate(_)), Some(by)) => by.again(),
                (Err(refusal), _) => Err(refused(refusal)),
            },
            Self::Beginning(who, untrue, after) => match stored(event) {
                Ok(_) => Ok(Next::End(End {
                    result: Ok(Outcome::LoggedIn(who)),
                    revoked: None,
                    after,
                    known: None,
                })),
                Err(Refusal::Conflict | Refusal::NotFound) => Err(untrue),
                Err(Refusal::Forbidden) => {
                    let account = who.user.account;
                    Ok(ask(
                        Ask::Get { account },
                        Flow::Entering(Self::Banned(untrue)),
                    ))
                }
                Err(refusal) => Err(refused(refusal)),
            },
            Self::Banned(untrue) => match found(event)? {
                Some(found) => Err(may_enter(cx, &found).err().unwrap_or(untrue)),
                None => Err(untrue),
            },
            Self::Looking(shown, device) => looked(cx, shown, device, event),
            Self::Exchanging(token, device) => {
                let mut step = exchanged(cx, token, event)?;
                if let Next::End(end) = &mut step {
                    end.remember(device);
                }
                Ok(step)
            }
            Self::Refreshing(token) => {
                let mut step = exchanged(cx, token, event)?;
                if let Next::End(end) = &mut step {
                    end.refresh();
                }
                Ok(step)
            }
            Self::MakingRecovery(recovering) => Ok(recovering.find(made(event)?)),
            Self::FindingRecovery(recovering, phc) => {
                Ok(recovering.recover(cx, found(event)?, phc))
            }
            Self::Recovered(token) => exchanged(cx, token, event),
        }
    }
}

fn create(
    cx: &mut Cx<'_>,
    identity: Identity,
    name: DisplayName,
    password: Option<String>,
    begin: Begin,
    state: impl FnOnce(LoggedIn) -> Entering,
) -> Next {
    let account = cx.new_account();
    let who = LoggedIn {
        user: User {
            account,
            login: begin.login.id,
        },
        display_name: name.as_str().to_owned(),
        token: Some(begin.token),
        is_new: true,
    };
    let question = Ask::Create {
        account,
        identity,
        name,
        password,
        login: begin.login,
        at: cx.at,
    };
    ask(question, Flow::Entering(state(who)))
}

fn welcome(found: &Found, begin: &Begin, gets_token: bool) -> LoggedIn {
    LoggedIn {
        user: User {
            account: found.account,
            login: begin.login.id,
        },
        display_name: found.display_name.clone(),
        token: gets_token.then(|| begin.token.clone()),
        is_new: false,
    }
}

fn may_enter(cx: &Cx<'_>, found: &Found) -> Result<(), Error> {
    match found.status {
        Status::Banned { until } if found.status.is_banned(cx.at) => {
            let reason = found.ban_reason.clone();
            Err(Error::Banned { until, reason })
        }
        _ => Ok(()),
    }
}

fn life(cx: &Cx<'_>, has_token: bool) -> Duration {
    match has_token {
        true => cx.world.options.token_life,
        false => cx.world.options.classic_life,
    }
}
