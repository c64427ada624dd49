//! SQLite's file system, over disks that forget. One program at a time has a disk, over one
//! connection, so no lock is ever in its way: they are all granted.

#![allow(unsafe_code, reason = "SQLite calls a file system through C")]

mod file;

use super::disk::{Disk, PowerIsOff};
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use rusqlite::ffi;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

/// Under which name SQLite knows it.
pub(crate) const NAME: &CStr = c"power-cut";

/// Names of files that have none: temporary ones.
const NAMELESS: &str = "nameless";

/// The disks, by the first part of a path.
static DISKS: Mutex<BTreeMap<String, SharedDisk>> = Mutex::new(BTreeMap::new());

/// A disk, shared with whoever cuts its power.
pub(crate) type SharedDisk = Arc<Mutex<Disk>>;

/// Puts a disk in, under a name; `NAME/FILE` is a path on it.
pub(crate) fn put_in(name: &str, disk: &SharedDisk) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    lock(&DISKS).insert(name.to_owned(), Arc::clone(disk));
}

/// Takes a disk out.
pub(crate) fn take_out(name: &str) {
    lock(&DISKS).remove(name);
}

/// Nothing panics under these locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What SQLite keeps for an open file.
///
/// Invariant: `open` came from `Box::into_raw` in `open_file` and is freed in `close` only.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

struct Open {
    disk: SharedDisk,
    name: String,
    life: u64,
    is_temporary: bool,
    /// The index of the write-ahead log, which lives in memory and is gone with it.
    shared: Vec<Box<[u64]>>,
}

impl Open {
    /// The disk, if its power has been on since this file was opened.
    fn disk(&self) -> Result<MutexGuard<'_, Disk>, PowerIsOff> {
        let disk = lock(&self.disk);
        disk.check(self.life)?;
        Ok(disk)
    }
}

fn register() {
    let vfs = Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: size_of::<Handle>() as c_int,
        mxPathname: 512,
        pNext: ptr::null_mut(),
        zName: NAME.as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open_file),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: None,
        xGetLastError: Some(last_error),
        xCurrentTimeInt64: Some(current_time),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    });
    // SAFETY: SQLite keeps the structure for as long as the process lives, and so do we: it is
    // leaked. It is whole, and its name is a constant.
    let code = unsafe { ffi::sqlite3_vfs_register(Box::leak(vfs), 0) };
    assert_eq!(code, ffi::SQLITE_OK, "SQLite takes another file system");
}

/// The text that SQLite means.
///
/// # Safety
/// `text` is null, or ends with a zero and lives during the call.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: it is not null, and SQLite's names end with a zero.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// The disk and the file that a path names.
fn find(path: &str) -> Option<(SharedDisk, String)> {
    let (disk, file) = path.split_once('/')?;
    let disk = lock(&DISKS).get(disk).map(Arc::clone)?;
    Some((disk, file.to_owned()))
}

fn code(result: Result<(), PowerIsOff>, otherwise: c_int) -> c_int {
    match result {
        Ok(()) => ffi::SQLITE_OK,
        Err(PowerIsOff) => otherwise,
    }
}

unsafe extern "C" fn open_file(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let handle = file.cast::<Handle>();
    // SAFETY: SQLite gives `szOsFile` bytes, aligned for any structure. Without methods it calls
    // no `close` after a failure.
    unsafe { (*handle).base.pMethods = ptr::null() };
    // SAFETY: a file's name is null, or ends with a zero.
    let path = unsafe { text(name) };
    let found = match path {
        Some(path) => find(path),
        None => {
            let disk = Disk::new(BTreeMap::new(), wharf_base::Rng::from_seed(0));
            Some((Arc::new(Mutex::new(disk)), NAMELESS.to_owned()))
        }
    };
    let Some((disk, name)) = found else {
        return ffi::SQLITE_CANTOPEN;
    };
    let life = {
        let mut disk = lock(&disk);
        let may_create = flags & ffi::SQLITE_OPEN_CREATE != 0 || path.is_none();
        if !may_create && !disk.exists(&name) {
            return ffi::SQLITE_CANTOPEN;
        }
        match disk.create(&name).and_then(|()| disk.life()) {
            Ok(life) => life,
            Err(PowerIsOff) => return ffi::SQLITE_CANTOPEN,
        }
    };
    let open = Box::new(Open {
        disk,
        name,
        life,
        is_temporary: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        shared: Vec::new(),
    });
    // SAFETY: as above, the handle is ours to fill; `flags_out` is null or a place for a number.
    unsafe {
        (*handle).open = Box::into_raw(open);
        (*handle).base.pMethods = &raw const file::METHODS;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    is_synced: c_int,
) -> c_int {
    // SAFETY: a path ends with a zero.
    let Some((disk, name)) = unsafe { text(name) }.and_then(find) else {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    };
    let mut disk = lock(&disk);
    if !disk.exists(&name) {
        return ffi::SQLITE_IOERR_DELETE_NOENT;
    }
    code(disk.delete(&name, is_synced != 0), ffi::SQLITE_IOERR_DELETE)
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    is_so: *mut c_int,
) -> c_int {
    // SAFETY: a path ends with a zero.
    let found = unsafe { text(name) }.and_then(find);
    let exists = found.is_some_and(|(disk, name)| lock(&disk).exists(&name));
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *is_so = exists.into() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    size: c_int,
    into: *mut c_char,
) -> c_int {
    // SAFETY: a path ends with a zero.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > size as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: SQLite gives `size` bytes, and the two do not overlap.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr().cast(), into, name.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, size: c_int, into: *mut c_char) -> c_int {
    // SAFETY: SQLite gives `size` bytes.
    unsafe { ptr::write_bytes(into, 7, size as usize) };
    size
}

/// Nobody waits: there is nobody to wait for.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    micros
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}

/// The beginning of Unix time, in milliseconds of the Julian day: SQLite asks and nobody needs it.
unsafe extern "C" fn current_time(
    _: *mut ffi::sqlite3_vfs,
    millis: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite gives a place for the number.
    unsafe { *millis = 210_866_760_000_000 };
    ffi::SQLITE_OK
}
