//! What the network tells: the fleet as the owner of its sessions.

use super::{FirstFailure, Fleet};
use crate::fleet::bot::Stage;
use std::net::SocketAddr;
use wharf_base::SessionId;
use wharf_net::{CloseReason, SessionEvents};
use wharf_port::ConnectError;
use wharf_wire::FrameRun;

/// What a bot gives as the reason when it is done with its session.
pub(crate) const DONE: CloseReason = CloseReason::Shutdown;

impl SessionEvents for Fleet {
    fn opened(&mut self, session: SessionId, _: SocketAddr) {
        if let Some(bot) = self.bot_of(session) {
            self.on_opened(bot, session);
        }
    }

    fn frames(&mut self, session: SessionId, frames: FrameRun<'_>) {
        for frame in frames {
            if let Some(bot) = self.bot_of(session) {
                self.on_frame(bot, session, frame);
            }
        }
    }

    fn input_ended(&mut self, session: SessionId) {
        if let Some(bot) = self.bot_of(session) {
            self.on_input_ended(bot);
        }
    }

    fn closed(&mut self, session: SessionId, reason: &CloseReason) {
        let Some(bot) = self.bot_of(session) else {
            return;
        };
        match *reason {
            CloseReason::ConnectFailed(error) => {
                let failure = match error {
                    ConnectError::Refused => FirstFailure::Refused,
                    _ => FirstFailure::Other(in_words(error)),
                };
                self.on_connect_failed(bot, failure);
                self.on_closed(bot, name(error));
            }
            DONE if self.bots[bot].stage == Stage::Parting => {
                self.on_closed(bot, "by-the-bot");
            }
            reason => self.on_closed(bot, reason.name()),
        }
    }
}

/// The reports' names of connections that could not be made.
fn name(error: ConnectError) -> &'static str {
    match error {
        ConnectError::Refused => "connect-refused",
        ConnectError::Unreachable => "connect-unreachable",
        ConnectError::TimedOut => "connect-timed-out",
        ConnectError::PeerReset => "connect-reset",
        ConnectError::AddressUnavailable => "connect-address-unavailable",
        ConnectError::Resources => "connect-no-resources",
        ConnectError::Cancelled => "connect-cancelled",
        ConnectError::Os(_) => "connect-failed",
    }
}

fn in_words(error: ConnectError) -> String {
    match error {
        ConnectError::Refused => "nobody listens there".into(),
        ConnectError::Unreachable => "there is no route to it".into(),
        ConnectError::TimedOut => "it does not answer".into(),
        ConnectError::PeerReset => "it resets every connection".into(),
        ConnectError::AddressUnavailable => {
            "no local port is free, or the source address is not this machine's".into()
        }
        ConnectError::Resources => "this process has no descriptor or memory left".into(),
        ConnectError::Cancelled => "cancelled".into(),
        ConnectError::Os(code) => code.to_string(),
    }
}
