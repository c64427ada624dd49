//! What must hold between settings beyond the limits.

use super::{Effective, Source};
use crate::config::ConfigError;
use wharf_store::{Redis, SqlError};

const KEYS: &str = "accounts.tickets.jwks";
/// What tickets must say, and what a ticket calls it.
const CLAIMS: [(&str, &str); 2] = [
    ("accounts.tickets.issuer", "iss"),
    ("accounts.tickets.audience", "aud"),
];

/// What tells whether the URL of a setting is one.
type Check = fn(&str) -> Result<(), SqlError>;
const URLS: [(&str, Check); 2] = [
    ("store.url", wharf_store::check_url),
    ("store.redis", Redis::check_url),
];

/// What no value says by itself: that a text is a URL, and what has to stand beside it.
///
/// # Errors
/// What is wrong or missing, and where.
pub(super) fn check(config: &Effective) -> Result<(), ConfigError> {
    check_tickets(config)?;
    for (key, check) in URLS {
        check_url(config, key, check)?;
    }
    Ok(())
}

/// Keys that sign tickets for anybody, or by anybody, would let in whoever has one for another
/// game.
///
/// # Errors
/// What is missing beside the keys.
fn check_tickets(config: &Effective) -> Result<(), ConfigError> {
    if !config.values.contains_key(KEYS) || config.path_if_set(KEYS).is_none() {
        return Ok(());
    }
    for (key, claim) in CLAIMS {
        if config.text(key).is_empty() {
            return Err(ConfigError {
                source: config.source(KEYS).clone(),
                problem: format!(
                    "{KEYS} wants {key} beside it: what a ticket has to say as {claim}"
                ),
            });
        }
    }
    Ok(())
}

/// A URL that is none would keep the server trying for ever. It is shown to nobody.
fn check_url(config: &Effective, key: &str, check: Check) -> Result<(), ConfigError> {
    if !config.values.contains_key(key) {
        return Ok(());
    }
    let Some(url) = config.secret(key) else {
        return Ok(());
    };
    check(url.expose()).map_err(|why| {
        let source = config.source(key).clone();
        let problem = match source {
            Source::CommandLine(_) => why.reason(),
            _ => format!("{key}: {}", why.reason()),
        };
        ConfigError { source, problem }
    })
}
