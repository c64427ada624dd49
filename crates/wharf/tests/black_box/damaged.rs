//! A database file that no server can serve from: who says so, and what is to be done.

use crate::support::{BACKENDS, output, serve, wharf};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs it to its end in that data directory; exit code, and what it said.
fn run(mut command: Command, data: &Path) -> (i32, String) {
    let output = output(command.arg("--data").arg(data));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text").replace('\r', "");
    (output.status.code().expect("an exit code"), text)
}

fn doctor(data: &Path) -> (i32, String) {
    let mut command = wharf();
    command.args([
        "doctor",
        "--listen",
        "127.0.0.1:0",
        "--set",
        "admin.listen=off",
    ]);
    run(command, data)
}

#[test]
fn a_server_does_not_start_on_what_is_no_sound_database_and_doctor_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let (code, said) = doctor(data);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("good  store") && said.contains("first start"),
        "{said}"
    );
    let mut migrate = wharf();
    migrate.args(["db", "migrate"]);
    assert_eq!(run(migrate, data).0, 0);
    let (code, said) = doctor(data);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("good  store") && said.contains("sound"),
        "{said}"
    );

    let file = data.join("wharf.db");
    let whole = fs::read(&file).unwrap();
    let mut others = whole.clone();
    // Where its header says whose it is.
    others[68..72].copy_from_slice(b"ELSE");
    for (bytes, words) in [
        (
            &whole[..whole.len() / 2],
            ["is damaged", "`wharf db restore`"],
        ),
        (&b"dear diary"[..], ["is no database", "right file"]),
        (&others[..], ["another program's", "right file"]),
    ] {
        fs::write(&file, bytes).unwrap();
        let (code, said) = doctor(data);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("bad   store"), "{said}");
        let mut server = serve(BACKENDS[0], &["admin.listen=off"]);
        // One that would start after all ends too.
        server.arg("--until-input-ends");
        let (code, refused) = run(server, data);
        assert_eq!(code, 2, "it does not start: {refused}");
        assert!(!refused.contains("listening"), "{refused}");
        for word in words.iter().chain(&["wharf.db"]) {
            for said in [&said, &refused] {
                assert!(said.contains(word), "{word} is not in: {said}");
                assert!(!said.contains("connection"), "{said}");
            }
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "it is left as it was");
    }
}
