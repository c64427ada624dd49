//! What stands behind the rooms: accounts, the store, and those who hash passwords.

use super::assemble::{ClassicLogins, classic_logins};
use super::db::place_of;
use std::sync::Arc;
use std::time::Duration;
use wharf_accounts::{AccountOptions, Accounts, SystemChance, UnknownId};
use wharf_host::config::Effective;
use wharf_host::{HashWorkerOptions, ServiceDesk, Services};
use wharf_platform::Platform;
use wharf_store::{Place, StoreOptions};

/// How long a start waits for what the store says of maintenance and moderators.
const SETTLED_WITHIN: Duration = Duration::from_secs(3);

/// Starts the services, which connect to their store by themselves: as long as they cannot, what
/// needs it is refused, and the log says why.
///
/// # Errors
/// When the system has no thread left.
pub(super) fn start(config: &Effective) -> Result<Arc<dyn Services>, String> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hashing = HashWorkerOptions::for_processors(processors);
    let options = AccountOptions {
        hash_workers: hashing.threads as u32,
        hash_jobs_max: hashing.queue_max,
        ..AccountOptions::default()
    };
    let place = place_of(config);
    if let Place::File(file) = &place
        && let Some(folder) = file.parent()
    {
        let told = |error| format!("{} cannot be made: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    let make = move || Platform::new(Accounts::new(options, Box::new(SystemChance)), options.node);
    let unknown = match classic_logins(config, true) {
        ClassicLogins::Register => UnknownId::Registered,
        ClassicLogins::Open | ClassicLogins::Known => UnknownId::Refused,
    };
    let store = (StoreOptions::default(), &place);
    let desk = ServiceDesk::start(Box::new(make), store, hashing, unknown);
    match desk {
        Ok(desk) => {
            if !desk.wait_until_settled(SETTLED_WITHIN) {
                tracing::warn!("the store does not answer; nobody logs in until it does");
            }
            Ok(Arc::new(desk))
        }
        Err(error) => Err(format!("the services could not be started: {error}")),
    }
}
