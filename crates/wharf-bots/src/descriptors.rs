//! How many sessions this process may open.

use crate::BotsError;

/// Descriptors that are not sessions: standard streams, the port's own, a report, some to spare.
#[cfg(unix)]
const BESIDE_SESSIONS: u64 = 64;

/// Raises this process's soft descriptor limit as far as `sessions` need.
///
/// # Errors
/// [`BotsError::Descriptors`] if the hard limit is below that.
#[cfg(unix)]
pub(crate) fn provide(sessions: u32) -> Result<(), BotsError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = u64::from(sessions) + BESIDE_SESSIONS;
    let limit = getrlimit(Resource::Nofile);
    // `None` means no limit.
    if limit.current.is_none_or(|soft| soft >= needed) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    let allowed = limit.maximum.is_none_or(|hard| hard >= needed);
    if allowed && setrlimit(Resource::Nofile, raised).is_ok() {
        return Ok(());
    }
    let possible = limit
        .maximum
        .unwrap_or(u64::MAX)
        .saturating_sub(BESIDE_SESSIONS);
    Err(BotsError::Descriptors { sessions, possible })
}

/// Windows has no such limit on sockets.
#[cfg(not(unix))]
pub(crate) fn provide(_: u32) -> Result<(), BotsError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_provided_and_what_does_not_is_refused_with_the_number_that_would() {
        provide(16).unwrap();
        let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        if let Some(hard) = hard.filter(|&hard| hard < 1_000_000) {
            let said = provide(1_000_000).unwrap_err().to_string();
            assert!(
                said.contains(&format!("--sessions {}", hard - BESIDE_SESSIONS)),
                "{said}"
            );
        }
    }
}
