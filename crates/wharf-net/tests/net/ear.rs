//! What the owner of sessions hears, and the content that answers it.

use crate::harness::frame;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use wharf_base::{Instant, SessionId};
use wharf_net::{CloseReason, Net, Origin, Outgoing, SessionEvents};
use wharf_wire::{FrameRun, SendClass};

/// What a session's owner heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Opened,
    Frame(u16, Vec<u8>),
    InputEnded,
    Closed(CloseReason),
}

/// Everything that one side's owner heard, in order.
#[derive(Default)]
pub(crate) struct Ear {
    pub(crate) heard: Vec<(SessionId, Heard)>,
    /// How much of it content has dealt with.
    handled: usize,
}

impl SessionEvents for Ear {
    fn opened(&mut self, session: SessionId, _peer: SocketAddr) {
        self.heard.push((session, Heard::Opened));
    }

    fn frames(&mut self, session: SessionId, frames: FrameRun<'_>) {
        let heard = frames.map(|frame| Heard::Frame(frame.id, frame.body.to_vec()));
        self.heard.extend(heard.map(|heard| (session, heard)));
    }

    fn input_ended(&mut self, session: SessionId) {
        self.heard.push((session, Heard::InputEnded));
    }

    fn closed(&mut self, session: SessionId, reason: &CloseReason) {
        self.heard.push((session, Heard::Closed(*reason)));
    }
}

/// What the server's content does with what it hears.
#[derive(Clone, Copy)]
pub(crate) struct Content {
    /// Sends every frame back.
    pub(crate) echoes: bool,
    /// Gives the credit of every frame back.
    pub(crate) handles: bool,
    /// Finishes a session when its input has ended.
    pub(crate) finishes: bool,
}

impl Ear {
    /// What it heard of one session.
    pub(crate) fn heard_of(&self, session: SessionId) -> Vec<Heard> {
        let of_session = self.heard.iter().filter(|(id, _)| *id == session);
        of_session.map(|(_, what)| what.clone()).collect()
    }

    pub(crate) fn check_each_session_was_closed_once(&self) {
        let sessions: BTreeSet<_> = self.heard.iter().map(|(session, _)| *session).collect();
        for session in sessions {
            let heard = self.heard_of(session);
            let closed = heard
                .iter()
                .filter(|what| matches!(what, Heard::Closed(_)))
                .count();
            assert_eq!(closed, 1, "{session} heard {heard:?}");
            assert!(
                matches!(heard.last(), Some(Heard::Closed(_))),
                "{session} heard {heard:?}"
            );
        }
    }

    pub(crate) fn answer(&mut self, now: Instant, net: &mut Net, content: Content) {
        for (session, what) in &self.heard[self.handled..] {
            match what {
                Heard::Frame(id, body) => {
                    if content.echoes {
                        let frame = frame(*id, body);
                        let frame = Outgoing::Copy(&frame);
                        net.send(now, *session, SendClass::Reliable, Origin::Own, frame);
                    }
                    if content.handles {
                        net.return_credit(*session, 1);
                    }
                }
                Heard::InputEnded if content.finishes => {
                    net.finish(now, *session, CloseReason::PeerClosed);
                }
                _ => {}
            }
        }
        self.handled = self.heard.len();
    }
}
