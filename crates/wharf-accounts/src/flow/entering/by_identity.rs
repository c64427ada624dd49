//! By something that cannot be guessed: a device's secret, or the studio's ticket.

use super::{Entering, create, life, may_enter, welcome};
use crate::flow::{Flow, Next, Shown, Step, ask, read_ticket, take_ticket, ticket_of};
use crate::request::Error;
use crate::secret::{Hidden, letters};
use crate::ticket::Ticket;
use crate::world::{Cx, device};
use wharf_data::DisplayName;
use wharf_data::account::{Ask, Found, Identity, IdentityKind};

/// How often a name is made up for somebody who brings none.
const NAMES_MAX: u32 = 4;
/// Letters of a name that was made up.
const NAME_LETTERS: usize = 8;

/// Somebody who comes by something that cannot be guessed.
pub(crate) struct ByIdentity {
    identity: Identity,
    /// The name that a new account gets if it can.
    wanted: Option<DisplayName>,
    device: String,
    tries: u32,
}

pub(in crate::flow) fn by_identity(
    identity: Identity,
    wanted: Option<DisplayName>,
    name_of_device: String,
) -> Step {
    let device = device(name_of_device)?;
    Ok(ByIdentity {
        identity,
        wanted,
        device,
        tries: 0,
    }
    .find())
}

pub(in crate::flow) fn by_ticket(cx: &mut Cx<'_>, ticket: &Hidden, name_of_device: String) -> Step {
    match read_ticket(cx, ticket)? {
        Shown::Signed(ticket) => by_known_ticket(&ticket, name_of_device),
        Shown::Key(key) => {
            let device = device(name_of_device)?;
            let state = Entering::TakingTicket(device);
            Ok(take_ticket(cx, key, Flow::Entering(state)))
        }
    }
}

pub(super) fn by_known_ticket(ticket: &Ticket, device: String) -> Step {
    let wanted = ticket.name.as_deref();
    let wanted = wanted.and_then(|name| DisplayName::new(name).ok());
    by_identity(ticket_of(ticket), wanted, device)
}

impl ByIdentity {
    fn find(self) -> Next {
        let question = Ask::Find {
            identity: self.identity.clone(),
        };
        let state = Entering::FindingIdentity(self);
        ask(question, Flow::Entering(state))
    }

    pub(super) fn begin(self, cx: &mut Cx<'_>, found: Found) -> Step {
        may_enter(cx, &found)?;
        let begin = cx.begin(self.device, life(cx, true));
        let who = welcome(&found, &begin, true);
        let question = Ask::LogIn {
            account: found.account,
            identity: self.identity,
            password: None,
            login: begin.login,
            at: cx.at,
        };
        let state = Entering::Beginning(who, Error::Token, None);
        Ok(ask(question, Flow::Entering(state)))
    }

    pub(super) fn create(self, cx: &mut Cx<'_>) -> Next {
        let name = match &self.wanted {
            Some(name) => name.clone(),
            None => made_up(cx, self.identity.kind),
        };
        let begin = cx.begin(self.device.clone(), life(cx, true));
        create(cx, self.identity.clone(), name, None, begin, |who| {
            Entering::Creating(who, Some(self))
        })
    }

    /// Somebody has the name, or the same identity has come in elsewhere meanwhile.
    pub(super) fn again(self) -> Step {
        let tries = self.tries + 1;
        if tries >= NAMES_MAX {
            return Err(Error::Unavailable);
        }
        Ok(Self {
            wanted: None,
            tries,
            ..self
        }
        .find())
    }
}

fn made_up(cx: &mut Cx<'_>, kind: IdentityKind) -> DisplayName {
    let who = match kind {
        IdentityKind::Device => "Guest",
        _ => "Player",
    };
    let name = format!("{who} {}", letters(&mut *cx.world.chance, NAME_LETTERS));
    DisplayName::new(&name).expect("letters and a space")
}
