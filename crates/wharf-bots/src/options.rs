//! What a run consists of: a named workload, expanded to plain numbers.

use crate::flags::{self, Flag};
use crate::{BotsError, SourceAddresses, message};
use core::fmt;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use wharf_base::Duration;
use wharf_port::BackendWish;
use wharf_wire::HEADER_BYTES;

/// What the bots do. A workload is nothing but a set of defaults and a way to behave; every number
/// can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Workload {
    /// Log in, then send texts and compare what comes back.
    Echo,
    /// Log in, enter a room and talk; every member must hear everything, once and in order.
    Chat,
    /// Log in and stay, silent; prove to be alive at the end.
    Idle,
    /// Connect, log in, enter, leave, close, over and over.
    Churn,
    /// As chat, but one in ten stops reading; the others must not notice.
    Slow,
}

impl Workload {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Chat => "chat",
            Self::Idle => "idle",
            Self::Churn => "churn",
            Self::Slow => "slow",
        }
    }

    /// Whether its bots enter rooms.
    pub(crate) fn enters_rooms(self) -> bool {
        matches!(self, Self::Chat | Self::Churn | Self::Slow)
    }

    /// Whether its bots talk in their rooms.
    pub(crate) fn chats(self) -> bool {
        matches!(self, Self::Chat | Self::Slow)
    }
}

/// Every `SLOW_ONE_IN`-th bot of the slow workload stops reading.
const SLOW_ONE_IN: u32 = 10;

/// The longest text of an echo: the server's frame limit less the header.
const ECHO_TEXT_BYTES_MAX: u16 = 16 * 1024 - HEADER_BYTES as u16;

/// The longest text of a line of chat.
const CHAT_TEXT_BYTES_MAX: u16 = 257;

/// The most bots in one room: its books grow with the square.
const ROOM_SEATS_MAX: u32 = 10_000;

/// The parameters of one run.
#[derive(Clone, Debug, Serialize)]
pub struct BotOptions {
    /// How the bots behave.
    pub workload: Workload,
    /// The server's address.
    pub target: SocketAddr,
    /// How many sessions at once, 1 to 1,000,000.
    pub sessions: u32,
    /// Over how many rooms they are spread, from room 0; 1 to 32,767.
    pub rooms: u32,
    /// How long they talk, stay or churn, in seconds; above 0, at most a day.
    pub seconds: f64,
    /// Messages (cycles, for churn) a second and session. 0 means closed loop, as fast as answers
    /// come; slow needs a rate.
    pub rate: f64,
    /// Unanswered messages of a session at most, 1 to 1,024; further ones wait, and the waiting
    /// counts in their latency.
    pub in_flight: u32,
    /// Bytes of text in a message, 26 (its stamp) to 257 for chat and 16,379 for echo.
    pub size: u16,
    /// Names, texts and times follow from it.
    pub seed: u64,
    /// Client threads, 1 to 64, each with a port of its own. The members of a room share a thread.
    pub threads: u32,
    /// Which completion port the bots use.
    #[serde(skip)]
    pub port_backend: BackendWish,
    /// Local addresses to connect from, in turn; empty lets the system choose.
    pub source_addresses: SourceAddresses,
    /// Whether the bots of echo do not log in.
    pub no_login: bool,
    /// Where to append the report as one line of JSON.
    #[serde(skip)]
    pub json: Option<PathBuf>,
}

impl BotOptions {
    /// The numbers that a workload's name stands for.
    pub fn of_workload(workload: Workload) -> Self {
        let (sessions, rate, in_flight, size) = match workload {
            Workload::Echo => (64, 100.0, 1, 59),
            Workload::Chat => (1_000, 1.0, 16, 64),
            Workload::Idle => (1_000, 0.0, 1, 59),
            Workload::Churn => (50, 0.0, 1, 64),
            Workload::Slow => (200, 5.0, 16, 64),
        };
        Self {
            workload,
            target: SocketAddr::from(([127, 0, 0, 1], 11_021)),
            sessions,
            rooms: if workload == Workload::Slow { 2 } else { 10 },
            seconds: 10.0,
            rate,
            in_flight,
            size,
            seed: 1,
            threads: 1,
            port_backend: BackendWish::Auto,
            source_addresses: SourceAddresses::default(),
            no_login: false,
            json: None,
        }
    }

