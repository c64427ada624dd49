//! What an operator can do with a store that is a file: every trouble is told with the file's
//! name and what to do, nothing is overwritten, and what is damaged is never taken for sound.

use crate::bench::{self, Bench};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wharf_data::short::{self, Space};
use wharf_data::{Ask, Refusal};
use wharf_store::admin::{self, Trouble, Verdict, verify};
use wharf_store::{Durability, Place, Sqlite};

/// A folder with a store of some people in it, whose server has stopped.
fn stopped() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.db");
    let mut bench = started(&path);
    for number in 1..50 {
        bench.person(number, &format!("person {number}"));
    }
    drop(bench);
    (folder, path)
}

fn started(path: &Path) -> Bench {
    Bench::start(bench::patient(), Sqlite::connector(path, Durability::Full))
}

fn place(path: &Path) -> Place {
    Place::File(path.to_owned())
}

fn backup(from: &Place, to: &Path) -> Result<u64, Trouble> {
    admin::backup(from, to, &mut |_, _| ())
}

fn restore(to: &Place, from: &Path) -> Result<(), Trouble> {
    admin::restore(to, from, &mut |_, _| ())
}

fn accounts(path: &Path) -> i64 {
    match verify(&place(path)) {
        Verdict::Sound(sound) => sound.accounts,
        other => panic!("not sound: {other:?}"),
    }
}

/// That it cannot be opened, with the file's name, `what` is wrong and something to do.
fn cannot_open(path: &Path, what: &str) {
    let verdict = verify(&place(path));
    assert_eq!(verdict.exit_code(), 2, "{verdict:?}");
    let Verdict::CannotOpen(trouble) = verdict else {
        panic!("{verdict:?}")
    };
    let told = trouble.to_string();
    assert!(told.contains(&path.display().to_string()), "{told}");
    assert!(told.contains(what), "{told}");
    assert!(!trouble.remedy.is_empty());
}

fn is_damaged(path: &Path) -> bool {
    let verdict = verify(&place(path));
    match &verdict {
        Verdict::Damaged(findings) => {
            assert_eq!(verdict.exit_code(), 1);
            assert!(!findings.is_empty());
            true
        }
        _ => false,
    }
}

fn files(folder: &TempDir) -> Vec<String> {
    let name =
        |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut files: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    files.sort();
    files
}

#[test]
fn a_store_that_was_stopped_is_sound() {
    let (_folder, path) = stopped();
    let verdict = verify(&place(&path));
    assert_eq!(verdict.exit_code(), 0, "{verdict:?}");
    assert_eq!(accounts(&path), 49);
}

