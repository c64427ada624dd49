//! The terminal: a line editor on a thread of its own, above whose line messages appear, and
//! passwords that are not shown.

use super::super::say;
use super::backlog::Backlog;
use super::commands::{COMMANDS, find};
use super::happening::{Happening, Input, Want};
use super::parse::quoted;
use super::width::{columns as columns_of, cut};
use ratatui::crossterm::terminal;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{ColorMode, Config, Context, Editor, ExternalPrinter as _, Helper};
use std::borrow::Cow;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use wharf_accounts::Password;

/// Lines that are kept of what was typed.
const HISTORY_MAX: usize = 1_000;

/// What the editor looks at while a line is typed, as the driver knows it.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// Names that may be completed.
    pub(super) names: Vec<String>,
    /// What stands before the line, which may change below it.
    pub(super) prompt: String,
}

/// The driver writes it, the editor reads it.
pub(super) type Shared = Arc<Mutex<Sight>>;

/// Whether somebody sits at both ends.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Columns of the terminal.
pub(super) fn columns() -> Option<usize> {
    let (columns, _) = terminal::size().ok()?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

/// A password, typed without being shown; a new one twice, and only when it may be one.
fn secret(editor: &mut Lines, name: &str, is_new: bool) -> rustyline::Result<String> {
    if !is_new {
        return secret_line(editor, &format!("{name}: "));
    }
    let (least, most) = (Password::BYTES_MIN, Password::BYTES_MAX);
    for _ in 0..TRIES {
        let secret = secret_line(editor, &format!("{name} ({least} to {most} bytes): "))?;
        let bytes = Password::of(&secret).map(|it| it.as_bytes().len());
        let wrong = match bytes {
            None => "that is too long",
            Some(bytes) if bytes < least => "that is too short",
            Some(_) if hidden_line(editor, &format!("{name} again: "))? != secret => {
                "the two are not the same"
            }
            Some(_) => return Ok(secret),
        };
        say::complain(format_args!("{wrong}; once more"));
    }
    Err(io::Error::other(TOO_OFTEN).into())
}

/// A secret; a command in its place, such as the one that a message above has named, is none.
fn secret_line(editor: &mut Lines, prompt: &str) -> rustyline::Result<String> {
    for _ in 0..TRIES {
        let line = hidden_line(editor, prompt)?;
        let is_command = line.strip_prefix('/').is_some_and(|it| find(it).is_some());
        if !is_command {
            return Ok(line);
        }
        say::complain(format_args!(
            "that is a command: Ctrl-D leaves this question for it; once more"
        ));
    }
    Err(io::Error::other(TOO_OFTEN).into())
}

/// A line as any other, so that what comes meanwhile stands above it; but of its letters stars are
/// shown, and nothing that was typed before can be had by the arrows.
fn hidden_line(editor: &mut Lines, prompt: &str) -> rustyline::Result<String> {
    let history = std::mem::take(editor.history_mut());
    hide(editor, true);
    let line = editor.readline(prompt);
    hide(editor, false);
    *editor.history_mut() = history;
    line
}

fn hide(editor: &mut Lines, is_hidden: bool) {
    if let Some(words) = editor.helper_mut() {
        words.is_hidden = is_hidden;
    }
}

/// How often a new secret is asked for that cannot be one, or is not typed the same twice.
const TRIES: u32 = 5;
const TOO_OFTEN: &str = "that was tried too often";

/// The editor of lines.
type Lines = Editor<Words, FileHistory>;

/// Starts the editor, which gives what is typed to `tell` whenever a line is wanted. Gives the
/// texts that are shown above the line.
///
/// # Errors
/// When the terminal cannot be used.
pub(super) fn start(
    tell: SyncSender<Happening>,
    wants: Receiver<Want>,
    history: Option<PathBuf>,
    sight: Shared,
) -> Result<Backlog, String> {
    keep_mode();
    let told = |error: ReadlineError| format!("the terminal cannot be used: {error}");
    let config = Config::builder()
        .max_history_size(HISTORY_MAX)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(told)?
        // Without it nothing keeps the prompt true and hides what is typed where nobody wants
        // colours; of those the editor itself has none.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor = Lines::with_config(config).map_err(told)?;
    let is_hidden = false;
    editor.set_helper(Some(Words { sight, is_hidden }));
    if let Some(file) = &history {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    let mut printer = editor.create_external_printer().map_err(told)?;
    let backlog = Backlog::new();
    let texts = backlog.clone();
    // A thread of its own: a text that comes while a line ends waits for the next line.
    spawn(
        "printer",
        move || while printer.print(texts.next()).is_ok() {},
    )?;
    spawn("editor", move || {
        edit(&mut editor, &tell, &wants, history.as_ref())
    })?;
    Ok(backlog)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), String> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(work);
    thread.map(drop).map_err(|error| error.to_string())
}

fn edit(
    editor: &mut Lines,
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
                let typed = typed.map(|(name, is_new)| secret(editor, name, is_new));
                match typed.collect() {
                    Ok(secrets) => Input::Secrets(secrets),
                    // As at the prompt.
                    Err(ReadlineError::Interrupted) => Input::Ended,
                    Err(ReadlineError::Eof) => Input::NoSecrets,
                    Err(error) => Input::Unreadable(format!("it was not done: {error}")),
                }
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

/// Completes commands, and the names of people; keeps the prompt true, and secrets unseen.
struct Words {
    sight: Shared,
    /// What is typed is a secret.
    is_hidden: bool,
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if self.is_hidden {
            return Ok((place, Vec::new()));
        }
        let sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(complete(&line[..place], &sight.names))
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
    let typed = |name: &String| match line.starts_with('/') {
        true => quoted(name) + " ",
        false => format!("{name} "),
    };
    let begin = |name: &&String| name.to_lowercase().starts_with(&folded);
    let names = names.iter().filter(begin);
    // What others call themselves is typed into the line as it is, so it must be harmless.
    let harmless = names.filter(|name| super::width::harmless(name) == **name);
    (start, harmless.map(|name| pair(typed(name))).collect())
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.is_hidden {
            true => Cow::Owned("*".repeat(columns_of(line))),
            false => Cow::Borrowed(line),
        }
    }

    /// A letter that is added at the end is drawn as it is, unless the line is drawn anew.
    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        self.is_hidden
    }

    /// The editor goes on with the columns of the prompt that it began with.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        is_default: bool,
    ) -> Cow<'b, str> {
        let sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        match is_default && !self.is_hidden && sight.prompt != prompt {
            true => Cow::Owned(in_place_of(prompt, &sight.prompt)),
            false => Cow::Borrowed(prompt),
        }
    }
}

