//! What the services say, as packets.

use super::access::{logs_in, logs_out, parts_of};
use super::talk::{give_messages, give_people, is_whisper};
use super::{Guest, exporting, give_up_requests, moderating, report_left};
use wharf_content::{FoyerCx, User, UserId};
use wharf_data::access::{self, LoggedIn, Outcome};
use wharf_data::account::{self as data, IdentityKind};
use wharf_data::service::{Given, Reply};
use wharf_data::{Answer, keep};
use wharf_proto::account;
use wharf_proto::session::{Code, Error};
use wharf_wire::Packet;

/// Answers the request beside which `context` was noted.
pub(crate) fn give_answer(cx: &mut FoyerCx<'_>, context: u64, reply: Reply) {
    let (request, packet) = parts_of(context);
    if logs_in(packet) {
        super::queue::end_wait(cx);
    }
    let outcome = match reply {
        Ok(Given::Access(outcome)) => outcome,
        Ok(Given::People(outcome)) => return give_people(cx, request, outcome),
        Ok(Given::Store(Answer::Message(answer))) => return give_messages(cx, request, answer),
        Ok(Given::Operated(outcome)) => return moderating::give(cx, request, packet, *outcome),
        Ok(Given::Store(Answer::Keep(keep::Answer::Exported { records, next }))) => {
            return exporting::give(cx, request, records, next);
        }
        // Nothing else is asked from here.
        Ok(Given::Store(_) | Given::Rooms(_)) => return cx.reply_to(request, &internal()),
        Err(access::Error::Forbidden) if is_whisper(packet) => {
            let blocked = Error::new(Code::Muted, "they do not want to hear from you");
            return cx.reply_to(request, &blocked);
        }
        Err(error) => {
            exporting::failed(cx, packet);
            return cx.reply_to(request, &refusal(packet, &error));
        }
    };
    give_access(cx, (request, packet), outcome);
}

fn give_access(cx: &mut FoyerCx<'_>, (request, packet): (u32, u16), outcome: Outcome) {
    match outcome {
        Outcome::LoggedIn(logged_in) => log_in(cx, request, logged_in),
        Outcome::Done if logs_out(packet) => {
            give_up_requests(cx);
            report_left(cx, false);
            cx.finish_with(Some(request), &account::Done {});
        }
        Outcome::Done => cx.reply_to(request, &account::Done {}),
        Outcome::Refreshed(token) => cx.reply_to(
            request,
            &account::Refreshed {
                token: token.secret.as_bytes().to_vec(),
                token_expires_ms: token.expires,
            },
        ),
        Outcome::Logins(logins) => {
            let this = cx.data::<Guest>().user.map(|user| user.login);
            let login = |login: data::Login| account::Login {
                id: login.id.get(),
                is_this: Some(login.id) == this,
                device: login.device,
                since_ms: login.since,
                used_ms: login.used,
            };
            let logins = logins.into_iter().map(login).collect();
            cx.reply_to(request, &account::Logins { logins });
        }
        Outcome::Identities(known) => give_identities(cx, request, &known),
        Outcome::RecoveryCodes(codes) => {
            cx.reply_to(request, &account::RecoveryCodes { codes: codes.0 });
        }
        Outcome::Profile(profile) => {
            if packet == account::Rename::ID {
                cx.rename(&profile.display_name);
            }
            cx.reply_to(
                request,
                &account::Profile {
                    account: profile.account.get(),
                    display_name: profile.display_name,
                    avatar: profile.avatar,
                    language: profile.language,
                    document: profile.document,
                    version: profile.version,
                },
            );
        }
        Outcome::Found(_) | Outcome::NewPassword(_) => cx.reply_to(request, &internal()),
    }
}

fn give_identities(cx: &mut FoyerCx<'_>, request: u32, known: &access::Identities) {
    let identity = |kind: &IdentityKind| account::Identity {
        kind: kind_of(*kind).into(),
        name: match kind {
            IdentityKind::Name => known.display_name.clone(),
            IdentityKind::Device | IdentityKind::Ticket => String::new(),
        },
    };
    cx.reply_to(
        request,
        &account::Identities {
            identities: known.kinds.iter().map(identity).collect(),
            recovery_codes: known.recovery_codes,
        },
    );
}

fn log_in(cx: &mut FoyerCx<'_>, request: u32, logged_in: LoggedIn) {
    let LoggedIn {
        user,
        display_name,
        token,
        is_new,
    } = logged_in;
    cx.data::<Guest>().user = Some(user);
    let (token, token_expires_ms) = match token {
        Some(token) => (token.secret.as_bytes().to_vec(), token.expires),
        None => (Vec::new(), 0),
    };
    cx.reply_to(
        request,
        &account::LoggedIn {
            account: user.account.get(),
            display_name: display_name.clone(),
            token,
            token_expires_ms,
            is_new,
            login: user.login.get(),
            is_moderator: cx.bulletin().is_moderator(user.account),
        },
    );
    cx.admit(User {
        id: UserId::new(user.account.get()),
        name: display_name.into(),
    });
}

