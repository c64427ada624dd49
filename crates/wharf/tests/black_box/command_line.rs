//! One clear line and exit code 2 where it cannot start.

use crate::support::{BACKENDS, Reserved, Server, output, serve, start, wait_until, wharf};
use std::fs::File;
use std::path::Path;
use std::process::Stdio;

/// Runs to its end, in a directory of its own, where it leaves nothing; exit code, standard output,
/// standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = wharf();
    let command = command.current_dir(&directory).args(arguments);
    let output = output(command);
    let left = std::fs::read_dir(&directory).expect("it is there").count();
    assert_eq!(left, 0, "{arguments:?} wrote into the working directory");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text").replace('\r', "");
    (
        output.status.code().expect("an exit code"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn refused(arguments: &[&str], words: &[&str]) {
    let (code, _, error) = run(arguments);
    assert_eq!(code, 2, "{error}");
    assert_eq!(error.trim_end().lines().count(), 1, "one line: {error}");
    for word in words {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn what_is_logged_at_the_start_stands_below_the_banner() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("terminal");
    let terminal = File::create(&file).unwrap();
    let mut command = serve(BACKENDS[0], &["admin.listen=off"]);
    command.arg("--until-input-ends").arg("--data");
    let command = command.arg(folder.path().join("data"));
    let command = command.stdin(Stdio::piped());
    let command = command.stdout(terminal.try_clone().unwrap());
    let mut server = start(command.stderr(terminal));
    let words = ["Ctrl-C here stops in order", "the store is open"];
    let places = || {
        let shown = std::fs::read_to_string(&file).unwrap();
        words.map(|words| shown.find(words))
    };
    wait_until("it serves, with its store", || {
        places().iter().all(Option::is_some)
    });
    let [banner, log] = places();
    drop(server.stdin.take());
    server.wait().unwrap();
    assert!(banner < log, "{banner:?} {log:?}");
}

#[test]
fn a_bad_configuration_is_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("my.toml");
    std::fs::write(&file, "[limits]\nsession_max = 3\n").unwrap();
    let file = file.to_str().unwrap();
    refused(
        &["serve", "--config", file],
        &["my.toml:2:1", "limits.sessions_max"],
    );
    refused(
        &["serve", "--config", "nowhere.toml"],
        &["nowhere.toml", "cannot be read"],
    );
    refused(
        &["serve", "--set", "placement=both"],
        &["--set placement", "\"fused\", \"split\""],
    );
    refused(
        &["serve", "--port-backend", "epoll"],
        &["--port-backend", "\"uring\""],
    );
    refused(&["serve", "--shards", "0"], &["--shards", "from 1 to 64"]);
    refused(
        &["serve", "--set", "limits.sessions_max"],
        &["--set limits.sessions_max", "KEY=VALUE", "chat.rooms=12"],
    );
}

#[test]
fn a_file_that_nobody_named_is_told_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    // A directory of this name cannot be read as a file, anywhere and by anybody.
    std::fs::create_dir(directory.path().join("wharf.toml")).unwrap();
    let output = output(wharf().args(["config", "print"]).current_dir(&directory));
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{error}");
    let begin = "wharf: wharf.toml: the file cannot be read";
    assert!(error.starts_with(begin), "{error}");
}

#[test]
fn a_port_in_use_is_refused_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for backend in BACKENDS {
        let arguments = ["serve", "--listen", &address, "--port-backend", backend];
        refused(
            &arguments,
            &[&address, "if that is a wharf of yours", "--listen"],
        );
    }
}

#[test]
fn an_open_door_is_refused_unless_it_is_asked_for() {
    let open = [
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--set",
        "accounts.classic=open",
    ];
    refused(&open, &["not loopback", "insecure=true"]);
    let mut command = wharf();
    command.args(["serve", "--listen", "0.0.0.0:0", "--set", "insecure=true"]);
    let server = Server::start_command(command);
    assert_ne!(server.address.port(), 0);
}

