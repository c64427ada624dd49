//! A good body of each request.

use crate::asker::{body_of, device, enter, hello};
use crate::wrong_states::{PASSWORD, register};
use wharf::proto::account::{
    ChangePassword, Erase, IdentityKind, Link, LinkName, LogIn, LogInByTicket, LogInByToken,
    MakeRecoveryCodes, Recover, Refresh, Register, Rename, SetProfile, Unlink, link,
};
use wharf::proto::chat::content::What;
use wharf::proto::chat::whisper::To;
use wharf::proto::chat::{
    Announce, Block, Content, DecideReport, Decision, GetHistory, Remove, Report, Say, Scope,
    TakeReport, Whisper,
};
use wharf::proto::room::{Create, Measure, Moderate, Presence, SetPresence};
use wharf::proto::session::Hello;
use wharf::wire::Packet;
/// A body that is good where that request may be made; empty for those that need nothing, and for
/// those of which nothing is known here.
pub(crate) fn sample(id: u16, number: u32) -> Vec<u8> {
    let (password, name) = (PASSWORD.to_owned(), format!("name{number}"));
    let content = Some(Content {
        what: Some(What::Text("hello".into())),
    });
    match id {
        Hello::ID => body_of(&hello()),
        Register::ID => body_of(&register(&name)),
        LogIn::ID => body_of(&LogIn {
            name: "kim".into(),
            password,
            device: None,
        }),
        wharf::proto::account::LogInAsGuest::ID => body_of(&device(number)),
        LogInByTicket::ID => body_of(&LogInByTicket {
            ticket: "none".into(),
            device: None,
        }),
        LogInByToken::ID => body_of(&LogInByToken {
            token: vec![7; 32],
            device: None,
        }),
        ChangePassword::ID => body_of(&ChangePassword {
            old_password: password,
            new_password: "battery staple".into(),
        }),
        MakeRecoveryCodes::ID => body_of(&MakeRecoveryCodes { password }),
        Recover::ID => body_of(&Recover {
            name: "kim".into(),
            code: "none".into(),
            new_password: password,
            device: None,
        }),
        LinkName::ID => body_of(&LinkName { name, password }),
        Link::ID => body_of(&Link {
            by: Some(link::By::DeviceSecret(device(number).secret)),
        }),
        Unlink::ID => body_of(&Unlink {
            kind: IdentityKind::Name.into(),
        }),
        SetProfile::ID => body_of(&SetProfile {
            avatar: Some(1),
            ..SetProfile::default()
        }),
        Rename::ID => body_of(&Rename { display_name: name }),
        Erase::ID => body_of(&Erase { password }),
        Refresh::ID => body_of(&Refresh { token: vec![7; 32] }),
        wharf::proto::room::Enter::ID => body_of(&enter(0)),
        SetPresence::ID => body_of(&SetPresence {
            presence: Presence::Everybody.into(),
        }),
        Say::ID => body_of(&Say {
            content,
            client_id: 1,
        }),
        Whisper::ID => body_of(&Whisper {
            to: Some(To::Name("kim".into())),
            content,
            client_id: 1,
        }),
        GetHistory::ID => body_of(&GetHistory {
            with: 1,
            ..GetHistory::default()
        }),
        Create::ID => body_of(&Create {
            name,
            ..Create::default()
        }),
        Moderate::ID => body_of(&Moderate {
            account: 1,
            measure: Measure::Kick.into(),
            ..Moderate::default()
        }),
        Remove::ID => body_of(&Remove { seq: 1 }),
        Report::ID => body_of(&Report {
            account: 1,
            text: "loud".into(),
            ..Report::default()
        }),
        Announce::ID => body_of(&Announce {
            scope: Scope::All.into(),
            text: "hello".into(),
        }),
        TakeReport::ID => body_of(&TakeReport { report: 1 }),
        DecideReport::ID => body_of(&DecideReport {
            report: 1,
            decision: Decision::Dismiss.into(),
            ..DecideReport::default()
        }),
        Block::ID => body_of(&Block {
            account: 1,
            is_blocked: true,
        }),
        _ => Vec::new(),
    }
}
