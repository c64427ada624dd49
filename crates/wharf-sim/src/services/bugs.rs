//! What is wrong with the services on purpose, so that it is found.

use super::ServiceActor;
#[cfg(feature = "canary")]
use crate::canary::ServiceCanary;
use std::sync::Arc;
use wharf_base::SessionId;
use wharf_content::Asker;
use wharf_data::{Bulletin, Notice};
use wharf_host::Replies;

#[cfg(not(feature = "canary"))]
impl ServiceActor {
    pub(super) fn forgets_reply(&self) -> bool {
        false
    }

    pub(super) fn send_away_newcomer(&mut self, _: &Replies, _: Asker) {}

    pub(super) fn forgets_kick(&self) -> bool {
        false
    }

    /// What is published in the end.
    pub(super) fn misprinted(&self, bulletin: Arc<Bulletin>) -> Arc<Bulletin> {
        bulletin
    }

    /// Whom a notice reaches in the end, and which.
    pub(super) fn misled(
        &mut self,
        _: &Replies,
        to: SessionId,
        notice: Notice,
    ) -> Option<(SessionId, Notice)> {
        Some((to, notice))
    }
}

#[cfg(feature = "canary")]
impl ServiceActor {
    /// Has a bug from now on.
    pub(crate) fn plant(&mut self, canary: Option<ServiceCanary>) {
        self.planted = canary;
        self.store.plant(canary);
        if let Some(short) = &mut self.short {
            short.plant(canary);
        }
        match canary {
            Some(ServiceCanary::DelaysOfOneLife) => self.making.forgets = true,
            Some(ServiceCanary::NoDelays) => {
                self.making.delays.longest = wharf_base::Duration::ZERO;
            }
            _ => return,
        }
        self.platform = self.making.platform(&mut self.rng);
    }

    pub(super) fn forgets_reply(&self) -> bool {
        let is_planted = self.planted == Some(ServiceCanary::LostReply);
        is_planted && self.last_ticket.is_multiple_of(100)
    }

    pub(super) fn forgets_kick(&self) -> bool {
        self.planted == Some(ServiceCanary::ForgottenKick)
    }

    /// What is published in the end.
    pub(super) fn misprinted(&self, bulletin: Arc<Bulletin>) -> Arc<Bulletin> {
        if self.planted != Some(ServiceCanary::UnheardMute) {
            return bulletin;
        }
        let muted = std::collections::BTreeMap::new();
        Arc::new(Bulletin {
            muted,
            ..(*bulletin).clone()
        })
    }

    /// Tells whoever has just taken over what the older session was not told.
    pub(super) fn send_away_newcomer(&mut self, replies: &Replies, asker: Asker) {
        if let Asker::Session(session) = asker
            && core::mem::take(&mut self.is_mistaken)
        {
            replies.notice(session, Notice::TakenOver);
        }
    }

    /// Whom a notice reaches in the end, and which.
    pub(super) fn misled(
        &mut self,
        replies: &Replies,
        to: SessionId,
        notice: Notice,
    ) -> Option<(SessionId, Notice)> {
        match (self.planted, &notice) {
            (Some(ServiceCanary::WhisperTwice), Notice::Whispered(_)) => {
                replies.notice(to, notice.clone());
            }
            (Some(ServiceCanary::ForgottenTakeover), Notice::TakenOver) => return None,
            (Some(ServiceCanary::NewerTakenOver), Notice::TakenOver) => {
                self.is_mistaken = true;
                return None;
            }
            (Some(ServiceCanary::LostWhisper), Notice::Whispered(_))
                if self.whispers.is_multiple_of(50) =>
            {
                return None;
            }
            (Some(ServiceCanary::WrongEar), Notice::Whispered(_)) => {
                let online = self.platform.presence().iter().next();
                let other = online.map_or(to, |(_, online)| SessionId::from_bits(online.session.0));
                return Some((other, notice));
            }
            _ => {}
        }
        Some((to, notice))
    }
}
