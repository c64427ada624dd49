//! Whoever was wrong too often may try again at once: here, and wherever failures are counted.

use super::{Event, Flow, Next, Step, end, refused, stored};
use crate::request::Outcome;
use crate::world::{Cx, Guess, network_of};
use core::net::IpAddr;
use wharf_data::access::Guesser;
use wharf_data::{NameKey, Refusal};

/// Whose failures are still to be forgotten.
pub(crate) struct Forgiving(Vec<Failures>);

/// What failures are counted under.
enum Failures {
    At(Guess),
    From(IpAddr),
}

/// Begins with the first.
pub(super) fn forgive(cx: &mut Cx<'_>, whom: &Guesser) -> Next {
    let all = match whom {
        Guesser::Account(account, name) => vec![
            Failures::At(Guess::Account(*account)),
            Failures::At(Guess::Name(NameKey::of(name))),
        ],
        Guesser::Address(address) => vec![Failures::From(network_of(*address))],
    };
    Forgiving(all).next(cx)
}

impl Forgiving {
    pub(super) fn go_on(self, cx: &mut Cx<'_>, event: Event) -> Step {
        match stored(event) {
            Ok(_) | Err(Refusal::NotFound) => Ok(self.next(cx)),
            Err(refusal) => Err(refused(refusal)),
        }
    }

    /// Memory forgets when the store is asked to: what it was asked before counts no more.
    fn next(mut self, cx: &mut Cx<'_>) -> Next {
        while let Some(failures) = self.0.pop() {
            let ask = match failures {
                Failures::At(guess) => cx.world.by_account.forgive(&guess),
                Failures::From(address) => cx.world.by_address.forgive(&address),
            };
            if let Some(ask) = ask {
                return Next::Ask {
                    ask,
                    revokes: None,
                    flow: Flow::Forgiving(self),
                };
            }
        }
        end(Outcome::Done)
    }
}
