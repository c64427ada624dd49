//! Who may ask.

use crate::config::Secret;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// Lets in who shows the token; where there is none, who means this machine.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) token: Option<Secret>,
}

impl Guard {
    /// What is answered instead of the page, if anything.
    pub(super) fn refusal(&self, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        match &self.token {
            Some(token) if shows(headers, token.expose()) => None,
            Some(_) => Some((
                StatusCode::UNAUTHORIZED,
                "Authorization: Bearer with the admin.token is needed\n",
            )),
            None if names_this_machine(headers) => None,
            None => Some((
                StatusCode::FORBIDDEN,
                "only localhost is served without an admin.token\n",
            )),
        }
    }
}

/// Whether the request shows the token; it takes as long for a wrong one as for the right one.
fn shows(headers: &HeaderMap, token: &str) -> bool {
    let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let Some((scheme, shown)) = shown.and_then(|shown| shown.split_at_checked("Bearer ".len()))
    else {
        return false;
    };
    scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(shown.ct_eq(token.as_bytes()))
}

/// Whether the request is for a name of this machine. A page from elsewhere, whose name its owner
/// has turned to 127.0.0.1, has its browser ask for that name.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn refused(guard: &Guard, headers: &[(HeaderName, &str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, value.parse().unwrap());
        }
        guard.refusal(&map).map(|(status, _)| status.as_u16())
    }

    #[test]
    fn without_a_token_only_names_of_this_machine_are_served() {
        let guard = Guard { token: None };
        for (host, expected) in [
            ("localhost", None),
            ("LOCALHOST:11022", None),
            ("127.0.0.1:11022", None),
            ("127.9.9.9", None),
            ("[::1]:11022", None),
            ("[::ffff:127.0.0.1]:1", None),
            ("evil.example:11022", Some(403)),
            ("localhost.evil.example", Some(403)),
            ("127.0.0.1.evil.example", Some(403)),
            ("10.0.0.1", Some(403)),
            ("", Some(403)),
            ("a b", Some(403)),
        ] {
            assert_eq!(refused(&guard, &[(HOST, host)]), expected, "{host:?}");
        }
        assert_eq!(refused(&guard, &[]), Some(403), "no name at all");
        let both = [(HOST, "localhost"), (HOST, "evil.example")];
        assert_eq!(refused(&guard, &both), Some(403), "two names");
    }

    #[test]
    fn with_a_token_nobody_is_served_who_does_not_show_it() {
        let token = "0123456789abcdef0123456789abcdef";
        let guard = Guard {
            token: Some(Secret::new(token.to_owned())),
        };
        let with = |value: &str| refused(&guard, &[(AUTHORIZATION, value)]);
        assert_eq!(with(&format!("Bearer {token}")), None);
        assert_eq!(with(&format!("bearer {token}")), None);
        for wrong in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Basic  {token}"),
            format!("Bearer {token}0"),
            format!("Bearer {}", &token[1..]),
            format!("Bearer {}", token.to_uppercase()),
        ] {
            assert_eq!(with(&wrong), Some(401), "{wrong:?}");
        }
        assert_eq!(refused(&guard, &[(HOST, "localhost")]), Some(401));
    }
}
