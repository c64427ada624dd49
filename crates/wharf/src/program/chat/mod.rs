//! `wharf chat`: a client for whatever the platform's protocol can do, for people who try a server
//! and for scripts.
//!
//! [`parse`] understands what was typed, [`plan`] makes requests of it, an [`engine::Engine`]
//! speaks with the server, [`text`] and [`json`] show what happens, and [`drive`] connects them
//! with the socket and the terminal.

mod backlog;
mod classic;
mod commands;
mod drive;
mod engine;
mod event;
mod happening;
mod help;
mod json;
mod keep;
mod parse;
mod places;
mod plan;
mod pulse;
mod screen;
mod script;
mod tables;
mod talk;
mod terminal;
mod text;
mod width;

use super::{refuse, say};
use clap::Args;
use classic::Classic;
use drive::{Driver, Engines, moment};
use happening::{Ends, HAPPENINGS_MAX, Happening, Input, Manner, Outcome, Want};
use keep::Keep;
use screen::{Screen, Typed};
use std::io::{self, BufRead as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use talk::{Talk, Wish};
use terminal::Shared;
use wharf_accounts::SystemChance;

/// The longest line that a script may have.
const LINE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ChatArgs {
    /// The server's address or name; without a port it is 11021
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:11021")]
    target: String,
    /// Log in by this name; the password is asked for, unless a login of before is kept
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File whose first line is the password
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Log in without a name, by a secret that this machine keeps
    #[arg(long, conflicts_with_all = ["user", "classic"])]
    guest: bool,
    /// Make the account
    #[arg(long, requires = "user", conflicts_with = "classic")]
    register: bool,
    /// File in which the login is kept, for the next start without a password
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Speak the classic protocol, as the guide's client does
    #[arg(long)]
    classic: bool,
    /// For scripts: commands from standard input, events as JSON on standard output
    #[arg(long)]
    json: bool,
    /// End when the connection is lost, and do not try again
    #[arg(long)]
    once: bool,
}

const EXAMPLES: &str = "\
What is typed is said in the room; /help lists the commands.

Try:
  wharf chat --user kim --register      then /enter 0, and talk
  wharf chat --user kim                 the next time, without a password
  wharf chat --guest                    without a name
  printf '/enter 0\\nhello\\n' | wharf chat --guest --json

Where nobody types, each command waits for the answer to the one before; the exit code is 1 if one
failed, 2 if there was no server or no login. docs/CHAT.md has the names of events and fields.";

/// Talks until told to stop.
pub(super) fn run(args: &ChatArgs) -> ExitCode {
    match try_run(args) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::CannotStart) => ExitCode::from(super::CANNOT_START),
        Err(problem) => refuse(&problem),
    }
}

fn try_run(args: &ChatArgs) -> Result<Outcome, String> {
    let is_script = args.json || !terminal::is_there();
    let now = moment();
    let environment = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let target = &*wharf_bots::target::with_port(&args.target);
    let keep = Keep::new(environment, target, args.token_file.clone());
    let wish = wish(args, (target, &keep), now.unix_ms, is_script)?;
    let history = keep.history_file().filter(|_| !is_script);
    let engines = engines((target, keep), wish, args.classic);
    let manner = Manner {
        target: target.to_owned(),
        is_script,
        is_once: args.once,
        is_classic: args.classic,
    };
    let (tell, happenings) = mpsc::sync_channel(HAPPENINGS_MAX);
    let (wants, wanted) = mpsc::sync_channel(4);
    let sight = Shared::default();
    let screen = match is_script {
        true => {
            start_script(tell.clone(), wanted)?;
            if args.json {
                Screen::Json
            } else {
                Screen::Lines
            }
        }
        false => {
            stop_on_signals(tell.clone());
            let show = terminal::start(tell.clone(), wanted, history, sight.clone())?;
            let has_colours = has_colours(environment);
            let typed = Typed::default();
            Screen::Terminal {
                show,
                has_colours,
                typed,
            }
        }
    };
    let ends = Ends {
        happenings,
        tell,
        wants,
    };
    let outcome = Driver::new(manner, engines, screen, ends, sight).run();
    if !is_script {
        terminal::restore();
    }
    outcome.map_err(|problem| {
        format!("{problem}; `wharf`, or `cargo run --release`, starts a server here")
    })
}

/// What speaks with the server that was named at the start, as somebody wished; and later with
/// others, as far as what is kept for them goes: no server is told what is for another.
fn engines((first, keep): (&str, Keep), wish: Wish, is_classic: bool) -> Engines {
    let first = first.to_owned();
    let later = wish.without_secrets();
    let mut wish = Some(wish);
    Box::new(move |target| {
        let wish = wish.take().unwrap_or_else(|| later.clone());
        let keep = match target == first {
            true => keep.clone(),
            false => keep.elsewhere(target),
        };
        match is_classic {
            true => Box::new(Classic::new(target, wish, moment())),
            false => {
                let chance = Box::new(SystemChance);
                Box::new(Talk::new(target, wish, keep, chance, moment()))
            }
        }
    })
}

