//! A store of maps that keeps what the real one promises of accounts.

mod logins;

use logins::{LoginRow, TokenRow};
use std::collections::BTreeMap;
use wharf_data::account::{
    Answer, Ask, Found, Identity, IdentityKind, Profile, Status, TokenHash, Which,
};
use wharf_data::short::{self, Space};
use wharf_data::{self as data, AccountId, DisplayName, LoginId, NameKey, Refusal, Reply, UnixMs};

/// What is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct MapStore {
    pub(crate) people: BTreeMap<AccountId, Person>,
    /// By key: whose, and until when if it was given up.
    pub(crate) names: BTreeMap<NameKey, (AccountId, Option<UnixMs>)>,
    pub(crate) identities: BTreeMap<(u8, String), AccountId>,
    pub(crate) logins: BTreeMap<LoginId, LoginRow>,
    pub(crate) tokens: BTreeMap<[u8; 32], TokenRow>,
    /// The audit log.
    pub(crate) log: Vec<data::audit::Entry>,
    /// Keys for one use.
    pub(crate) keys: BTreeMap<String, Vec<u8>>,
    /// How often somebody failed.
    pub(crate) rates: BTreeMap<String, short::Found>,
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: DisplayName,
    pub(crate) status: Status,
    pub(crate) password: Option<String>,
    pub(crate) codes: Vec<TokenHash>,
    pub(crate) avatar: u32,
    pub(crate) language: String,
    pub(crate) document: Vec<u8>,
    pub(crate) version: u32,
}

type Answered = Result<Option<Answer>, Refusal>;

fn number(kind: IdentityKind) -> u8 {
    match kind {
        IdentityKind::Name => 1,
        IdentityKind::Device => 2,
        IdentityKind::Ticket => 3,
    }
}

impl MapStore {
    /// Does all of it, or nothing.
    pub(crate) fn run(&mut self, ask: &data::Ask) -> Reply {
        let before = self.clone();
        let reply = match ask {
            data::Ask::Account(ask) => self.account(ask).map(|answer| match answer {
                Some(answer) => data::Answer::Account(answer),
                None => data::Answer::Done,
            }),
            data::Ask::Short(short::Ask::Take {
                space: Space::Ticket,
                key,
                ..
            }) => {
                let found = |value| short::Found {
                    key: key.clone(),
                    value,
                    score: 0,
                    expires: 0,
                };
                let value = self.keys.remove(key).ok_or(Refusal::NotFound);
                value.map(|value| data::Answer::Short(short::Answer::Found(found(value))))
            }
            data::Ask::Short(ask) => self.rate(ask),
            data::Ask::Audited(entry, ask) => {
                self.log.push(entry.clone());
                self.run(ask)
            }
            other => panic!("nobody asks for {other:?}"),
        };
        if reply.is_err() {
            *self = before;
        }
        reply
    }

    fn rate(&mut self, ask: &short::Ask) -> Reply {
        match ask {
            short::Ask::Get { space, key, at } => {
                assert_eq!(*space, Space::Rate);
                let found = self.rates.get(key).filter(|found| found.expires > *at);
                let found = found.cloned().ok_or(Refusal::NotFound)?;
                Ok(data::Answer::Short(short::Answer::Found(found)))
            }
            short::Ask::Count {
                key,
                window_ms,
                since_last,
                at,
            } => {
                assert!(since_last, "failures count since the last");
                let old = self.rates.get(key).filter(|found| found.expires > *at);
                let found = short::Found {
                    key: key.clone(),
                    value: Vec::new(),
                    score: old.map_or(0, |old| old.score) + 1,
                    expires: at + i64::from(*window_ms),
                };
                let answer = short::Answer::Counted {
                    count: found.score,
                    ends: found.expires,
                };
                self.rates.insert(key.clone(), found);
                Ok(data::Answer::Short(answer))
            }
            short::Ask::Delete { space, key } => {
                assert_eq!(*space, Space::Rate);
                self.rates.remove(key);
                Ok(data::Answer::Done)
            }
            other => panic!("nobody asks for {other:?}"),
        }
    }

