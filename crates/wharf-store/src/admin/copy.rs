//! Backups of a database file, taken while a server may be writing to it, and their restoring.
//!
//! A copy is made beside its place, verified, brought to the disk, and only then given its name:
//! a file with that name is a whole one.

use super::verify::{self, Verdict};
use super::{Place, Trouble};
use crate::sqlite;
use core::time::Duration;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// How long one try waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// How often it is tried.
const TRIES: u32 = 12;

/// Copies a database into a file, as it is at one moment; a server may go on writing meanwhile.
/// How many bytes the file has.
///
/// # Errors
/// That the file is there already, that there is no such database or it is damaged, or what the
/// file system says. No file is left then.
pub fn backup(place: &Place, to: &Path) -> Result<u64, Trouble> {
    let Place::File(from) = place else {
        return Err(Trouble::new(
            place,
            "a server is backed up by its own means",
            "use pg_dump for PostgreSQL, mariadb-dump or mysqldump for MariaDB and MySQL",
        ));
    };
    let remedy = "back up to a name that is free: nothing is ever overwritten";
    demand_whole(from)?;
    copy(from, to, remedy)
}

/// Puts a backup where no database is yet.
///
/// # Errors
/// That there is one already, that the backup is not sound, or what the file system says. Nothing
/// is left in its place then.
pub fn restore(place: &Place, from: &Path) -> Result<(), Trouble> {
    let Place::File(to) = place else {
        return Err(Trouble::new(
            place,
            "a server is restored by its own means",
            "use psql or pg_restore for PostgreSQL, mariadb or mysql for the others",
        ));
    };
    let remedy = "move it (and the files beside it that begin with its name) away first";
    if to.exists() {
        return Err(Trouble::new(to.display(), "is there already", remedy));
    }
    for ending in ["-wal", "-shm", "-journal"] {
        let beside = with_ending(to, ending);
        if beside.exists() {
            let what = "is left from another database";
            return Err(Trouble::new(beside.display(), what, remedy));
        }
    }
    // Nothing is made for a backup that is of no use.
    demand_whole(from)?;
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| io_trouble(folder, &error))?;
    }
    copy(from, to, remedy).map(drop)
}

/// What is copied must be there, and sound.
fn demand_whole(from: &Path) -> Result<(), Trouble> {
    let remedy = "restore an older backup, or ask for help before it is used any more";
    demand_sound(from, remedy)
}

fn copy(from: &Path, to: &Path, remedy: &str) -> Result<u64, Trouble> {
    // The name is taken now, and nobody else's file is replaced.
    match sqlite::create_private(to) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Trouble::new(to.display(), "is there already", remedy));
        }
        Err(error) => return Err(io_trouble(to, &error)),
    }
    let partial = with_ending(to, ".partial");
    let copied = copy_pages(from, &partial)
        .and_then(|()| demand_sound(&partial, "see whether the disk is sound, then try again"))
        .and_then(|()| settle(&partial, to).map_err(|error| io_trouble(to, &error)));
    if copied.is_err() {
        // What is left of a try is of no use; why it failed is told already.
        let _ = fs::remove_file(&partial);
        let _ = fs::remove_file(to);
    }
    copied
}

/// Copies every page of the state that is there now.
fn copy_pages(from: &Path, to: &Path) -> Result<(), Trouble> {
    let trouble = |path: &Path, error| Trouble::of(path.display(), &sqlite::error(error));
    // A try that was cut off may have left one.
    if let Err(error) = fs::remove_file(to)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(io_trouble(to, &error));
    }
    sqlite::create_private(to).map_err(|error| io_trouble(to, &error))?;
    let source = verify::open(from)?;
    source
        .busy_timeout(BUSY)
        .map_err(|error| trouble(from, error))?;
    let mut copy = Connection::open(to).map_err(|error| trouble(to, error))?;
    copy.busy_timeout(BUSY)
        .map_err(|error| trouble(to, error))?;
    let backup = Backup::new(&source, &mut copy).map_err(|error| trouble(to, error))?;
    let mut tries = 0;
    loop {
        // All at once: so it is one state, and whoever writes is not in the way.
        match backup.step(-1).map_err(|error| trouble(to, error))? {
            StepResult::Done => break,
            _ if tries < TRIES => tries += 1,
            _ => {
                let what = "is locked by another process";
                return Err(Trouble::new(
                    from.display(),
                    what,
                    "stop that, or try again",
                ));
            }
        }
    }
    drop(backup);
    // One file, without a log beside it, which could be forgotten.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(|error| trouble(to, error))?;
    copy.close().map_err(|(_, error)| trouble(to, error))
}

/// Brings a file to the disk and gives it its name.
fn settle(partial: &Path, to: &Path) -> io::Result<u64> {
    let file = File::options().read(true).write(true).open(partial)?;
    file.sync_all()?;
    let bytes = file.metadata()?.len();
    drop(file);
    fs::rename(partial, to)?;
    // Elsewhere a folder cannot be opened, and its names are safe without it.
    #[cfg(unix)]
    if let Some(folder) = to.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)?.sync_all()?;
    }
    Ok(bytes)
}

fn demand_sound(path: &Path, remedy: &str) -> Result<(), Trouble> {
    match verify::verify(&Place::File(path.to_owned())) {
        Verdict::Sound(_) => Ok(()),
        Verdict::Damaged(findings) => {
            let what = format!("is damaged: {}", findings.join("; "));
            Err(Trouble::new(path.display(), what, remedy))
        }
        Verdict::CannotOpen(trouble) => Err(trouble),
    }
}

pub(super) fn io_trouble(path: &Path, error: &io::Error) -> Trouble {
    let remedy = match error.kind() {
        io::ErrorKind::NotFound => "see whether the folder is there",
        io::ErrorKind::PermissionDenied => "give the user who runs wharf the right to it",
        io::ErrorKind::StorageFull => "free some space on that disk",
        io::ErrorKind::ReadOnlyFilesystem => "choose a place that can be written to",
        _ => "see whether that place is what it should be",
    };
    Trouble::new(path.display(), error, remedy)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
