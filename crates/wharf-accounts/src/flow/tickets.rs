//! Tickets of the studio's own service: signed ones, and those for one use.

use super::{Event, Flow, Next, refused};
use crate::request::Error;
use crate::secret::Hidden;
use crate::ticket::{TICKET_BYTES_MAX, Ticket};
use crate::world::Cx;
use wharf_data::Refusal;
use wharf_data::account::{Identity, IdentityKind};
use wharf_data::short::{self, Space};

/// Characters of a ticket for one use.
const TICKET_KEY_CHARS: core::ops::RangeInclusive<usize> = 16..=128;

/// A ticket of either kind.
pub(super) enum Shown {
    /// A signed one, checked.
    Signed(Ticket),
    /// The key of one for one use.
    Key(String),
}

pub(super) fn read_ticket(cx: &Cx<'_>, ticket: &Hidden) -> Result<Shown, Error> {
    let text = ticket.as_text().ok_or(Error::Token)?;
    if text.len() > TICKET_BYTES_MAX {
        return Err(Error::Token);
    }
    if text.contains('.') {
        let tickets = cx.world.tickets.as_ref().ok_or(Error::Token)?;
        let ticket = tickets.check(text, cx.at).map_err(|_| Error::Token)?;
        return Ok(Shown::Signed(ticket));
    }
    let is_key_char = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    let is_key = TICKET_KEY_CHARS.contains(&text.len()) && text.bytes().all(is_key_char);
    is_key
        .then(|| Shown::Key(text.to_owned()))
        .ok_or(Error::Token)
}

/// Takes a ticket for one use: of two who show it one gets it.
pub(super) fn take_ticket(cx: &Cx<'_>, key: String, flow: Flow) -> Next {
    let ask = short::Ask::Take {
        space: Space::Ticket,
        key,
        at: cx.at,
    };
    Next::Ask {
        ask: wharf_data::Ask::Short(ask),
        revokes: None,
        flow,
    }
}

pub(super) fn taken_ticket(event: Event) -> Result<Ticket, Error> {
    match event {
        Event::Stored(Ok(wharf_data::Answer::Short(short::Answer::Found(found)))) => {
            Ticket::of_stored(&found.value).ok_or(Error::Token)
        }
        Event::Stored(Err(Refusal::NotFound)) => Err(Error::Token),
        Event::Stored(Err(refusal)) => Err(refused(refusal)),
        _ => Err(Error::Unavailable),
    }
}

pub(super) fn ticket_of(ticket: &Ticket) -> Identity {
    Identity {
        kind: IdentityKind::Ticket,
        subject: ticket.subject.clone(),
    }
}