#[test]
fn a_backup_of_a_running_server_is_one_whole_state_and_can_be_restored() {
    let (folder, path) = stopped();
    let mut bench = started(&path);
    bench.person(100, "before");
    let copy = folder.path().join("copy.db");
    // There is no pause between the writes of the server and the backup's.
    let sent = (101..200).map(|number| {
        let key = format!("key {number}");
        let ask = short::Ask::Put {
            space: Space::Ticket,
            key,
            value: vec![0; 100],
            score: 0,
            expires: 1_000,
            only_new: true,
            at: 1,
        };
        bench.send(Ask::Short(ask)).unwrap()
    });
    let sent = sent.count();
    let bytes = backup(&place(&path), &copy).unwrap();
    assert_eq!(bytes, fs::metadata(&copy).unwrap().len());
    for _ in 0..sent {
        bench.next().1.unwrap();
    }
    bench.person(200, "after");
    drop(bench);
    assert_eq!(accounts(&copy), 50);
    assert_eq!(accounts(&path), 51);
    let restored = folder.path().join("elsewhere").join("wharf.db");
    restore(&place(&restored), &copy).unwrap();
    assert_eq!(accounts(&restored), 50);
    // And a server runs on it.
    let mut bench = started(&restored);
    bench.person(201, "new");
    drop(bench);
    assert_eq!(files(&folder), ["copy.db", "elsewhere", "wharf.db"]);
    // Nobody but the one who runs the server reads it.
    #[cfg(unix)]
    for file in [&path, &copy, &restored] {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn nothing_is_overwritten() {
    let (folder, path) = stopped();
    let copy = folder.path().join("copy.db");
    fs::write(&copy, "precious").unwrap();
    let trouble = backup(&place(&path), &copy).unwrap_err();
    assert!(trouble.to_string().contains("copy.db: is there already"));
    assert_eq!(fs::read(&copy).unwrap(), b"precious");
    fs::remove_file(&copy).unwrap();
    backup(&place(&path), &copy).unwrap();
    let trouble = restore(&place(&path), &copy).unwrap_err();
    assert!(trouble.to_string().contains("wharf.db: is there already"));
    assert_eq!(accounts(&path), 49);
    // The log of another database would be taken for the restored one's.
    let elsewhere = folder.path().join("other.db");
    fs::write(folder.path().join("other.db-wal"), "left").unwrap();
    let trouble = restore(&place(&elsewhere), &copy).unwrap_err();
    assert!(trouble.to_string().contains("other.db-wal"), "{trouble}");
    assert!(!elsewhere.exists());
}

#[test]
fn what_is_damaged_is_neither_backed_up_nor_restored_and_leaves_nothing() {
    let (folder, path) = stopped();
    tear(&path, 4_096);
    let other = folder.path().join("other.db");
    for trouble in [
        backup(&place(&path), &other).unwrap_err(),
        restore(&place(&other), &path).unwrap_err(),
    ] {
        let told = trouble.to_string();
        assert!(told.contains("wharf.db: is damaged"), "{told}");
    }
    assert_eq!(files(&folder), ["wharf.db"]);
    let missing = folder.path().join("none.db");
    let new = folder.path().join("new").join("wharf.db");
    for place in [place(&other), place(&new)] {
        let trouble = restore(&place, &missing).unwrap_err();
        assert!(trouble.to_string().contains("none.db"), "{trouble}");
    }
    assert_eq!(files(&folder), ["wharf.db"], "no directory either");
}

/// Turns eight bytes of a file around.
fn tear(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).unwrap();
    for byte in &mut bytes[offset..offset + 8] {
        *byte = !*byte;
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn bytes_that_were_turned_around_at_the_head_of_any_page_are_damage() {
    let (_folder, path) = stopped();
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4_096;
    assert!(pages > 20, "{pages} pages");
    for page in 1..pages {
        tear(&path, page * 4_096);
        assert!(is_damaged(&path), "page {page}");
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(accounts(&path), 49);
}

#[test]
fn bytes_that_were_turned_around_anywhere_never_make_it_panic() {
    let (_folder, path) = stopped();
    let whole = fs::read(&path).unwrap();
    // The header byte by byte, then some of everything.
    let offsets = (0..100).chain((100..whole.len() - 8).step_by(997));
    let mut damaged = 0;
    for offset in offsets {
        tear(&path, offset);
        damaged += u32::from(verify(&place(&path)).exit_code() != 0);
        fs::write(&path, &whole).unwrap();
    }
    assert!(damaged > 50, "{damaged}");
}

#[test]
fn a_file_that_was_cut_off_is_damaged() {
    let (_folder, path) = stopped();
    let whole = fs::read(&path).unwrap();
    for left in [whole.len() - 1, whole.len() - 4_096, whole.len() / 2, 4_096] {
        fs::write(&path, &whole[..left]).unwrap();
        assert!(is_damaged(&path), "{left} bytes left");
    }
}

#[test]
fn a_state_that_wharf_never_writes_is_damage() {
    let (_folder, path) = stopped();
    for (sql, expected) in [
        (
            "DELETE FROM person WHERE account = 7",
            "an account has no profile",
        ),
        (
            "INSERT INTO token VALUES (x'00', 12345, 1, 0)",
            "a token belongs to no login",
        ),
        ("UPDATE direct SET low = low", "an account has no profile"),
    ] {
        let connection = Connection::open(&path).unwrap();
        connection.execute(sql, []).unwrap();
        drop(connection);
        let Verdict::Damaged(findings) = verify(&place(&path)) else {
            panic!("not found: {expected}")
        };
        let found = findings.iter().any(|it| it.starts_with(expected));
        assert!(found, "{findings:?}");
    }
}

#[test]
fn what_is_no_database_of_wharfs_is_told_from_one_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.db");
    cannot_open(&path, "there is no such database");
    fs::create_dir(&path).unwrap();
    cannot_open(&path, "is no file");
    fs::remove_dir(&path).unwrap();
    for text in ["", "SQLite", "dear diary, today I was taken for a database"] {
        fs::write(&path, text).unwrap();
        cannot_open(&path, "is no database");
        fs::remove_file(&path).unwrap();
    }
    let connection = Connection::open(&path).unwrap();
    connection.execute("CREATE TABLE diary (day)", []).unwrap();
    drop(connection);
    cannot_open(&path, "another program's");
    // Nor is it written to.
    let trouble = admin::migrate(&place(&path)).unwrap_err();
    let told = trouble.to_string();
    assert!(told.contains("another program's"), "{told}");
    // A file in the place of a folder.
    cannot_open(&path.join("wharf.db"), "wharf.db");
}

#[test]
fn what_a_newer_version_wrote_is_left_to_it() {
    let (_folder, path) = stopped();
    let connection = Connection::open(&path).unwrap();
    let sql = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
               VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')";
    connection.execute(sql, []).unwrap();
    drop(connection);
    cannot_open(&path, "newer wharf");
    let trouble = admin::migrate(&place(&path)).unwrap_err();
    assert!(trouble.to_string().contains("newer wharf"), "{trouble}");
    let mut bench = started(&path);
    let get = short::Ask::Get {
        space: Space::Ticket,
        key: "a".into(),
        at: 1,
    };
    assert_eq!(bench.ask(Ask::Short(get)), Err(Refusal::Unavailable));
}

#[test]
fn migrating_makes_a_store_and_does_no_harm_to_one_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = Place::in_folder(folder.path());
    let version = admin::migrate(&path).unwrap();
    assert!(version >= 4);
    assert_eq!(admin::migrate(&path), Ok(version));
    assert_eq!(accounts(&folder.path().join(Place::FILE_NAME)), 0);
}

#[test]
fn of_a_server_that_cannot_be_reached_the_password_is_not_told() {
    let (folder, path) = stopped();
    let server = Place::at("postgres://kim:secret@127.0.0.1:1/wharf");
    let copy = folder.path().join("copy.db");
    for trouble in [
        backup(&server, &copy).unwrap_err(),
        restore(&server, &path).unwrap_err(),
    ] {
        let told = trouble.to_string();
        assert!(
            told.contains("127.0.0.1:1/wharf") && !told.contains("secret"),
            "{told}"
        );
        assert!(told.contains("whether the server runs"), "{told}");
    }
    assert_eq!(files(&folder), ["wharf.db"]);
}

/// Where the folder without rights is, in the process that has none.
#[cfg(target_os = "linux")]
const WITHOUT_RIGHTS: &str = "WHARF_TEST_WITHOUT_RIGHTS";

#[cfg(target_os = "linux")]
#[test]
fn a_folder_without_rights_is_told_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let test = "admin::a_folder_without_rights_is_told_with_what_to_do";
    if let Ok(folder) = std::env::var(WITHOUT_RIGHTS) {
        return without_rights(Path::new(&folder));
    }
    let (folder, path) = stopped();
    backup(&place(&path), &folder.path().join("copy.db")).unwrap();
    let closed = tempfile::tempdir().unwrap();
    let lock = |mode| fs::set_permissions(closed.path(), fs::Permissions::from_mode(mode));
    fs::rename(
        folder.path().join("copy.db"),
        closed.path().join("wharf.db"),
    )
    .unwrap();
    lock(0o000).unwrap();
    // Rights say nothing to root: the same test in a process that root has taken that from.
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    if rustix::process::geteuid().is_root() {
        let without = "-dac_override,-dac_read_search";
        command = std::process::Command::new("setpriv");
        command.args(["--bounding-set", without, "--inh-caps", without, "--"]);
        command.arg(std::env::current_exe().unwrap());
    }
    let output = command
        .args([test, "--exact"])
        .env(WITHOUT_RIGHTS, closed.path())
        .output()
        .expect("setpriv is part of Debian's base");
    lock(0o700).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
fn without_rights(folder: &Path) {
    let path = folder.join("wharf.db");
    cannot_open(&path, "Permission denied");
    let (_other, sound) = stopped();
    let trouble = backup(&place(&sound), &folder.join("copy.db")).unwrap_err();
    let told = trouble.to_string();
    assert!(told.contains("Permission denied"), "{told}");
    assert!(told.contains("give the user who runs wharf"), "{told}");
    let trouble = admin::migrate(&place(&path)).unwrap_err();
    assert!(trouble.to_string().contains("wharf.db"), "{trouble}");
}

#[cfg(feature = "redis")]
#[test]
fn a_glance_sees_all_that_lasts_in_however_many_parts_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::in_folder(folder.path());
    let error = admin::glance(&place, None, Space::Presence, 0).unwrap_err();
    assert!(error.place.contains("wharf.db"), "{error}");
    let mut bench = Bench::start(bench::patient(), place.connector());
    for number in 0..2_300_i64 {
        let put = short::Ask::Put {
            space: Space::Presence,
            key: format!("0:{number}"),
            value: Vec::new(),
            score: number / 7,
            expires: if number < 100 { 10 } else { 1_000 },
            only_new: false,
            at: 0,
        };
        bench.send(Ask::Short(put)).unwrap();
        if number % 100 == 99 {
            (0..100).for_each(|_| assert!(bench.next().1.is_ok()));
        }
    }
    let found = admin::glance(&place, None, Space::Presence, 10).unwrap();
    let keys: std::collections::BTreeSet<_> = found.iter().map(|found| &found.key).collect();
    assert_eq!((found.len(), keys.len()), (2_200, 2_200));
    assert!(found.is_sorted_by_key(|found| -found.score));
}
