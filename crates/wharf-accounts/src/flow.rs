//! What a request goes through: from one question, to the store or the hash workers, to the next.
//!
//! Each state is a value that knows what was asked, and turns the answer into the next state. It
//! holds no reference and no clock, so a request can wait for as long as it has to, and be dropped
//! at any point.

mod entering;
mod forgiving;
mod governing;
mod owning;
mod proving;
mod telling;
mod tickets;

use crate::hashing::{HashResult, HashWork};
use crate::known::Known;
use crate::password::Password;
use crate::request::{Error, Outcome, Request, UnknownId, User};
use crate::revocation::Revocation;
use crate::secret::Hidden;
use crate::world::{Cx, Guess, name_key, secret};
use entering::{Entering, Kind};
use forgiving::Forgiving;
use governing::Governing;
use owning::Owning;
use proving::{Proving, Then};
use telling::Telling;
use tickets::{Shown, read_ticket, take_ticket, taken_ticket, ticket_of};
use wharf_data::account::{Answer, Ask, Found, Identity, IdentityKind, TokenHash, Which};
use wharf_data::{AccountId, NameKey, Refusal, Reply};

/// Where a request is. Invariant: there is exactly one question whose answer it waits for.
pub(crate) enum Flow {
    Entering(Entering),
    Owning(Owning),
    Proving(Proving),
    Governing(Governing),
    Telling(Telling),
    Forgiving(Forgiving),
    Rehashing(Rehash, Rehashing),
}

/// How far a rehash has come.
pub(crate) enum Rehashing {
    Made,
    Stored,
}

/// A hash that was made too cheaply, and the password to make it anew of.
pub(crate) struct Rehash {
    pub(crate) account: AccountId,
    pub(crate) old: String,
    pub(crate) password: Password,
}

/// What was answered.
pub(crate) enum Event {
    Stored(Reply),
    Hashed(HashResult),
}

/// What comes next.
pub(crate) enum Next {
    /// The store is asked.
    Ask {
        ask: wharf_data::Ask,
        /// What has ended if it is done, or may have if that is not known.
        revokes: Option<Revocation>,
        flow: Flow,
    },
    /// A password is hashed.
    Hash { work: HashWork, flow: Flow },
    /// It is over.
    End(End),
}

/// How a request ends, other than by an error.
pub(crate) struct End {
    pub(crate) result: Result<Outcome, Error>,
    pub(crate) revoked: Option<Revocation>,
    pub(crate) after: Option<Rehash>,
    /// What the store has said of a token.
    pub(crate) known: Option<(TokenHash, Known)>,
}

impl End {
    /// Who comes again soon, on that device, needs no look into the store.
    fn remember(&mut self, device: String) {
        if let Ok(Outcome::LoggedIn(who)) = &self.result
            && let Some(token) = &who.token
        {
            let known = Known {
                user: who.user,
                display_name: who.display_name.clone(),
                device,
                expires: token.expires,
                is_shown: false,
            };
            self.known = Some((token.secret.hash(), known));
        }
    }

    /// Who was logged in already gets the next token only.
    fn refresh(&mut self) {
        if let Ok(Outcome::LoggedIn(who)) = &mut self.result
            && let Some(token) = who.token.take()
        {
            self.result = Ok(Outcome::Refreshed(token));
        }
    }
}

/// An error ends the request.
pub(crate) type Step = Result<Next, Error>;

/// At what a request of `user` guesses, if it does.
pub(crate) fn guess_of(request: &Request, user: Option<User>) -> Option<Guess> {
    match (request, user) {
        (
            Request::LogIn { name, .. }
            | Request::LogInClassic { id: name, .. }
            | Request::Recover { name, .. },
            None,
        ) => name_key("name", name).ok().map(Guess::Name),
        (
            Request::ChangePassword { .. }
            | Request::MakeRecoveryCodes { .. }
            | Request::Erase { .. },
            Some(user),
        ) => Some(Guess::Account(user.account)),
        _ => None,
    }
}

/// Begins a request.
pub(crate) fn begin(cx: &mut Cx<'_>, request: Request) -> Step {
    if request.logs_in() {
        if cx.user.is_some() {
            return Err(Error::WrongState);
        }
        return begin_login(cx, request);
    }
    match request {
        Request::ChangePassword { old, new } => proving::start(cx, &old, Then::Change(new)),
        Request::MakeRecoveryCodes { password } => proving::start(cx, &password, Then::Codes),
        Request::Erase { password } => proving::start(cx, &password, Then::Erase),
        Request::Ban {
            account,
            until,
            by,
            reason,
        } => governing::ban(cx, account, until, (by, reason)),
        Request::Unban {
            account,
            by,
            reason,
        } => governing::unban(cx, account, (by, reason)),
        Request::SignOut {
            account,
            by,
            reason,
        } => governing::sign_out(cx, account, (by, reason)),
        Request::NewPassword {
            account,
            by,
            reason,
        } => Ok(governing::new_password(account, (by, reason))),
        Request::EraseFor {
            account,
            by,
            reason,
        } => governing::erase(cx, account, (by, reason)),
        Request::LookUp { by } => governing::look_up(by),
        Request::Forgive { whom } => Ok(forgiving::forgive(cx, &whom)),
        other => owning::start(cx, other),
    }
}

