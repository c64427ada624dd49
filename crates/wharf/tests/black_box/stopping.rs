//! A stop closes the listener, says goodbye to everybody, and ends.

#![cfg(unix)]

use crate::support::{BACKENDS, Server, serve};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use wharf::wire::classic::{ResultCode, UserListNotify};

#[test]
fn a_signal_stops_in_order() {
    for backend in BACKENDS {
        for (signal, placement) in [(Signal::TERM, "fused"), (Signal::INT, "split")] {
            let setting = format!("placement={placement}");
            let settings = [&*setting, "limits.drain_seconds=600"];
            let mut server = Server::start(backend, &settings);
            let mut client = server.connect();
            assert_eq!(client.log_in("kim"), ResultCode::None);
            assert_eq!(client.enter(1), ResultCode::None);
            client.read::<UserListNotify>();
            let pid = Pid::from_child(&server.child);
            kill_process(pid, signal).unwrap();
            client.half_close();
            assert!(client.is_ended());
            assert_eq!(server.wait().code(), Some(0), "{backend} {placement}");
            let said = server.wait_for_output("left behind");
            assert!(said.contains("nothing"), "{backend} {placement}: {said}");
        }
    }
}

#[test]
fn a_client_that_does_not_answer_the_goodbye_holds_nobody_up_for_long() {
    for backend in BACKENDS {
        let mut server = Server::start(backend, &["limits.drain_seconds=1"]);
        let mut client = server.connect();
        assert_eq!(client.log_in("mute"), ResultCode::None);
        kill_process(Pid::from_child(&server.child), Signal::TERM).unwrap();
        assert_eq!(server.wait().code(), Some(0), "{backend}");
    }
}

#[test]
fn a_stop_says_whom_it_waits_for_and_a_second_one_does_not_wait() {
    let mut server = Server::start(BACKENDS[0], &["limits.drain_seconds=3600"]);
    let mut client = server.connect();
    assert_eq!(client.log_in("mute"), ResultCode::None);
    let pid = Pid::from_child(&server.child);
    kill_process(pid, Signal::INT).unwrap();
    server.wait_for_log(&["waiting for 1 session, at most 3600 s", "Ctrl-C again"]);
    kill_process(pid, Signal::INT).unwrap();
    server.wait_for_log(&["ending now"]);
    assert_eq!(server.wait().code(), Some(1));
}

#[test]
fn a_server_that_waits_for_its_store_to_start_is_told_to_stop() {
    // Somebody who is there, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "store.url=postgres://kim@{}/wharf",
        silent.local_addr().unwrap()
    );
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(BACKENDS[0], &[&url, "admin.listen=off"]);
    command.env("WHARF_DATA", folder.path());
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = silent.accept().unwrap();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(asked);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("stopped before it served"), "{said}");
    assert!(!said.contains("listening"), "{said}");
}

#[test]
fn bots_that_are_told_to_stop_report_what_they_found() {
    let server = Server::start(BACKENDS[0], &[]);
    let mut bots = crate::support::wharf();
    let target = server.address.to_string();
    bots.args([
        "bots",
        "chat",
        "--sessions",
        "20",
        "--seconds",
        "600",
        "--target",
        &target,
    ]);
    let report = interrupted(bots);
    assert!(report.contains("ended early"), "{report}");
}

#[test]
fn a_bench_that_is_told_to_stop_reports_what_it_measured() {
    let mut bench = crate::support::wharf();
    bench.args(["bench", "--seconds", "600", "--sessions", "20"]);
    let report = interrupted(bench);
    assert!(report.contains("Ended early."), "{report}");
}

/// The report of a run that is told to stop as soon as it runs, and has found nothing wrong.
fn interrupted(mut run: Command) -> String {
    let mut run = run
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let progress = BufReader::new(run.stderr.take().unwrap());
    let mut lines = progress.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("running")), "no progress");
    kill_process(Pid::from_child(&run), Signal::INT).unwrap();
    // Read to the end, or it would wait for somebody who reads.
    lines.for_each(drop);
    let output = run.wait_with_output().unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("Every delivery was right."), "{report}");
    assert_eq!(output.status.code(), Some(0), "{report}");
    report
}

#[test]
fn a_server_that_was_told_to_ends_with_its_standard_input() {
    let mut command = crate::support::wharf();
    command.args(["serve", "--listen", "127.0.0.1:0", "--until-input-ends"]);
    let mut server = Server::start_command({
        command.stdin(Stdio::piped());
        command
    });
    server.connect().assert_serves();
    drop(server.child.stdin.take());
    assert_eq!(server.wait().code(), Some(0));
}
