//! A data directory is one server's: two that write to one database file would each remember what
//! the other has changed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What the file is called whose lock says that a server runs.
const FILE_NAME: &str = "wharf.lock";
/// How often it is tried: the system may take a moment to forget a server that was killed.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Takes a directory for this process, until what is returned is dropped.
///
/// # Errors
/// That another server has it, and what to do; or that the file cannot be made.
pub(super) fn take(folder: &Path) -> Result<File, String> {
    take_within(folder, TRIES)
}

/// Whether another server has a directory now; one that is not there, or has never been a server's,
/// is nobody's.
///
/// # Errors
/// That the file which says so cannot be opened.
pub(super) fn is_taken(folder: &Path) -> io::Result<bool> {
    let file = match File::options()
        .read(true)
        .write(true)
        .open(folder.join(FILE_NAME))
    {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What is said where a directory is another server's.
pub(super) fn taken(folder: &Path) -> String {
    format!(
        "{} is another server's that runs; stop that, or give this one its own: --data DIR",
        folder.display()
    )
}

fn take_within(folder: &Path, tries: u32) -> Result<File, String> {
    let path = folder.join(FILE_NAME);
    let told = |error| format!("{} cannot be locked: {error}", path.display());
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(&path).map_err(told)?;
    for _ in 0..tries {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::park_timeout(PAUSE),
            Err(TryLockError::Error(error)) => return Err(told(error)),
        }
    }
    Err(taken(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_taken_once_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_taken(&folder.path().join("nowhere")).unwrap());
        assert!(!is_taken(folder.path()).unwrap());
        let first = take(folder.path()).unwrap();
        assert!(is_taken(folder.path()).unwrap());
        let told = take_within(folder.path(), 2).unwrap_err();
        assert!(
            told.contains("another server's") && told.contains("--data"),
            "{told}"
        );
        drop(first);
        assert!(!is_taken(folder.path()).unwrap());
        take(folder.path()).unwrap();
    }
}
