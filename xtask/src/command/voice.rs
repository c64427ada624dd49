//! Who speaks on the terminal: of two stages that run at once, each has its name before its lines.

use std::cell::Cell;
use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// In front of every line, unless nobody else speaks.
#[derive(Clone, Copy, Default)]
pub(crate) struct Voice {
    name: Option<&'static str>,
}

thread_local! {
    static VOICE: Cell<Voice> = const { Cell::new(Voice { name: None }) };
}

impl Voice {
    pub(crate) fn of_this_thread() -> Voice {
        VOICE.get()
    }

    /// What this thread says from now on, and what it runs, is said in this voice.
    pub(crate) fn take(self) {
        VOICE.set(self);
    }

    /// Shows a line as a whole, whatever its bytes are; its end may be missing.
    pub(super) fn say(self, line: &[u8]) {
        let mut shown = self.name.map_or_else(Vec::new, before);
        shown.extend(line.strip_suffix(b"\n").unwrap_or(line));
        shown.push(b'\n');
        let mut out = std::io::stdout().lock();
        // Nobody may be left who reads it; that must not end what runs.
        let _ = out.write_all(&shown).and_then(|()| out.flush());
    }
}

/// This thread speaks for `stage`, which is not alone.
pub(crate) fn speak_as(stage: &'static str) {
    Voice { name: Some(stage) }.take();
}

/// Shows a text, each of its lines in this thread's voice.
pub(crate) fn say(text: impl Display) {
    let voice = Voice::of_this_thread();
    for line in text.to_string().lines() {
        voice.say(line.as_bytes());
    }
}

/// Whether what this thread runs may draw on the terminal as it likes.
pub(super) fn has_a_terminal_to_itself() -> bool {
    Voice::of_this_thread().name.is_none() && std::io::stdout().is_terminal()
}

fn before(name: &'static str) -> Vec<u8> {
    format!("{name:<10}| ").into_bytes()
}
