//! Files that are read again while the server runs: the configuration, whose access lists take
//! effect at once, and whatever else is followed.

mod follow;

use crate::config::{ConfigError, Effective};
pub use follow::{Follower, follow};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wharf_net::{AccessRules, Admission};

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
) -> notify::Result<Follower> {
    let file = std::path::absolute(file).map_err(notify::Error::io)?;
    let mut rules = access_rules(&running);
    // Before anybody can be told that the server runs, and change the file.
    let before = std::fs::read(&file).ok();
    let reload = Reload {
        file: file.clone(),
        running,
        resolve,
        admission,
    };
    follow(&file, "the configuration file", before, move |text| {
        if text.is_none() {
            reload.warn_gone();
        } else if let Some(applied) = reload.apply(&rules) {
            rules = applied;
        }
    })
}

/// The one who applies the file.
struct Reload<F> {
    file: PathBuf,
    /// What the server was started with.
    running: Effective,
    resolve: F,
    admission: Arc<Admission>,
}

impl<F: Fn() -> Result<Effective, ConfigError>> Reload<F> {
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
