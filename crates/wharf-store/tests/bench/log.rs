//! What the stores of all tests of one program say: shown with the test that fails, and kept for
//! those that look for something in it.

use std::io;
use std::sync::{Mutex, Once};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        print!("{}", String::from_utf8_lossy(bytes));
        let mut log = LOG.lock().expect("nobody panics with it");
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has the log kept, from now on.
pub(crate) fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let log = tracing_subscriber::fmt().with_writer(|| Log);
        log.with_ansi(false).init();
    });
}

/// All of it so far.
pub(crate) fn said() -> String {
    let log = LOG.lock().expect("nobody panics with it");
    String::from_utf8_lossy(&log).into_owned()
}
