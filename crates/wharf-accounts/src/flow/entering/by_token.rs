//! By the token of an earlier login: kept for a while, then exchanged for the next.

use super::{Entering, may_enter};
use crate::flow::{End, Event, Flow, Next, Step, ask, end, refused, stolen, stored};
use crate::known::Known;
use crate::request::{Error, LoggedIn, Outcome, Token, User};
use crate::secret::{Hidden, Secret};
use crate::world::{Cx, device, millis, secret};
use wharf_base::Duration;
use wharf_data::account::{Answer, Ask};
use wharf_data::{LoginId, Refusal};

pub(in crate::flow) fn by_token(cx: &mut Cx<'_>, token: &Hidden, name: Option<String>) -> Step {
    let device = name.map(device).transpose()?;
    let shown = secret("token", token)?;
    let token = shown.hash();
    let world = &mut *cx.world;
    if let Some(known) = world.known.show(&token)
        && known.stays(cx.at, &world.options, device.as_deref())
    {
        return Ok(end(goes_on(shown, known)));
    }
    let question = Ask::Token { token };
    let state = Entering::Looking(shown, device);
    Ok(ask(question, Flow::Entering(state)))
}

/// The login goes on, by the token that was shown.
fn goes_on(shown: Secret, known: &Known) -> Outcome {
    Outcome::LoggedIn(LoggedIn {
        user: known.user,
        display_name: known.display_name.clone(),
        token: Some(Token {
            secret: shown,
            expires: known.expires,
        }),
        is_new: false,
    })
}

/// What the store has said of a token that was shown.
pub(super) fn looked(cx: &mut Cx<'_>, shown: Secret, device: Option<String>, event: Event) -> Step {
    let (found, login, had, expires, is_exchanged) = match stored(event) {
        Ok(Some(Answer::Token {
            found,
            login,
            device,
            expires,
            is_exchanged,
        })) => (found, login, device, expires, is_exchanged),
        Ok(_) => return Err(Error::Unavailable),
        Err(Refusal::NotFound) => return Err(Error::Token),
        Err(refusal) => return Err(refused(refusal)),
    };
    let user = User {
        account: found.account,
        login,
    };
    let known = Known {
        user,
        display_name: found.display_name.clone(),
        device: had,
        expires,
        is_shown: true,
    };
    if !is_exchanged && known.stays(cx.at, &cx.world.options, device.as_deref()) {
        may_enter(cx, &found)?;
        let token = shown.hash();
        return Ok(Next::End(End {
            result: Ok(goes_on(shown, &known)),
            revoked: None,
            after: None,
            known: Some((token, known)),
        }));
    }
    // What it was exchanged for was shown: nobody has lost the answer.
    let grace = match cx.world.known.was_shown(user) {
        true => Duration::ZERO,
        false => cx.world.options.token_grace,
    };
    cx.touch(user.account);
    let now_called = device.clone().unwrap_or(known.device);
    let (question, next) = exchange(cx, &shown, None, device, grace);
    let state = Entering::Exchanging(next, now_called);
    Ok(ask(question, Flow::Entering(state)))
}

pub(in crate::flow) fn refresh(cx: &mut Cx<'_>, token: &Hidden, user: User) -> Step {
    let shown = secret("token", token)?;
    let grace = cx.world.options.token_grace;
    let (question, next) = exchange(cx, &shown, Some(user.login), None, grace);
    let state = Entering::Refreshing(next);
    Ok(ask(question, Flow::Entering(state)))
}

fn exchange(
    cx: &mut Cx<'_>,
    shown: &Secret,
    of: Option<LoginId>,
    device: Option<String>,
    grace: Duration,
) -> (Ask, Token) {
    let (next, new) = cx.new_token(cx.world.options.token_life);
    let grace = millis(grace);
    let question = Ask::Exchange {
        token: shown.hash(),
        of,
        device,
        next,
        at: cx.at,
        forgiven_since: cx.at.saturating_sub(grace).saturating_add(1),
    };
    (question, new)
}

/// What came of a token, or of a recovery code.
pub(super) fn exchanged(cx: &Cx<'_>, token: Token, event: Event) -> Step {
    let revoked = match &event {
        Event::Stored(reply) => stolen(reply),
        Event::Hashed(_) => None,
    };
    if revoked.is_some() {
        return Ok(Next::End(End {
            result: Err(Error::Token),
            revoked,
            after: None,
            known: None,
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
