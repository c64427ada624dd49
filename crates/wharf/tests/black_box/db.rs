//! `wharf db` from the command line.

use crate::support::{output, wharf};
use std::fs;
use std::path::Path;

/// Runs `wharf db` to its end; exit code, and what it said.
fn db(arguments: &[&str], data: &Path) -> (i32, String) {
    let mut command = wharf();
    command.arg("db").args(arguments).arg("--data").arg(data);
    let output = output(&mut command);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text").replace('\r', "");
    (output.status.code().expect("an exit code"), text)
}

#[test]
fn a_store_is_made_verified_backed_up_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("one"), folder.path().join("two"));
    fs::create_dir(&first).unwrap();
    let backup = folder.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    assert_eq!(db(&["migrate"], &first).0, 0);
    let (code, said) = db(&["verify"], &first);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("sound") && said.contains("0 accounts"),
        "{said}"
    );
    assert_eq!(db(&["backup", backup], &first).0, 0);
    let (code, said) = db(&["backup", backup], &first);
    assert!(code == 2 && said.contains("there already"), "{said}");
    assert_eq!(db(&["restore", backup], &second).0, 0);
    assert_eq!(db(&["verify"], &second).0, 0);
    let (code, said) = db(&["restore", backup], &second);
    assert!(code == 2 && said.contains("there already"), "{said}");
}

#[test]
fn a_damaged_store_is_told_from_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = db(&["verify"], folder.path());
    assert!(code == 2 && said.contains("wharf.db"), "{said}");
    assert!(
        said.contains("no such database") && said.contains("db migrate"),
        "{said}"
    );
    assert_eq!(db(&["migrate"], folder.path()).0, 0);
    let file = folder.path().join("wharf.db");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[100..middle].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let (code, said) = db(&["verify"], folder.path());
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("damaged") && said.contains("restore"),
        "{said}"
    );
}