/// Columns that must be there for a part of a prompt to tell anything.
const PART_COLUMNS: usize = 6;

/// A prompt in exactly the columns of another. It ends where that one did, so that what is typed
/// stands just behind it; where too little of it would be left, the mark stands alone.
fn in_place_of(other: &str, prompt: &str) -> String {
    let mark = "> ";
    let wide = columns_of(other).saturating_sub(mark.len());
    let name = prompt.strip_suffix(mark).unwrap_or(prompt);
    let shown = match columns_of(name) <= wide || wide >= PART_COLUMNS {
        true => cut(name, wide),
        false => String::new(),
    };
    " ".repeat(wide.saturating_sub(columns_of(&shown))) + &shown + mark
}

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
fn save(editor: &mut Lines, file: &Path) {
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
    fn a_prompt_that_changes_ends_where_the_one_before_did() {
        for (before, now, shown) in [
            ("kim in tea> ", "kim> ", "       kim> "),
            ("kim in 찻집> ", "(away) kim in 찻집> ", "(away) kim…> "),
            (
                "(away) kim in 찻집> ",
                "kim in 찻집> ",
                "       kim in 찻집> ",
            ),
            ("kim in 찻집> ", "kim in 찻집찻집> ", " kim in 찻…> "),
            ("kim> ", "(away) kim> ", "   > "),
            ("> ", "kim> ", "> "),
        ] {
            assert_eq!(in_place_of(before, now), shown);
            assert_eq!(columns_of(shown), columns_of(before));
        }
    }

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
