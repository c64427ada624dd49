//! `wharf serve`.

use super::assemble::{self, Assembly, Game};
use super::say::{complain, say};
use super::{ConfigArgs, admin, banner, refuse, services, words};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use wharf_host::config::Effective;
use wharf_host::{Server, StartError, logs, machine, reload};
use wharf_port::{Backend, NativePort, OpenError, check_address};

/// What ends the waiting of the main thread.
enum Notice {
    /// Ctrl-C, SIGTERM, or the console was closed.
    Stop,
    /// A server thread ended, which none does by itself.
    ThreadEnded,
}

/// Serves `game` until told to stop, by the end of standard input as well if `until_input_ends`.
pub(super) fn run(args: &ConfigArgs, until_input_ends: bool, game: Game) -> ExitCode {
    match try_run(args, until_input_ends, game) {
        Ok(code) => code,
        Err(problem) => refuse(&problem),
    }
}

fn try_run(args: &ConfigArgs, until_input_ends: bool, game: Game) -> Result<ExitCode, String> {
    let config = args.resolve().map_err(|error| error.to_string())?;
    let mut assembly = assemble::assemble(&config, game)?;
    let listen = config.address("listen");
    refuse_open_door(&config, listen, &assembly).map_err(|trouble| trouble.to_string())?;
    raise_descriptors(assembly.descriptors).map_err(|trouble| trouble.to_string())?;
    let _log = logs::start(&config).map_err(|error| {
        format!(
            "log files cannot be written under {}: {error}",
            config.path("data").display()
        )
    })?;
    // What is logged on a terminal meanwhile stands below the banner.
    let terminal = io::stderr().lock();
    // A second server of one place is told so before it opens the first one's store.
    check_address(listen).map_err(|error| explain(&error, listen).to_string())?;
    let door = admin::open(&config)?;
    let (notices, inbox) = mpsc::channel();
    stop_on_signals(notices.clone())?;
    if until_input_ends {
        stop_with_input(notices.clone());
    }
    let (mut _words, mut _running) = (None, None);
    if assembly.is_classic {
        _words = words::start(&config, &assembly.words)?;
        let running = services::start(&config, &assembly.places)?;
        if running.settle(|| inbox.try_recv().is_ok()) {
            // Told to stop again, it says so.
            drop(terminal);
            drop(running);
            say("stopped before it served\n");
            return Ok(ExitCode::SUCCESS);
        }
        assembly.options.services = running.services.clone();
        _running = Some(running);
    }
    let server = match assembly.chosen.backend {
        #[cfg(target_os = "linux")]
        Backend::Uring => start::<wharf_port::UringPort>(&assembly, listen, notices),
        #[cfg(unix)]
        Backend::Readiness => start::<wharf_port::ReadinessPort>(&assembly, listen, notices),
        #[cfg(windows)]
        Backend::Iocp => start::<wharf_port::IocpPort>(&assembly, listen, notices),
    }?;
    let _watcher = watch_file(args, &config, &assembly);
    banner::print(&config, &assembly, server.local_addr(), &door);
    drop(terminal);
    let _admin = door.serve(&server, &assembly)?;
    Ok(serve(server, &inbox, &assembly))
}

/// Serves until a notice, then stops in order.
fn serve(server: Server, inbox: &Receiver<Notice>, assembly: &Assembly) -> ExitCode {
    let notice = inbox.recv().expect("the signal handler keeps a sender");
    server.begin_stop();
    let sessions = assembly.options.admission.stats().sessions;
    tracing::info!("{}", stopping(sessions, assembly.options.limits.drain));
    match (notice, server.join()) {
        (Notice::Stop, Ok(reports)) => {
            banner::farewell(&reports);
            ExitCode::SUCCESS
        }
        (Notice::ThreadEnded, Ok(_)) => ExitCode::FAILURE,
        (_, Err(panics)) => {
            tracing::error!("{panics}");
            ExitCode::FAILURE
        }
    }
}

/// What is waited for, and how to wait no longer.
fn stopping(sessions: u32, drain: Duration) -> String {
    let sessions = match sessions {
        0 => return "stopping".to_owned(),
        1 => "1 session".to_owned(),
        sessions => format!("{sessions} sessions"),
    };
    let seconds = drain.as_secs();
    format!("stopping: waiting for {sessions}, at most {seconds} s; Ctrl-C again ends now")
}

/// The first signal stops in order, the second at once.
fn stop_on_signals(notices: Sender<Notice>) -> Result<(), String> {
    let stopping = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if stopping.swap(true, Ordering::Relaxed) {
            // Not through the log, whose thread would not have written it yet.
            complain("wharf: told to stop again: ending now");
            std::process::exit(1);
        }
        // The receiver is gone only when the process is about to end anyway.
        let _ = notices.send(Notice::Stop);
    })
    .map_err(|error| format!("signals cannot be handled: {error}"))
}

