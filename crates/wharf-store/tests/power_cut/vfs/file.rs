//! What SQLite does with an open file.

use super::{Handle, Open, code};
use core::ffi::{c_int, c_void};
use core::ptr;
use rusqlite::ffi;

/// The methods of every file.
pub(super) static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // With shared memory, without mapped files.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(grant),
    xUnlock: Some(grant),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The file that SQLite means.
///
/// # Safety
/// `file` was opened by `open_file` and is not closed; SQLite calls from one thread at a time.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: SQLite gives methods what `open_file` has filled: a `Handle` whose `open` is alive
    // until `close`, which SQLite calls last.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` came from `Box::into_raw`, and SQLite calls nothing of this file any more.
    let open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    if open.is_temporary
        && let Ok(mut disk) = open.disk()
    {
        // Nobody needs it: whether the power is still on does not matter.
        let _ = disk.delete(&open.name, false);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let Ok(disk) = open.disk() else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: SQLite gives `amount` bytes that are nobody else's during the call.
    let into = unsafe { core::slice::from_raw_parts_mut(into.cast::<u8>(), amount as usize) };
    let rest = disk
        .bytes(&open.name)
        .get(at as usize..)
        .unwrap_or_default();
    let there = rest.len().min(into.len());
    into[..there].copy_from_slice(&rest[..there]);
    // Behind the end SQLite wants zeros, and to know of it.
    into[there..].fill(0);
    match there == into.len() {
        true => ffi::SQLITE_OK,
        false => ffi::SQLITE_IOERR_SHORT_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    // SAFETY: SQLite gives `amount` bytes that nobody changes during the call.
    let bytes = unsafe { core::slice::from_raw_parts(bytes.cast::<u8>(), amount as usize) };
    let written = open
        .disk()
        .and_then(|mut disk| disk.write(&open.name, at as usize, bytes));
    code(written, ffi::SQLITE_IOERR_WRITE)
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let cut = open
        .disk()
        .and_then(|mut disk| disk.truncate(&open.name, size as usize));
    code(cut, ffi::SQLITE_IOERR_TRUNCATE)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let synced = open.disk().and_then(|mut disk| disk.sync(&open.name));
    code(synced, ffi::SQLITE_IOERR_FSYNC)
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let Ok(disk) = open.disk() else {
        return ffi::SQLITE_IOERR_FSTAT;
    };
    // SAFETY: SQLite gives a place for the number.
    unsafe { *size = disk.bytes(&open.name).len() as ffi::sqlite3_int64 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn grant(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_: *mut ffi::sqlite3_file, is_held: *mut c_int) -> c_int {
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *is_held = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

/// As SQLite's own for Unix says: whatever the disk has, a page at a time.
unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4_096
}

/// As SQLite's own for Unix says: a write that is cut leaves the bytes beside it alone.
unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    may_extend: c_int,
    place: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let region = region as usize;
    while may_extend != 0 && open.shared.len() <= region {
        open.shared
            .push(vec![0; size as usize / size_of::<u64>()].into());
    }
    let memory = open
        .shared
        .get_mut(region)
        .map_or(ptr::null_mut(), |region| region.as_mut_ptr().cast());
    // SAFETY: SQLite gives a place for the address. A region stays where it is until the file is
    // closed or unmapped, and we touch it no more.
    unsafe { *place = memory };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(_: *mut ffi::sqlite3_file, _: c_int, _: c_int, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    core::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: the file is open, and SQLite uses the regions no more.
    unsafe { opened(file) }.shared.clear();
    ffi::SQLITE_OK
}
