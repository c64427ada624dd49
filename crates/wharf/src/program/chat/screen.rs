//! Where events are shown.

use super::backlog::Backlog;
use super::event::Event;
use super::json;
use super::terminal;
use super::text::{self, Paper};
use crate::program::say::say;
use std::collections::VecDeque;
use wharf_proto::ServerPacket;
use wharf_proto::chat::content::What;

/// Lines that may wait for their echo; of more the oldest are forgotten.
const TYPED_MAX: usize = 64;

/// Where events are shown.
pub(super) enum Screen {
    /// An object a line.
    Json,
    /// Lines of text.
    Lines,
    /// Above the line that is being typed.
    Terminal {
        show: Backlog,
        has_colours: bool,
        typed: Typed,
    },
}

impl Screen {
    /// That was typed to be said, and stands there.
    pub(super) fn typed(&mut self, text: &str) {
        if let Self::Terminal { typed, .. } = self {
            typed.add(text);
        }
    }

    pub(super) fn show(&mut self, event: &Event) {
        match self {
            Self::Json => say(json::line(event) + "\n"),
            Self::Lines => {
                let paper = Paper {
                    columns: None,
                    has_colours: false,
                };
                say(paper.write(&text::lines(event)));
            }
            Self::Terminal {
                show,
                has_colours,
                typed,
            } => {
                // It stands there already, where it was typed.
                if own_text(event).is_some_and(|text| typed.is_echo(text)) {
                    return;
                }
                let paper = Paper {
                    // The last column is left free: some terminals wrap behind it.
                    columns: terminal::columns().map(|columns| columns.saturating_sub(1).max(2)),
                    has_colours: *has_colours,
                };
                let text = paper.write(&text::lines(event));
                if !text.is_empty() {
                    show.add(text);
                }
            }
        }
    }
}

/// What was typed to be said and has not come back yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Typed {
    texts: VecDeque<String>,
}

impl Typed {
    fn add(&mut self, text: &str) {
        if self.texts.len() >= TYPED_MAX {
            self.texts.pop_front();
        }
        self.texts.push_back(text.trim().to_owned());
    }

    /// Whether one's own line is what was typed, and not what the server has made of it. Lines
    /// come back in order, so what was typed before it comes back no more.
    fn is_echo(&mut self, text: &str) -> bool {
        let place = self.texts.iter().position(|it| it == text.trim());
        if let Some(place) = place {
            self.texts.drain(..=place);
        }
        place.is_some()
    }
}

/// The text of a line that is said in one's own name.
fn own_text(event: &Event) -> Option<&str> {
    let Event::Notice { packet, about } = event else {
        return None;
    };
    let ServerPacket::Said(said) = packet else {
        return None;
    };
    let message = said.message.as_ref().filter(|_| about.is_own)?;
    match message.content.as_ref()?.what.as_ref()? {
        What::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ones_own_lines_those_are_hidden_that_were_typed_so() {
        let mut typed = Typed::default();
        for text in ["/roll", "hello ", "hello"] {
            typed.add(text);
        }
        assert!(!typed.is_echo("rolls 5"), "the server's word for /roll");
        assert!(typed.is_echo("hello") && typed.is_echo("hello"));
        assert!(!typed.is_echo("hello"), "it was typed twice");
        assert!(!typed.is_echo("/roll"), "it was before");
        (0..2 * TYPED_MAX).for_each(|it| typed.add(&it.to_string()));
        assert_eq!(typed.texts.len(), TYPED_MAX);
    }
}
