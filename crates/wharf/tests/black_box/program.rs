//! Starts the program, where Wine cannot as well.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// How often Wine may fail before something else is wrong.
const STARTS_MAX: u32 = 10;
/// What it says when it has.
const INTERNAL_ERROR: i32 = 1359;
/// What keeps it from starting one program keeps it from starting the next.
const PAUSE: Duration = Duration::from_millis(300);

/// The program: an optimized one where the test command says so, else that of these tests.
pub(crate) fn program() -> OsString {
    let built = || env!("CARGO_BIN_EXE_wharf").into();
    std::env::var_os("PROGRAM_UNDER_TEST").unwrap_or_else(built)
}

/// The program, with a working directory in which no configuration lies.
pub(crate) fn wharf() -> Command {
    let mut command = Command::new(program());
    command
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// Starts a program. Wine at times says "internal error" instead, where the machine is busy.
pub(crate) fn start(command: &mut Command) -> Child {
    let is_wines = |error: &std::io::Error| error.raw_os_error() == Some(INTERNAL_ERROR);
    until_wine_does(|| match command.spawn() {
        Err(error) if cfg!(windows) && is_wines(&error) => None,
        started => Some(started.expect("wharf starts")),
    })
}

/// Starts a program that goes on, and waits for the first that it says: on its standard output, for
/// nobody reads the other until then.
pub(crate) fn start_talking(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    until_wine_does(|| {
        let mut child = start(command);
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        if !said.fill_buf().expect("a pipe").is_empty() {
            return Some((child, said));
        }
        let ended = child.wait_with_output().expect("our own child");
        assert!(is_wines_end(&ended), "it does not go on: {ended:?}");
        None
    })
}

/// Runs a program to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    output_for(command, "")
}

/// Runs a program that is given that to read, to its end.
pub(crate) fn output_for(command: &mut Command, input: &str) -> Output {
    let piped = Stdio::piped;
    let command = command.stdin(piped()).stdout(piped()).stderr(piped());
    until_wine_does(|| {
        let mut child = start(command);
        let mut stdin = child.stdin.take().expect("piped");
        // One that has ended already reads nothing.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let ended = child.wait_with_output().expect("our own child");
        (!is_wines_end(&ended)).then_some(ended)
    })
}

/// Tries again, as often as Wine may fail.
fn until_wine_does<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..STARTS_MAX {
        if let Some(done) = attempt() {
            return done;
        }
        sleep(PAUSE);
    }
    panic!("Wine runs no program")
}

/// Whether Wine has started a program in vain, for ours does not fail without a word; or has not
/// started what ours was to start.
fn is_wines_end(ended: &Output) -> bool {
    let is_silent = ended.stdout.is_empty() && ended.stderr.is_empty();
    let said = String::from_utf8_lossy(&ended.stderr);
    let is_told = said.contains(&format!("(os error {INTERNAL_ERROR})"));
    cfg!(windows) && (is_told || is_silent && ended.status.code() == Some(1))
}
