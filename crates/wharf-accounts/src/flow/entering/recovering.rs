//! By a recovery code.

use super::{Entering, life};
use crate::flow::{Flow, Next, Step, ask, make, named};
use crate::password::Password;
use crate::request::invalid;
use crate::revocation::Revocation;
use crate::secret::{Hidden, fresh_secret, hash_of_code};
use crate::world::{Cx, Guess, device, name_key};
use wharf_data::NameKey;
use wharf_data::account::{Ask, Found, TokenHash, Which};

/// Somebody who comes by a recovery code.
pub(crate) struct Recovering {
    key: NameKey,
    code: TokenHash,
    device: String,
}

/// The hash is made first, and made for unknown names too: so all wrong codes take as long.
pub(in crate::flow) fn recover(
    cx: &mut Cx<'_>,
    name: &str,
    code: &Hidden,
    new_password: &Hidden,
    name_of_device: String,
) -> Step {
    let key = name_key("name", name)?;
    let code = code.as_text().ok_or_else(|| invalid("code", "no text"))?;
    let password = Password::chosen("new_password", new_password, &key)?;
    let recovering = Recovering {
        code: hash_of_code(code),
        device: device(name_of_device)?,
        key,
    };
    cx.admit_hash()?;
    cx.guess_at(Guess::Name(recovering.key.clone()))?;
    let state = Entering::MakingRecovery(recovering);
    Ok(make(cx, password, Flow::Entering(state)))
}

impl Recovering {
    pub(super) fn find(self, phc: String) -> Next {
        let question = Ask::Find {
            identity: named(&self.key),
        };
        let state = Entering::FindingRecovery(self, phc);
        ask(question, Flow::Entering(state))
    }

    pub(super) fn recover(self, cx: &mut Cx<'_>, found: Option<Found>, password: String) -> Next {
        let begin = cx.begin(self.device, life(cx, true));
        let kept = begin.login.id;
        let revokes = found.map(|found| Revocation {
            account: found.account,
            which: Which::AllBut(kept),
        });
        // Nobody has the name: what is asked then is as long, and not true, even if somebody takes
        // the name meanwhile.
        let code = match revokes {
            Some(_) => self.code,
            None => fresh_secret(&mut *cx.world.chance).hash(),
        };
        let question = Ask::Recover {
            name: self.key,
            code,
            password,
            login: begin.login,
            at: cx.at,
        };
        Next::Ask {
            ask: wharf_data::Ask::Account(question),
            revokes,
            flow: Flow::Entering(Entering::Recovered(begin.token)),
        }
    }
}
