//! Where a container forbids io_uring, the server says so and serves all the same.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::collections::BTreeMap;
use wharf_port::{Backend, BackendWish, NativePort, OpenError, PortOptions, UringPort, choose};

/// Runs `body` on a thread whose `io_uring_setup(2)` answers `errno`, as Docker's default profile
/// does. A filter belongs to its thread and ends with it.
fn with_setup_refused<T: Send>(errno: i32, body: impl FnOnce() -> T + Send) -> T {
    let rules = BTreeMap::from([(libc::SYS_io_uring_setup, Vec::new())]);
    let arch = std::env::consts::ARCH
        .try_into()
        .expect("an architecture that seccomp knows");
    let refuse = SeccompAction::Errno(errno as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("compiles");
    std::thread::scope(|scope| {
        scope
            .spawn(|| {
                seccompiler::apply_filter(&program).expect("a thread may restrict itself");
                body()
            })
            .join()
            .expect("the body does not panic")
    })
}

#[test]
fn auto_falls_back_to_readiness_and_names_the_filter() {
    let chosen = with_setup_refused(libc::EPERM, || choose(BackendWish::Auto)).unwrap();
    assert_eq!(chosen.backend, Backend::Readiness);
    assert_eq!(
        chosen.to_string(),
        "readiness: chosen because the kernel refuses io_uring_setup \
         (Operation not permitted (os error 1)): a seccomp filter forbids it"
    );
}

#[test]
fn a_filter_that_plays_an_old_kernel_is_named_too() {
    let refused = with_setup_refused(libc::ENOSYS, || choose(BackendWish::Uring)).unwrap_err();
    assert!(
        refused.to_string().ends_with("a seccomp filter forbids it"),
        "{refused}"
    );
}

#[test]
fn opening_a_port_reports_what_the_kernel_refused() {
    let refused = with_setup_refused(libc::EPERM, || {
        UringPort::open(&PortOptions::default())
            .err()
            .expect("is forbidden")
    });
    assert!(matches!(
        refused,
        OpenError::Unsupported {
            feature: "io_uring_setup",
            ..
        }
    ));
}
