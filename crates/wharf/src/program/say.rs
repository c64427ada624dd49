//! Standard output and standard error: a reader who has gone (`wharf config print | head`) is no
//! reason to fail.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a text as it is.
pub(super) fn say(text: impl Display) {
    let mut output = io::stdout().lock();
    // Whoever closed the pipe does not want to know.
    let _ = write!(output, "{text}").and_then(|()| output.flush());
}

/// Prints a line on standard error.
pub(super) fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
