//! Settings of accounts and stores that are wrong: who says so, and where.

use crate::support::{BACKENDS, Server, output, wharf};
use std::path::Path;
use std::process::Command;

/// Runs the program with a configuration file; its exit code, and all that it said.
fn run(config: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command: Command = wharf();
    command.args(arguments).arg("--config").arg(config);
    command.env("WHARF_DATA", config.parent().expect("a folder"));
    command.env("WHARF_LISTEN", "127.0.0.1:0");
    let said = output(&mut command);
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let all = text(said.stdout) + &text(said.stderr);
    (said.status.code().expect("it ends"), all)
}

/// Every command that reads a configuration.
const COMMANDS: [&[&str]; 4] = [
    &["serve"],
    &["doctor"],
    &["config", "print"],
    &["db", "verify"],
];

#[test]
fn what_is_wrong_in_a_file_is_told_by_every_command_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("my.toml");
    for (written, words) in [
        (
            "[store]\nurl = 'oracle://kim:hush@db/wharf'\n",
            ["my.toml:2:1", "store.url", "postgres://"],
        ),
        (
            "[store]\n\n  url = 'postgres://kim:hush@db/wharf?sslmode=allow'\n",
            ["my.toml:3:3", "sslmode", "verify-full"],
        ),
        (
            "store.url = 'mysql://kim:hush@db'\n",
            ["my.toml:1:7", "store.url", "/DATABASE"],
        ),
        (
            "[store]\nredis = 'http://kim:hush@cache'\n",
            ["my.toml:2:1", "store.redis", "redis://"],
        ),
        (
            "[accounts]\nclassic = 'anybody'\n",
            ["my.toml:2:1", "accounts.classic", "\"known\""],
        ),
        (
            "[accounts]\nqueue_max = -1\n",
            ["my.toml:2:1", "accounts.queue_max", "from 0 to"],
        ),
        (
            "[accounts.tickets]\njwks = 'keys.json'\naudience = 'game'\n",
            ["my.toml:2:1", "accounts.tickets.issuer", "iss"],
        ),
        (
            "[accounts.ticket]\njwks = 'keys.json'\n",
            [
                "my.toml:2:1",
                "accounts.ticket.jwks",
                "accounts.tickets.jwks",
            ],
        ),
    ] {
        std::fs::write(&config, written).unwrap();
        for command in COMMANDS {
            let (code, said) = run(&config, command);
            assert_eq!(code, 2, "{command:?}: {said}");
            assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
            for word in words {
                assert!(said.contains(word), "{command:?}: {word} is not in: {said}");
            }
            assert!(!said.contains("hush"), "{said}");
        }
    }
}

#[test]
fn files_that_settings_name_are_read_by_doctor_and_serve() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let config = folder.path().join("my.toml");
    std::fs::write(file("keys.json"), "{\"keys\":[\n}").unwrap();
    std::fs::write(file("words.txt"), "darn\n = mask\n").unwrap();
    let keys = format!(
        "[accounts.tickets]\nissuer = 'studio'\naudience = 'game'\njwks = '{}'\n",
        file("keys.json")
    );
    let words = format!("\n[chat]\nwords = '{}'\n", file("words.txt"));
    // In a URL a backslash, and what stands before a drive's colon, stays as it is.
    let certificates = format!(
        "[store]\nurl = 'postgres://kim:hush@127.0.0.1:1/x?sslmode=verify-full&sslrootcert={}'\n",
        file("no.pem")
    );
    for (written, subject, words) in [
        (keys, "bad   tickets", ["my.toml:4:1", "line 2 column 1"]),
        (words, "bad   words", ["my.toml:3:1", "words.txt:2:1"]),
        (certificates, "bad   store", ["my.toml:2:1", "no.pem"]),
    ] {
        std::fs::write(&config, written).unwrap();
        let (code, examined) = run(&config, &["doctor"]);
        assert_eq!(code, 1, "{examined}");
        assert!(examined.contains(subject), "{examined}");
        let (code, refused) = run(&config, &["serve"]);
        assert_eq!(code, 2, "{refused}");
        for said in [examined, refused] {
            for word in words {
                assert!(said.contains(word), "{word} is not in: {said}");
            }
            assert!(!said.contains("hush"), "{said}");
        }
    }
}

#[test]
fn doctor_says_that_a_directory_is_another_servers_while_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("my.toml");
    std::fs::write(&config, "").unwrap();
    let server = Server::start_in(folder.path(), BACKENDS[0], &[]);
    let (code, said) = run(&config, &["doctor"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("bad   data") && said.contains("another server's"),
        "{said}"
    );
    drop(server);
    let (code, said) = run(&config, &["doctor"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn doctor_says_how_accounts_and_stores_are() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("my.toml");
    let list = folder.path().join("words.txt");
    std::fs::write(&list, "darn\nheck = refuse\n").unwrap();
    let written = format!(
        "chat.words = '{}'\n[store]\nredis = 'redis://kim:hush@127.0.0.1:1/0'\n",
        list.display()
    );
    std::fs::write(&config, written).unwrap();
    let (code, said) = run(&config, &["doctor"]);
    assert_eq!(
        code, 0,
        "a Redis that is away keeps nobody from serving: {said}"
    );
    for words in ["fair  redis", "good  words     2 on the list"] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
    assert!(!said.contains("hush"), "{said}");
}
