//! Where bots connect from.

use crate::BotsError;
use core::fmt;
use core::str::FromStr;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Local ports that one address has to give, by Linux' default range (32768 to 60999).
const PORTS_PER_ADDRESS: u32 = 28_000;

/// Local addresses to connect from, in turn.
///
/// Written as a number of loopback addresses (`4` is 127.0.0.1 to 127.0.0.4) or as a list
/// (`127.0.0.2,127.0.0.9`). Empty lets the system choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SourceAddresses(Vec<IpAddr>);

impl SourceAddresses {
    /// The address of bot `number`.
    pub(crate) fn of(&self, number: u32) -> Option<IpAddr> {
        match self.0.len() {
            0 => None,
            count => Some(self.0[number as usize % count]),
        }
    }

    /// Whether the system chooses.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they are of the same family as `target`; those that the system chooses always are.
    pub(crate) fn may_reach(&self, target: SocketAddr) -> bool {
        self.0.iter().all(|ip| ip.is_ipv4() == target.is_ipv4())
    }

    /// Whether `sessions` bots can reach `target` from here.
    pub(crate) fn check(&self, target: SocketAddr, sessions: u32) -> Result<(), BotsError> {
        let refuse = |option, said| Err(BotsError::Option { option, said });
        if let Some(other) = self.0.iter().find(|ip| ip.is_ipv4() != target.is_ipv4()) {
            let said = format!("{other} cannot reach {target}: one is IPv4, the other IPv6");
            return refuse("source-addresses", said);
        }
        let addresses = self.0.len().max(1) as u32;
        if sessions > addresses * PORTS_PER_ADDRESS {
            let needed = sessions.div_ceil(PORTS_PER_ADDRESS);
            let said = format!(
                "{sessions} need more local ports than {addresses} address(es) have; \
                 add --source-addresses {needed}"
            );
            return refuse("sessions", said);
        }
        Ok(())
    }
}

impl FromStr for SourceAddresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse::<u8>() {
            let loopback = |last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
            return match count {
                1..=254 => Ok(Self((1..=count).map(loopback).collect())),
                _ => Err(format!("{count} is not within 1 to 254")),
            };
        }
        let parse = |part: &str| {
            let wrong = |_| format!("`{part}` is neither a number nor an IP address");
            part.trim().parse::<IpAddr>().map_err(wrong)
        };
        text.split(',')
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for SourceAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match text.parse::<SourceAddresses>() {
            Ok(addresses) => addresses.to_string(),
            Err(said) => said,
        }
    }

    #[test]
    fn a_number_means_loopback_addresses_and_a_list_means_itself() {
        assert_eq!(parse("3"), "127.0.0.1,127.0.0.2,127.0.0.3");
        assert_eq!(parse("127.0.0.9, ::1"), "127.0.0.9,::1");
        assert_eq!(parse("0"), "0 is not within 1 to 254");
        assert_eq!(
            parse("here"),
            "`here` is neither a number nor an IP address"
        );
    }

    #[test]
    fn addresses_are_used_in_turn() {
        let addresses: SourceAddresses = "2".parse().unwrap();
        assert_eq!(addresses.of(2), addresses.of(0));
        assert_ne!(addresses.of(1), addresses.of(0));
        assert_eq!(SourceAddresses::default().of(5), None);
    }

    #[test]
    fn more_sessions_than_local_ports_are_refused_with_what_to_type() {
        let target = SocketAddr::from(([127, 0, 0, 1], 11_021));
        let said = SourceAddresses::default()
            .check(target, 30_000)
            .unwrap_err()
            .to_string();
        assert!(said.contains("--source-addresses 2"), "{said}");
        let two: SourceAddresses = "2".parse().unwrap();
        two.check(target, 30_000).unwrap();
        let six: SourceAddresses = "::1".parse().unwrap();
        assert!(six.check(target, 1).is_err());
    }
}
