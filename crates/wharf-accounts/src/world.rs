//! What every request needs: settings, ids, chance, delays, tickets, the hash queue.

use crate::accounts::TaskId;
use crate::guesses::{Counted, Guesses};
use crate::hashing::HashQueue;
use crate::known::KnownTokens;
use crate::options::AccountOptions;
use crate::password::SALT_BYTES;
use crate::request::{Error, Token, User, invalid};
use crate::secret::{Chance, Hidden, Secret, fresh_secret};
use crate::ticket::Tickets;
use core::net::{IpAddr, Ipv6Addr};
use sha2::{Digest, Sha256};
use wharf_base::{Duration, IdShare, Instant, UniqueIds};
use wharf_data::account::{NewLogin, NewToken};
use wharf_data::{AccountId, AuditId, DisplayName, LoginId, NameKey, UnixMs};

/// Bytes of a device's name at the most.
const DEVICE_BYTES_MAX: usize = 64;
/// Bytes of what may be looked up as a name.
const LOOKUP_BYTES_MAX: usize = 512;

/// At what somebody guesses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guess {
    /// The password behind a name, whether anybody has it or not.
    Name(NameKey),
    /// The password of an account that is logged in.
    Account(AccountId),
}

impl Counted for Guess {
    fn key(&self) -> String {
        match self {
            Self::Name(name) => {
                let hash = Sha256::digest(name.as_str().as_bytes());
                let digits: String = hash[..16].iter().map(|it| format!("{it:02x}")).collect();
                format!("name:{digits}")
            }
            Self::Account(account) => format!("account:{}", account.get()),
        }
    }
}

impl Counted for IpAddr {
    fn key(&self) -> String {
        format!("address:{self}")
    }
}

pub(crate) struct World {
    pub(crate) options: AccountOptions,
    pub(crate) ids: UniqueIds,
    pub(crate) chance: Box<dyn Chance>,
    pub(crate) by_account: Guesses<Guess, TaskId>,
    pub(crate) by_address: Guesses<IpAddr, TaskId>,
    pub(crate) tickets: Option<Tickets>,
    pub(crate) hashes: HashQueue,
    pub(crate) known: KnownTokens,
}

impl World {
    pub(crate) fn new(options: AccountOptions, chance: Box<dyn Chance>) -> Self {
        let hashes = HashQueue::new(
            options.hash_workers,
            options.hash_jobs_max,
            // The store wants its time too.
            options.hash_deadline * 2 / 3,
            options.hash_deadline * 2,
            options.hash_time,
        );
        Self {
            options,
            ids: UniqueIds::of_share(options.node, IdShare::Accounts),
            chance,
            by_account: Guesses::new(options.account_delays, options.recall, options.is_alone),
            by_address: Guesses::new(options.address_delays, options.recall, options.is_alone),
            tickets: None,
            hashes,
            known: KnownTokens::new(options.requests_max, options.is_alone),
        }
    }

    /// How long somebody at `address` has to wait until they may guess.
    pub(crate) fn wait(&self, guess: &Guess, address: &IpAddr, now: Instant) -> Duration {
        let wait = self.by_account.wait(guess, now);
        wait.max(self.by_address.wait(address, now))
    }

    /// By when everything is over that has begun until now.
    pub(crate) fn over_by(&self, now: Instant) -> Instant {
        now + self.options.hash_deadline
    }

    /// An account is about to be changed: what is known of it may not be so any more.
    pub(crate) fn touch(&mut self, now: Instant, account: AccountId) {
        self.known.touch(account, self.over_by(now));
    }
}

/// One request's view of the world, at one moment.
pub(crate) struct Cx<'a> {
    pub(crate) now: Instant,
    pub(crate) at: UnixMs,
    pub(crate) world: &'a mut World,
    pub(crate) address: IpAddr,
    pub(crate) user: Option<User>,
    /// What the request guesses at: settled when it ends.
    pub(crate) guess: &'a mut Option<Guess>,
}

/// A login that begins, as the store and as the client get to know it.
pub(crate) struct Begin {
    pub(crate) login: NewLogin,
    pub(crate) token: Token,
}

