//! Requests about accounts: handed on to those who look after them.

use super::{Guest, Reply, serve};
use crate::foyer::ChatFoyer;
use wharf_content::{FoyerBuilder, FoyerCx};
use wharf_data::access::Request;
use wharf_data::account::IdentityKind;
use wharf_data::service::Call;
use wharf_data::{AccountId, LoginId};
use wharf_proto::account::{self, Device, link::By};
use wharf_proto::session::{Code, Error};
use wharf_wire::Packet;

/// Whether other requests of the session wait for the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    Serve,
    Wait,
}

/// Has the foyer serve everything about accounts.
pub(super) fn register(foyer: FoyerBuilder<'_, ChatFoyer>) {
    let foyer = entering(foyer);
    let foyer = owning(foyer);
    telling(foyer);
}

/// What logs somebody in, or out: whatever follows waits, since it depends on that.
fn entering(foyer: FoyerBuilder<'_, ChatFoyer>) -> FoyerBuilder<'_, ChatFoyer> {
    let wait = Meanwhile::Wait;
    let foyer = pass(foyer, wait, |it: account::Register| Request::Register {
        name: it.name,
        password: it.password.into(),
        device: name_of(it.device),
    });
    let foyer = pass(foyer, wait, |it: account::LogIn| Request::LogIn {
        name: it.name,
        password: it.password.into(),
        device: name_of(it.device),
    });
    let foyer = pass(foyer, wait, |it: account::LogInAsGuest| {
        Request::LogInAsGuest {
            secret: it.secret.into(),
            device: name_of(it.device),
        }
    });
    let foyer = pass(foyer, wait, |it: account::LogInByTicket| {
        Request::LogInByTicket {
            ticket: it.ticket.into(),
            device: name_of(it.device),
        }
    });
    let foyer = pass(foyer, wait, |it: account::LogInByToken| {
        Request::LogInByToken {
            token: it.token.into(),
            device: it.device.map(|device| device.name),
        }
    });
    let foyer = pass(foyer, wait, |it: account::Recover| Request::Recover {
        name: it.name,
        code: it.code.into(),
        new_password: it.new_password.into(),
        device: name_of(it.device),
    });
    pass(foyer, wait, |_: account::LogOut| Request::LogOut)
}

/// What changes an account.
fn owning(foyer: FoyerBuilder<'_, ChatFoyer>) -> FoyerBuilder<'_, ChatFoyer> {
    let serve = Meanwhile::Serve;
    let foyer = pass(foyer, serve, |it: account::Refresh| Request::Refresh {
        token: it.token.into(),
    });
    let foyer = pass(foyer, serve, |it: account::RevokeLogins| match it.login {
        0 => Request::RevokeOthers,
        login => Request::RevokeLogin {
            login: LoginId::new(login),
        },
    });
    let foyer = pass(foyer, serve, |it: account::ChangePassword| {
        Request::ChangePassword {
            old: it.old_password.into(),
            new: it.new_password.into(),
        }
    });
    let foyer = pass(foyer, serve, |it: account::MakeRecoveryCodes| {
        Request::MakeRecoveryCodes {
            password: it.password.into(),
        }
    });
    let foyer = pass(foyer, serve, |it: account::LinkName| Request::LinkName {
        name: it.name,
        password: it.password.into(),
    });
    let foyer = pass(foyer, serve, |it: account::Link| match it.by {
        Some(By::Ticket(ticket)) => Request::LinkTicket {
            ticket: ticket.into(),
        },
        Some(By::DeviceSecret(secret)) => Request::LinkDevice {
            secret: secret.into(),
        },
        None => Request::LinkDevice {
            secret: Vec::new().into(),
        },
    });
    let foyer = pass(foyer, serve, |it: account::Unlink| Request::Unlink {
        kind: match it.kind() {
            account::IdentityKind::Device => IdentityKind::Device,
            account::IdentityKind::Ticket => IdentityKind::Ticket,
            account::IdentityKind::Name | account::IdentityKind::Unspecified => IdentityKind::Name,
        },
    });
    let foyer = pass(foyer, serve, |it: account::SetProfile| {
        Request::SetProfile {
            version: Some(it.version).filter(|version| *version > 0),
            avatar: it.avatar,
            language: it.language,
            document: it.document,
        }
    });
    let foyer = pass(foyer, serve, |it: account::Rename| Request::Rename {
        name: it.display_name,
    });
    pass(foyer, serve, |it: account::Erase| Request::Erase {
        password: it.password.into(),
    })
}

/// What only reads.
fn telling(foyer: FoyerBuilder<'_, ChatFoyer>) {
    let serve = Meanwhile::Serve;
    let foyer = pass(foyer, serve, |_: account::ListLogins| Request::ListLogins);
    let foyer = pass(foyer, serve, |_: account::ListIdentities| {
        Request::ListIdentities
    });
    pass(foyer, serve, |it: account::GetProfile| {
        let account = Some(it.account).filter(|account| *account != 0);
        match account.map(AccountId::new) {
            None if !it.name.is_empty() => Request::FindProfile { name: it.name },
            account => Request::GetProfile { account },
        }
    });
}

/// Hands requests `R` on, as `translate` says them.
fn pass<R: wharf_proto::Request>(
    foyer: FoyerBuilder<'_, ChatFoyer>,
    meanwhile: Meanwhile,
    translate: impl Fn(R) -> Request + Send + Sync + 'static,
) -> FoyerBuilder<'_, ChatFoyer> {
    serve(foyer, move |foyer, cx, request: R| {
        let (by, request) = (cx.data::<Guest>().user, translate(request));
        if let Some((field, name)) = wanted_name(&request) {
            foyer.facts.words.check_name(field, name)?;
        }
        hand_on::<R>(cx, meanwhile, Call::Access { by, request })
    })
}

/// The name that a request wants others to see, with its field.
fn wanted_name(request: &Request) -> Option<(&'static str, &str)> {
    match request {
        Request::Register { name, .. } | Request::LinkName { name, .. } => Some(("name", name)),
        Request::Rename { name } => Some(("display_name", name)),
        _ => None,
    }
}

/// Asks the services on account of a request `R`, which is answered when they have.
pub(super) fn hand_on<R: wharf_proto::Request>(
    cx: &mut FoyerCx<'_>,
    meanwhile: Meanwhile,
    call: Call,
) -> Reply<R::Reply> {
    let number = cx.request().unwrap_or_default();
    let context = u64::from(number) << 16 | u64::from(R::ID);
    let asked = match meanwhile {
        Meanwhile::Serve => cx.query(call, context),
        Meanwhile::Wait => cx.query_first(call, context),
    };
    match asked {
        Ok(()) => Ok(None),
        Err(_) => Err(Error::new(
            Code::Busy,
            "too many requests of this session have no answer yet",
        )
        .retry_after(core::time::Duration::from_millis(100))),
    }
}

fn name_of(device: Option<Device>) -> String {
    device.map(|device| device.name).unwrap_or_default()
}

/// What was noted beside a query: the request's number, and its packet.
pub(super) fn parts_of(context: u64) -> (u32, u16) {
    ((context >> 16) as u32, context as u16)
}

/// Whether a packet is one that logs in.
pub(super) fn logs_in(packet: u16) -> bool {
    [
        account::Register::ID,
        account::LogIn::ID,
        account::LogInAsGuest::ID,
        account::LogInByTicket::ID,
        account::LogInByToken::ID,
        account::Recover::ID,
    ]
    .contains(&packet)
}

/// Whether a packet is one that logs out.
pub(super) fn logs_out(packet: u16) -> bool {
    packet == account::LogOut::ID
}
