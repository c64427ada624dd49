//! Which workloads use which flag, and what each is by default: for `--help` and for refusals.

use crate::{BotOptions, Workload};
use clap::ValueEnum as _;
use core::fmt;

/// The flags that some workloads have no use for.
pub(crate) const CHOOSY: [Flag; 5] = [ROOMS, RATE, IN_FLIGHT, SIZE, NO_LOGIN];

pub(crate) const ROOMS: Flag = Flag {
    name: "rooms",
    used_by: Workload::enters_rooms,
};
pub(crate) const RATE: Flag = Flag {
    name: "rate",
    used_by: |workload| workload != Workload::Idle,
};
pub(crate) const IN_FLIGHT: Flag = Flag {
    name: "in-flight",
    used_by: |workload| workload.chats() || workload == Workload::Echo,
};
pub(crate) const SIZE: Flag = Flag {
    name: "size",
    used_by: |workload| workload != Workload::Churn,
};
pub(crate) const NO_LOGIN: Flag = Flag {
    name: "no-login",
    used_by: |workload| workload == Workload::Echo,
};

/// A flag, and the workloads in which it makes a difference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Without dashes.
    pub(crate) name: &'static str,
    pub(crate) used_by: fn(Workload) -> bool,
}

impl Flag {
    /// What is wrong with typing it for `workload`, if anything.
    pub(crate) fn refusal(self, workload: Workload) -> Option<String> {
        let users = || workloads().filter(|&it| (self.used_by)(it));
        let is_used = (self.used_by)(workload);
        (!is_used).then(|| {
            format!(
                "{} does not use it; {} {}",
                workload.name(),
                and(users().map(Workload::name)),
                if users().count() == 1 { "does" } else { "do" }
            )
        })
    }
}

/// What a flag is for, who uses it, and its value where nothing is typed: by workload where they
/// differ.
pub(crate) fn help<T: fmt::Display>(
    text: &str,
    used_by: fn(Workload) -> bool,
    value: fn(&BotOptions) -> T,
) -> String {
    let users = || workloads().filter(|&it| used_by(it));
    let mut values: Vec<(String, Vec<&'static str>)> = Vec::new();
    for workload in users() {
        let value = value(&BotOptions::of_workload(workload)).to_string();
        match values.iter_mut().find(|(known, _)| *known == value) {
            Some((_, names)) => names.push(workload.name()),
            None => values.push((value, vec![workload.name()])),
        }
    }
    let scope = if users().count() == workloads().count() {
        String::new()
    } else {
        format!(" ({})", and(users().map(Workload::name)))
    };
    match &values[..] {
        [(value, _)] => format!("{text}{scope} [default: {value}]"),
        values => {
            let with_names = |(value, names): &(String, Vec<_>)| {
                format!("{value} for {}", and(names.iter().copied()))
            };
            let parts: Vec<String> = values.iter().map(with_names).collect();
            format!("{text} [default: {}]", parts.join(", "))
        }
    }
}

fn workloads() -> impl Iterator<Item = Workload> {
    Workload::value_variants().iter().copied()
}

/// `echo`, `echo and chat`, `echo, chat and slow`.
fn and<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_those_that_use_the_flag() {
        let said = |flag: Flag, workload| flag.refusal(workload).unwrap_or_default();
        assert_eq!(
            said(ROOMS, Workload::Echo),
            "echo does not use it; chat, churn and slow do"
        );
        assert_eq!(
            said(NO_LOGIN, Workload::Slow),
            "slow does not use it; echo does"
        );
        assert_eq!(said(RATE, Workload::Echo), "");
    }

    #[test]
    fn help_tells_the_default_of_each_workload() {
        assert_eq!(
            help("Sessions", |_| true, |usual| usual.sessions),
            "Sessions [default: 64 for echo, 1000 for chat and idle, 50 for churn, 200 for slow]"
        );
        assert_eq!(
            help("Rooms", ROOMS.used_by, |usual| usual.rooms),
            "Rooms [default: 10 for chat and churn, 2 for slow]"
        );
        assert_eq!(
            help("Seconds", |_| true, |usual| usual.seconds),
            "Seconds [default: 10]"
        );
    }
}