    fn account(&mut self, ask: &Ask) -> Answered {
        match ask {
            Ask::Create {
                account,
                identity,
                name,
                password,
                login,
                at,
            } => {
                self.people.insert(*account, person(name, password.clone()));
                self.add_identity(*account, identity)?;
                self.take_name(*account, name, *at)?;
                self.begin(*account, login, *at)
            }
            Ask::Find { identity } => Ok(Some(Answer::Found(self.find(identity)?))),
            Ask::Named { name } => {
                let owner = self.names.get(name).filter(|(_, until)| until.is_none());
                let (account, _) = owner.ok_or(Refusal::NotFound)?;
                Ok(Some(Answer::Found(self.get(*account)?)))
            }
            Ask::Get { account } => Ok(Some(Answer::Found(self.get(*account)?))),
            Ask::LogIn {
                account,
                identity,
                password,
                login,
                at,
            } => {
                let found = self.find(identity).map_err(|_| Refusal::Conflict)?;
                let is_true = found.account == *account
                    && (password.is_none() || found.password == *password);
                if !is_true {
                    return Err(Refusal::Conflict);
                }
                if found.status.is_banned(*at) {
                    return Err(Refusal::Forbidden);
                }
                self.begin(*account, login, *at)
            }
            Ask::Token { token } => self.look_at(token),
            Ask::Exchange {
                token,
                of,
                device,
                next,
                at,
                forgiven_since,
            } => self.exchange(token, (*of, device.as_deref()), next, *at, *forgiven_since),
            Ask::Logins { account, at } => Ok(Some(self.list(*account, *at))),
            Ask::Ended { logins, at } => Ok(Some(self.ended(logins, *at))),
            Ask::Revoke { account, which } => match (which, self.revoke(*account, *which)) {
                (Which::One(_) | Which::Another(_), 0) => Err(Refusal::NotFound),
                _ => Ok(None),
            },
            Ask::SetPassword {
                account,
                old,
                password,
                keep,
            } => {
                let person = self.person(*account)?;
                if person.password != *old {
                    return Err(Refusal::Conflict);
                }
                person.password = Some(password.clone());
                if keep.is_none() {
                    person.codes.clear();
                }
                self.revoke(*account, keep.map_or(Which::All, Which::AllBut));
                Ok(None)
            }
            Ask::Rehash { account, old, new } => {
                let person = self.person(*account)?;
                if person.password.as_ref() != Some(old) {
                    return Err(Refusal::Conflict);
                }
                person.password = Some(new.clone());
                Ok(None)
            }
            Ask::SetRecoveryCodes { account, codes } => {
                self.person(*account)?.codes = codes.clone();
                Ok(None)
            }
            _ => self.account_too(ask),
        }
    }

    fn account_too(&mut self, ask: &Ask) -> Answered {
        match ask {
            Ask::Recover {
                name,
                code,
                password,
                login,
                at,
            } => {
                let found = self.find(&Identity {
                    kind: IdentityKind::Name,
                    subject: name.as_str().to_owned(),
                })?;
                let person = self.person(found.account)?;
                let place = person.codes.iter().position(|known| known == code);
                person.codes.remove(place.ok_or(Refusal::NotFound)?);
                person.password = Some(password.clone());
                self.revoke(found.account, Which::All);
                self.begin(found.account, login, *at)?;
                let login = login.id;
                Ok(Some(Answer::LoggedIn { found, login }))
            }
            Ask::Link {
                account,
                identity,
                password,
                name,
                at,
            } => {
                self.person(*account)?;
                if self.kinds(*account).contains(&number(identity.kind)) {
                    return Err(Refusal::Conflict);
                }
                self.add_identity(*account, identity)?;
                if password.is_some() {
                    self.person(*account)?.password = password.clone();
                }
                if let Some(name) = name {
                    self.names
                        .retain(|_, (owner, until)| owner != account || until.is_some());
                    self.take_name(*account, name, *at)?;
                    self.person(*account)?.name = name.clone();
                }
                Ok(None)
            }
            Ask::Unlink { account, kind } => {
                let kinds = self.kinds(*account);
                if !kinds.contains(&number(*kind)) {
                    return Err(Refusal::NotFound);
                }
                if kinds.len() == 1 {
                    return Err(Refusal::Conflict);
                }
                self.identities.retain(|(number_of, _), owner| {
                    owner != account || *number_of != number(*kind)
                });
                if *kind == IdentityKind::Name {
                    self.person(*account)?.password = None;
                }
                Ok(None)
            }
            Ask::Identities { account } => {
                let numbers = self.kinds(*account);
                let person = self.person(*account)?;
                let all = [
                    IdentityKind::Name,
                    IdentityKind::Device,
                    IdentityKind::Ticket,
                ];
                let has = |kind: &IdentityKind| numbers.contains(&number(*kind));
                Ok(Some(Answer::Identities {
                    kinds: all.into_iter().filter(has).collect(),
                    display_name: person.name.as_str().to_owned(),
                    recovery_codes: person.codes.len() as u32,
                }))
            }
            Ask::Profile { account } => self.profile(*account),
            Ask::SetProfile {
                account,
                version,
                avatar,
                language,
                document,
            } => {
                let person = self.person(*account)?;
                if version.is_some_and(|version| version != person.version) {
                    return Err(Refusal::Conflict);
                }
                person.version += 1;
                person.avatar = avatar.unwrap_or(person.avatar);
                person.language = language.clone().unwrap_or(person.language.clone());
                person.document = document.clone().unwrap_or(person.document.clone());
                self.profile(*account)
            }
            Ask::Rename {
                account,
                name,
                at,
                release,
                cooled,
            } => self.rename(*account, name, *at, *release, *cooled),
            Ask::SetStatus { account, status } => {
                self.person(*account)?.status = *status;
                if *status != Status::Active {
                    self.revoke(*account, Which::All);
                }
                Ok(None)
            }
            Ask::Erase { account } => {
                self.person(*account)?;
                self.people.remove(account);
                self.names.retain(|_, (owner, _)| owner != account);
                self.identities.retain(|_, owner| owner != account);
                self.revoke(*account, Which::All);
                Ok(None)
            }
            other => panic!("nobody asks for {other:?}"),
        }
    }