#[test]
fn bots_without_a_server_say_what_to_type() {
    let free = Reserved::new();
    let (code, _, error) = run(&["bots", "--target", &free.address()]);
    assert_eq!(code, 2);
    assert!(error.contains("cargo run --release"), "{error}");
}

#[test]
fn bots_find_their_target_by_its_name() {
    let server = Server::start(BACKENDS[0], &[]);
    let target = format!("localhost:{}", server.address.port());
    let sizes = ["--sessions", "4", "--seconds", "0.2"];
    let (code, said, error) = run(&[&["bots", "echo", "--target", &target], &sizes[..]].concat());
    assert_eq!(code, 0, "{said}{error}");
    refused(
        &["bots", "--target", "localhost:many"],
        &["--target", "localhost:many is no address"],
    );
}

#[test]
fn bots_refuse_flags_that_their_workload_does_not_use() {
    for (workload, flag) in [
        ("echo", "--rooms"),
        ("idle", "--rate"),
        ("churn", "--in-flight"),
        ("churn", "--size"),
    ] {
        refused(
            &["bots", workload, flag, "30"],
            &[flag, workload, "does not use it", "slow do"],
        );
    }
    refused(
        &["bots", "--no-login"],
        &["--no-login", "chat does not use it; echo does"],
    );
}

#[test]
fn help_of_the_bots_tells_every_default() {
    let (code, help, _) = run(&["bots", "--help"]);
    assert_eq!(code, 0);
    let flags = help.matches("\n      --").count();
    // Lines end where they are full.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let defaults = help.matches("[default: ").count();
    // The workload has one as well; --no-login and --json are off.
    assert_eq!(defaults, flags + 1 - 2, "{help}");
    assert!(
        help.contains("64 for echo, 1000 for chat and idle"),
        "{help}"
    );
}

#[test]
fn the_configuration_is_printed_with_its_sources() {
    let (code, text, _) = run(&["config", "print", "--set", "chat.rooms=12"]);
    assert_eq!(code, 0);
    assert!(text.contains("rooms = 12  # --set chat.rooms"), "{text}");
    assert!(
        text.contains("listen = \"127.0.0.1:11021\"  # default"),
        "{text}"
    );
}

#[test]
fn where_the_data_directory_is_says_the_configuration_and_doctor() {
    let relative = Path::new("elsewhere").join("data");
    let flag = ["--data", relative.to_str().unwrap()];
    let is_whole = |place: &str| Path::new(place).is_absolute() && place.ends_with(flag[1]);
    let (code, text, _) = run(&[&["config", "print"], &flag[..]].concat());
    assert_eq!(code, 0);
    let place = text.lines().find_map(|line| line.split_once("# --data: "));
    assert!(place.is_some_and(|(_, place)| is_whole(place)), "{text}");
    // It is not made for that: whatever is left in the working directory fails the test.
    let doctor = ["doctor", "--listen", "127.0.0.1:0"];
    let (_, text, _) = run(&[&doctor[..], &flag].concat());
    let told = text
        .split_once("good  data")
        .expect("it can be written to")
        .1;
    let place = told
        .split_once(" can be written to")
        .map(|(place, _)| place.trim());
    assert!(place.is_some_and(is_whole), "{text}");
}

#[test]
fn doctor_says_what_it_looked_at() {
    let (code, text, _) = run(&["doctor", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, 0, "{text}");
    for word in ["port", "sessions", "listen"] {
        assert!(text.contains(word), "{word} is not in:\n{text}");
    }
}

#[test]
fn a_port_in_use_is_an_ailment() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text, _) = run(&["doctor", "--listen", &address]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("--listen"), "{text}");
}

#[test]
fn the_log_is_json_and_goes_to_files_when_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let data = format!("data={:?}", directory.path().to_str().unwrap());
    let settings = ["log.format=json", "log.files=true", &data];
    let mut server = Server::start(BACKENDS[0], &settings);
    server.connect().send_bytes(b"GET / HTTP/1.1\r\n\r\n");
    let line = server.wait_for_log(&["session closed", "frame-too-long"]);
    assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
    assert!(!line.contains("HTTP"), "never a frame's body: {line}");
    let files: Vec<_> = std::fs::read_dir(directory.path().join("log"))
        .unwrap()
        .collect();
    assert!(!files.is_empty(), "one file a day");
}

