//! Stage 2: one thread that serves many sockets, because it never waits for one of them.
//!
//! Two servers that do the same: [`readiness`] is told when a socket can be read or written, and
//! reads and writes; [`completion`] has the system read and write, and is told when that is done.

pub mod completion;
pub mod readiness;
pub mod sys;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// How a server learns what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// It is told what can be done.
    Readiness,
    /// It is told what has been done.
    Completion,
}

/// What a server counts, for whoever looks on.
#[derive(Default)]
pub struct Counts {
    /// How often it has waited.
    pub waits: AtomicU64,
    /// Messages, or as many of them as one receive brought.
    pub messages: AtomicU64,
}

impl Counts {
    fn note_waits(&self, waits: u64) {
        self.waits.store(waits, Ordering::Relaxed);
    }

    fn note_message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }
}

impl Model {
    /// Serves whoever comes, on this thread, until waiting fails.
    ///
    /// # Errors
    /// Why it could not wait.
    pub fn serve(self, listener: TcpListener, counts: &Counts) -> io::Result<()> {
        match self {
            Self::Readiness => readiness::serve(&listener, counts),
            Self::Completion => completion::serve(listener, counts),
        }
    }

    /// Serves on a thread of its own, which ends with the process.
    ///
    /// # Errors
    /// If there is no port to listen on.
    pub fn start(self) -> io::Result<(SocketAddr, Arc<Counts>)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let on_thread = counts.clone();
        thread::spawn(move || {
            let Err(error) = self.serve(listener, &on_thread) else {
                return;
            };
            eprintln!("the server ended: {error}");
        });
        Ok((address, counts))
    }
}
