//! Changes to the configuration file while the server runs: the access lists take effect at once.

use crate::config::{ConfigError, Effective};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use wharf_net::{AccessRules, Admission};

/// A file counts once its text has stayed the same for so long: editors empty it, write it and
/// rename it, and nobody is let in because of a file that is half written. What happens beside it
/// does not matter: a log may grow there all the time, most of all while somebody is to be denied.
const QUIET: Duration = Duration::from_millis(200);

/// The access lists of a configuration.
pub fn access_rules(config: &Effective) -> AccessRules {
    AccessRules {
        allow: config.networks("access.allow").to_vec(),
        deny: config.networks("access.deny").to_vec(),
    }
}

/// Watches the configuration file and applies its access lists when it changes. Other settings
/// take effect at the next start, and those that changed are named. A file that is wrong, or gone,
/// changes nothing and is logged. Watching ends when what is returned is dropped.
///
/// # Errors
/// When the system does not let the file's directory be watched.
pub fn watch(
    file: &Path,
    running: Effective,
    resolve: impl Fn() -> Result<Effective, ConfigError> + Send + 'static,
    admission: Arc<Admission>,
) -> notify::Result<RecommendedWatcher> {
    let file = std::path::absolute(file).map_err(notify::Error::io)?;
    let directory: PathBuf = file.parent().map_or_else(|| ".".into(), Into::into);
    let (changed, changes) = mpsc::sync_channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Our own reading makes access events. All others count, whatever file they name: a file
        // may be a link to another that changes.
        let matters = event.map_or_else(
            |error| {
                tracing::warn!(%error, "watching the configuration file");
                true
            },
            |event| !matches!(event.kind, EventKind::Access(_)),
        );
        if matters {
            // Full: the reader will look anyway. Gone: so is the watcher, in a moment.
            let _ = changed.try_send(());
        }
    })?;
    // The directory, not the file: a file that is replaced is another file.
    watcher.watch(&directory, RecursiveMode::NonRecursive)?;
    // Before anybody can be told that the server runs, and change the file.
    let before = std::fs::read(&file).ok();
    let reload = Reload {
        file,
        running,
        resolve,
        admission,
    };
    std::thread::Builder::new()
        .name("reload".into())
        .spawn(move || reload.follow(before, &changes))
        .map_err(notify::Error::io)?;
    Ok(watcher)
}

/// The one who reads the file again.
struct Reload<F> {
    file: PathBuf,
    /// What the server was started with.
    running: Effective,
    resolve: F,
    admission: Arc<Admission>,
}

impl<F: Fn() -> Result<Effective, ConfigError>> Reload<F> {
    /// Until the watcher is gone: waits for a change, then until the file is whole, and applies it.
    fn follow(self, mut before: Option<Vec<u8>>, changes: &Receiver<()>) {
        let mut rules = access_rules(&self.running);
        while changes.recv().is_ok() {
            let text = self.settled_text(changes);
            if text == before {
                continue;
            }
            if text.is_none() {
                self.warn_gone();
            } else if let Some(applied) = self.apply(&rules) {
                rules = applied;
            }
            before = text;
        }
    }

    /// The file's text once two looks, [`QUIET`] apart, have seen the same; `None` if it is gone.
    fn settled_text(&self, changes: &Receiver<()>) -> Option<Vec<u8>> {
        let look = || std::fs::read(&self.file).ok();
        let mut text = look();
        loop {
            let again = Instant::now() + QUIET;
            let left = || again.saturating_duration_since(Instant::now());
            while !left().is_zero() && changes.recv_timeout(left()).is_ok() {}
            let last = std::mem::replace(&mut text, look());
            if text == last {
                return text;
            }
        }
    }

    /// Applies what the file says now; if the lists of `before` go, everybody may come in, and
    /// that is worth more than a note.
    fn apply(&self, before: &AccessRules) -> Option<AccessRules> {
        let config = match (self.resolve)() {
            Ok(config) => config,
            Err(error) => {
                tracing::warn!(%error, "configuration not reloaded");
                return None;
            }
        };
        if config.file().is_none() {
            self.warn_gone();
            return None;
        }
        let rules = access_rules(&config);
        let (allow, deny) = (rules.allow.len(), rules.deny.len());
        self.admission.set_rules(rules.clone());
        let open = AccessRules::default();
        if rules == open && *before != open {
            tracing::warn!(
                allow,
                deny,
                "access lists reloaded: empty, everybody may connect"
            );
        } else {
            tracing::info!(allow, deny, "access lists reloaded");
        }
        let mut later = self.running.differing(&config);
        later.retain(|key| !key.starts_with("access."));
        if !later.is_empty() {
            let settings = later.join(", ");
            tracing::warn!(settings, "these take effect at the next start");
        }
        Some(rules)
    }

    fn warn_gone(&self) {
        let file = self.file.display();
        tracing::warn!(
            %file,
            "configuration file is gone or cannot be read: the access lists stay as they are"
        );
    }
}
