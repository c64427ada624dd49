//! Who may come in: authentication behind a small interface, and one session at a time for each id.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wharf_base::{SessionId, UniqueIds};
use wharf_content::{LoginRefusal, UserId};
use wharf_platform::Places;

/// Decides whether an id and a password belong together.
///
/// The answer goes to content as an event, so an implementation that has to ask a database may
/// later answer later; content already waits for it.
pub trait Authenticator: Send {
    /// Whether this user may log in.
    ///
    /// # Errors
    /// [`LoginRefusal::Invalid`] for an unknown id or a wrong password, without saying which.
    fn verify(&mut self, user: &str, password: &str) -> Result<(), LoginRefusal>;

    /// Whether passwords mean anything. If not, the server refuses to listen beyond loopback
    /// unless it is told `insecure = true`.
    fn is_secure(&self) -> bool;
}

/// Lets in any id that is not empty, with any password.
#[derive(Debug, Default)]
pub struct AnyName;

impl Authenticator for AnyName {
    fn verify(&mut self, user: &str, _password: &str) -> Result<(), LoginRefusal> {
        if user.is_empty() {
            Err(LoginRefusal::Invalid)
        } else {
            Ok(())
        }
    }

    fn is_secure(&self) -> bool {
        false
    }
}

/// Milliseconds of Unix time, for ids; the simulator brings its own.
pub type UnixClock = Box<dyn FnMut() -> u64 + Send>;

/// Verifies logins and keeps each id to one session. Shared by all I/O shards; locked once per
/// login and once per logout, never per packet.
pub struct Doorman {
    state: Mutex<State>,
    /// Whether logins are for the services, which know of accounts.
    wants_accounts: bool,
    /// Of which whoever is let in takes one; without them there are enough.
    places: Option<Places>,
}

/// Lets in nobody: services do.
struct Nobody;

impl Authenticator for Nobody {
    fn verify(&mut self, _: &str, _: &str) -> Result<(), LoginRefusal> {
        Err(LoginRefusal::Unavailable)
    }

    fn is_secure(&self) -> bool {
        true
    }
}

/// Invariant: `names` and `sessions` are each other's reverse.
struct State {
    authenticator: Box<dyn Authenticator>,
    /// With which words the authenticator panicked last.
    panicked: Option<String>,
    clock: UnixClock,
    ids: UniqueIds,
    names: HashMap<Arc<str>, SessionId>,
    sessions: HashMap<SessionId, Arc<str>>,
}

impl State {
    /// What the authenticator says. One that panics lets nobody in that time; nothing was changed
    /// yet. It is logged once for each cause, not for each who tries.
    fn verify(&mut self, user: &str, password: &str) -> Result<(), LoginRefusal> {
        let authenticator = &mut self.authenticator;
        let asked = catch_unwind(AssertUnwindSafe(|| authenticator.verify(user, password)));
        asked.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let panic = text.unwrap_or("a panic without a message");
            if self.panicked.as_deref() != Some(panic) {
                tracing::error!(panic, "the authenticator panicked; logins are refused");
                self.panicked = Some(panic.to_owned());
            }
            Err(LoginRefusal::Unavailable)
        })
    }
}

impl Doorman {
    /// One who leaves every login to the services ([`crate::Services::log_in`]).
    pub fn of_accounts() -> Self {
        Self {
            wants_accounts: true,
            ..Self::new(Box::new(Nobody), Box::new(|| 0))
        }
    }

    /// Whether logins are for the services.
    pub fn wants_accounts(&self) -> bool {
        self.wants_accounts
    }

    /// A doorman who asks `authenticator`.
    pub fn new(authenticator: Box<dyn Authenticator>, clock: UnixClock) -> Self {
        let state = State {
            authenticator,
            panicked: None,
            clock,
            ids: UniqueIds::new(0),
            names: HashMap::new(),
            sessions: HashMap::new(),
        };
        Self {
            state: Mutex::new(state),
            wants_accounts: false,
            places: None,
        }
    }

