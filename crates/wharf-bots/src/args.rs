//! The options as they are typed.

use crate::flags::{self, help};
use crate::{BotOptions, BotsError, SourceAddresses, Workload, target};
use std::path::PathBuf;
use wharf_port::BackendWish;

/// `wharf bots [WORKLOAD] [OPTIONS]`. What is not given comes from the workload.
#[derive(Clone, Debug, clap::Args)]
pub struct BotArgs {
    /// What the bots do.
    #[arg(value_enum, default_value = "chat")]
    pub workload: Workload,
    /// The server's address, by number or by name.
    #[arg(long, value_name = "ADDR", help = help(
        "The server's address, such as 10.0.0.7:11021 or localhost:11021",
        all,
        |usual| usual.target,
    ))]
    pub target: Option<String>,
    /// Sessions at once.
    #[arg(long, value_name = "N", help = help("Sessions at once", all, |usual| usual.sessions))]
    pub sessions: Option<u32>,
    /// Rooms over which the sessions are spread, from room 0.
    #[arg(long, value_name = "N", help = help(
        "Rooms over which the sessions are spread, from room 0",
        flags::ROOMS.used_by,
        |usual| usual.rooms,
    ))]
    pub rooms: Option<u32>,
    /// How long to talk, stay or churn.
    #[arg(long, value_name = "SECONDS", help = help(
        "How long to talk, stay or churn",
        all,
        |usual| usual.seconds,
    ))]
    pub seconds: Option<f64>,
    /// Messages (churn: cycles) a second for each session; 0 = as fast as answers come.
    #[arg(long, value_name = "PER_SECOND", help = help(
        "Messages (churn: cycles) a second for each session; 0 = as fast as answers come",
        flags::RATE.used_by,
        |usual| usual.rate,
    ))]
    pub rate: Option<f64>,
    /// Unanswered messages of a session at most.
    #[arg(long, value_name = "N", help = help(
        "Unanswered messages of a session at most",
        flags::IN_FLIGHT.used_by,
        |usual| usual.in_flight,
    ))]
    pub in_flight: Option<u32>,
    /// Bytes of text in each message.
    #[arg(long, value_name = "BYTES", help = help(
        "Bytes of text in each message",
        flags::SIZE.used_by,
        |usual| usual.size,
    ))]
    pub size: Option<u16>,
    /// Names, texts and times follow from it; two runs at once need different ones.
    #[arg(long, value_name = "N", help = help(
        "Names, texts and times follow from it; two runs at once need different ones",
        all,
        |usual| usual.seed,
    ))]
    pub seed: Option<u64>,
    /// Client threads.
    #[arg(long, value_name = "N", help = help("Client threads", all, |usual| usual.threads))]
    pub threads: Option<u32>,
    /// Which completion port the bots use: auto, uring, readiness or iocp [default: auto]
    #[arg(long, value_name = "NAME")]
    pub port_backend: Option<BackendWish>,
    /// Connect from the first N loopback addresses, or from a list of addresses [default: as the
    /// system chooses]
    #[arg(long, value_name = "N|LIST")]
    pub source_addresses: Option<SourceAddresses>,
    /// Do not log in, as at a server that knows nothing but echo (echo)
    #[arg(long)]
    pub no_login: bool,
    /// Append the report to FILE as one line of JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn all(_: Workload) -> bool {
    true
}

impl BotArgs {
    /// The workload's numbers with those that were given in their place.
    ///
    /// # Errors
    /// [`BotsError::Option`] for a flag that the workload has no use for, and for a target that is
    /// no address and has none.
    pub fn options(&self) -> Result<BotOptions, BotsError> {
        self.refuse_unused()?;
        let usual = BotOptions::of_workload(self.workload);
        let source_addresses = self.source_addresses.clone().unwrap_or_default();
        let target = match &self.target {
            Some(typed) => target::resolve(typed, &source_addresses)?,
            None => usual.target,
        };
        Ok(BotOptions {
            workload: self.workload,
            target,
            sessions: self.sessions.unwrap_or(usual.sessions),
            rooms: self.rooms.unwrap_or(usual.rooms),
            seconds: self.seconds.unwrap_or(usual.seconds),
            rate: self.rate.unwrap_or(usual.rate),
            in_flight: self.in_flight.unwrap_or(usual.in_flight),
            size: self.size.unwrap_or(usual.size),
            seed: self.seed.unwrap_or(usual.seed),
            threads: self.threads.unwrap_or(usual.threads),
            port_backend: self.port_backend.unwrap_or(usual.port_backend),
            source_addresses,
            no_login: self.no_login,
            json: self.json.clone(),
        })
    }

    /// What makes no difference was most likely meant for another workload.
    fn refuse_unused(&self) -> Result<(), BotsError> {
        let typed = [
            self.rooms.is_some(),
            self.rate.is_some(),
            self.in_flight.is_some(),
            self.size.is_some(),
            self.no_login,
        ];
        for (flag, typed) in flags::CHOOSY.into_iter().zip(typed) {
            if let Some(said) = flag.refusal(self.workload).filter(|_| typed) {
                let option = flag.name;
                return Err(BotsError::Option { option, said });
            }
        }
        Ok(())
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

    fn typed(line: &str) -> Result<BotOptions, BotsError> {
        let program = Program::try_parse_from(line.split(' ')).unwrap_or_else(|e| panic!("{e}"));
        program.bots.options()
    }

    fn options(line: &str) -> BotOptions {
        typed(line).unwrap_or_else(|error| panic!("{error}"))
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

    #[test]
    fn a_flag_that_the_workload_does_not_use_is_refused() {
        for (line, flag) in [
            ("bots echo --rooms 2", "--rooms"),
            ("bots idle --rate 1", "--rate"),
            ("bots churn --in-flight 2", "--in-flight"),
            ("bots churn --size 40", "--size"),
            ("bots chat --no-login", "--no-login"),
        ] {
            let said = typed(line).unwrap_err().to_string();
            assert!(said.starts_with(flag), "{said}");
            assert!(said.contains("does not use it"), "{said}");
        }
    }
}
