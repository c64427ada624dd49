//! Where the bots go, as it is typed.

use crate::{BotsError, SourceAddresses};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

/// The address that was typed, by number or by name. Of a name's addresses the first one that the
/// `sources` can reach, IPv4 before IPv6, as the server's own default is IPv4.
///
/// # Errors
/// [`BotsError::Option`] if it is neither.
pub(crate) fn resolve(typed: &str, sources: &SourceAddresses) -> Result<SocketAddr, BotsError> {
    let refuse = |said: String| BotsError::Option {
        option: "target",
        said,
    };
    let typed = &*with_port(typed);
    let mut addresses: Vec<SocketAddr> = typed
        .to_socket_addrs()
        .map_err(|error| refuse(format!("{typed} is no address and no name of one: {error}")))?
        .collect();
    addresses.sort_by_key(|address| (!sources.may_reach(*address), address.is_ipv6()));
    let first = addresses.first().copied();
    first.ok_or_else(|| refuse(format!("{typed} has no address")))
}

/// The port of a server that nobody has told another.
const PORT: u16 = 11_021;

/// The same with a port: the usual one, where none was typed.
pub fn with_port(typed: &str) -> String {
    let has_none = !typed.contains(':') || typed.starts_with('[') && typed.ends_with(']');
    match typed.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, PORT).to_string(),
        Err(_) if has_none => format!("{typed}:{PORT}"),
        Err(_) => typed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str) -> String {
        match resolve(typed, &SourceAddresses::default()) {
            Ok(address) => address.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn numbers_and_names_are_addresses() {
        assert_eq!(check("127.0.0.1:7"), "127.0.0.1:7");
        assert_eq!(check("[::1]:7"), "[::1]:7");
        assert_eq!(check("localhost:7"), "127.0.0.1:7");
    }

    #[test]
    fn without_a_port_it_is_the_usual_one() {
        assert_eq!(check("localhost"), "127.0.0.1:11021");
        assert_eq!(check("127.0.0.1"), "127.0.0.1:11021");
        assert_eq!(check("::1"), "[::1]:11021");
        assert_eq!(check("[::1]"), "[::1]:11021");
    }

    #[test]
    fn what_is_neither_is_refused_by_name() {
        let said = check("127.0.0.1:many");
        assert!(
            said.starts_with("--target: 127.0.0.1:many is no address"),
            "{said}"
        );
    }
}