    /// Looks whether every number lies where it may.
    ///
    /// # Errors
    /// [`BotsError::Option`] names the first that does not, and what is allowed.
    pub fn validate(&self) -> Result<(), BotsError> {
        let size_max = match self.workload {
            Workload::Echo | Workload::Idle => ECHO_TEXT_BYTES_MAX,
            Workload::Chat | Workload::Churn | Workload::Slow => CHAT_TEXT_BYTES_MAX,
        };
        let size_min = message::STAMP_BYTES as u16;
        let checks = [
            ("sessions", within(self.sessions, 1, 1_000_000)),
            ("rooms", within(self.rooms, 1, 32_767)),
            ("in-flight", within(self.in_flight, 1, 1_024)),
            ("size", within(self.size, size_min, size_max)),
            ("threads", within(self.threads, 1, 64)),
            ("seconds", within(self.seconds, 0.001, 86_400.0)),
            ("rate", within(self.rate, 0.0, 1_000_000.0)),
        ];
        for (option, check) in checks {
            check.map_err(|said| BotsError::Option { option, said })?;
        }
        if self.workload.chats() && self.sessions.div_ceil(self.rooms) > ROOM_SEATS_MAX {
            let said =
                format!("a room of more than {ROOM_SEATS_MAX} is too large to keep books of");
            return Err(BotsError::Option {
                option: "rooms",
                said,
            });
        }
        if self.workload == Workload::Slow && self.rate == 0.0 {
            let said = "0 is for echo, chat and churn; who is slow is so beside a pace".into();
            return Err(BotsError::Option {
                option: "rate",
                said,
            });
        }
        if self.no_login && self.workload != Workload::Echo {
            let said = "is for echo; everything else wants a user".into();
            return Err(BotsError::Option {
                option: "no-login",
                said,
            });
        }
        self.source_addresses.check(self.target, self.sessions)
    }

    /// How long the middle phase lasts.
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    /// Messages (cycles, for churn) a second that all sessions together are to offer; `None` for a
    /// closed loop, which offers what is answered.
    pub fn offered_per_second(&self) -> Option<f64> {
        let speaks = |&number: &u32| !self.stops_reading(number);
        let speakers = (0..self.sessions).filter(speaks).count();
        let is_offered = self.is_open_loop() && self.workload != Workload::Idle;
        is_offered.then_some(self.rate * speakers as f64)
    }

    /// Whether bot `number` is one of those that stop reading.
    pub(crate) fn stops_reading(&self, number: u32) -> bool {
        // By seat, so that every room has its share whatever the number of rooms.
        self.workload == Workload::Slow && number / self.rooms % SLOW_ONE_IN == SLOW_ONE_IN - 1
    }

    /// Whether messages have intended times.
    pub(crate) fn is_open_loop(&self) -> bool {
        self.rate > 0.0
    }
}

/// Says what is allowed, when `value` is not.
fn within<T: PartialOrd + fmt::Display>(value: T, min: T, max: T) -> Result<(), String> {
    if value >= min && value <= max {
        Ok(())
    } else {
        Err(format!("{value} is not within {min} to {max}"))
    }
}

impl fmt::Display for BotOptions {
    /// Two lines: what happens, and the numbers as they would be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let story = match self.workload {
            Workload::Echo => "sessions log in, send texts and compare what comes back",
            Workload::Chat => "sessions log in, enter rooms and talk; every delivery is checked",
            Workload::Idle => "sessions log in, stay silent, and prove to be alive at the end",
            Workload::Churn => "sessions connect, log in, enter, leave and close, over and over",
            Workload::Slow => "as chat, but one in ten stops reading; nobody else may notice",
        };
        writeln!(f, "{}: {story}", self.workload.name())?;
        write!(f, "  --target {} --sessions {}", self.target, self.sessions)?;
        let used = |flag: Flag| (flag.used_by)(self.workload);
        if used(flags::ROOMS) {
            write!(f, " --rooms {}", self.rooms)?;
        }
        write!(f, " --seconds {}", self.seconds)?;
        if used(flags::RATE) {
            write!(f, " --rate {}", self.rate)?;
        }
        if used(flags::IN_FLIGHT) {
            write!(f, " --in-flight {}", self.in_flight)?;
        }
        if used(flags::SIZE) {
            write!(f, " --size {}", self.size)?;
        }
        write!(f, " --seed {} --threads {}", self.seed, self.threads)?;
        if !self.source_addresses.is_empty() {
            write!(f, " --source-addresses {}", self.source_addresses)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_workload_is_good_as_it_stands() {
        for &workload in Workload::value_variants() {
            let options = BotOptions::of_workload(workload);
            options.validate().unwrap();
            assert_eq!(options.to_string().split(':').next(), Some(workload.name()));
        }
    }

    #[test]
    fn the_default_echo_stays_under_the_servers_packet_limit() {
        assert!(BotOptions::of_workload(Workload::Echo).rate < 200.0);
    }

    #[test]
    fn the_numbers_are_shown_as_they_are_typed() {
        let shown = BotOptions::of_workload(Workload::Chat).to_string();
        let numbers = shown.lines().nth(1).unwrap();
        assert_eq!(
            numbers,
            "  --target 127.0.0.1:11021 --sessions 1000 --rooms 10 --seconds 10 --rate 1 \
             --in-flight 16 --size 64 --seed 1 --threads 1"
        );
    }

    #[test]
    fn a_number_out_of_range_is_refused_by_name() {
        let mut options = BotOptions::of_workload(Workload::Chat);
        options.size = 25;
        let refusal = options.validate().unwrap_err().to_string();
        assert!(
            refusal.contains("--size: 25 is not within 26 to 257"),
            "{refusal}"
        );
        let mut options = BotOptions::of_workload(Workload::Slow);
        options.rate = 0.0;
        assert!(
            options
                .validate()
                .unwrap_err()
                .to_string()
                .contains("--rate")
        );
    }
}
