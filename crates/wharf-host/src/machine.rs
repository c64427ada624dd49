//! What this machine gives the process: processors and descriptors.

use crate::config::Machine;

/// Looks at the machine.
pub fn look() -> Machine {
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u32);
    Machine {
        processors,
        descriptors_max: descriptors::hard_limit(),
    }
}

/// Raises the soft descriptor limit to `wanted`, if it is lower.
///
/// # Errors
/// What `setrlimit(2)` says, for instance that the hard limit is lower.
pub fn raise_descriptors(wanted: u64) -> std::io::Result<()> {
    descriptors::raise(wanted)
}

#[cfg(unix)]
mod descriptors {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    pub(super) fn hard_limit() -> Option<u64> {
        getrlimit(Resource::Nofile).maximum
    }

    pub(super) fn raise(wanted: u64) -> std::io::Result<()> {
        let now = getrlimit(Resource::Nofile);
        if now.current.is_none_or(|soft| soft >= wanted) {
            return Ok(());
        }
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(wanted),
                ..now
            },
        )?;
        Ok(())
    }
}

#[cfg(not(unix))]
mod descriptors {
    pub(super) fn hard_limit() -> Option<u64> {
        None
    }

    pub(super) fn raise(_: u64) -> std::io::Result<()> {
        Ok(())
    }
}
