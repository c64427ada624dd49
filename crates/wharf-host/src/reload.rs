//! Changes to the configuration file while the server runs: the access lists take effect at once.

use crate::config::{ConfigError, Effective};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
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
/// take effect at the next start. A file that is wrong changes nothing and is logged. Watching
/// ends when what is returned is dropped.
///
/// # Errors
/// When the system does not let the file's directory be watched.
pub fn watch(
    file: &Path,
    resolve: impl Fn() -> Result<Effective, ConfigError> + Send + 'static,
    admission: Arc<Admission>,
) -> notify::Result<RecommendedWatcher> {
    let file = std::path::absolute(file).map_err(notify::Error::io)?;
    let directory: PathBuf = file.parent().map_or_else(|| ".".into(), Into::into);
    let name = file.file_name().map(ToOwned::to_owned);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let Ok(event) = event else { return };
        // Our own reading makes access events; editors write, or rename a new file over the old.
        let changed = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_));
        if changed
            && event
                .paths
                .iter()
                .any(|path| path.file_name() == name.as_deref())
        {
            apply(&resolve, &admission);
        }
    })?;
    // The directory, not the file: a file that is replaced is another file.
    watcher.watch(&directory, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn apply(resolve: &impl Fn() -> Result<Effective, ConfigError>, admission: &Admission) {
    match resolve() {
        Ok(config) => {
            let rules = access_rules(&config);
            let (allow, deny) = (rules.allow.len(), rules.deny.len());
            admission.set_rules(rules);
            tracing::info!(allow, deny, "access lists reloaded");
        }
        Err(error) => tracing::warn!(%error, "configuration not reloaded"),
    }
}
