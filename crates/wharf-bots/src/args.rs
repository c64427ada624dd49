//! The options as they are typed.

use crate::{BotOptions, SourceAddresses, Workload};
use std::net::SocketAddr;
use std::path::PathBuf;
use wharf_port::BackendWish;

/// `wharf bots [WORKLOAD] [OPTIONS]`. What is not given comes from the workload.
#[derive(Clone, Debug, clap::Args)]
pub struct BotArgs {
    /// What the bots do.
    #[arg(value_enum, default_value = "chat")]
    pub workload: Workload,
    /// The server's address [default: 127.0.0.1:11021].
    #[arg(long, value_name = "ADDR")]
    pub target: Option<SocketAddr>,
    /// Sessions at once.
    #[arg(long, value_name = "N")]
    pub sessions: Option<u32>,
    /// Rooms over which the sessions are spread, from room 0.
    #[arg(long, value_name = "N")]
    pub rooms: Option<u32>,
    /// How long to talk, stay or churn.
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<f64>,
    /// Messages (churn: cycles) a second for each session; 0 = as fast as answers come.
    #[arg(long, value_name = "PER_SECOND")]
    pub rate: Option<f64>,
    /// Unanswered messages of a session at most.
    #[arg(long, value_name = "N")]
    pub in_flight: Option<u32>,
    /// Bytes of text in each message.
    #[arg(long, value_name = "BYTES")]
    pub size: Option<u16>,
    /// Names, texts and times follow from it; two runs at once need different ones.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Client threads.
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Which completion port the bots use: auto, uring, readiness or iocp.
    #[arg(long, value_name = "NAME")]
    pub port_backend: Option<BackendWish>,
    /// Connect from the first N loopback addresses, or from a list of addresses.
    #[arg(long, value_name = "N|LIST")]
    pub source_addresses: Option<SourceAddresses>,
    /// Echo without logging in, as at a server that knows nothing but echo.
    #[arg(long)]
    pub no_login: bool,
    /// Append the report to FILE as one line of JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl BotArgs {
    /// The workload's numbers with those that were given in their place.
    pub fn options(&self) -> BotOptions {
        let usual = BotOptions::of_workload(self.workload);
        BotOptions {
            workload: self.workload,
            target: self.target.unwrap_or(usual.target),
            sessions: self.sessions.unwrap_or(usual.sessions),
            rooms: self.rooms.unwrap_or(usual.rooms),
            seconds: self.seconds.unwrap_or(usual.seconds),
            rate: self.rate.unwrap_or(usual.rate),
            in_flight: self.in_flight.unwrap_or(usual.in_flight),
            size: self.size.unwrap_or(usual.size),
            seed: self.seed.unwrap_or(usual.seed),
            threads: self.threads.unwrap_or(usual.threads),
            port_backend: self.port_backend.unwrap_or(usual.port_backend),
            source_addresses: self.source_addresses.clone().unwrap_or_default(),
            no_login: self.no_login,
            json: self.json.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        bots: BotArgs,
    }

    fn options(line: &str) -> BotOptions {
        let program = Program::try_parse_from(line.split(' ')).unwrap_or_else(|e| panic!("{e}"));
        program.bots.options()
    }

    #[test]
    fn nothing_typed_is_the_canonical_chat() {
        let typed = options("bots");
        assert_eq!(
            typed.to_string(),
            BotOptions::of_workload(Workload::Chat).to_string()
        );
    }

    #[test]
    fn what_is_typed_replaces_the_workloads_number() {
        let typed = options(
            "bots echo --target 127.0.0.1:7 --sessions 2 --seconds 0.5 --rate 0 --in-flight 8 \
             --size 40 --seed 3 --source-addresses 2 --threads 2 --json out.jsonl",
        );
        assert_eq!(
            typed.to_string().lines().nth(1).unwrap(),
            "  --target 127.0.0.1:7 --sessions 2 --seconds 0.5 --rate 0 --in-flight 8 --size 40 \
             --seed 3 --threads 2 --source-addresses 127.0.0.1,127.0.0.2"
        );
        assert_eq!(typed.json, Some(PathBuf::from("out.jsonl")));
    }
}
