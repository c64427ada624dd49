//! `wharf serve`.

use super::assemble::{self, Assembly};
use super::{ConfigArgs, banner, refuse};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use wharf_host::config::Effective;
use wharf_host::{Server, StartError, logs, machine, reload};
use wharf_port::{Backend, NativePort, OpenError};

/// What ends the waiting of the main thread.
enum Notice {
    /// Ctrl-C, SIGTERM, or the console was closed.
    Stop,
    /// A server thread ended, which none does by itself.
    ThreadEnded,
}

/// Serves until told to stop.
pub(super) fn run(args: &ConfigArgs) -> ExitCode {
    match try_run(args) {
        Ok(code) => code,
        Err(problem) => refuse(&problem),
    }
}

fn try_run(args: &ConfigArgs) -> Result<ExitCode, String> {
    let config = args.resolve().map_err(|error| error.to_string())?;
    let assembly = assemble::assemble(&config)?;
    let listen = config.address("listen");
    refuse_open_door(&config, listen, &assembly)?;
    machine::raise_descriptors(assembly.descriptors)
        .map_err(|error| format!("{} descriptors are needed: {error}", assembly.descriptors))?;
    let _log = logs::start(&config).map_err(|error| {
        format!(
            "log files cannot be written under {}: {error}",
            config.path("data").display()
        )
    })?;
    let (notices, inbox) = mpsc::channel();
    stop_on_signals(notices.clone())?;
    let server = match assembly.chosen.backend {
        #[cfg(target_os = "linux")]
        Backend::Uring => start::<wharf_port::UringPort>(&assembly, listen, notices),
        #[cfg(unix)]
        Backend::Readiness => start::<wharf_port::ReadinessPort>(&assembly, listen, notices),
        #[cfg(windows)]
        Backend::Iocp => start::<wharf_port::IocpPort>(&assembly, listen, notices),
    }?;
    let _watcher = watch_file(args, &config, &assembly);
    banner::print(&config, &assembly, server.local_addr());
    Ok(serve(server, &inbox))
}

/// Serves until a notice, then stops in order.
fn serve(server: Server, inbox: &Receiver<Notice>) -> ExitCode {
    let notice = inbox.recv().expect("the signal handler keeps a sender");
    tracing::info!(
        "stopping: nobody new comes in, what was said is answered; Ctrl-C again ends now"
    );
    server.begin_stop();
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

/// The first signal stops in order, the second at once.
fn stop_on_signals(notices: Sender<Notice>) -> Result<(), String> {
    let stopping = AtomicBool::new(false);
    ctrlc::set_handler(move || {
        if stopping.swap(true, Ordering::Relaxed) {
            tracing::warn!("told to stop again: ending now");
            std::process::exit(1);
        }
        // The receiver is gone only when the process is about to end anyway.
        let _ = notices.send(Notice::Stop);
    })
    .map_err(|error| format!("signals cannot be handled: {error}"))
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
        StartError::Open(error @ OpenError::AddressInUse(_)) => {
            let next = SocketAddr::new(listen.ip(), listen.port().wrapping_add(1));
            format!("{error}; stop that program, or listen elsewhere: --listen {next}")
        }
        StartError::Open(error @ OpenError::PermissionDenied(_)) => {
            format!(
                "{error}; ports below 1024 are the system's: --listen {}:11021",
                listen.ip()
            )
        }
        StartError::Open(error @ OpenError::AddressUnavailable(_)) => {
            format!(
                "{error}; --listen 0.0.0.0:{} takes every address it has",
                listen.port()
            )
        }
        error => format!("{error}; `wharf doctor` says what this machine lacks"),
    })
}

/// Refuses to let everybody in from everywhere, unless told to.
pub(super) fn refuse_open_door(
    config: &Effective,
    listen: SocketAddr,
    assembly: &Assembly,
) -> Result<(), String> {
    let open = !listen.ip().is_loopback() && !assembly.options.doorman.is_secure();
    if !open || config.flag("insecure") {
        return Ok(());
    }
    Err(format!(
        "{}: {listen} is not loopback, and logins are not authenticated yet: anybody could be \
         anybody. Listen on 127.0.0.1:{}, or accept that with --set insecure=true",
        config.source("listen"),
        listen.port()
    ))
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
