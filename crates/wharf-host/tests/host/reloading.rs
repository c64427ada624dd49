//! A changed file takes effect while the server runs, whatever else is written beside it.

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use wharf_host::config::{Effective, Layers, Machine, SETTINGS};
use wharf_host::reload;
use wharf_net::{Admission, NetLimits};

/// Longer than a file is ever waited for, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Shorter than the quiet after which a file is read.
const BETWEEN_LINES: Duration = Duration::from_millis(50);

#[test]
fn a_list_takes_effect_while_a_log_grows_beside_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wharf.toml");
    fs::write(&file, "").unwrap();
    let machine = Machine {
        processors: 2,
        descriptors_max: None,
    };
    let layers = Layers {
        file: Some(file.clone()),
        ..Layers::default()
    };
    let resolve = move || Effective::resolve(&[SETTINGS], &machine, &layers);
    let (read, reads) = mpsc::channel();
    let running = resolve().unwrap();
    let admission = Arc::new(Admission::new(&NetLimits::for_sessions(64, 1)));
    let read_again = move || {
        read.send(()).expect("the test waits for it");
        resolve()
    };
    let _watcher = reload::watch(&file, running, read_again, admission).unwrap();

    let (stop, stopped) = mpsc::channel::<()>();
    let log = directory.path().join("server.log");
    let attack = std::thread::spawn(move || {
        let mut lines = 0;
        while stopped.recv_timeout(BETWEEN_LINES) == Err(RecvTimeoutError::Timeout) {
            fs::write(&log, "session closed\n".repeat(lines)).unwrap();
            lines += 1;
        }
    });
    fs::write(&file, "access.deny = ['192.0.2.0/24']").unwrap();
    let outcome = reads.recv_timeout(PATIENCE);
    drop(stop);
    attack.join().expect("it only writes");
    assert_eq!(outcome, Ok(()), "read while the log still grew");
}
