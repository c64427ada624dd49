//! What somebody has to prove again who they are for: their password, their codes, their end.

use super::{
    Event, Flow, Next, Step, ask, ask_and_revoke, checked, found, made, make, telling::Telling,
};
use crate::hashing::HashWork;
use crate::password::Password;
use crate::request::{Error, Outcome, RecoveryCodes, User};
use crate::revocation::Revocation;
use crate::secret::{Hidden, recovery_code};
use crate::world::{Cx, Guess};
use wharf_data::NameKey;
use wharf_data::account::{Ask, Found, Which};

/// What is done once it is proven.
pub(crate) enum Then {
    /// Another password.
    Change(Hidden),
    /// New recovery codes.
    Codes,
    /// Erases the account.
    Erase,
}

/// How far it has come.
pub(crate) enum Proving {
    Getting(User, Password, Then),
    Checking(User, Found, Then),
    Making(User, Found),
}

pub(super) fn start(cx: &mut Cx<'_>, password: &Hidden, then: Then) -> Step {
    let user = cx.user()?;
    let field = match &then {
        Then::Change(new) => {
            // The rest of the rules needs the name.
            Password::typed("new_password", new)?;
            "old_password"
        }
        _ => "password",
    };
    let password = Password::typed(field, password)?;
    cx.guess_at(Guess::Account(user.account))?;
    let question = Ask::Get {
        account: user.account,
    };
    let state = Proving::Getting(user, password, then);
    Ok(ask(question, Flow::Proving(state)))
}

impl Proving {
    pub(super) fn go_on(self, cx: &mut Cx<'_>, event: Event) -> Step {
        match self {
            Self::Getting(user, password, then) => {
                let found = found(event)?.ok_or(Error::NotFound)?;
                let Some(phc) = found.password.clone() else {
                    // Without a password there is nothing else to show than the session.
                    return proven(cx, user, found, then);
                };
                let work = HashWork::Check {
                    password,
                    against: phc,
                };
                let flow = Flow::Proving(Self::Checking(user, found, then));
                Ok(Next::Hash { work, flow })
            }
            Self::Checking(user, found, then) => match checked(event)? {
                true => proven(cx, user, found, then),
                false => Err(Error::Credentials),
            },
            Self::Making(user, found) => {
                let question = Ask::SetPassword {
                    account: user.account,
                    old: found.password,
                    password: made(event)?,
                    keep: Some(user.login),
                };
                let revokes = Revocation {
                    account: user.account,
                    which: Which::AllBut(user.login),
                };
                let flow = Flow::Telling(Telling::Done(Outcome::Done));
                Ok(ask_and_revoke(question, revokes, flow))
            }
        }
    }
}

fn proven(cx: &mut Cx<'_>, user: User, found: Found, then: Then) -> Step {
    let account = user.account;
    match then {
        Then::Change(new) => {
            let name = NameKey::of(&found.display_name);
            let password = Password::chosen("new_password", &new, &name)?;
            let flow = Flow::Proving(Proving::Making(user, found));
            Ok(make(cx, password, flow))
        }
        Then::Codes => {
            let count = cx.world.options.recovery_codes;
            let made = (0..count).map(|_| recovery_code(&mut *cx.world.chance));
            let (texts, codes) = made.unzip();
            let question = Ask::SetRecoveryCodes { account, codes };
            let outcome = Outcome::RecoveryCodes(RecoveryCodes(texts));
            Ok(ask(question, Flow::Telling(Telling::Done(outcome))))
        }
        Then::Erase => {
            let revokes = Revocation {
                account,
                which: Which::All,
            };
            let flow = Flow::Telling(Telling::Done(Outcome::Done));
            Ok(ask_and_revoke(Ask::Erase { account }, revokes, flow))
        }
    }
}
