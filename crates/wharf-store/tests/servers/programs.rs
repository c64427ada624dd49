//! The servers' programs, and how each is called.

use super::{Kind, Medium, PASSWORD, log_file};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What a server says, in its folder.
pub(super) const LOG: &str = "log";

/// Where Debian puts what is not on everybody's path.
const BESIDE_THE_PATH: &[&str] = &["/usr/sbin", "/usr/local/sbin"];
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Whom servers run as that refuse to run as root: `nobody`.
const NOBODY: u32 = 65_534;

/// Files in memory, where a sync takes no time.
const MEMORY: &str = "/dev/shm";

/// The room that the servers of all tests that run at a time may need there.
const ROOM: u64 = 2 << 30;

/// A folder with an empty database cluster in it.
pub(super) fn prepared(kind: Kind, medium: Medium) -> TempDir {
    let folder = empty_folder(medium);
    if is_root() {
        std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("we are root");
    }
    let path = folder.path();
    match kind {
        Kind::PostgreSql => {
            fs::write(path.join("password"), PASSWORD).expect("the folder is ours");
            let mut initdb = command(&program("initdb", "postgresql"), path);
            initdb
                .args(["--username=wharf", "--auth=scram-sha-256"])
                .args(["--encoding=UTF8", "--locale=C"])
                .arg(with("--pgdata=", &path.join("data")))
                .arg(with("--pwfile=", &path.join("password")))
                // Of the empty cluster only; what is written later is synced.
                .arg("--no-sync");
            run(&mut initdb, path);
        }
        Kind::MariaDb => {
            // A statement has a line.
            let users = format!(
                "CREATE USER IF NOT EXISTS wharf@'%' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL ON *.* TO wharf@'%';\n"
            );
            fs::write(path.join("users.sql"), users).expect("the folder is ours");
            let mut install = command(&program("mariadb-install-db", "mariadb-server"), path);
            install
                .args(["--no-defaults", "--basedir=/usr"])
                .arg(with("--datadir=", &path.join("data")))
                // A server that starts takes away what others have in a folder that they share.
                .arg(with("--tmpdir=", path))
                .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
                // A server that starts clears the files of others out of a common one.
                .arg(with("--tmpdir=", path))
                .args(["--skip-name-resolve", "--innodb-log-file-size=16M"]);
            run(&mut install, path);
        }
        Kind::Redis => {}
    }
    folder
}

/// In memory only where there is room.
fn empty_folder(medium: Medium) -> TempDir {
    let has_room = || rustix::fs::statvfs(MEMORY).is_ok_and(|it| it.f_bavail * it.f_frsize >= ROOM);
    let in_memory = (medium == Medium::Memory && has_room()).then(|| TempDir::new_in(MEMORY).ok());
    let in_memory = in_memory.flatten();
    in_memory.unwrap_or_else(|| TempDir::new().expect("a folder"))
}

/// Starts the server of a folder.
pub(super) fn spawn(kind: Kind, folder: &Path, port: u16, settings: &[String]) -> Child {
    let mut server = match kind {
        Kind::PostgreSql => postgres(folder, port),
        Kind::MariaDb => mariadb(folder, port),
        Kind::Redis => redis(folder, port),
    };
    server
        .args(settings)
        .stdin(Stdio::null())
        .stdout(log_file(folder))
        .stderr(log_file(folder));
    server.spawn().expect("setpriv is part of Debian's base")
}

fn postgres(folder: &Path, port: u16) -> Command {
    let mut server = command(&program("postgres", "postgresql"), folder);
    server.arg("-D").arg(folder.join("data"));
    for setting in [
        format!("port={port}").as_str(),
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "shared_buffers=16MB",
        "max_connections=40",
        "autovacuum=off",
        // No replica follows.
        "wal_level=minimal",
        "max_wal_senders=0",
    ] {
        server.args(["-c", setting]);
    }
    server
}

fn mariadb(folder: &Path, port: u16) -> Command {
    let mut server = command(&program("mariadbd", "mariadb-server"), folder);
    server
        .args(["--no-defaults", "--bind-address=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(with("--datadir=", &folder.join("data")))
        .arg(with("--socket=", &folder.join("socket")))
        .arg(with("--pid-file=", &folder.join("pid")))
        .arg(with("--tmpdir=", folder))
        .arg(with("--init-file=", &folder.join("users.sql")))
        .args(["--skip-name-resolve", "--performance-schema=OFF"])
        .args([
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
        ]);
    server
}

fn redis(folder: &Path, port: u16) -> Command {
    let mut server = command(&program("redis-server", "redis-server"), folder);
    server
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--requirepass", PASSWORD])
        .args(["--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder);
    server
}

/// A program that dies with the thread that starts it, and is nobody where we are root.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).current_dir(folder);
    if is_root() {
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
        command.arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

/// A program that is wanted, wherever it is.
///
/// # Panics
/// If it is nowhere.
fn program(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    // The newest of them first.
    folders.sort();
    folders.reverse();
    folders.extend(env::split_paths(&path));
    folders.extend(BESIDE_THE_PATH.iter().map(PathBuf::from));
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!(
                "{name} is not installed. Type: apt-get install {package} (or: cargo xtask setup)"
            )
        })
}

fn run(command: &mut Command, folder: &Path) {
    let said = command
        .stdin(Stdio::null())
        .output()
        .expect("setpriv is part of Debian's base");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        said.status.success(),
        "{command:?} in {} failed:\n{}{}",
        folder.display(),
        text(&said.stdout),
        text(&said.stderr)
    );
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn with(option: &str, path: &Path) -> std::ffi::OsString {
    let mut argument = std::ffi::OsString::from(option);
    argument.push(OsStr::new(path));
    argument
}
