//! Where events are shown.

use super::event::Event;
use super::json;
use super::terminal;
use super::text::{self, Paper};
use crate::program::say::say;
use std::sync::mpsc::SyncSender;
use wharf_proto::ServerPacket;

/// Where events are shown.
pub(super) enum Screen {
    /// An object a line.
    Json,
    /// Lines of text.
    Lines,
    /// Above the line that is being typed.
    Terminal {
        show: SyncSender<String>,
        has_colours: bool,
    },
}

impl Screen {
    pub(super) fn show(&self, event: &Event) {
        match self {
            Self::Json => say(json::line(event) + "\n"),
            Self::Lines => {
                let paper = Paper {
                    columns: None,
                    has_colours: false,
                };
                say(paper.write(&text::lines(event)));
            }
            Self::Terminal { show, has_colours } => {
                // What one says oneself stands there already, where it was typed.
                if is_own_line(event) {
                    return;
                }
                let paper = Paper {
                    // The last column is left free: some terminals wrap behind it.
                    columns: terminal::columns().map(|columns| columns.saturating_sub(1).max(2)),
                    has_colours: *has_colours,
                };
                let text = paper.write(&text::lines(event));
                if !text.is_empty() {
                    // Without an editor there is nobody to see it.
                    let _ = show.send(text);
                }
            }
        }
    }
}

fn is_own_line(event: &Event) -> bool {
    matches!(
        event,
        Event::Notice { packet: ServerPacket::Said(_), about } if about.is_own
    )
}