fn begin_login(cx: &mut Cx<'_>, request: Request) -> Step {
    match request {
        Request::Register {
            name,
            password,
            device,
        } => entering::register(cx, &name, &password, device),
        Request::LogIn {
            name,
            password,
            device,
        } => entering::log_in(cx, &name, &password, device, Kind::Platform),
        Request::LogInAsGuest {
            secret: bytes,
            device,
        } => {
            let identity = device_of(&bytes, "secret")?;
            entering::by_identity(identity, None, device)
        }
        Request::LogInByTicket { ticket, device } => entering::by_ticket(cx, &ticket, device),
        Request::LogInByToken { token, device } => entering::by_token(cx, &token, device),
        Request::LogInClassic {
            id,
            password,
            unknown,
        } => {
            let newcomer = match unknown {
                UnknownId::Refused => None,
                UnknownId::Registered => wharf_data::DisplayName::new(&id).ok(),
            };
            entering::log_in(
                cx,
                &id,
                &password,
                String::new(),
                Kind::Classic { newcomer },
            )
        }
        Request::Recover {
            name,
            code,
            new_password,
            device,
        } => entering::recover(cx, &name, &code, &new_password, device),
        _ => Err(Error::WrongState),
    }
}

/// The login that has ended because its token was shown twice.
pub(crate) fn stolen(reply: &Reply) -> Option<Revocation> {
    match reply {
        Ok(wharf_data::Answer::Account(Answer::Stolen { account, login })) => Some(Revocation {
            account: *account,
            which: Which::One(*login),
        }),
        _ => None,
    }
}

/// Begins to make a hash anew that was made too cheaply.
pub(crate) fn rehash(cx: &mut Cx<'_>, rehash: Rehash) -> Next {
    let password = rehash.password.clone();
    make(cx, password, Flow::Rehashing(rehash, Rehashing::Made))
}

/// Ends a login that nobody has got.
pub(crate) fn give_up(user: User) -> Next {
    owning::revoke(user.account, Which::One(user.login), Telling::LoggedOut)
}

impl Flow {
    /// Goes on with what was answered.
    pub(crate) fn go_on(self, cx: &mut Cx<'_>, event: Event) -> Step {
        match self {
            Self::Entering(state) => state.go_on(cx, event),
            Self::Owning(state) => state.go_on(cx, event),
            Self::Proving(state) => state.go_on(cx, event),
            Self::Governing(state) => state.go_on(cx, event),
            Self::Telling(state) => state.go_on(cx, event),
            Self::Forgiving(state) => state.go_on(cx, event),
            Self::Rehashing(rehash, Rehashing::Made) => {
                let new = made(event)?;
                let Rehash { account, old, .. } = &rehash;
                let question = Ask::Rehash {
                    account: *account,
                    old: old.clone(),
                    new,
                };
                Ok(ask(question, Flow::Rehashing(rehash, Rehashing::Stored)))
            }
            // Whatever came of it: the old hash is as good for the next login.
            Self::Rehashing(_, Rehashing::Stored) => Ok(end(Outcome::Done)),
        }
    }
}

fn ask(question: Ask, flow: Flow) -> Next {
    Next::Ask {
        ask: wharf_data::Ask::Account(question),
        revokes: None,
        flow,
    }
}

fn ask_and_revoke(question: Ask, revokes: Revocation, flow: Flow) -> Next {
    Next::Ask {
        ask: wharf_data::Ask::Account(question),
        revokes: Some(revokes),
        flow,
    }
}

fn make(cx: &mut Cx<'_>, password: Password, flow: Flow) -> Next {
    let work = HashWork::Make {
        password,
        salt: cx.salt(),
        cost: cx.world.options.cost,
    };
    Next::Hash { work, flow }
}

fn end(outcome: Outcome) -> Next {
    Next::End(End {
        result: Ok(outcome),
        revoked: None,
        after: None,
        known: None,
    })
}

/// The hash that was made.
fn made(event: Event) -> Result<String, Error> {
    match event {
        Event::Hashed(HashResult::Made(phc)) => Ok(phc),
        _ => Err(Error::Unavailable),
    }
}

/// Whether the password was right.
fn checked(event: Event) -> Result<bool, Error> {
    match event {
        Event::Hashed(HashResult::Checked(is_right)) => Ok(is_right),
        _ => Err(Error::Unavailable),
    }
}

/// What the store did about accounts: done, an answer, or why not.
fn stored(event: Event) -> Result<Option<Answer>, Refusal> {
    match event {
        Event::Stored(Ok(wharf_data::Answer::Done)) => Ok(None),
        Event::Stored(Ok(wharf_data::Answer::Account(answer))) => Ok(Some(answer)),
        Event::Stored(Err(refusal)) => Err(refusal),
        _ => Err(Refusal::Unavailable),
    }
}

/// Who was found, if anybody.
fn found(event: Event) -> Result<Option<Found>, Error> {
    match stored(event) {
        Ok(Some(Answer::Found(found))) => Ok(Some(found)),
        Err(Refusal::NotFound) => Ok(None),
        Ok(_) => Err(Error::Unavailable),
        Err(refusal) => Err(refused(refusal)),
    }
}

/// What a refusal means to a client, where nothing else is said.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotFound => Error::NotFound,
        Refusal::Conflict => Error::Conflict,
        Refusal::Duplicate(_) => Error::Taken,
        Refusal::Forbidden => Error::Forbidden,
        Refusal::Busy { retry_after_ms } => Error::Busy {
            retry_after: wharf_base::Duration::from_millis(retry_after_ms.into()),
        },
        _ => Error::Unavailable,
    }
}

fn named(key: &NameKey) -> Identity {
    Identity {
        kind: IdentityKind::Name,
        subject: key.as_str().to_owned(),
    }
}

/// The store gets the hash of a device's secret only.
fn device_of(bytes: &Hidden, field: &'static str) -> Result<Identity, Error> {
    let hash = secret(field, bytes)?.hash();
    let subject = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Identity {
        kind: IdentityKind::Device,
        subject,
    })
}