    /// The same, but whoever is let in takes one of `places`.
    #[must_use]
    pub fn with_places(self, places: Places) -> Self {
        Self {
            places: Some(places),
            ..self
        }
    }

    /// Lets an open session in, or says why not. The id stays taken until [`Doorman::leave`].
    ///
    /// # Errors
    /// What the authenticator says; [`LoginRefusal::InUse`] when another session, or this one, has
    /// the id, or this session has another; [`LoginRefusal::Full`] when there is no place for it.
    pub fn log_in(
        &self,
        session: SessionId,
        user: &str,
        password: &str,
    ) -> Result<UserId, LoginRefusal> {
        let mut state = self.lock();
        state.verify(user, password)?;
        if state.names.contains_key(user) || state.sessions.contains_key(&session) {
            return Err(LoginRefusal::InUse);
        }
        if self
            .places
            .as_ref()
            .is_some_and(|places| !places.try_take())
        {
            return Err(LoginRefusal::Full);
        }
        let now = (state.clock)();
        let id = UserId::new(state.ids.next(now));
        let user: Arc<str> = user.into();
        state.names.insert(Arc::clone(&user), session);
        state.sessions.insert(session, user);
        Ok(id)
    }

    /// Gives the session's id back, if it had one. Whether somebody waits for its place.
    pub fn leave(&self, session: SessionId) -> bool {
        let mut state = self.lock();
        let Some(user) = state.sessions.remove(&session) else {
            return false;
        };
        state.names.remove(&user);
        self.places.as_ref().is_some_and(Places::give_back)
    }

    /// How many are in.
    pub fn count(&self) -> usize {
        self.lock().names.len()
    }

    /// Whether passwords mean anything.
    pub fn is_secure(&self) -> bool {
        self.lock().authenticator.is_secure()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What could panic under the lock is caught there.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use wharf_base::Key;

    fn doorman() -> Doorman {
        Doorman::new(Box::new(AnyName), Box::new(|| UniqueIds::EPOCH_UNIX_MS))
    }

    fn session(slot: u32) -> SessionId {
        SessionId::new(0, Key::from_parts(slot, 0))
    }

    struct Broken;

    impl Authenticator for Broken {
        fn verify(&mut self, _: &str, _: &str) -> Result<(), LoginRefusal> {
            panic!("the users are gone")
        }

        fn is_secure(&self) -> bool {
            true
        }
    }

    #[test]
    fn an_authenticator_that_panics_lets_nobody_in_and_is_logged_once() {
        let doorman = Doorman::new(Box::new(Broken), Box::new(|| UniqueIds::EPOCH_UNIX_MS));
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), || {
            for slot in 1..4 {
                let refused = doorman.log_in(session(slot), "kim", "");
                assert_eq!(refused, Err(LoginRefusal::Unavailable));
            }
        });
        assert_eq!(doorman.count(), 0);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert_eq!(log.matches("the users are gone").count(), 1, "{log}");
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_id_is_in_once_at_a_time() {
        let doorman = doorman();
        let first = doorman.log_in(session(1), "kim", "").unwrap();
        assert_eq!(
            doorman.log_in(session(2), "kim", ""),
            Err(LoginRefusal::InUse)
        );
        doorman.leave(session(2));
        assert_eq!(
            doorman.log_in(session(2), "kim", ""),
            Err(LoginRefusal::InUse)
        );
        doorman.leave(session(1));
        let second = doorman.log_in(session(2), "kim", "").unwrap();
        assert!(second > first, "each login has an id of its own");
        assert_eq!(doorman.count(), 1);
    }

    #[test]
    fn a_session_has_one_id() {
        let doorman = doorman();
        doorman.log_in(session(1), "a", "").unwrap();
        assert_eq!(
            doorman.log_in(session(1), "b", ""),
            Err(LoginRefusal::InUse)
        );
        assert_eq!(doorman.count(), 1);
    }

    #[test]
    fn an_empty_id_is_nobody() {
        assert_eq!(
            doorman().log_in(session(1), "", ""),
            Err(LoginRefusal::Invalid)
        );
    }
}
