//! The keys of login tickets: a file that is read at the start, and again when it changes.

use std::sync::Arc;
use wharf_accounts::{TicketRules, Tickets};
use wharf_host::ServiceDesk;
use wharf_host::config::Effective;
use wharf_host::reload::{self, Follower};

const JWKS: &str = "accounts.tickets.jwks";
/// By how much the clocks of who signs may differ from ours.
const LEEWAY_MS: u32 = 30_000;

/// Keys, and the text that they were read from.
pub(super) struct Keys {
    tickets: Tickets,
    text: Vec<u8>,
}

/// Reads the keys, if tickets are taken.
///
/// # Errors
/// Where the setting stands, and what is wrong with its file.
pub(super) fn read(config: &Effective) -> Result<Option<Keys>, String> {
    let Some(file) = config.path_if_set(JWKS) else {
        return Ok(None);
    };
    let told = |why: String| {
        let (source, file) = (config.source(JWKS), file.display());
        format!("{source}: {JWKS} = {file}: {why}")
    };
    let text = std::fs::read(file).map_err(|why| told(format!("it cannot be read: {why}")))?;
    let tickets = tickets_of(&text, &rules(config)).map_err(told)?;
    Ok(Some(Keys { tickets, text }))
}

/// Has the desk take tickets by these keys, and by others whenever the file has others. A file that
/// is wrong or gone changes nothing and is logged. That it cannot be watched is no reason not to
/// serve.
pub(super) fn follow(config: &Effective, keys: Keys, desk: &Arc<ServiceDesk>) -> Option<Follower> {
    desk.set_tickets(Some(keys.tickets));
    let (file, rules) = (config.path_if_set(JWKS)?.to_owned(), rules(config));
    // The desk ends with the server, not with whoever follows a file.
    let desk = Arc::downgrade(desk);
    let followed = file.clone();
    let changed = move |text: Option<&[u8]>| {
        let Some(desk) = desk.upgrade() else { return };
        match read_again(text, &rules) {
            Ok(tickets) => {
                desk.set_tickets(Some(tickets));
                tracing::info!(file = %followed.display(), "keys of login tickets reloaded");
            }
            Err(why) => tracing::warn!(
                file = %followed.display(),
                why,
                "keys of login tickets not reloaded: those from before stay"
            ),
        }
    };
    reload::follow(&file, "the keys of login tickets", Some(keys.text), changed)
        .inspect_err(|error| tracing::warn!(%error, "keys of login tickets will not be reloaded"))
        .ok()
}

fn read_again(text: Option<&[u8]>, rules: &TicketRules) -> Result<Tickets, String> {
    let text = text.ok_or_else(|| "it is gone or cannot be read".to_owned())?;
    tickets_of(text, rules)
}

fn tickets_of(text: &[u8], rules: &TicketRules) -> Result<Tickets, String> {
    let text = str::from_utf8(text).map_err(|why| format!("this is no JWKS: {why}"))?;
    Tickets::new(text, rules.clone()).map_err(|why| why.to_string())
}

fn rules(config: &Effective) -> TicketRules {
    TicketRules {
        issuer: config.text("accounts.tickets.issuer").to_owned(),
        audience: config.text("accounts.tickets.audience").to_owned(),
        leeway_ms: LEEWAY_MS,
    }
}
