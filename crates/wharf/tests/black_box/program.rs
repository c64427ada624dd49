//! Starts the program, where Wine cannot as well.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// How often Wine may fail before something else is wrong.
const STARTS_MAX: u32 = 10;
/// What keeps it from starting one program keeps it from starting the next.
const PAUSE: Duration = Duration::from_millis(300);

/// The program: the one that ships where the test command says so, else that of these tests.
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

/// Starts a program. Wine at times says "internal error" instead, where many start at once.
pub(crate) fn start(command: &mut Command) -> Child {
    const INTERNAL_ERROR: i32 = 1359;
    let is_wines = |error: &std::io::Error| error.raw_os_error() == Some(INTERNAL_ERROR);
    for _ in 0..STARTS_MAX {
        match command.spawn() {
            Err(error) if cfg!(windows) && is_wines(&error) => sleep(PAUSE),
            started => return started.expect("wharf starts"),
        }
    }
    panic!("Wine starts no program")
}

/// Starts a program that goes on, and waits for the first that it says.
pub(crate) fn start_talking(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    for _ in 0..STARTS_MAX {
        let mut child = start(command);
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        let is_silent = said.fill_buf().expect("a pipe").is_empty();
        if !(is_silent && is_wines_end(child.wait().expect("our own child"))) {
            return (child, said);
        }
        sleep(PAUSE);
    }
    panic!("Wine runs no program")
}

/// Runs a program, which reads nothing, to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    for _ in 0..STARTS_MAX {
        let ended = start(command).wait_with_output().expect("our own child");
        let is_silent = ended.stdout.is_empty() && ended.stderr.is_empty();
        if !(is_silent && is_wines_end(ended.status)) {
            return ended;
        }
        sleep(PAUSE);
    }
    panic!("Wine runs no program")
}

/// How a program ends, and without a word, that Wine has started in vain. Ours says why.
fn is_wines_end(status: ExitStatus) -> bool {
    cfg!(windows) && status.code() == Some(1)
}
