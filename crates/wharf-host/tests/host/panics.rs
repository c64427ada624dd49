//! A panic is a line of the log like any other: in its format, and in its files.
//!
//! Logs and panics belong to a whole process, so the test runs itself in one of its own.

use std::path::Path;
use std::process::Command;
use wharf_host::config::{Effective, Layers, Machine, SETTINGS};
use wharf_host::logs;

/// Names the directory of the log to the process that panics.
const DATA: &str = "TEST_PANICS_DATA";

#[test]
fn a_panic_is_logged_once_for_each_thread_and_place_as_the_log_is() {
    if let Some(data) = std::env::var_os(DATA) {
        return log_and_panic(Path::new(&data));
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "panics::a_panic_is_logged_once_for_each_thread_and_place_as_the_log_is";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(DATA, directory.path())
        .env_remove("RUST_BACKTRACE")
        .output()
        .expect("the test runs again");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let json = said.find('{').expect("JSON");
    let (before, terminal) = said.split_at(json);
    assert!(
        before.contains("too early"),
        "text, before the log is set up: {before}"
    );
    let files = std::fs::read_dir(directory.path().join("log")).unwrap();
    let file = files.last().expect("one a day").unwrap().path();
    for text in [terminal, &std::fs::read_to_string(file).unwrap()] {
        assert_tells_both_threads(text);
    }
}

fn assert_tells_both_threads(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let [first, second] = lines[..] else {
        panic!("not two lines:\n{text}");
    };
    for (line, thread) in [(first, "io-1"), (second, "io-2")] {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
        for words in ["ERROR", thread, "as it was told", "panics.rs:"] {
            assert!(line.contains(words), "{words} is not in: {line}");
        }
    }
}

fn log_and_panic(data: &Path) {
    panic_on("io-0", "too early");
    let set = [
        ("log.format", "json"),
        ("log.files", "true"),
        ("data", data.to_str().unwrap()),
    ];
    let typed = |(key, value): (&str, &str)| (String::new(), key.to_owned(), value.to_owned());
    let layers = Layers {
        command_line: set.map(typed).into(),
        ..Layers::default()
    };
    let machine = Machine {
        processors: 1,
        descriptors_max: None,
    };
    let config = Effective::resolve(&[SETTINGS], &machine, &layers).unwrap();
    let _log = logs::start(&config).unwrap();
    for thread in ["io-1", "io-1", "io-2"] {
        panic_on(thread, "as it was told");
    }
}

fn panic_on(thread: &str, message: &'static str) {
    let builder = std::thread::Builder::new().name(thread.into());
    let thread = builder.spawn(move || panic!("{message}")).unwrap();
    thread.join().expect_err("it panics");
}
