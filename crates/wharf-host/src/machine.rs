//! What this machine gives the process: processors and descriptors.

use crate::config::Machine;

/// Looks at the machine.
pub fn look() -> Machine {
    Machine {
        processors: wharf_port::processors(),
        descriptors_max: descriptors::hard_limit(),
    }
}

/// Raises the soft descriptor limit to `wanted`, if it is lower.
///
/// # Errors
/// When the hard limit is lower, or what else `setrlimit(2)` says.
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
        // The system would say "invalid argument".
        if let Some(hard) = now.maximum.filter(|&hard| hard < wanted) {
            let problem = format!("the hard limit is {hard} descriptors");
            return Err(std::io::Error::other(problem));
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
