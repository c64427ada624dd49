//! Who forbids io_uring: the kernel says only "no".

use crate::OsCode;
use std::fs;

/// What is likely to stand behind a refusal of `io_uring_setup(2)` with this code, for the
/// operator; `None` where the code speaks for itself.
pub(crate) fn forbidden_by(code: OsCode) -> Option<String> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    // sysctl/kernel.rst, io_uring_disabled: 1 lets only one group make rings, 2 nobody.
    let sysctl = read("/proc/sys/kernel/io_uring_disabled");
    // proc_pid_status(5), Seccomp: 2 is a filter.
    let status = read("/proc/thread-self/status");
    explain(code, &sysctl, &status)
}

fn explain(code: OsCode, sysctl: &str, status: &str) -> Option<String> {
    let filtered = status.lines().any(|line| {
        line.strip_prefix("Seccomp:")
            .is_some_and(|mode| mode.trim() == "2")
    });
    let refused = matches!(code.0, libc::EPERM | libc::EACCES);
    match sysctl.trim() {
        _ if !refused && code.0 != libc::ENOSYS => None,
        setting @ ("1" | "2") if refused => {
            Some(format!("kernel.io_uring_disabled = {setting} forbids it"))
        }
        _ if filtered => Some("a seccomp filter forbids it".to_owned()),
        _ if refused => Some("a security module forbids it".to_owned()),
        _ => Some("this kernel is built without io_uring".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILTERED: &str = "Name:\twharf\nSeccomp:\t2\n";
    const FREE: &str = "Name:\twharf\nSeccomp:\t0\n";

    fn check(code: i32, sysctl: &str, status: &str, expected: Option<&str>) {
        assert_eq!(explain(OsCode(code), sysctl, status).as_deref(), expected);
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
