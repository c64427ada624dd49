//! What is wrong with a store on purpose, so that it is found.

use super::SimStore;
#[cfg(feature = "canary")]
use crate::canary::ServiceCanary;
#[cfg(feature = "canary")]
use wharf_data::{Answer, Refusal, account, message, short};
use wharf_data::{Ask, Reply};

#[cfg(not(feature = "canary"))]
impl SimStore {
    pub(super) fn run(&mut self, ask: &Ask) -> Reply {
        self.sql.ask(ask)
    }

    pub(super) fn is_forgetful(&self) -> bool {
        false
    }

    /// What was done is durable from here on.
    pub(super) fn commit(&mut self) {
        self.sql.commit();
    }

    /// What was said to be durable is.
    pub(super) fn sync(&mut self) {}

    /// What was not synced is lost.
    pub(super) fn crash(&mut self) {}
}

#[cfg(feature = "canary")]
impl SimStore {
    /// Has a bug from now on.
    pub(crate) fn plant(&mut self, canary: Option<ServiceCanary>) {
        self.planted = canary;
        // That only crashes show what was not synced is what is to be found.
        if self.has(ServiceCanary::UnsyncedStore) {
            self.health.cut_chance = 0.0;
        }
    }

    fn has(&self, canary: ServiceCanary) -> bool {
        self.planted == Some(canary)
    }

    pub(super) fn run(&mut self, ask: &Ask) -> Reply {
        let is_forgotten = match ask {
            Ask::Account(account::Ask::Revoke { .. }) => self.has(ServiceCanary::KeptLogins),
            Ask::Audited(_, ask) if self.has(ServiceCanary::UnheardBan) => {
                let status = account::Status::Active;
                return match &**ask {
                    // Everything else that follows from it is as it should be.
                    Ask::Account(account::Ask::SetStatus { account, .. }) => {
                        let account = *account;
                        let ask = account::Ask::SetStatus { account, status };
                        self.sql.ask(&Ask::Account(ask))
                    }
                    _ => self.sql.ask(ask),
                };
            }
            Ask::Audited(_, ask) if matches!(**ask, Ask::Account(account::Ask::Erase { .. })) => {
                self.has(ServiceCanary::KeptAccounts)
            }
            Ask::Message(message::Ask::Block { .. }) => self.has(ServiceCanary::UnheardBlock),
            Ask::Message(message::Ask::Remove { .. }) => self.has(ServiceCanary::KeptMessages),
            Ask::Short(short::Ask::Take { space, key, at })
                if self.has(ServiceCanary::TicketTwice) =>
            {
                let (space, key, at) = (*space, key.clone(), *at);
                return self
                    .sql
                    .ask(&Ask::Short(short::Ask::Get { space, key, at }));
            }
            // Not in that process.
            Ask::Account(account::Ask::Token { .. } | account::Ask::Exchange { .. })
                if self.has(ServiceCanary::LoginsOfOneLife) && self.lives > 1 =>
            {
                return Err(Refusal::NotFound);
            }
            _ => false,
        };
        match (is_forgotten, ask) {
            (true, Ask::Message(message::Ask::Block { account, .. })) => {
                let account = *account;
                let ask = Ask::Message(message::Ask::Blocks { account });
                self.sql.ask(&ask)
            }
            (true, _) => Ok(Answer::Done),
            (false, ask) => self.sql.ask(ask),
        }
    }

    pub(super) fn is_forgetful(&mut self) -> bool {
        self.has(ServiceCanary::ForgetfulStore) && self.rng.chance(0.05)
    }

    /// What was done is durable from here on; a store that does not sync says so.
    pub(super) fn commit(&mut self) {
        if !self.has(ServiceCanary::UnsyncedStore) || self.rng.chance(0.02) {
            self.sql.commit();
        }
    }

    /// What was said to be durable is.
    pub(super) fn sync(&mut self) {
        self.sql.commit();
    }

    /// What was not synced is lost.
    pub(super) fn crash(&mut self) {
        self.lives += 1;
        if self.has(ServiceCanary::UnsyncedStore) {
            self.sql.cut();
        }
    }
}