/// Stops in order when standard input ends: when whoever started this process closes it, or dies.
fn stop_with_input(notices: Sender<Notice>) {
    std::thread::spawn(move || {
        // An input that cannot be read has ended too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = notices.send(Notice::Stop);
    });
}

fn start<P: NativePort>(
    assembly: &Assembly,
    listen: SocketAddr,
    notices: Sender<Notice>,
) -> Result<Server, String> {
    let on_thread_end = Arc::new(move || {
        let _ = notices.send(Notice::ThreadEnded);
    });
    Server::start::<P>(&assembly.options, listen, on_thread_end).map_err(|error| match error {
        StartError::Open(error) => explain(&error, listen).to_string(),
        error => format!("{error}; `wharf doctor` says what this machine lacks"),
    })
}

/// Lets this process open as many descriptors as the server needs.
///
/// # Errors
/// Why it may not, and what to type.
pub(super) fn raise_descriptors(needed: u64) -> Result<(), Trouble> {
    machine::raise_descriptors(needed).map_err(|error| Trouble {
        problem: format!("{needed} descriptors are needed: {error}"),
        remedy: MORE_DESCRIPTORS.to_owned(),
    })
}

/// What raises the hard limit to the most that any number of sessions by default needs.
pub(super) const MORE_DESCRIPTORS: &str =
    "as root: ulimit -Hn 65792, or LimitNOFILE=65792 in its unit";

/// Opens a port as [`run`] would, closes it again, and looks whether the address is free. Nothing
/// listens meanwhile: whoever comes back to a server that starts anew would be reset.
///
/// # Errors
/// Why the server would not start, and what to type.
pub(super) fn try_listen(assembly: &Assembly, listen: SocketAddr) -> Result<(), Trouble> {
    let tried = match assembly.chosen.backend {
        #[cfg(target_os = "linux")]
        Backend::Uring => try_port::<wharf_port::UringPort>(assembly, listen),
        #[cfg(unix)]
        Backend::Readiness => try_port::<wharf_port::ReadinessPort>(assembly, listen),
        #[cfg(windows)]
        Backend::Iocp => try_port::<wharf_port::IocpPort>(assembly, listen),
    };
    tried.map_err(|error| explain(&error, listen))
}

fn try_port<P: NativePort>(assembly: &Assembly, listen: SocketAddr) -> Result<(), OpenError> {
    P::open(&assembly.options.port)?;
    check_address(listen)
}

/// What keeps the server from starting, and what to type.
pub(super) struct Trouble {
    pub(super) problem: String,
    pub(super) remedy: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

fn explain(error: &OpenError, listen: SocketAddr) -> Trouble {
    let (address, port) = (listen.ip(), listen.port());
    let (problem, remedy) = match error {
        OpenError::AddressInUse(_) => (
            format!("{listen} is in use; if that is a wharf of yours, it serves already"),
            format!(
                "stop that program, or listen elsewhere, with data of its own: --listen {} --data DIR",
                SocketAddr::new(address, neighbour(port))
            ),
        ),
        OpenError::PermissionDenied(_) => (
            error.to_string(),
            format!(
                "ports below 1024 are the system's: --listen {}",
                SocketAddr::new(address, 11_021)
            ),
        ),
        OpenError::AddressUnavailable(_) => (
            error.to_string(),
            format!("--listen 0.0.0.0:{port} takes every address it has"),
        ),
        error => (
            error.to_string(),
            "`wharf doctor` says what this machine lacks".to_owned(),
        ),
    };
    Trouble { problem, remedy }
}

/// A port beside it, and beside the one for operators; 0 would be any.
fn neighbour(port: u16) -> u16 {
    port.checked_add(10).unwrap_or(port - 10)
}

/// Refuses to let everybody in from everywhere, unless told to.
pub(super) fn refuse_open_door(
    config: &Effective,
    listen: SocketAddr,
    assembly: &Assembly,
) -> Result<(), Trouble> {
    let open = !listen.ip().is_loopback() && !assembly.options.doorman.is_secure();
    if !open || config.flag("insecure") {
        return Ok(());
    }
    Err(Trouble {
        problem: format!(
            "{}: {listen} is not loopback, and anybody may log in as anybody",
            config.source("listen")
        ),
        remedy: format!(
            "set accounts.classic=known, listen on 127.0.0.1:{}, or accept that with --set \
             insecure=true",
            listen.port()
        ),
    })
}

/// Keeps watching the configuration file, if there is one. That it cannot be watched is no reason
/// not to serve.
fn watch_file(args: &ConfigArgs, config: &Effective, assembly: &Assembly) -> Option<impl Sized> {
    let (args, admission) = (args.clone(), Arc::clone(&assembly.options.admission));
    let resolve = move || args.resolve();
    let watching = reload::watch(config.file()?, config.clone(), resolve, admission);
    watching
        .inspect_err(|error| tracing::warn!(%error, "access lists will not be reloaded"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_that_is_proposed_is_one() {
        assert_eq!([11_021, u16::MAX].map(neighbour), [11_031, u16::MAX - 10]);
    }
}