#[test]
fn settings_count_before_the_command_and_behind_it() {
    let before = ["--set", "limits.login_seconds=7", "--shards", "3"];
    let (code, printed, _) = run(&[&before[..], &["config", "print", "--shards", "2"]].concat());
    assert_eq!(code, 0);
    assert!(printed.contains("login_seconds = 7"), "{printed}");
    assert!(
        printed.contains("shards = 2"),
        "what stands behind wins: {printed}"
    );
    refused(&["--shards", "2", "bots"], &["before `bots`"]);
    refused(&["--shards", "2", "bench"], &["before `bench`"]);
    refused(&["--config", "nowhere.toml", "doctor"], &["nowhere.toml"]);
    refused(&["serve", "--shards", "-1"], &["--shards", "from 1 to 64"]);
}

#[test]
fn a_reader_who_has_gone_is_no_reason_to_fail() {
    let nobody = "127.0.0.1:1";
    let cases = [
        (&["config", "print"][..], 0),
        (&["--help"], 0),
        (&["doctor", "--listen", "127.0.0.1:0"], 0),
        (&["serve", "--shards", "0"], 2),
        (&["bots", "--target", nobody], 2),
    ];
    for (arguments, expected) in cases {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = wharf();
        command.args(arguments).stdout(writer.try_clone().unwrap());
        let status = start(command.stderr(writer)).wait().unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn doctor_finds_what_serve_would_refuse() {
    let open = [
        "doctor",
        "--listen",
        "0.0.0.0:0",
        "--set",
        "accounts.classic=open",
    ];
    let (code, said, _) = run(&open);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("insecure"), "{said}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said, _) = run(&["doctor", "--listen", &address]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("if that is a wharf of yours"), "{said}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let (code, said, _) = run(&[
        "doctor",
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.files=true",
        "--data",
        file.path().to_str().unwrap(),
    ]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no directory"), "{said}");
    // TEST-NET-1 belongs to no machine.
    let there = ["--listen", "192.0.2.1:1", "--set", "insecure=true"];
    let (_, _, refused) = run(&[&["serve"][..], &there].concat());
    let (code, said, _) = run(&[&["doctor"][..], &there].concat());
    assert_eq!(code, 1, "{said}");
    for words in [
        "this machine has no address 192.0.2.1",
        "--listen 0.0.0.0:1",
    ] {
        assert!(refused.contains(words), "{refused}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn doctor_wants_a_directory_only_where_serve_writes_to_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let no_directory = file.path().to_str().unwrap();
    let doctor = ["doctor", "--listen", "127.0.0.1:0", "--data", no_directory];
    let (code, said, _) = run(&doctor);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("bad   data"), "{said}");
    refused(
        &["serve", "--listen", "127.0.0.1:0", "--data", no_directory],
        &[no_directory],
    );
    // With a database elsewhere nothing is written there, whether that answers or not.
    let nobody = "store.url=postgres://wharf@127.0.0.1:1/wharf";
    let (code, said, _) = run(&[&doctor[..], &["--set", nobody]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("good  data"), "{said}");
    assert!(said.contains("fair  store"), "{said}");
    let server = Server::start(BACKENDS[0], &[&format!("data={no_directory:?}"), nobody]);
    server.connect().assert_serves();
}

#[test]
fn doctor_finds_nothing_to_mend_in_a_backend_that_was_asked_for() {
    for backend in BACKENDS {
        let listen = ["--listen", "127.0.0.1:0"];
        let asked = [&["doctor", "--port-backend", backend][..], &listen].concat();
        let (code, said, _) = run(&asked);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("good  port"), "{said}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("none/report.json");
    // Nobody listens there either, which would come first if the file were not looked at.
    let target = Reserved::new();
    let arguments = [
        "bots",
        "--target",
        &target.address(),
        "--json",
        nowhere.to_str().unwrap(),
    ];
    refused(&arguments, &["report.json"]);
}