    fn person(&mut self, account: AccountId) -> Result<&mut Person, Refusal> {
        self.people.get_mut(&account).ok_or(Refusal::NotFound)
    }

    fn get(&self, account: AccountId) -> Result<Found, Refusal> {
        let person = self.people.get(&account).ok_or(Refusal::NotFound)?;
        Ok(Found {
            account,
            display_name: person.name.as_str().to_owned(),
            status: person.status,
            ban_reason: self.ban_reason(account),
            password: person.password.clone(),
        })
    }

    fn find(&self, identity: &Identity) -> Result<Found, Refusal> {
        let key = (number(identity.kind), identity.subject.clone());
        let account = self.identities.get(&key).ok_or(Refusal::NotFound)?;
        self.get(*account)
    }

    fn kinds(&self, account: AccountId) -> Vec<u8> {
        let of = self
            .identities
            .iter()
            .filter(|(_, owner)| **owner == account);
        of.map(|((kind, _), _)| *kind).collect()
    }

    fn add_identity(&mut self, account: AccountId, identity: &Identity) -> Result<(), Refusal> {
        let key = (number(identity.kind), identity.subject.clone());
        match self.identities.get(&key) {
            Some(owner) => Err(Refusal::Duplicate(owner.get())),
            None => {
                self.identities.insert(key, account);
                Ok(())
            }
        }
    }

    fn take_name(
        &mut self,
        account: AccountId,
        name: &DisplayName,
        at: UnixMs,
    ) -> Result<(), Refusal> {
        if let Some((owner, until)) = self.names.get(name.key()) {
            let is_free = *owner == account || until.is_some_and(|until| until <= at);
            if !is_free {
                return Err(Refusal::Duplicate(owner.get()));
            }
        }
        self.names.insert(name.key().clone(), (account, None));
        Ok(())
    }

    fn profile(&self, account: AccountId) -> Answered {
        let person = self.people.get(&account).ok_or(Refusal::NotFound)?;
        Ok(Some(Answer::Profile(Profile {
            account,
            display_name: person.name.as_str().to_owned(),
            avatar: person.avatar,
            language: person.language.clone(),
            document: person.document.clone(),
            version: person.version,
        })))
    }

    fn rename(
        &mut self,
        account: AccountId,
        name: &DisplayName,
        at: UnixMs,
        release: UnixMs,
        cooled: UnixMs,
    ) -> Answered {
        let own = self.names.values().filter(|(owner, _)| *owner == account);
        let kept_until = own.filter_map(|(_, until)| *until).max();
        if let Some(kept_until) = kept_until.filter(|until| *until > cooled) {
            return Ok(Some(Answer::TooSoon { kept_until }));
        }
        for (owner, until) in self.names.values_mut() {
            if *owner == account && until.is_none() {
                *until = Some(release);
            }
        }
        self.take_name(account, name, at)?;
        let before = self.identities.len();
        self.identities
            .retain(|(kind, _), owner| *kind != 1 || *owner != account);
        if self.identities.len() < before {
            let subject = name.key().as_str().to_owned();
            let kind = IdentityKind::Name;
            self.add_identity(account, &Identity { kind, subject })?;
        }
        let person = self.person(account)?;
        person.name = name.clone();
        person.version += 1;
        self.profile(account)
    }
}

fn person(name: &DisplayName, password: Option<String>) -> Person {
    Person {
        name: name.clone(),
        status: Status::Active,
        password,
        codes: Vec::new(),
        avatar: 0,
        language: String::new(),
        document: Vec::new(),
        version: 1,
    }
}
