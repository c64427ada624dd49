//! Follows one file: whoever wants to know is told its whole text whenever that is another.

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// A file counts once its text has stayed the same for so long: editors empty it, write it and
/// rename it, and nobody is let in because of a file that is half written. What happens beside it
/// does not matter: a log may grow there all the time, most of all while somebody is to be denied.
const QUIET: Duration = Duration::from_millis(200);

/// Whoever follows a file. Following ends when this is dropped.
#[must_use = "following ends when this is dropped"]
pub struct Follower {
    _watcher: RecommendedWatcher,
}

/// Calls `changed` with the text of `file` whenever it is another than before, first than
/// `before`; with `None` when the file is gone or cannot be read. `what` says in the log what is
/// followed.
///
/// # Errors
/// When the system does not let the file's directory be watched.
pub fn follow(
    file: &Path,
    what: &'static str,
    before: Option<Vec<u8>>,
    changed: impl FnMut(Option<&[u8]>) + Send + 'static,
) -> notify::Result<Follower> {
    let file = std::path::absolute(file).map_err(notify::Error::io)?;
    let directory: PathBuf = file.parent().map_or_else(|| ".".into(), Into::into);
    let (happened, happenings) = mpsc::sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Our own reading makes access events. All others count, whatever file they name: a file
        // may be a link to another that changes.
        let matters = event.map_or_else(
            |error| {
                tracing::warn!(%error, "watching {what}");
                true
            },
            |event| !matches!(event.kind, EventKind::Access(_)),
        );
        if matters {
            // Full: the reader will look anyway. Gone: so is the watcher, in a moment.
            let _ = happened.try_send(());
        }
    })?;
    // The directory, not the file: a file that is replaced is another file.
    watcher.watch(&directory, RecursiveMode::NonRecursive)?;
    let reader = Reader { file, before };
    std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || reader.run(&happenings, changed))
        .map_err(notify::Error::io)?;
    Ok(Follower { _watcher: watcher })
}

/// The one who reads the file again.
struct Reader {
    file: PathBuf,
    before: Option<Vec<u8>>,
}

impl Reader {
    /// Until the watcher is gone: waits for a change, then until the file is whole, and tells it.
    fn run(mut self, happenings: &Receiver<()>, mut changed: impl FnMut(Option<&[u8]>)) {
        while happenings.recv().is_ok() {
            let text = self.settled_text(happenings);
            if text != self.before {
                changed(text.as_deref());
                self.before = text;
            }
        }
    }

    /// The file's text once two looks, [`QUIET`] apart, have seen the same; `None` if it is gone.
    fn settled_text(&self, happenings: &Receiver<()>) -> Option<Vec<u8>> {
        let look = || std::fs::read(&self.file).ok();
        let mut text = look();
        loop {
            let again = Instant::now() + QUIET;
            let left = || again.saturating_duration_since(Instant::now());
            while !left().is_zero() && happenings.recv_timeout(left()).is_ok() {}
            let last = std::mem::replace(&mut text, look());
            if text == last {
                return text;
            }
        }
    }
}
