//! Who forbids io_uring: the kernel says only "no".

use crate::OsCode;
use core::fmt;
use std::fs;

/// Who forbids it. Displays as a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Forbidder {
    /// The sysctl `kernel.io_uring_disabled`, set to this.
    Sysctl(String),
    /// A seccomp filter, as containers have.
    Filter,
    /// SELinux, AppArmor or another.
    SecurityModule,
    /// Whoever built the kernel.
    Build,
}

impl Forbidder {
    /// What would permit it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Sysctl(_) => "as root: sysctl kernel.io_uring_disabled=0",
            Self::Filter => {
                "a seccomp profile that permits io_uring_setup, io_uring_enter and \
                 io_uring_register (docker run --security-opt seccomp=FILE)"
            }
            Self::SecurityModule => "a policy that permits it (SELinux, AppArmor)",
            Self::Build => "Linux 6.1 or newer, built with CONFIG_IO_URING",
        }
    }
}

impl fmt::Display for Forbidder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sysctl(value) => write!(f, "kernel.io_uring_disabled = {value} forbids it"),
            Self::Filter => f.write_str("a seccomp filter forbids it"),
            Self::SecurityModule => f.write_str("a security module forbids it"),
            Self::Build => f.write_str("this kernel is built without io_uring"),
        }
    }
}

/// Who is likely to stand behind a refusal of `io_uring_setup(2)` with this code; `None` where the
/// code speaks for itself.
pub(crate) fn forbidden_by(code: OsCode) -> Option<Forbidder> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    // sysctl/kernel.rst, io_uring_disabled: 1 lets only one group make rings, 2 nobody.
    let sysctl = read("/proc/sys/kernel/io_uring_disabled");
    // proc_pid_status(5), Seccomp: 2 is a filter.
    let status = read("/proc/thread-self/status");
    explain(code, &sysctl, &status)
}

fn explain(code: OsCode, sysctl: &str, status: &str) -> Option<Forbidder> {
    let filtered = status.lines().any(|line| {
        line.strip_prefix("Seccomp:")
            .is_some_and(|mode| mode.trim() == "2")
    });
    let refused = matches!(code.0, libc::EPERM | libc::EACCES);
    match sysctl.trim() {
        _ if !refused && code.0 != libc::ENOSYS => None,
        value @ ("1" | "2") if refused => Some(Forbidder::Sysctl(value.to_owned())),
        _ if filtered => Some(Forbidder::Filter),
        _ if refused => Some(Forbidder::SecurityModule),
        _ => Some(Forbidder::Build),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERED: &str = "Name:\twharf\nSeccomp:\t2\n";
    const FREE: &str = "Name:\twharf\nSeccomp:\t0\n";

    fn check(code: i32, sysctl: &str, status: &str, expected: Option<&str>) {
        let forbidder = explain(OsCode(code), sysctl, status);
        let told = forbidder.map(|forbidder| forbidder.to_string());
        assert_eq!(told.as_deref(), expected);
    }

    #[test]
    fn the_one_who_forbids_is_named() {
        let sysctl = "kernel.io_uring_disabled = 2 forbids it";
        check(libc::EPERM, "2\n", FILTERED, Some(sysctl));
        check(
            libc::EPERM,
            "0\n",
            FILTERED,
            Some("a seccomp filter forbids it"),
        );
        check(
            libc::EPERM,
            "0\n",
            FREE,
            Some("a security module forbids it"),
        );
        check(
            libc::ENOSYS,
            "",
            FILTERED,
            Some("a seccomp filter forbids it"),
        );
        check(
            libc::ENOSYS,
            "",
            FREE,
            Some("this kernel is built without io_uring"),
        );
        check(libc::EINVAL, "2\n", FILTERED, None);
    }
}
