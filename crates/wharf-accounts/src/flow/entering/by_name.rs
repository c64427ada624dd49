//! By name and password, and how one gets them.

use super::{Entering, create, life, may_enter, welcome};
use crate::flow::{Flow, Next, Rehash, Step, ask, make, named};
use crate::hashing::HashWork;
use crate::password::Password;
use crate::request::Error;
use crate::secret::Hidden;
use crate::world::{Cx, Guess, device, name_key, new_name};
use wharf_data::account::{Ask, Found};
use wharf_data::{DisplayName, NameKey};

/// Which protocol somebody comes in by.
pub(crate) enum Kind {
    /// It gets a token.
    Platform,
    /// It gets none.
    Classic {
        /// The account that an unknown id becomes, if it does.
        newcomer: Option<DisplayName>,
    },
}

/// Somebody who comes by name and password.
pub(crate) struct ByName {
    key: NameKey,
    password: Password,
    device: String,
    kind: Kind,
}

/// Somebody who wants to have a name and a password.
pub(crate) struct Registering {
    name: DisplayName,
    password: Password,
    device: String,
    gets_token: bool,
}

pub(in crate::flow) fn log_in(
    cx: &mut Cx<'_>,
    name: &str,
    password: &Hidden,
    name_of_device: String,
    kind: Kind,
) -> Step {
    let key = name_key("name", name)?;
    let password = Password::typed("password", password)?;
    let device = device(name_of_device)?;
    cx.admit_hash()?;
    cx.guess_at(Guess::Name(key.clone()))?;
    let question = Ask::Find {
        identity: named(&key),
    };
    let state = Entering::FindingName(ByName {
        key,
        password,
        device,
        kind,
    });
    Ok(ask(question, Flow::Entering(state)))
}

pub(in crate::flow) fn register(
    cx: &mut Cx<'_>,
    name: &str,
    password: &Hidden,
    name_of_device: String,
) -> Step {
    let name = new_name("name", name)?;
    let password = Password::chosen("password", password, name.key())?;
    let device = device(name_of_device)?;
    cx.admit_hash()?;
    let question = Ask::Find {
        identity: named(name.key()),
    };
    let state = Entering::LookingForFree(Registering {
        name,
        password,
        device,
        gets_token: true,
    });
    Ok(ask(question, Flow::Entering(state)))
}

impl ByName {
    /// Whoever it is, one password is hashed, at the same cost.
    pub(super) fn found(self, cx: &mut Cx<'_>, found: Option<Found>) -> Step {
        if found.is_none()
            && let Kind::Classic {
                newcomer: Some(name),
            } = self.kind
        {
            let password = self.password.fit_for("password", name.key())?;
            let who = Registering {
                name,
                password,
                device: self.device,
                gets_token: false,
            };
            return Ok(who.make(cx));
        }
        let known = found.as_ref().and_then(|found| found.password.clone());
        let cost = cx.world.options.cost;
        let work = HashWork::Check {
            password: self.password.clone(),
            against: known.unwrap_or_else(|| cost.dummy(&mut *cx.world.chance)),
        };
        let state = Entering::Checking(self, found);
        Ok(Next::Hash {
            work,
            flow: Flow::Entering(state),
        })
    }

    pub(super) fn proven(self, cx: &mut Cx<'_>, found: Option<Found>) -> Step {
        let found = found.ok_or(Error::Credentials)?;
        let phc = found.password.clone().ok_or(Error::Credentials)?;
        may_enter(cx, &found)?;
        let rehash = cx.world.options.cost.is_more_than(&phc).then(|| Rehash {
            account: found.account,
            old: phc.clone(),
            password: self.password,
        });
        let gets_token = matches!(self.kind, Kind::Platform);
        let begin = cx.begin(self.device, life(cx, gets_token));
        let who = welcome(&found, &begin, gets_token);
        let question = Ask::LogIn {
            account: found.account,
            identity: named(&self.key),
            password: Some(phc),
            login: begin.login,
            at: cx.at,
        };
        let state = Entering::Beginning(who, Error::Credentials, rehash);
        Ok(ask(question, Flow::Entering(state)))
    }
}

impl Registering {
    pub(super) fn make(self, cx: &mut Cx<'_>) -> Next {
        let password = self.password.clone();
        make(cx, password, Flow::Entering(Entering::Making(self)))
    }

    pub(super) fn create(self, cx: &mut Cx<'_>, phc: String) -> Next {
        let begin = cx.begin(self.device, life(cx, self.gets_token));
        let identity = named(self.name.key());
        create(cx, identity, self.name, Some(phc), begin, |mut who| {
            if !self.gets_token {
                who.token = None;
            }
            Entering::Creating(who, None)
        })
    }
}
