//! One's own account.

use super::super::parse::Call;
use super::{Known, Plan, Planned, account_of, ask, one_of};
use wharf_proto::ClientPacket;
use wharf_proto::account::{self, IdentityKind, link::By};
use wharf_proto::room::{self, Presence};

/// One's own account.
pub(super) fn owning(call: &Call, known: &mut dyn Known) -> Planned {
    ask(match call.command.name {
        "profile" => {
            let account = match call.get("name") {
                None => 0,
                Some(_) => match account_of(call, "name", known) {
                    Some(account) => account,
                    None => return Ok(Some(Plan::FindAccount("name"))),
                },
            };
            let name = String::new();
            ClientPacket::GetProfile(account::GetProfile { account, name })
        }
        "set" => ClientPacket::SetProfile(account::SetProfile {
            version: call.number("version")?.unwrap_or_default(),
            avatar: call.number("avatar")?,
            language: call.get("language").map(str::to_owned),
            document: call.get("document").map(|it| it.as_bytes().to_vec()),
        }),
        "name" => ClientPacket::Rename(account::Rename {
            display_name: call.text("name"),
        }),
        "presence" => {
            let presences = [
                ("everybody", Presence::Everybody),
                ("nobody", Presence::Nobody),
            ];
            let presence = one_of(call, "who", &presences)?.into();
            ClientPacket::SetPresence(room::SetPresence { presence })
        }
        "revoke" => {
            let login = match call.get("login") {
                Some("others") => 0,
                _ => call.number("login")?.unwrap_or_default(),
            };
            ClientPacket::RevokeLogins(account::RevokeLogins { login })
        }
        "refresh" => {
            let token = known.token();
            let token = token.ok_or_else(|| call.mistake("there is no login to go on with"))?;
            ClientPacket::Refresh(account::Refresh { token })
        }
        "password" => ClientPacket::ChangePassword(account::ChangePassword {
            old_password: call.text("old"),
            new_password: call.text("new"),
        }),
        "recovery" => ClientPacket::MakeRecoveryCodes(account::MakeRecoveryCodes {
            password: call.text("password"),
        }),
        "link" => return link(call, known),
        "unlink" => {
            let kinds = [
                ("name", IdentityKind::Name),
                ("device", IdentityKind::Device),
                ("ticket", IdentityKind::Ticket),
            ];
            let kind = one_of(call, "kind", &kinds)?.into();
            ClientPacket::Unlink(account::Unlink { kind })
        }
        "erase" => {
            let password = call.text("password");
            ClientPacket::Erase(account::Erase { password })
        }
        _ => return Ok(None),
    })
}

fn link(call: &Call, known: &mut dyn Known) -> Planned {
    let by = match call.get("by") {
        Some("name") if !call.has("name") => return Err(call.mistake("name is missing")),
        Some("name") => {
            return ask(ClientPacket::LinkName(account::LinkName {
                name: call.text("name"),
                password: call.text("secret"),
            }));
        }
        Some("device") => {
            let secret = known.device_secret().map_err(|it| call.mistake(it))?;
            By::DeviceSecret(secret)
        }
        Some("ticket") => {
            let ticket = call.get("secret").or(call.get("name"));
            let ticket = ticket.ok_or_else(|| call.mistake("the ticket is missing"))?;
            By::Ticket(ticket.to_owned())
        }
        _ => return Err(call.mistake("by is name, device or ticket")),
    };
    ask(ClientPacket::Link(account::Link { by: Some(by) }))
}