/// How somebody wants to be logged in. The password is asked for when it is needed, and where
/// nobody can be asked, it must be there.
fn wish(
    args: &ChatArgs,
    (target, keep): (&str, &Keep),
    now_ms: i64,
    is_script: bool,
) -> Result<Wish, String> {
    let password = args
        .password_file
        .as_deref()
        .map(read_password)
        .transpose()?;
    let token = keep.token(target);
    let is_kept =
        !args.register && token.is_some_and(|it| it.user == args.user && it.expires_ms > now_ms);
    let is_needed = args.user.is_some() && !args.classic && !is_kept;
    if is_script && is_needed && password.is_none() {
        return Err("nobody is there to type the password: give --password-file".to_owned());
    }
    Ok(Wish {
        user: args.user.clone(),
        password,
        is_guest: args.guest,
        registers: args.register,
        can_be_asked: !is_script,
    })
}

fn read_password(file: &Path) -> Result<String, String> {
    let told = |error: io::Error| format!("{} cannot be read: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(told)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads standard input, a line when one is wanted.
fn start_script(tell: SyncSender<Happening>, wanted: Receiver<Want>) -> Result<(), String> {
    let read = move || {
        let mut input = io::stdin().lock();
        for want in wanted {
            if !matches!(want, Want::Line { .. }) {
                continue;
            }
            let input = read_line(&mut input);
            let is_end = matches!(input, Input::Ended);
            if tell.send(Happening::Input(input)).is_err() || is_end {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("input".to_owned()).spawn(read);
    thread.map(drop).map_err(|error| error.to_string())
}

/// The next line. One that is too long is read to its end, so that nothing of it is obeyed.
fn read_line(input: &mut impl io::BufRead) -> Input {
    let mut bytes = Vec::new();
    let mut limited = io::Read::take(&mut *input, LINE_BYTES_MAX + 1);
    match limited.read_until(b'\n', &mut bytes) {
        Ok(0) | Err(_) => return Input::Ended,
        Ok(_) => {}
    }
    if bytes.len() as u64 > LINE_BYTES_MAX && bytes.last() != Some(&b'\n') {
        return match input.skip_until(b'\n') {
            Ok(_) => Input::Unreadable(format!("a line has {LINE_BYTES_MAX} bytes at most")),
            Err(_) => Input::Ended,
        };
    }
    match String::from_utf8(bytes) {
        Ok(line) => Input::Line(line),
        Err(_) => Input::Unreadable("the line is no UTF-8".to_owned()),
    }
}

/// In raw mode Ctrl-C is a key; other signals still come.
fn stop_on_signals(tell: SyncSender<Happening>) {
    let stop = move || {
        let _ = tell.try_send(Happening::Stop);
    };
    if let Err(error) = ctrlc::set_handler(stop) {
        say::complain(format_args!(
            "wharf chat: signals cannot be handled: {error}"
        ));
    }
}

fn has_colours(environment: impl Fn(&str) -> Option<PathBuf>) -> bool {
    let is_unwanted = environment("NO_COLOR").is_some_and(|it| !it.as_os_str().is_empty());
    let is_dumb = environment("TERM").is_some_and(|it| it.as_os_str() == "dumb");
    !is_unwanted && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_may_be_unwanted() {
        let with = |name: &'static str, value: &'static str| {
            has_colours(move |it| (it == name).then(|| PathBuf::from(value)))
        };
        assert!(with("TERM", "xterm") && with("NO_COLOR", ""));
        assert!(!with("TERM", "dumb") && !with("NO_COLOR", "1"));
    }

    #[test]
    fn a_line_that_is_none_is_told_and_the_next_is_read() {
        let most = LINE_BYTES_MAX as usize;
        let input = [
            &vec![b'a'; most][..],
            b"\n\xff\xfe\nhello \xea\xb0\x80\r\n",
            &vec![b'b'; 3 * most],
            b"\nlast",
        ];
        let mut input = &input.concat()[..];
        let mut read = || match read_line(&mut input) {
            Input::Line(line) => format!("{} bytes: {}", line.len(), &line[..line.len().min(9)]),
            Input::Unreadable(why) => why,
            Input::Secrets(_) | Input::NoSecrets => "secrets".to_owned(),
            Input::Ended => "end".to_owned(),
        };
        assert_eq!(read(), "65537 bytes: aaaaaaaaa");
        assert_eq!(read(), "the line is no UTF-8");
        assert_eq!(read(), "11 bytes: hello 가");
        assert_eq!(read(), "a line has 65536 bytes at most");
        assert_eq!(read(), "4 bytes: last");
        assert_eq!(read(), "end");
    }
}
