//! The terminal: a line editor on a thread of its own, above whose line messages appear, and
//! passwords that are not shown.

use super::super::say;
use super::commands::COMMANDS;
use super::happening::{Happening, Input, Want};
use ratatui::crossterm::terminal;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Context, Editor, ExternalPrinter as _, Helper};
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;

/// Lines that are kept of what was typed.
const HISTORY_MAX: usize = 1_000;
/// Texts that may wait to be shown.
const TEXTS_MAX: usize = 1_024;

/// Names that may be completed, as the driver knows them.
pub(super) type Names = Arc<Mutex<Vec<String>>>;

/// Whether somebody sits at both ends.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Columns of the terminal.
pub(super) fn columns() -> Option<usize> {
    let (columns, _) = terminal::size().ok()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

/// A password, typed without being shown; for a new one, twice.
///
/// # Errors
/// When nobody can type it, or the two differ.
pub(super) fn secret(name: &str, is_new: bool) -> Result<String, String> {
    let told = |error: io::Error| format!("{name} cannot be asked for: {error}");
    let ask = |prompt: String| rpassword::prompt_password(prompt).map_err(told);
    let mut tries_left = TRIES;
    loop {
        let secret = ask(format!("{name}: "))?;
        if !is_new || ask(format!("{name} again: "))? == secret {
            return Ok(secret);
        }
        tries_left -= 1;
        if tries_left == 0 {
            return Err("the two are not the same".to_owned());
        }
        say::complain("the two are not the same; once more");
    }
}

/// How often a new secret is asked for that is not typed the same twice.
const TRIES: u32 = 5;

/// Starts the editor, which gives what is typed to `tell` whenever a line is wanted. Gives what
/// shows texts above the line.
///
/// # Errors
/// When the terminal cannot be used.
pub(super) fn start(
    tell: SyncSender<Happening>,
    wants: Receiver<Want>,
    history: Option<PathBuf>,
    names: Names,
) -> Result<SyncSender<String>, String> {
    keep_mode();
    let told = |error: ReadlineError| format!("the terminal cannot be used: {error}");
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(told)?
        .build();
    let mut editor: Editor<Words, FileHistory> = Editor::with_config(config).map_err(told)?;
    editor.set_helper(Some(Words { names }));
    if let Some(file) = &history {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    let mut printer = editor.create_external_printer().map_err(told)?;
    let (show, texts) = mpsc::sync_channel::<String>(TEXTS_MAX);
    // A thread of its own: a text that comes while a line ends waits for the next line.
    spawn("printer", move || {
        for text in texts {
            if printer.print(text).is_err() {
                return;
            }
        }
    })?;
    spawn("editor", move || {
        edit(&mut editor, &tell, &wants, history.as_ref())
    })?;
    Ok(show)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| error.to_string())
}

fn edit(
    editor: &mut Editor<Words, FileHistory>,
    tell: &SyncSender<Happening>,
    wants: &Receiver<Want>,
    history: Option<&PathBuf>,
) {
    for want in wants {
        let input = match want {
            Want::Line { prompt } => match editor.readline(&prompt) {
                Ok(line) => Input::Line(line),
                Err(_) => Input::Ended,
            },
            Want::Secrets(secrets) => {
                let typed = secrets.into_iter();
                Input::Secrets(typed.map(|(name, is_new)| secret(name, is_new)).collect())
            }
            Want::Remember(line) => {
                // A history that cannot be kept is no reason not to talk.
                let _ = editor.add_history_entry(&line);
                if let Some(file) = history {
                    save(editor, file);
                }
                continue;
            }
        };
        let is_end = matches!(input, Input::Ended);
        if tell.send(Happening::Input(input)).is_err() || is_end {
            return;
        }
    }
}

/// Completes commands, and the names of people.
struct Words {
    names: Names,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(complete(&line[..place], &names))
    }
}

/// Where the last word begins, and what it may become.
fn complete(line: &str, names: &[String]) -> (usize, Vec<Pair>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |space| {
        space + line[space..].chars().next().map_or(0, char::len_utf8)
    });
    let word = &line[start..];
    let pair = |replacement: String| Pair {
        display: replacement.trim_end().to_owned(),
        replacement,
    };
    if let (0, Some(command)) = (start, word.strip_prefix('/')) {
        let all = COMMANDS.iter().filter(|it| it.name.starts_with(command));
        return (0, all.map(|it| pair(format!("/{} ", it.name))).collect());
    }
    if word.is_empty() {
        return (start, Vec::new());
    }
    let folded = word.to_lowercase();
    let quoted = |name: &String| match name.contains(char::is_whitespace) && line.starts_with('/') {
        true => format!("\"{name}\" "),
        false => format!("{name} "),
    };
    let begin = |name: &&String| name.to_lowercase().starts_with(&folded);
    let names = names.iter().filter(begin);
    // What others call themselves is typed into the line as it is, so it must be harmless.
    let harmless = names.filter(|name| super::width::harmless(name) == **name);
    (start, harmless.map(|name| pair(quoted(name))).collect())
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}

impl Validator for Words {}

impl Helper for Words {}

/// Gives the terminal back as it was, from wherever the program ends.
pub(super) fn restore() {
    #[cfg(unix)]
    if let Some(mode) = MODE.get() {
        use rustix::termios::{OptionalActions, tcsetattr};
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, mode);
        // The editor has pastes marked while a line is typed.
        let _ = io::stdout().write_all(b"\x1b[?2004l\r\n");
    }
    #[cfg(windows)]
    let _ = terminal::disable_raw_mode();
    let _ = io::stdout().flush();
}

/// Saves what was typed beside the file first: whoever quits ends the program at any moment, and
/// half a history would be left.
fn save(editor: &mut Editor<Words, FileHistory>, file: &Path) {
    let partial = file.with_extension("new");
    if editor.save_history(&partial).is_ok() {
        let _ = fs::rename(partial, file);
    }
}

/// The terminal's mode before the editor changed it.
#[cfg(unix)]
static MODE: std::sync::OnceLock<rustix::termios::Termios> = std::sync::OnceLock::new();

/// Remembers the terminal's mode, and has a panic give it back before its message.
fn keep_mode() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[cfg(unix)]
        if let Ok(mode) = rustix::termios::tcgetattr(rustix::stdio::stdin()) {
            let _ = MODE.set(mode);
        }
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_names_are_completed() {
        let names = ["Kim", "김 철수", "\u{1b}[2J"].map(str::to_owned);
        let completed = |line: &str| {
            let (start, pairs) = complete(line, &names);
            let words = pairs.into_iter().map(|it| it.replacement);
            (start, words.collect::<Vec<_>>())
        };
        assert_eq!(completed("/his"), (0, vec!["/history ".to_owned()]));
        assert_eq!(completed("/w ki"), (3, vec!["Kim ".to_owned()]));
        assert_eq!(completed("/w 김"), (3, vec!["\"김 철수\" ".to_owned()]));
        assert_eq!(completed("안녕 김"), (7, vec!["김 철수 ".to_owned()]));
        assert_eq!(completed("/w \u{1b}"), (3, vec![]), "not what is harmful");
        assert_eq!(completed("hello "), (6, vec![]));
    }
}
