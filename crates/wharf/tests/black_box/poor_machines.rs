//! Machines that lack something: a clear line, and service where service is possible.

#![cfg(target_os = "linux")]

use crate::support::{Server, output, program, wharf};
use std::process::Command;

/// Runs `body` on a thread that may not call `io_uring_setup(2)`, nor may its children: what a
/// container's profile does. The filter ends with the thread.
fn without_io_uring<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    let rules = [(libc::SYS_io_uring_setup, Vec::new())].into();
    let arch = std::env::consts::ARCH
        .try_into()
        .expect("an architecture that seccomp knows");
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("it compiles");
    let forbidden = || {
        seccompiler::apply_filter(&program).expect("a thread may restrict itself");
        body()
    };
    std::thread::scope(|scope| scope.spawn(forbidden).join().expect("it does not panic"))
}

fn error_of(mut command: Command) -> (Option<i32>, String) {
    let output = output(&mut command);
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("text"),
    )
}

#[test]
fn where_io_uring_is_forbidden_the_server_says_so_and_serves_all_the_same() {
    let server = without_io_uring(|| {
        let mut command = wharf();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        Server::start_command(command)
    });
    assert!(
        server.banner.contains("seccomp filter"),
        "{}",
        server.banner
    );
    server.connect().assert_serves();
}

#[test]
fn asking_for_io_uring_where_it_is_forbidden_is_refused_in_one_line() {
    let (code, error) = without_io_uring(|| {
        let mut command = wharf();
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--port-backend",
            "uring",
        ]);
        error_of(command)
    });
    assert_eq!((code, error.lines().count()), (Some(2), 1), "{error}");
    assert!(error.contains("seccomp filter"), "{error}");
}

#[test]
fn doctor_says_what_permits_io_uring_where_a_filter_forbids_it() {
    let output = without_io_uring(|| {
        let mut command = wharf();
        command.args(["doctor", "--listen", "127.0.0.1:0"]);
        output(&mut command)
    });
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "it serves all the same:\n{said}");
    assert!(said.contains("fair  port"), "{said}");
    assert!(
        said.contains("-> io_uring serves with less CPU: a seccomp"),
        "{said}"
    );
    for guess in ["kernel.io_uring_disabled", "6.1 or newer"] {
        assert!(
            !said.contains(guess),
            "{guess} forbids nothing here:\n{said}"
        );
    }
}

/// The program with `arguments`, its hard limit of descriptors lowered.
fn with_descriptors(limit: u32, arguments: &str) -> Command {
    let mut shell = Command::new("sh");
    let command = format!("ulimit -n {limit} && exec \"$0\" {arguments}");
    shell
        .args(["-c", &command])
        .arg(program())
        .current_dir(std::env::temp_dir());
    shell
}

#[test]
fn too_few_descriptors_are_refused_in_one_line() {
    let serve = with_descriptors(1_000, "serve --set limits.sessions_max=5000");
    let (code, error) = error_of(serve);
    assert_eq!((code, error.lines().count()), (Some(2), 1), "{error}");
    for word in ["limits.sessions_max", "1000", "ulimit -Hn 5256"] {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn descriptors_for_no_session_at_all_are_refused_and_an_ailment() {
    let remedy = "ulimit -Hn 65792, or LimitNOFILE=65792 in its unit";
    let (code, error) = error_of(with_descriptors(256, "serve --listen 127.0.0.1:0"));
    assert_eq!((code, error.lines().count()), (Some(2), 1), "{error}");
    let doctor = output(&mut with_descriptors(256, "doctor --listen 127.0.0.1:0"));
    let said = String::from_utf8(doctor.stdout).expect("text");
    assert_eq!(doctor.status.code(), Some(1), "{said}");
    assert!(said.contains("bad   sessions"), "{said}");
    for words in ["256 descriptors", remedy] {
        assert!(error.contains(words), "{words} is not in: {error}");
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
}

#[test]
fn with_few_descriptors_and_no_wish_the_server_serves_fewer() {
    let server = Server::start_command(with_descriptors(300, "serve --listen 127.0.0.1:0"));
    assert!(server.banner.contains(" 40 at most"), "{}", server.banner);
    server.connect().assert_serves();
}

#[test]
fn what_many_shards_open_is_kept_beside_the_sessions() {
    /// Connections that are told "full" at a time.
    const REFUSALS_MAX: usize = 64;
    let serve = "serve --listen 127.0.0.1:0 --port-backend readiness --shards 64";
    let server = Server::start_command(with_descriptors(1_000, serve));
    let (before, _) = server.banner.split_once(" at most").expect("sessions");
    let sessions: usize = before
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .expect("a number");
    let opened = std::fs::read_dir(format!("/proc/{}/fd", server.child.id())).unwrap();
    let needed = sessions + REFUSALS_MAX + opened.count();
    assert!(needed <= 1_000, "{needed} with {sessions} sessions");
}

#[test]
fn by_default_there_are_as_many_shards_as_processors_that_the_process_may_run_on() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let on_one = || {
        let all = sched_getaffinity(None).expect("a thread may ask");
        let first = (0..CpuSet::MAX_CPU).find(|&cpu| all.is_set(cpu));
        let mut one = CpuSet::new();
        one.set(first.expect("it runs somewhere"));
        sched_setaffinity(None, &one).expect("a thread may restrict itself");
        output(wharf().args(["config", "print"]))
    };
    // The affinity is the thread's and its children's; it ends with the thread.
    let output = std::thread::scope(|scope| scope.spawn(on_one).join().expect("no panic"));
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("\nshards = 1  # default"), "{said}");
}