impl Cx<'_> {
    /// Who asks.
    ///
    /// # Errors
    /// If that is nobody yet.
    pub(crate) fn user(&self) -> Result<User, Error> {
        self.user.ok_or(Error::WrongState)
    }

    /// Lets somebody guess, unless they have to wait. It counts as a failure until it turns out to
    /// be none, so that many guesses at once are worth no more than as many in a row.
    pub(crate) fn guess_at(&mut self, guess: Guess) -> Result<(), Error> {
        let address = network_of(self.address);
        let retry_after = self.world.wait(&guess, &address, self.now);
        if retry_after > Duration::ZERO {
            return Err(Error::Rate { retry_after });
        }
        self.world.by_account.failed(guess.clone(), self.now);
        *self.guess = Some(guess);
        Ok(())
    }

    /// Whether one more password may be hashed.
    ///
    /// # Errors
    /// [`Error::Busy`] with the time after which it is worth asking again.
    pub(crate) fn admit_hash(&mut self) -> Result<(), Error> {
        let admitted = self.world.hashes.admit();
        admitted.map_err(|retry_after| Error::Busy { retry_after })
    }

    /// As [`World::touch`], now.
    pub(crate) fn touch(&mut self, account: AccountId) {
        self.world.touch(self.now, account);
    }

    pub(crate) fn new_account(&mut self) -> AccountId {
        AccountId::new(self.next_id())
    }

    pub(crate) fn new_audit(&mut self) -> AuditId {
        AuditId::new(self.next_id())
    }

    /// A login with its first token, good for `life`.
    pub(crate) fn begin(&mut self, device: String, life: Duration) -> Begin {
        let (new, token) = self.new_token(life);
        let login = NewLogin {
            id: LoginId::new(self.next_id()),
            device,
            token: new,
        };
        Begin { login, token }
    }

    pub(crate) fn new_token(&mut self, life: Duration) -> (NewToken, Token) {
        let secret = fresh_secret(&mut *self.world.chance);
        let expires = self.at.saturating_add(millis(life));
        let hash = secret.hash();
        (NewToken { hash, expires }, Token { secret, expires })
    }

    pub(crate) fn salt(&mut self) -> [u8; SALT_BYTES] {
        let mut salt = [0; SALT_BYTES];
        self.world.chance.fill(&mut salt);
        salt
    }

    fn next_id(&mut self) -> i64 {
        self.world.ids.next(u64::try_from(self.at).unwrap_or(0))
    }
}

pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What counts as one address: a link of IPv6 has as many as it likes.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let link = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(link))
        }
        v4 => v4,
    }
}

pub(crate) fn device(text: String) -> Result<String, Error> {
    if text.len() > DEVICE_BYTES_MAX {
        return Err(invalid("device", "a device's name has at most 64 bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(
            "device",
            "a device's name has no control characters",
        ));
    }
    Ok(text)
}

/// A name that somebody wants to have.
pub(crate) fn new_name(field: &'static str, text: &str) -> Result<DisplayName, Error> {
    DisplayName::new(text).map_err(|why| invalid(field, why))
}

/// A name that somebody may have.
pub(crate) fn name_key(field: &'static str, text: &str) -> Result<NameKey, Error> {
    if text.len() > LOOKUP_BYTES_MAX {
        return Err(invalid(field, "a name is shorter"));
    }
    if text.chars().any(char::is_control) {
        return Err(invalid(field, "a name has no control characters"));
    }
    Ok(NameKey::of(text))
}

/// 32 bytes that a client keeps.
pub(crate) fn secret(field: &'static str, bytes: &Hidden) -> Result<Secret, Error> {
    Secret::of(bytes.as_bytes()).ok_or_else(|| invalid(field, "it has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_counts_by_its_link_and_a_mapped_one_as_what_it_is() {
        let network = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn keys_are_short_say_whose_they_are_and_no_name_is_in_them() {
        let named = |name: &str| Guess::Name(NameKey::of(name)).key();
        let long = "x".repeat(512);
        for name in ["kim", "", &long] {
            let key = named(name);
            assert!(key.starts_with("name:") && key.len() == 37, "{key}");
        }
        assert_eq!(named("KIM"), named("kim"));
        assert_eq!(Guess::Account(AccountId::new(7)).key(), "account:7");
        let address: IpAddr = "2001:db8:1:2::".parse().unwrap();
        assert_eq!(address.key(), "address:2001:db8:1:2::");
    }

    #[test]
    fn what_a_client_calls_itself_and_others_is_looked_at() {
        assert_eq!(device("Pixel 9".into()), Ok("Pixel 9".into()));
        assert!(device("x".repeat(65)).is_err());
        assert!(device("a\u{1b}[2J".into()).is_err());
        assert!(name_key("name", "a\0b").is_err());
        assert!(name_key("name", &"x".repeat(513)).is_err());
        assert!(name_key("name", "").is_ok());
    }
}
