//! What somebody who is logged in may do with their account.

use super::{
    Event, Flow, Next, Shown, Step, ask, ask_and_revoke, device_of, entering, made, make, named,
    read_ticket, refused, take_ticket, taken_ticket, telling::Telling, ticket_of,
};
use crate::password::Password;
use crate::request::{Error, Outcome, Request, User, invalid};
use crate::revocation::Revocation;
use crate::secret::Hidden;
use crate::world::{Cx, millis, name_key, new_name};
use wharf_data::account::{Answer, Ask, Identity, Which};
use wharf_data::{AccountId, DisplayName};

/// Bytes of a language tag at the most.
const LANGUAGE_BYTES_MAX: usize = 35;

/// How far it has come.
pub(crate) enum Owning {
    MakingName(AccountId, DisplayName),
    TakingTicket(AccountId),
    FindingProfile(User),
}

pub(super) fn start(cx: &mut Cx<'_>, request: Request) -> Step {
    let user = cx.user()?;
    let account = user.account;
    match request {
        Request::LogOut => Ok(revoke(account, Which::One(user.login), Telling::LoggedOut)),
        Request::RevokeLogin { login } => {
            let telling = Telling::Done(Outcome::Done);
            let which = match login == user.login {
                true => Which::One(login),
                false => Which::Another(login),
            };
            Ok(revoke(account, which, telling))
        }
        Request::RevokeOthers => {
            let telling = Telling::Done(Outcome::Done);
            Ok(revoke(account, Which::AllBut(user.login), telling))
        }
        Request::Refresh { token } => entering::refresh(cx, &token, user),
        Request::ListIdentities => {
            let question = Ask::Identities { account };
            Ok(ask(question, Flow::Telling(Telling::Identities)))
        }
        Request::ListLogins => {
            let question = Ask::Logins { account, at: cx.at };
            Ok(ask(question, Flow::Telling(Telling::Logins)))
        }
        Request::LinkName { name, password } => {
            let name = new_name("name", &name)?;
            let password = Password::chosen("password", &password, name.key())?;
            let flow = Flow::Owning(Owning::MakingName(account, name));
            Ok(make(cx, password, flow))
        }
        Request::LinkDevice { secret } => {
            let identity = device_of(&secret, "device_secret")?;
            Ok(link(cx, account, identity, None, None))
        }
        Request::LinkTicket { ticket } => link_ticket(cx, account, &ticket),
        Request::Unlink { kind } => {
            let question = Ask::Unlink { account, kind };
            Ok(ask(question, Flow::Telling(Telling::Linked)))
        }
        Request::Rename { name } => rename(cx, account, &name),
        Request::GetProfile { account: whose } => {
            let question = Ask::Profile {
                account: whose.unwrap_or(account),
            };
            Ok(ask(question, Flow::Telling(Telling::Profile(user))))
        }
        Request::FindProfile { name } => {
            let name = name_key("name", &name)?;
            let flow = Flow::Owning(Owning::FindingProfile(user));
            Ok(ask(Ask::Named { name }, flow))
        }
        Request::SetProfile { .. } => set_profile(cx, user, request),
        _ => Err(Error::WrongState),
    }
}

impl Owning {
    pub(super) fn go_on(self, cx: &mut Cx<'_>, event: Event) -> Step {
        match self {
            Self::MakingName(account, name) => {
                let phc = made(event)?;
                let identity = named(name.key());
                Ok(link(cx, account, identity, Some(phc), Some(name)))
            }
            Self::TakingTicket(account) => {
                let ticket = taken_ticket(event)?;
                Ok(link(cx, account, ticket_of(&ticket), None, None))
            }
            Self::FindingProfile(user) => {
                let account = found(event)?;
                let flow = Flow::Telling(Telling::Profile(user));
                Ok(ask(Ask::Profile { account }, flow))
            }
        }
    }
}

/// Whose account it is that was sought.
fn found(event: Event) -> Result<AccountId, Error> {
    match event {
        Event::Stored(Ok(wharf_data::Answer::Account(Answer::Found(found)))) => Ok(found.account),
        Event::Stored(Err(refusal)) => Err(refused(refusal)),
        _ => Err(Error::Unavailable),
    }
}

pub(super) fn revoke(account: AccountId, which: Which, telling: Telling) -> Next {
    ask_and_revoke(
        Ask::Revoke { account, which },
        Revocation { account, which },
        Flow::Telling(telling),
    )
}

fn link(
    cx: &Cx<'_>,
    account: AccountId,
    identity: Identity,
    password: Option<String>,
    name: Option<DisplayName>,
) -> Next {
    let question = Ask::Link {
        account,
        identity,
        password,
        name,
        at: cx.at,
    };
    ask(question, Flow::Telling(Telling::Linked))
}

fn link_ticket(cx: &Cx<'_>, account: AccountId, ticket: &Hidden) -> Step {
    Ok(match read_ticket(cx, ticket)? {
        Shown::Signed(ticket) => link(cx, account, ticket_of(&ticket), None, None),
        Shown::Key(key) => take_ticket(cx, key, Flow::Owning(Owning::TakingTicket(account))),
    })
}

fn rename(cx: &Cx<'_>, account: AccountId, name: &str) -> Step {
    let options = &cx.world.options;
    let release = cx.at.saturating_add(millis(options.name_hold));
    let question = Ask::Rename {
        account,
        name: new_name("display_name", name)?,
        at: cx.at,
        release,
        // A name that was given up just now is kept until `release`.
        cooled: release.saturating_sub(millis(options.rename_cooldown)),
    };
    Ok(ask(question, Flow::Telling(Telling::Renamed)))
}

fn set_profile(cx: &Cx<'_>, user: User, request: Request) -> Step {
    let Request::SetProfile {
        version,
        avatar,
        language,
        document,
    } = request
    else {
        return Err(Error::WrongState);
    };
    let is_tag = |text: &str| {
        let is_of_tags = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        text.len() <= LANGUAGE_BYTES_MAX && text.bytes().all(is_of_tags)
    };
    if language.as_deref().is_some_and(|text| !is_tag(text)) {
        return Err(invalid("language", "no tag of BCP 47, such as \"ko\""));
    }
    let bytes_max = cx.world.options.document_bytes_max;
    if document.as_ref().is_some_and(|it| it.len() > bytes_max) {
        let text = format!("a document has at most {bytes_max} bytes");
        return Err(invalid("document", text));
    }
    let question = Ask::SetProfile {
        account: user.account,
        version,
        avatar,
        language,
        document,
    };
    Ok(ask(question, Flow::Telling(Telling::Profile(user))))
}
