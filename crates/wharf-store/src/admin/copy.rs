//! Backups of a store, taken while a server may be writing to it, and their restoring. A backup is
//! a database file, whatever kind of store it is of, and can be restored to any.
//!
//! A copy is made beside its place, verified, brought to the disk, and only then given its name:
//! a file with that name is a whole one.

use super::carry::{Side, Tell, carry, not_empty};
use super::verify::{self, Verdict};
use super::{Place, Trouble};
use crate::database::Database;
use crate::migrate;
use crate::sqlite::{self, Durability, Sqlite};
use core::fmt::Display;
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

/// Copies a store into a file, as it is at one moment; servers may go on writing meanwhile. How
/// many bytes the file has. `tell` hears how far it is, of a store that is on a server.
///
/// # Errors
/// That the file is there already, that there is no such database or it is damaged, or what the
/// file system says. No file is left then.
pub fn backup(place: &Place, to: &Path, tell: Tell<'_>) -> Result<u64, Trouble> {
    let remedy = "back up to a name that is free: nothing is ever overwritten";
    match place {
        Place::File(from) => {
            demand_whole(from)?;
            settled(to, remedy, |partial| copy_pages(from, partial))
        }
        Place::Server(_) => {
            let mut server = verify::reach(place)?;
            let version = verify::version_at(place, &mut *server)?;
            let outdated =
                "bring them up to date by `wharf db migrate`, or use the wharf that they are of";
            demand_current(place, version, outdated)?;
            settled(to, remedy, |partial| {
                copy_rows(place, &mut *server, partial, tell)
            })
        }
    }
}

/// Puts a backup where no database is yet: into a file that is not there, or a server's database
/// that has no rows. `tell` hears how far it is, of a store that is on a server.
///
/// # Errors
/// That there is one already, that the backup is not sound, or what the file system or the server
/// says. Nothing is left in its place then.
pub fn restore(place: &Place, from: &Path, tell: Tell<'_>) -> Result<(), Trouble> {
    match place {
        Place::File(to) => restore_file(to, from),
        Place::Server(_) => restore_rows(place, from, tell),
    }
}

fn restore_file(to: &Path, from: &Path) -> Result<(), Trouble> {
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
    settled(to, remedy, |partial| copy_pages(from, partial)).map(drop)
}

fn restore_rows(place: &Place, from: &Path, tell: Tell<'_>) -> Result<(), Trouble> {
    demand_whole(from)?;
    let mut file = Sqlite::over(verify::open(from)?);
    let version = super::version(&mut file).map_err(|error| Trouble::of(from.display(), &error))?;
    let remedy = "restore it to a directory (--data DIR), bring that up to date by `wharf db \
                  migrate`, and back that up";
    demand_current(from.display(), version.unwrap_or(0), remedy)?;
    let mut server = verify::reach(place)?;
    let trouble = |error| Trouble::of(place, &error);
    server.migrate().map_err(trouble)?;
    if let Some(table) = not_empty(&mut *server).map_err(trouble)? {
        let remedy = "restore into a database that is empty: nothing is ever overwritten";
        let what = format!("has something in it already (table {table})");
        return Err(Trouble::new(place, what, remedy));
    }
    carry(&mut file, &mut *server, tell).map_err(|side| match side {
        Side::From(error) => Trouble::of(from.display(), &error),
        Side::To(error) => Trouble::of(place, &error),
    })?;
    demand_sound(place, "empty that database, then try again")
}

/// That tables are of this version, before their rows are read.
fn demand_current(place: impl Display, version: i64, remedy: &str) -> Result<(), Trouble> {
    let current = migrate::VERSION;
    if version == current {
        return Ok(());
    }
    let what = format!("its tables have version {version}, this program's {current}");
    Err(Trouble::new(place, what, remedy))
}

/// What is copied must be there, and sound.
fn demand_whole(from: &Path) -> Result<(), Trouble> {
    let remedy = "restore an older backup, or ask for help before it is used any more";
    demand_sound(&Place::File(from.to_owned()), remedy)
}

/// Has `copy` make a file beside `to`, and gives it that name when it is whole.
fn settled(
    to: &Path,
    remedy: &str,
    copy: impl FnOnce(&Path) -> Result<(), Trouble>,
) -> Result<u64, Trouble> {
    // The name is taken now, and nobody else's file is replaced.
    match sqlite::create_private(to) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Trouble::new(to.display(), "is there already", remedy));
        }
        Err(error) => return Err(io_trouble(to, &error)),
    }
    let partial = with_ending(to, ".partial");
    let copied = begin_anew(&partial)
        .and_then(|()| copy(&partial))
        .and_then(|()| {
            let remedy = "see whether the disk is sound, then try again";
            demand_sound(&Place::File(partial.clone()), remedy)
        })
        .and_then(|()| settle(&partial, to).map_err(|error| io_trouble(to, &error)));
    if copied.is_err() {
        // What is left of a try is of no use; why it failed is told already.
        let _ = fs::remove_file(&partial);
        let _ = fs::remove_file(to);
    }
    copied
}

/// An empty file; a try that was cut off may have left one.
fn begin_anew(partial: &Path) -> Result<(), Trouble> {
    if let Err(error) = fs::remove_file(partial)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(io_trouble(partial, &error));
    }
    let made = sqlite::create_private(partial);
    made.map(drop).map_err(|error| io_trouble(partial, &error))
}

/// Copies every row of a server, as they are now.
fn copy_rows(
    place: &Place,
    server: &mut dyn Database,
    to: &Path,
    tell: Tell<'_>,
) -> Result<(), Trouble> {
    let trouble = |error| Trouble::of(to.display(), &error);
    // All of it is brought to the disk when it is whole.
    let mut file = Sqlite::open(to, Durability::Off).map_err(trouble)?;
    file.migrate().map_err(trouble)?;
    carry(server, &mut file, tell).map_err(|side| match side {
        Side::From(error) => Trouble::of(place, &error),
        Side::To(error) => trouble(error),
    })?;
    file.into_one_file().map_err(trouble)
}

/// Copies every page of the state that is there now.
fn copy_pages(from: &Path, to: &Path) -> Result<(), Trouble> {
    let trouble = |path: &Path, error| Trouble::of(path.display(), &sqlite::error(error));
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
    let copy = Sqlite::over(copy);
    copy.into_one_file()
        .map_err(|error| Trouble::of(to.display(), &error))
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

fn demand_sound(place: &Place, remedy: &str) -> Result<(), Trouble> {
    match verify::verify(place) {
        Verdict::Sound(_) => Ok(()),
        Verdict::Damaged(findings) => {
            let what = format!("is damaged: {}", findings.join("; "));
            Err(Trouble::new(place, what, remedy))
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