fn kind_of(kind: IdentityKind) -> account::IdentityKind {
    match kind {
        IdentityKind::Name => account::IdentityKind::Name,
        IdentityKind::Device => account::IdentityKind::Device,
        IdentityKind::Ticket => account::IdentityKind::Ticket,
    }
}

fn internal() -> Error {
    Error::new(Code::Internal, "the server answered something else")
}

/// When it is worth asking again whoever does not answer.
const UNAVAILABLE: core::time::Duration = core::time::Duration::from_secs(2);

/// What went wrong with a request, in words that fit it.
fn refusal(packet: u16, error: &access::Error) -> Error {
    use wharf_proto::chat;
    let told = error_of(error);
    if let access::Error::Rate { retry_after } = error
        && let Some(what) = guesses_at(packet)
    {
        let seconds = access::seconds(*retry_after);
        let text = format!("too many wrong {what}: again in {seconds}");
        return Error { text, ..told };
    }
    let text = match (error, packet) {
        (access::Error::NotFound, chat::Whisper::ID | account::GetProfile::ID) => {
            "there is nobody who is called so"
        }
        (access::Error::NotFound, chat::Block::ID) => "there is no such account",
        (access::Error::NotFound, chat::Report::ID) => "there is no such account, or message",
        (access::Error::NotFound, chat::TakeReport::ID | chat::DecideReport::ID) => {
            "there is no such report"
        }
        (access::Error::NotFound, account::RevokeLogins::ID) => {
            "there is no such login of this account"
        }
        (
            access::Error::Forbidden,
            chat::Announce::ID
            | chat::ListReports::ID
            | chat::TakeReport::ID
            | chat::DecideReport::ID,
        ) => "only moderators of the server may do that",
        (
            access::Error::Credentials,
            account::ChangePassword::ID | account::MakeRecoveryCodes::ID | account::Erase::ID,
        ) => "the account's password is wrong, or missing",
        _ => return told,
    };
    Error {
        text: text.to_owned(),
        ..told
    }
}

/// What somebody guesses at who asks for that, and for whom it is counted.
fn guesses_at(packet: u16) -> Option<&'static str> {
    match packet {
        account::LogIn::ID | account::Recover::ID => {
            Some("logins by this name, or from this address")
        }
        account::ChangePassword::ID | account::MakeRecoveryCodes::ID | account::Erase::ID => {
            Some("passwords of this account, or from this address")
        }
        _ => None,
    }
}

/// What went wrong, as it is told.
pub(crate) fn error_of(error: &access::Error) -> Error {
    let told = |code| Error::new(code, error.to_string());
    match error {
        access::Error::Invalid { field, .. } => told(Code::Invalid).in_field(*field),
        access::Error::WrongState => told(Code::WrongState),
        access::Error::Busy { retry_after } => told(Code::Busy).retry_after(*retry_after),
        access::Error::Rate { retry_after } => told(Code::Rate).retry_after(*retry_after),
        access::Error::Unavailable => told(Code::Unavailable).retry_after(UNAVAILABLE),
        access::Error::Credentials => told(Code::Credentials),
        access::Error::Token => told(Code::Token),
        access::Error::Banned { until, reason } => told(Code::Banned).until(*until).why(reason),
        access::Error::Taken => told(Code::Taken),
        access::Error::NotFound => told(Code::NotFound),
        access::Error::Forbidden => told(Code::Forbidden),
        access::Error::Conflict => told(Code::Conflict),
        access::Error::Full => told(Code::Full),
        access::Error::InUse => told(Code::InUse),
        access::Error::Maintenance(_) => told(Code::Maintenance),
        access::Error::Muted { until } => told(Code::Muted).until(*until),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_too_often_is_told_at_what() {
        let retry_after = core::time::Duration::from_millis(1_500);
        for (packet, text) in [
            (
                account::LogIn::ID,
                "too many wrong logins by this name, or from this address: again in 2 s",
            ),
            (
                account::Erase::ID,
                "too many wrong passwords of this account, or from this address: again in 2 s",
            ),
            (account::Rename::ID, "too often: again in 2 s"),
        ] {
            let told = refusal(packet, &access::Error::Rate { retry_after });
            assert_eq!((&*told.text, told.retry_after_ms), (text, 1_500));
        }
    }
}
