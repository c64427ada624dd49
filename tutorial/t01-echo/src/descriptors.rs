//! Each connection is a file descriptor, and a process may have only so many.

use std::io;

/// Descriptors that are not clients: the streams, the port, the listener, some to spare.
#[cfg(unix)]
const BESIDE_CLIENTS: u64 = 32;

/// Raises this process's limit as far as `clients` need.
///
/// # Errors
/// If the system allows fewer, with how many it does.
#[cfg(unix)]
pub fn provide(clients: usize) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = clients as u64 + BESIDE_CLIENTS;
    let limit = getrlimit(Resource::Nofile);
    // `None` means that there is no limit.
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|&most| most < needed) {
        let possible = most.saturating_sub(BESIDE_CLIENTS);
        let message = format!("this process may have {most} descriptors: --clients-max {possible}");
        return Err(io::Error::other(message));
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised)?)
}

/// Windows has no such limit.
///
/// # Errors
/// Never.
#[cfg(windows)]
pub fn provide(_: usize) -> io::Result<()> {
    Ok(())
}
