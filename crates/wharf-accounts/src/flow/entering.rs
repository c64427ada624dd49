//! Every way to come in.

mod by_identity;
mod by_name;
mod recovering;

use super::{
    End, Event, Flow, Next, Rehash, Step, ask, checked, end, found, made, refused, stolen, stored,
    taken_ticket,
};
use crate::request::{Error, LoggedIn, Outcome, Token, User};
use crate::secret::Hidden;
use crate::world::{Begin, Cx, device, millis, secret};
use by_identity::{ByIdentity, by_known_ticket};
use by_name::{ByName, Registering};
use recovering::Recovering;
use wharf_base::Duration;
use wharf_data::account::{Answer, Ask, Found, Identity, Status};
use wharf_data::{DisplayName, LoginId, Refusal};

pub(super) use by_identity::{by_identity, by_ticket};
pub(super) use by_name::{Kind, log_in, register};
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
    Exchanging(Token),
    Refreshing(Token),
    MakingRecovery(Recovering),
    FindingRecovery(Recovering, String),
    Recovered(Token),
}

pub(super) fn by_token(cx: &mut Cx<'_>, token: &Hidden, name: Option<String>) -> Step {
    let device = name.map(device).transpose()?;
    let (question, next) = exchange(cx, token, None, device)?;
    let state = Entering::Exchanging(next);
    Ok(ask(question, Flow::Entering(state)))
}

pub(super) fn refresh(cx: &mut Cx<'_>, token: &Hidden, user: User) -> Step {
    let (question, next) = exchange(cx, token, Some(user.login), None)?;
    let state = Entering::Refreshing(next);
    Ok(ask(question, Flow::Entering(state)))
}

fn exchange(
    cx: &mut Cx<'_>,
    token: &Hidden,
    of: Option<LoginId>,
    device: Option<String>,
) -> Result<(Ask, Token), Error> {
    let token = secret("token", token)?.hash();
    let (next, new) = cx.new_token(cx.world.options.token_life);
    let grace = millis(cx.world.options.token_grace);
    let question = Ask::Exchange {
        token,
        of,
        device,
        next,
        at: cx.at,
        forgiven_since: cx.at.saturating_sub(grace).saturating_add(1),
    };
    Ok((question, new))
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
                })),
                Err(Refusal::Conflict | Refusal::NotFound) => Err(untrue),
                Err(Refusal::Forbidden) => Err(Error::Banned { until: None }),
                Err(refusal) => Err(refused(refusal)),
            },
            Self::Exchanging(token) => exchanged(cx, token, event),
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

/// What came of a token, or of a recovery code.
fn exchanged(cx: &Cx<'_>, token: Token, event: Event) -> Step {
    let revoked = match &event {
        Event::Stored(reply) => stolen(reply),
        Event::Hashed(_) => None,
    };
    if revoked.is_some() {
        return Ok(Next::End(End {
            result: Err(Error::Token),
            revoked,
            after: None,
        }));
    }
    match stored(event) {
        Ok(Some(Answer::LoggedIn { found, login })) => {
            may_enter(cx, &found)?;
            Ok(end(Outcome::LoggedIn(LoggedIn {
                user: User {
                    account: found.account,
                    login,
                },
                display_name: found.display_name,
                token: Some(token),
                is_new: false,
            })))
        }
        Ok(_) => Err(Error::Unavailable),
        Err(Refusal::NotFound) => Err(Error::Token),
        Err(refusal) => Err(refused(refusal)),
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
        Status::Banned { until } if found.status.is_banned(cx.at) => Err(Error::Banned { until }),
        _ => Ok(()),
    }
}

fn life(cx: &Cx<'_>, has_token: bool) -> Duration {
    match has_token {
        true => cx.world.options.token_life,
        false => cx.world.options.classic_life,
    }
}
