//! What is measured, one after the other.

use serde::Serialize;
use std::fmt;
use wharf_bots::{BotOptions, Workload};
use wharf_host::config::{Machine, descriptors_beside_sessions};
use wharf_port::BackendWish;

/// Sessions where nobody says how many.
const SESSIONS: u32 = 1_000;
/// Shards of the server that is measured.
pub(super) const SHARDS: u64 = 1;
/// Sessions of echo.
const ECHO_SESSIONS: u32 = 64;
/// Bytes of text that make an echo's frame 64 bytes long.
const ECHO_TEXT_BYTES: u16 = 59;
/// How often an idle session says something, a second: it is known to live, and costs nothing.
const IDLE_RATE: f64 = 0.01;

/// Everything that is measured.
pub(super) struct Plan {
    pub(super) workloads: Vec<Load>,
    pub(super) seconds: u32,
    /// The server's completion port, as it is typed.
    pub(super) backend: String,
}

/// One workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Load {
    #[serde(rename = "workload")]
    pub(super) kind: Kind,
    pub(super) sessions: u32,
    /// Members of a room; 0 where there are none.
    pub(super) per_room: u32,
    /// Unanswered messages of a session.
    pub(super) in_flight: u32,
}

/// What the sessions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Frames of 64 bytes that come back.
    Echo,
    /// Talk in rooms.
    Chat,
    /// Next to nothing, in rooms.
    Idle,
}

impl Plan {
    /// The usual workloads with so many sessions, each for so long, on such a machine.
    ///
    /// # Errors
    /// When the backend has another name than those there are, or so many sessions need more
    /// descriptors than there may be.
    pub(super) fn new(
        seconds: u32,
        sessions: Option<u32>,
        backend: &str,
        machine: &Machine,
    ) -> Result<Self, String> {
        let _: BackendWish = backend
            .parse()
            .map_err(|error| format!("--port-backend: {error}"))?;
        let sessions = allowed(sessions, machine)?;
        let echo = |in_flight| Load {
            kind: Kind::Echo,
            sessions: sessions.min(ECHO_SESSIONS),
            per_room: 0,
            in_flight,
        };
        let in_rooms = |kind, per_room: u32| Load {
            kind,
            sessions,
            per_room: per_room.min(sessions),
            in_flight: 1,
        };
        Ok(Self {
            workloads: vec![
                echo(1),
                echo(16),
                in_rooms(Kind::Chat, 10),
                in_rooms(Kind::Chat, 100),
                in_rooms(Kind::Idle, 10),
            ],
            seconds,
            backend: backend.to_owned(),
        })
    }
}

/// How many sessions there will be: those that were typed, or as many as usual and as fit.
fn allowed(typed: Option<u32>, machine: &Machine) -> Result<u32, String> {
    let most = machine.sessions_by_descriptors(SHARDS).unwrap_or(u64::MAX);
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    match typed {
        Some(typed) if typed > most => Err(format!(
            "--sessions {typed} needs {} descriptors, and this process may have {}; raise the \
             hard limit (ulimit -Hn), or leave --sessions out",
            u64::from(typed) + descriptors_beside_sessions(SHARDS),
            machine.descriptors_max.unwrap_or_default()
        )),
        Some(typed) => Ok(typed),
        None if most == 0 => Err(
            "too few descriptors for a single session; raise the hard limit \
                                  (ulimit -Hn)"
                .to_owned(),
        ),
        None => Ok(SESSIONS.min(most)),
    }
}

impl Load {
    /// How many rooms there are.
    pub(super) fn rooms(&self) -> u32 {
        match self.per_room {
            0 => 1,
            members => self.sessions.div_ceil(members),
        }
    }

    /// What the server is told.
    pub(super) fn settings(&self) -> Vec<String> {
        let mut settings = vec![
            format!("chat.rooms={}", self.rooms()),
            "log.level=error".to_owned(),
        ];
        if self.kind != Kind::Idle {
            // What one player may send is not what is measured.
            settings.push("limits.inbound_packets_per_second=0".to_owned());
            settings.push("limits.inbound_bytes_per_second=0".to_owned());
        }
        settings
    }

    /// What the clients are told, but for where the server is.
    pub(super) fn options(&self, seconds: u32, threads: u32) -> BotOptions {
        let workload = match self.kind {
            Kind::Echo => Workload::Echo,
            Kind::Chat | Kind::Idle => Workload::Chat,
        };
        let usual = BotOptions::of_workload(workload);
        BotOptions {
            sessions: self.sessions,
            rooms: self.rooms(),
            in_flight: self.in_flight,
            seconds: seconds.into(),
            rate: match self.kind {
                Kind::Idle => IDLE_RATE,
                Kind::Echo | Kind::Chat => 0.0,
            },
            size: match self.kind {
                Kind::Echo => ECHO_TEXT_BYTES,
                Kind::Chat | Kind::Idle => usual.size,
            },
            threads: threads.min(self.rooms_or_sessions()),
            ..usual
        }
    }

    /// What the clients' threads share.
    fn rooms_or_sessions(&self) -> u32 {
        match self.kind {
            Kind::Echo => self.sessions,
            Kind::Chat | Kind::Idle => self.rooms(),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sessions,
            per_room,
            in_flight,
            ..
        } = self;
        match self.kind {
            Kind::Echo => write!(f, "echo 64 B, {sessions} x {in_flight}"),
            Kind::Chat => write!(f, "chat, {sessions} in rooms of {per_room}"),
            Kind::Idle => write!(f, "idle, {sessions} in rooms of {per_room}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::TABLES;
    use super::*;
    use wharf_host::config::{Effective, Layers};

    fn with(descriptors_max: Option<u64>) -> Machine {
        Machine {
            processors: 2,
            descriptors_max,
        }
    }

    #[test]
    fn every_workload_is_one_that_bots_take_and_settings_that_serve_takes() {
        for sessions in [1, 5, 20, 1_000, 20_000] {
            let plan = Plan::new(1, Some(sessions), "auto", &with(None)).unwrap();
            for load in &plan.workloads {
                load.options(1, 4).validate().unwrap();
                let set = |pair: &String| {
                    let (key, value) = pair.split_once('=').unwrap();
                    ("--set".to_owned(), key.to_owned(), value.to_owned())
                };
                let layers = Layers {
                    command_line: load.settings().iter().map(set).collect(),
                    ..Layers::default()
                };
                Effective::resolve(TABLES, &with(None), &layers).unwrap();
            }
        }
    }

    #[test]
    fn sessions_are_as_many_as_the_descriptors_allow() {
        assert_eq!(allowed(None, &with(None)), Ok(1_000));
        assert_eq!(allowed(None, &with(Some(300))), Ok(44));
        assert_eq!(allowed(Some(40), &with(Some(300))), Ok(40));
        let said = allowed(Some(45), &with(Some(300))).unwrap_err();
        assert!(said.contains("--sessions 45 needs 301"), "{said}");
        assert!(said.contains("ulimit -Hn"), "{said}");
        assert!(allowed(None, &with(Some(200))).is_err());
    }
}
