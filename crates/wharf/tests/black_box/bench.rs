//! `wharf bench` measures, says so in JSON, and refuses what it does not take.

use crate::support::{output, wharf};
use std::process::Output;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = output(wharf().arg("bench").args(arguments));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn every_workload_is_measured_and_the_summary_follows() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bench.jsonl");
    let json = file.to_str().unwrap();
    let (code, said, error) = run(&["--seconds", "4", "--sessions", "20", "--json", json]);
    assert_eq!(code, Some(0), "{said}{error}");
    assert!(
        said.contains("One core, fully busy, would carry about"),
        "{said}"
    );
    assert!(said.contains("Every delivery was right."), "{said}");
    let lines = std::fs::read_to_string(&file).unwrap();
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let lines: Vec<_> = lines.lines().map(parse).collect();
    let names: Vec<_> = lines.iter().map(|line| &line["workload"]).collect();
    assert_eq!(names, ["echo", "echo", "chat", "chat", "idle", "summary"]);
    for line in &lines[..5] {
        assert_eq!(line["sessions"], 20, "{line}");
        assert_eq!(line["faults"]["lost"], 0, "{line}");
        assert!(line["messages"].is_u64(), "{line}");
        for number in ["seconds", "per_second", "server_busy", "hiccup_max_us"] {
            assert!(line[number].is_f64(), "{number} is no number in {line}");
        }
    }
    for line in &lines[..4] {
        let cpu = line["cpu_us_per_message"].as_f64();
        assert!(cpu.is_some_and(|cpu| cpu > 0.0), "{line}");
        assert!(line["latency"]["p99_us"].is_f64(), "{line}");
    }
    let summary = &lines[5];
    for number in [
        "echoes_per_second",
        "chat_deliveries_per_second",
        "bytes_per_session",
    ] {
        let number = summary[number].as_f64();
        assert!(number.is_some_and(|number| number > 0.0), "{summary}");
    }
    assert_eq!(summary["is_right"], true, "{summary}");
}

#[test]
fn what_it_does_not_take_is_refused_with_what_to_type() {
    let nowhere = std::env::temp_dir().join("no-such-directory/bench.jsonl");
    for (arguments, words) in [
        (&["--rooms", "3"][..], &["--rooms", "--help"][..]),
        (&["--seconds", "0"], &["--seconds", "1..=600"]),
        (&["--sessions", "0"], &["--sessions", "1..=20000"]),
        (&["--port-backend", "epoll"], &["--port-backend", "uring"]),
        (&["--json", nowhere.to_str().unwrap()], &["bench.jsonl"]),
    ] {
        let (code, said, error) = run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {said}{error}");
        for word in words {
            assert!(error.contains(word), "{word} is not in: {error}");
        }
    }
}

#[test]
fn a_server_that_does_not_start_is_quoted() {
    // No system has both.
    let other = if cfg!(windows) { "uring" } else { "iocp" };
    let (code, said, error) = run(&["--port-backend", other]);
    assert_eq!(code, Some(2), "{said}{error}");
    assert!(error.contains("the server does not start: "), "{error}");
    assert!(error.contains(other), "{error}");
}
